"""Two agents at their places, whose pages stay open for many scenes; each scene begins with nobody on a call."""

import asyncio
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from playwright.async_api import expect

from tests.e2e.caller import Caller
from tests.e2e.dying import crash
from tests.e2e.house import House, until
from tests.e2e.screens import PATIENT, AgentPage
from tests.e2e.sounds import CALLER_HZ, FIRST_HZ, SECOND_HZ, SUPERVISOR_HZ, hear, speaks
from tests.integration.voice import Voice

if TYPE_CHECKING:
    from tests.e2e.conftest import People

HERTZ = {"agent1": FIRST_HZ, "agent2": SECOND_HZ, "supervisor": SUPERVISOR_HZ}
_AT_REST = "#phone:is([data-state=ready], [data-state=paused], [data-state=wrap_up], [data-state=offline])"
_REF = (
    "select ticket.ref from ticket join contact_ticket link on link.ticket_id = ticket.id"
    " join contact on contact.id = link.contact_id join call on call.id = contact.call_id"
    " where call.ended_at is null and call.phase != 'merged'"
)


class Floor:
    """`agent` takes the calls of the queue, `colleague` is on a break and can be rung by name."""

    def __init__(self, house: House, people: "People") -> None:
        self.house, self.people = house, people
        self.agent: AgentPage
        self.colleague: AgentPage

    async def open(self) -> None:
        self.agent, self.colleague = await asyncio.gather(self.sits_down("agent1"), self.sits_down("agent2"))

    async def sits_down(self, name: str) -> AgentPage:
        context = await self.people.context(self.house, name)
        await speaks(context, HERTZ[name])
        return await self.people.console(self.house, context, name, ready=False)

    async def dies(self, page: AgentPage) -> None:
        """The page, in this moment."""
        await crash(page)

    async def comes_back(self, page: AgentPage) -> AgentPage:
        """In the same browser, to the same place."""
        fresh = await self.people.console(self.house, page.page.context, page.name, ready=False)
        if page is self.agent:
            self.agent = fresh
        else:
            self.colleague = fresh
        return fresh

    async def rest(self) -> None:
        """As every scene finds it."""
        await self.house.asterisk.cli("channel request hangup all")
        await self.legs()
        for page in (self.agent, self.colleague):
            if page.page.is_closed():
                await self.comes_back(page)
        await asyncio.gather(comes_to(self.agent, "ready"), comes_to(self.colleague, "paused"))

    # What is there

    def _names(self) -> dict[str, str]:
        return {**dict(self.house.rows("select endpoint, name from agent")), "trunk": "caller"}

    async def legs(self, *whose: str) -> None:
        """Asterisk has these legs and no others: caller, outside, a practice extension's number, agents by name."""
        names = self._names()

        async def up() -> bool:
            told = await self.house.asterisk.cli("core show channels concise")
            found = [line.partition("!")[0] for line in told.splitlines() if "/" in line.partition("!")[0]]
            # Of a Local channel one half is enough.
            users = [one.partition("/")[2].rpartition("-")[0].partition("@")[0] for one in found if one[-2:] != ";2"]
            return Counter(names.get(user, user) for user in users) == Counter(whose)

        await until(up, what=f"these legs are up: {whose}")

    def moves(self, *linkedids: str) -> list[str]:
        """Movements in Asterisk's journal of a call, with agents by name: what, by whom, to whom."""
        names = self._names()
        rows = [row for linkedid in linkedids for row in self.house.journal(linkedid) if row[0] == "HLMOVE"]
        rows.sort(key=lambda row: float(row[1]))
        return [" ".join(names.get(word, word) for word in json.loads(row[10])["extra"].split()) for row in rows]

    async def has_moved(self, times: int) -> None:
        """The newest call, altogether."""
        (newest,) = self.house.rows("select linkedid from call order by started_at desc limit 1")[0]
        await until(lambda: len(self.moves(newest)) == times, what=f"{times} movements")

    async def record(self) -> dict[str, Any]:
        """Of the newest call, once it is over."""
        (call,) = self.house.rows("select id from call order by started_at desc limit 1")[0]
        supervisor = await self.people.context(self.house, "supervisor")

        async def ended() -> dict[str, Any] | None:
            answer = await supervisor.request.get(f"{self.house.url}/api/v1/calls/{call}")
            found: dict[str, Any] = await answer.json()
            return found if found["ended_at"] else None

        found: dict[str, Any] = await until(ended, what="the call ends")
        return found

    # What people do

    async def talks(self, caller: Caller, page: AgentPage | None = None) -> str:
        """Answered at once, for a phone rings short here, and both are heard. Returns the ticket's ref."""
        page = page or self.agent
        await page.phone_is("ringing")
        await page.answer()
        ref = await self._has_ticket(page)
        await self.together(caller, page)
        return ref

    async def pops(self, page: AgentPage) -> str:
        """The phone rings, and the call's ticket is before this agent. Returns its ref."""
        await page.phone_is("ringing")
        return await self._has_ticket(page)

    async def _has_ticket(self, page: AgentPage) -> str:
        ((ref,),) = await until(lambda: self.house.rows(_REF), what="the call has a ticket")
        await page.has(f"#panel[data-ref='{ref}'] #ticket-form")
        return str(ref)

    async def together(self, caller: Caller | Voice, page: AgentPage | None = None, *, hertz: int = CALLER_HZ) -> None:
        """These two, and nobody else, on the wire as in the ear."""
        page = page or self.agent
        await stands(page, "talking")
        await hear({page.page: {hertz}, caller: {HERTZ[page.name]}})

    async def asks(self, *, answers: bool = True) -> None:
        """The agent asks the colleague."""
        await to(self.agent, "agent2")
        await self.colleague.phone_is("ringing")
        await stands(self.agent, "calling")
        if answers:
            await self.colleague.answer()
            await stands(self.agent, "consult")


