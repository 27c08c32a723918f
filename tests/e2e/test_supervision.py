"""An agent asks for help and a supervisor comes, by keyboard: who hears whom, what each sees, what is on record."""

from playwright.async_api import expect

from tests.e2e.conftest import People
from tests.e2e.house import House, until
from tests.e2e.screens import PATIENT, AgentPage
from tests.e2e.sounds import CALLER_HZ, FIRST_HZ, SECOND_HZ, hear
from tests.e2e.test_conversation import speaking, stands, talks

NOT_YET = ":is([data-phone-do=hold], [data-phone-do=transfer], [data-phone-do=keypad])"


async def does(supervisor: AgentPage, what: str) -> None:
    """One of the ways to take part, by the Tab key."""
    await supervisor.tab_to(f"#help {what}")
    await supervisor.press("Enter")


async def test_help_is_asked_for_and_a_supervisor_listens_whispers_joins_and_takes_over(
    hotline: House, people: People
) -> None:
    agent = await speaking(people, hotline, "agent1", FIRST_HZ)
    supervisor = await speaking(people, hotline, "supervisor", SECOND_HZ, ready=False)
    board = await people.at(hotline, "supervisor", "/board")
    async with hotline.caller("13800138700") as caller:
        ref = await talks(agent, caller)
        await agent.write("孩子哭着说")
        await agent.press("F7")
        await expect(agent.page.locator("#help .help-open")).to_be_visible(timeout=PATIENT)
        for screen in (supervisor, board):
            await expect(screen.page.locator("#help-asked")).to_contain_text("agent1", timeout=PATIENT)
        await expect(board.page.locator(".agent-row .agent-help")).to_be_visible()

        await supervisor.press("F7", "Enter")  # the dialog's first button listens, with help as the reason
        await supervisor.has("#help[data-mode=listen]:not([data-pending])")
        await hear({agent.page: {CALLER_HZ}, caller: {FIRST_HZ}, supervisor.page: {CALLER_HZ, FIRST_HZ}})
        # The call is the agent's: there is nothing to hold or to pass on, and its ticket opens beside it.
        await expect(supervisor.page.locator(NOT_YET).first).to_be_hidden()
        await supervisor.press("F6")
        await expect(supervisor.page.locator("#toasts .toast-bad")).to_be_visible()
        await expect(supervisor.page.locator("#picker")).to_be_hidden()
        await does(supervisor, "[data-open-ref]")
        assert await supervisor.popped() == ref
        await expect(agent.page.locator("#help .help-listen")).to_contain_text("supervisor", timeout=PATIENT)
        await expect(supervisor.page.locator("#help-asked")).to_be_hidden(timeout=PATIENT)
        await expect(board.page.locator(".agent-watcher")).to_contain_text("supervisor", timeout=PATIENT)

        await does(supervisor, "[data-mode=whisper]")
        await supervisor.has("#help[data-mode=whisper]:not([data-pending])")
        await hear({agent.page: {CALLER_HZ, SECOND_HZ}, caller: {FIRST_HZ}, supervisor.page: {CALLER_HZ, FIRST_HZ}})
        await expect(agent.page.locator("#help .help-whisper")).to_be_visible(timeout=PATIENT)
        await does(supervisor, "[data-mode=join]")
        await supervisor.has("#help[data-mode=join]:not([data-pending])")
        await hear({agent.page: {CALLER_HZ, SECOND_HZ}, caller: {FIRST_HZ, SECOND_HZ}})

        await does(supervisor, "[data-take-over]")
        await hear({caller: {SECOND_HZ}, supervisor.page: {CALLER_HZ}})
        await agent.phone_is("none")
        await agent.is_in("wrap_up")
        assert await supervisor.popped() == ref
        await expect(supervisor.page.locator(NOT_YET)).to_have_count(3)
        for button in await supervisor.page.locator(NOT_YET).all():
            await expect(button).to_be_visible(timeout=PATIENT)
        await supervisor.has("#field-summary:not([readonly])")
        await until(lambda: _wrote(supervisor, "孩子哭着说"), what="the agent's text is the supervisor's to go on with")
        await supervisor.write("，已安抚。")
        await supervisor.is_saved("summary")
        # A note for somebody else who then is not asked after all belongs to this call, as with any that rang here.
        await stands(supervisor, "talking")
        await supervisor.press("F6")
        await supervisor.page.keyboard.type("queue")
        await supervisor.page.fill("#picker-note", "妈妈六点到家")
        await supervisor.press("Escape")
        await supervisor.hang_up()
        await caller.until(lambda c: c.ended_by == "hotline")
        kept = supervisor.page.locator("#kept li")
        await expect(kept.locator("textarea")).to_have_value("妈妈六点到家", timeout=PATIENT)
    record = await supervisor.record_of(ref)
    assert (record["outcome"], record["hangup_by"], record["agent"]) == ("answered", "agent", "supervisor")
    hotline.agrees_with_journal(record)
    told = hotline.rows("select mode, result, reason, role from supervision")
    assert told[-1] == ("take-over", "taken", "help", "supervisor")
    traced = hotline.rows("select detail from access_log where action = 'call.supervise' order by seq desc limit 4")
    modes = [
        mode for (detail,) in reversed(traced) for mode in ("listen", "whisper", "join", "take-over") if mode in detail
    ]
    assert modes == ["listen", "whisper", "join", "take-over"]
    await supervisor.page.goto(f"{hotline.url}/calls/{record['id']}")
    await expect(supervisor.page.locator(".timeline")).to_contain_text("supervisor 从 agent1 接管通话")


async def _wrote(screen: AgentPage, text: str) -> bool:
    return await screen.summary() == text
