"""A call from the first ring to the closed ticket: agent, caller, record, ticket and Asterisk's journal agree."""

import time
from typing import Any

import numpy as np
from playwright.async_api import expect

from hotline.telephony.install import config_home
from tests.e2e.conftest import People
from tests.e2e.house import House, seconds, until
from tests.e2e.screens import PATIENT, AgentPage
from tests.integration.sound import RATE, read_wav

SUMMARY = "奶奶替孙子来电，九岁，父母外出务工，问临时救助怎么申请、要哪些材料。已告知去街道窗口办理。"
TYPED = {"contact_type": "CT02", "category": "LIV.03", "summary": SUMMARY, "urgency": "U3"}
VOICE = 300  # of 32767: a microphone's beeps are far above, silence and comfort noise far below
# Whether the tone sounds: the page's oscillators, counted by what makes them.
_COUNT_TONES = """
() => {
  window.tones = 0;
  const start = OscillatorNode.prototype.start;
  OscillatorNode.prototype.start = function (...given) { window.tones += 1; return start.apply(this, given); };
}
"""


def likeness(heard: np.ndarray, prompt: np.ndarray) -> float:
    """How much of what was heard is the prompt, wherever it begins: 1 is the same sound."""
    part = heard.astype(float)
    size = 1 << (len(part) + len(prompt)).bit_length()
    product = np.fft.irfft(np.fft.rfft(prompt.astype(float), size) * np.conj(np.fft.rfft(part, size)))
    place = int(np.argmax(product))
    beside = prompt[place : place + len(part)].astype(float)
    if len(beside) < len(part):
        return 0.0
    return float(part @ beside / (np.linalg.norm(part) * np.linalg.norm(beside) + 1e-9))


async def recording_plays(agent: AgentPage, call_id: str) -> None:
    """On the call's page: found in pieces as a player asks for it, played, and with sound in it."""
    page = await agent.page.context.new_page()
    await page.goto(f"{agent.house.url}/calls/{call_id}")
    source = await page.get_attribute("audio", "src", timeout=PATIENT)
    piece = await page.request.get(f"{agent.house.url}{source}", headers={"Range": "bytes=0-999"})
    assert (piece.status, len(await piece.body())) == (206, 1000)
    whole = await page.request.get(f"{agent.house.url}{source}")
    assert whole.status == 200
    samples = np.frombuffer((await whole.body())[44:], "<i2").astype(float)
    assert len(samples) > RATE
    assert np.sqrt(np.mean(samples**2)) > VOICE
    played = await page.evaluate(
        """async () => {
          const audio = document.querySelector('audio');
          await audio.play();
          await new Promise((done) => audio.addEventListener('timeupdate', () => audio.currentTime > 0.3 && done()));
          return audio.duration;
        }"""
    )
    assert abs(played - len(samples) / RATE) < 0.2
    await page.close()


