"""Somebody's browser or program before a running hotline, over real HTTP."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from tests.integration.process import Hotline


class Visitor:
    """`csrf`: what a page of this session carries; empty before signing in."""

    def __init__(self, hotline: Hotline, **headers: str) -> None:
        self.hotline = hotline
        self.csrf = ""
        self.http = httpx.AsyncClient(base_url=hotline.url, headers=headers, timeout=30)

    async def __aenter__(self) -> "Visitor":
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.http.aclose()

    @classmethod
    @asynccontextmanager
    async def signed_in(cls, hotline: Hotline, name: str) -> AsyncIterator["Visitor"]:
        """A person of the demo start."""
        async with cls(hotline) as visitor:
            text = (hotline.settings.data_dir / "demo-accounts.txt").read_text()
            (password,) = re.findall(rf"(?m)^{name}\s+(\S+)", text)
            await visitor.enter(name, password)
            yield visitor

    async def enter(self, name: str, password: str) -> None:
        """Sign in, and take the token of the first page."""
        assert (await self.sign_in(name, password)).status_code == 303
        page = (await self.http.get("/board")).text
        found = re.search(r"X-CSRF-Token(?:&quot;|&#34;|\"): ?(?:&quot;|&#34;|\")([^&\"]+)", page)
        assert found, page[:500]
        self.csrf = found[1]

    async def sign_in(self, name: str, password: str) -> httpx.Response:
        return await self.http.post("/sign-in", data={"name": name, "password": password})

    async def post(self, path: str, **form: str) -> httpx.Response:
        return await self.http.post(path, data=form, headers={"X-CSRF-Token": self.csrf})

    async def save(self, ref: str, field: str, value: str, *, version: int) -> httpx.Response:
        """One field of a ticket, as the page's autosave does."""
        form = {"value": value, "version": str(version)}
        headers = {"X-CSRF-Token": self.csrf, "Accept": "application/json"}
        return await self.http.put(f"/tickets/{ref}/fields/{field}", data=form, headers=headers)