async def to(agent: AgentPage, whom: str, *, key: str = "Enter") -> None:
    """From the picker, by keyboard alone: found by letters, asked first (Enter) or passed on at once (Shift+Enter)."""
    await agent.press("F6")
    await expect(agent.page.locator("[data-picker-find]")).to_be_focused()
    await agent.page.keyboard.type(whom)
    await agent.press(key)


async def is_refused(agent: AgentPage, whom: str, why: str) -> None:
    """Said on the screen; the call stays as it is."""
    await to(agent, whom)
    await expect(agent.page.locator("#toasts")).to_contain_text(why, timeout=PATIENT)
    await agent.press("Escape")


async def stands(agent: AgentPage, state: str) -> None:
    """How the call stands on the screen: talking held calling consult conference asked gone, empty without one."""
    await agent.has(f'#talk[data-state="{state}"]:not([data-pending])')


async def comes_to(page: AgentPage, state: str) -> None:
    """Ready or paused, by key. Whoever comes to be ready may be rung in that moment."""
    is_there = {"ready": ":is([data-state=ready], [data-state=ringing])", "paused": "[data-state=paused]"}[state]
    await page.has("html[data-started]")
    await page.phone_is("none")
    await page.has(f"{_AT_REST}:not([data-pending])")
    for _ in range(4):
        now = await page.page.get_attribute("#phone", "data-state")
        if now != "offline":  # a page that was here before connects its phone by itself
            await page.has("#softphone[data-phone=registered]")
            await page.has("#phone[data-phone=ok]")
            if await page.page.locator(f"#phone{is_there}").count():
                return
        await page.press("F9")
        await page.has(f"#phone:not([data-state={now}]):not([data-pending])")
    raise AssertionError(f"{page.name} does not come to {state}")


async def rejects(page: AgentPage) -> None:
    await page.phone_is("ringing")
    await page.page.locator("[data-phone-do=reject]").click()


async def parks(agent: AgentPage) -> None:
    await agent.press("F6")
    await agent.page.locator("[data-park]").click()
    await agent.phone_is("none")


def legs_of(record: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Who was rung for the call: whom, as what, what came of it."""
    return [(leg["agent"] or leg["number"], leg["role"], leg["result"]) for leg in record["legs"]]