async def test_a_call_rings_is_spoken_written_down_closed_and_found_again(hotline: House, people: People) -> None:
    hotline.whole_prompts()
    agent = await people.agent(hotline)
    await agent.page.evaluate(_COUNT_TONES)
    async with hotline.caller("13800138000") as caller:
        await caller.until(lambda c: len(c.heard()) > 4 * RATE)
        greeting = read_wav(config_home() / "sounds" / "zh" / "P01.wav")
        assert likeness(caller.heard()[RATE : 3 * RATE], greeting) > 0.9
        hotline.shorten_prompts()

        await agent.phone_is("ringing")
        ref = await agent.popped()
        # Before anybody answers: what rings, on which line, from whom, and whether they called before.
        assert (await agent.page.title()).startswith("●")
        assert await agent.page.evaluate("window.tones") > 0
        assert await agent.page.locator("#softphone [data-phone-do=answer]").is_visible()
        await expect(agent.page.locator(".ticket-head")).to_contain_text("12345")
        assert await agent.page.inner_text("[data-number]") == "138****8000"
        await expect(agent.page.locator(".col-caller")).to_contain_text("首次")
        await agent.has("#softphone[data-call=ringing]")

        pressed = time.monotonic()
        await agent.answer()
        assert time.monotonic() - pressed < 1.0
        heard = await agent.hears()
        assert heard["rms"] > 0.05
        assert abs(heard["hertz"] - 440) < 12
        await caller.until(lambda c: c.loudness(2) > VOICE)
        await agent.sound_flows()
        await agent.press("F4")
        await caller.until(lambda c: c.loudness(0.5) < VOICE / 4)
        await agent.press("F4")
        await caller.until(lambda c: c.loudness(0.5) > VOICE)

        await agent.fill_in(SUMMARY, category="liv.03", urgency="ArrowLeft")
        assert TYPED.items() <= (await agent.api(f"/api/v1/tickets/{ref}"))["fields"].items()
        await agent.hang_up()
        await caller.until(lambda c: c.ended_by == "hotline")
    await agent.is_in("wrap_up")
    assert await agent.ref() == ref
    assert await agent.summary() == SUMMARY
    await wraps_up(agent)
    await agent.press("Control+Enter")
    await agent.has("#panel[data-ticket-state=CLOSED]")
    ticket = await agent.api(f"/api/v1/tickets/{ref}")
    assert ticket["state"] == "CLOSED"
    assert TYPED.items() <= ticket["fields"].items()
    record = await agent.record_of(ref)
    assert (record["outcome"], record["hangup_by"], record["agent"], record["ticket"]) == (
        "answered",
        "agent",
        "agent1",
        ref,
    )
    hotline.agrees_with_journal(record)
    await recording_plays(agent, record["id"])


async def wraps_up(agent: AgentPage) -> None:
    """The time is drawn as a bar and can be made longer."""
    bar = agent.page.locator("#phone progress")
    await expect(bar).to_be_visible()
    before = await bar.get_attribute("data-until")
    await agent.tab_to("#phone form[action='/me/extend'] button")
    await agent.press("Enter")
    await until(lambda: _changed(bar, before), what="more time")
    after = await bar.get_attribute("data-until")
    assert before and after
    assert 59 <= seconds(after) - seconds(before) <= 61


async def _changed(bar: Any, before: str | None) -> bool:
    return bool(await bar.get_attribute("data-until") != before)


async def test_the_city_line_rings_and_earlier_calls_of_the_number_are_shown(hotline: House, people: People) -> None:
    agent = await people.agent(hotline)
    async with hotline.caller("13800138000", line="2912345"):
        await agent.phone_is("ringing")
        ref = await agent.popped()
        await expect(agent.page.locator(".ticket-head")).to_contain_text("2912345")
        await expect(agent.page.locator(".earlier li")).not_to_have_count(0)
        await agent.answer()
        await agent.hang_up()
    record = await agent.record_of(ref)
    assert record["line"] == "2912345"
    hotline.agrees_with_journal(record)


async def test_an_urgent_matter_is_registered_not_closed_on_the_spot(hotline: House, people: People) -> None:
    agent = await people.agent(hotline)
    async with hotline.caller("13800138020"):
        await agent.phone_is("ringing")
        ref = await agent.popped()
        await agent.answer()
        await agent.fill_in(SUMMARY, urgency="ArrowRight")
        await agent.hang_up()
    await agent.press("Control+Enter")
    await expect(agent.page.locator("#toasts")).to_contain_text("不能当场办结", timeout=PATIENT)
    assert await agent.summary() == SUMMARY
    await agent.tab_to("[data-step=register]")
    await agent.press("Enter")
    await agent.has("#panel[data-ticket-state=ACCEPTED]")
    ticket = await agent.api(f"/api/v1/tickets/{ref}")
    assert (ticket["urgency"], ticket["fields"]["summary"]) == ("U1", SUMMARY)
    assert ticket["ticket_no"]
