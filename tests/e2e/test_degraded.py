"""What goes on in open pages while we are dead, signed out or without a store, and how it finds its way afterwards."""

from playwright.async_api import Locator, expect

from tests.e2e.conftest import People
from tests.e2e.house import House, until
from tests.e2e.screens import PATIENT, AgentPage, Screen
from tests.integration import deployment

_SUMMARY = "select json_extract(\"values\", '$.summary') from ticket where ref = ?"


async def is_stored(house: House, ref: str, summary: str) -> None:
    await until(lambda: house.rows(_SUMMARY, ref) == [(summary,)], what=f"the summary {summary}")


def note(agent: AgentPage) -> Locator:
    """Where words go on a call whose ticket cannot be reached."""
    return agent.page.locator("#call-note:not([hidden])")


async def shown(screen: Screen, selector: str) -> None:
    await expect(screen.page.locator(selector)).to_be_visible(timeout=PATIENT)


async def hidden(screen: Screen, selector: str) -> None:
    await expect(screen.page.locator(selector)).to_be_hidden(timeout=PATIENT)


async def put_in(agent: AgentPage, ref: str) -> None:
    await note(agent).locator(".kept-buttons .btn-primary", has_text=ref).click(timeout=PATIENT)
    await hidden(agent, "#call-note")


async def test_words_and_calls_of_a_page_whose_server_is_dead_are_all_there_afterwards(
    brisk: House, people: People
) -> None:
    agent = await people.agent(brisk)
    async with brisk.caller("13800138500"):
        await agent.phone_is("ringing")
        first = await agent.popped()
        await agent.answer()
        await agent.write("先说的话")
        await agent.hang_up()
    await agent.is_in("wrap_up")
    await agent.write("，收线后")
    brisk.kill()  # in that very second
    await agent.write("，服务器已停")
    await shown(agent, "#offline [data-reconnect]")
    # The next caller needs nothing of ours: wrap-up ends by itself, the phone rings, the words have their place.
    await expect(agent.page.locator("#phone [data-left]")).to_have_text("0:00", timeout=PATIENT)
    async with brisk.caller("13800138501") as caller:
        await agent.phone_is("ringing")
        await agent.answer()
        await expect(note(agent)).to_have_attribute("data-state", "writing", timeout=PATIENT)
        await shown(agent, ".other-call")
        await agent.press("Alt+s")
        await agent.page.keyboard.type("他说有人跟着他")
        assert "他说有人" not in await agent.summary()
        await agent.sound_flows()
        assert caller.ended_by is None
        await brisk.start()
        await hidden(agent, "#offline")
        await is_stored(brisk, first, "先说的话，收线后，服务器已停")
        await agent.has(f"#panel[data-ref]:not([data-ref={first}])")
        await expect(note(agent)).to_have_attribute("data-state", "offer", timeout=PATIENT)
        second = await agent.ref()
        await put_in(agent, second)
        await agent.page.keyboard.type("，三天了")
        await is_stored(brisk, second, "他说有人跟着他，三天了")
        await hidden(agent, ".other-call")
        await agent.hang_up()
    record = await agent.record_of(second)
    assert (record["outcome"], record["caller_number"]) == ("answered", "138****8501")
    await hidden(agent, "#kept")


async def test_without_a_store_calls_are_answered_and_every_screen_says_since_when_it_is_old(
    brisk: House, people: People
) -> None:
    agent = await people.agent(brisk)
    others = [await people.at(brisk, "supervisor", path) for path in ("/board?wall=true", "/calls", "/tickets")]
    async with brisk.caller("13800138510"):
        with deployment.locked(brisk.settings):
            await agent.phone_is("ringing")
            await agent.answer()
            for screen in (agent, *others):
                await shown(screen, "#stale [data-stale-since]")
            await expect(note(agent)).to_have_attribute("data-state", "writing", timeout=PATIENT)
            await agent.press("Alt+s")
            await agent.page.keyboard.type("没有工单也要写")
            await agent.sound_flows()
        for screen in (agent, *others):
            await hidden(screen, "#stale [data-stale-since]")
        ref = await agent.popped()
        await put_in(agent, ref)
        await is_stored(brisk, ref, "没有工单也要写")
        await agent.hang_up()
    assert (await agent.record_of(ref))["outcome"] == "answered"


async def test_a_person_signs_in_again_without_leaving_the_page_or_the_call(hotline: House, people: People) -> None:
    agent = await people.agent(hotline)
    async with hotline.caller("13800138520"):
        await agent.phone_is("ringing")
        ref = await agent.popped()
        await agent.answer()
        hotline.write(
            "update sign_in_session set ended_at = expires_at"
            " where account_id = (select id from account where name = ?)",
            agent.name,
        )
        people.forget(hotline, agent.name)
        await agent.write("父母都不在家")
        # Somebody else in the same browser: the page stays whose it was, and shows nothing of theirs.
        await people.sign_in(hotline, "supervisor", agent.page.context)
        await expect(agent.page.locator("#offline [data-text]")).to_contain_text("supervisor", timeout=PATIENT)
        assert (await agent.ref(), await agent.summary()) == (ref, "父母都不在家")
        await agent.page.locator("#offline [data-sign-in]").click(timeout=PATIENT)
        await agent.page.keyboard.type("a wrong password")
        await agent.press("Enter")
        await shown(agent, "#sign-in-here [role=alert]")
        await agent.page.fill("#again-password", hotline.password(agent.name))
        await agent.press("Enter")
        await hidden(agent, "#sign-in-here")
        await is_stored(hotline, ref, "父母都不在家")
        await hidden(agent, "#offline")
        await agent.phone_is("talking")
        await agent.sound_flows()
        await agent.hang_up()
    await agent.is_in("wrap_up")


async def test_a_note_on_a_call_that_another_agent_has_is_given_out_and_never_lost(
    hotline: House, people: People
) -> None:
    other = await people.agent(hotline, "agent2")
    async with hotline.caller("13800138530"):
        await other.phone_is("ringing")
        ref = await other.popped()
        await other.answer()
        await other.hang_up()
    (linkedid,) = hotline.rows("select linkedid from call order by started_at desc limit 1")[0]
    agent = await people.agent(hotline, ready=False)
    await agent.page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=hotline.url)
    kept = [{"call": linkedid, "text": "他说有人跟着他", "at": "2026-03-12T06:03:22Z", "number": "138****8530"}]
    await agent.page.evaluate(
        "(notes) => localStorage.setItem(`hotline-notes/${document.body.dataset.user}`, JSON.stringify(notes))", kept
    )
    await agent.page.reload()
    row = agent.page.locator("#kept li")
    await expect(row.locator(".kept-says .ref")).to_have_text(ref, timeout=PATIENT)
    await expect(row.locator(".btn-primary")).to_have_count(0)
    await row.locator(".btn").first.click()
    await expect(agent.page.locator(".toast-line")).to_have_count(1, timeout=PATIENT)
    assert await agent.page.evaluate("() => navigator.clipboard.readText()") == "他说有人跟着他"
    await row.locator(".btn").last.click()
    await expect(row).to_have_count(1)  # once more to be sure
    await row.locator(".btn").last.click()
    await expect(row).to_have_count(0)
    await agent.page.reload()
    await agent.has("html[data-started]")
    await hidden(agent, "#kept")
