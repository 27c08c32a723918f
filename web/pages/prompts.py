"""What callers hear: the words and the sound of every prompt, which an administrator may exchange and take back."""

import asyncio
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from hotline.clock import now
from hotline.errors import NotFound
from hotline.ivr import prompts, versions
from hotline.telephony.install import config_home
from web.auth import Signed, require, trace
from web.deps import Web, Wired
from web.forms import read_form, whole
from web.shell import page, part

router = APIRouter()
Viewer = Annotated[Signed, require("prompt.view")]
Editor = Annotated[Signed, require("prompt.edit")]
_WAV = "audio/wav"


@router.get("/prompts")
async def listed(web: Wired, signed: Viewer, show: str = "P01") -> HTMLResponse:
    """`show`: the prompt whose sounds stand beside the list."""
    return await page(web, signed, "prompts/index.html", await _context(web, show))


@router.get("/prompts/{prompt_id}/sounds/{number}")
async def sound(web: Wired, _signed: Viewer, prompt_id: str, number: int) -> Response:
    """At 16 kHz where there is that: for ears before a screen. 0: the one that comes with the hotline."""
    known = prompts.catalogue().get(prompt_id)
    if known is None:
        raise NotFound("There is no such prompt.")
    if number == versions.OURS:
        file = config_home() / "sounds" / "zh" / f"{known.stem}.wav16"
        return FileResponse(file if file.is_file() else file.with_suffix(".wav"), media_type=_WAV)
    async with web.house.db.read() as tx:
        row = await versions.sound(tx, prompt_id, number)
    return Response(row.wide, media_type=_WAV)


@router.post("/prompts/{prompt_id}/sounds")
async def add(request: Request, web: Wired, signed: Editor, prompt_id: str, made: str = "uploaded") -> HTMLResponse:
    """The body is a WAV file; what is larger than 1 MB was refused before (web.edge). In force at once."""
    from hotline.ivr import studio  # noqa: PLC0415 - loads numpy, for those who change a prompt

    new = await asyncio.to_thread(studio.finished, await request.body())
    async with web.house.db.write() as tx:
        number = await versions.add(tx, prompt_id, new, made, actor=signed.actor, at=now())
    await trace(web, signed, "prompt.edit", prompt_id, version=str(number), made=made)
    return await part(web, signed, "prompts/_sounds.html", await _context(web, prompt_id))


@router.post("/prompts/{prompt_id}/version")
async def choose(request: Request, web: Wired, signed: Editor, prompt_id: str) -> RedirectResponse:
    """`number`: the version that callers hear from now on."""
    number = whole(await read_form(request), "number")
    async with web.house.db.write() as tx:
        await versions.choose(tx, prompt_id, number, signed.actor, now())
    await trace(web, signed, "prompt.edit", prompt_id, version=str(number))
    return RedirectResponse(f"/prompts?show={prompt_id}", HTTPStatus.SEE_OTHER)


async def _context(web: Web, prompt_id: str) -> dict[str, object]:
    known = prompts.catalogue()
    async with web.house.db.read() as tx:
        chosen = await versions.chosen(tx)
        made = await versions.listed(tx, prompt_id)
    used = set(prompts.used())
    return {
        "prompts": list(known.values()),
        "prompt": known[prompt_id],
        "chosen": chosen,
        "versions": made,
        "used": used,
    }
