"""How a phone does, as the agent sees it before the caller does: the call's sound, the test before ready, devices."""

from typing import Any

from playwright.async_api import expect

from tests.e2e.conftest import People
from tests.e2e.house import House, seconds, until
from tests.e2e.losing import LosingPath
from tests.e2e.screens import PATIENT
from tests.integration.voice import Voice
from tests.integration.voice import until as voice_until


async def test_a_call_that_loses_sound_is_red_in_the_page_and_on_the_board(hotline: House, people: People) -> None:
    board = await people.at(hotline, "supervisor", "/board")
    mark = board.page.locator("[data-list=agents] .sound-bad")
    context = await people.context(hotline, "agent1")
    path = LosingPath(every=0)
    await path.attach(context)
    agent = await people.console(hotline, context, "agent1", ready=True)
    async with hotline.caller("13800138800"):
        await agent.phone_is("ringing")
        await agent.answer()
        await expect(agent.page.locator("#sound .sound-word .when-good")).to_be_visible(timeout=PATIENT)
        loss, jitter, rtt = await figures(agent.page)
        assert loss < 1
        assert jitter < 30
        assert rtt < 100
        assert await agent.overflow() == []

        path.every = 10  # Asterisk sends fifty a second: five of them are lost
        await agent.has("#sound[data-sound=bad]", timeout_s=8)
        await expect(agent.page.locator("#sound .sound-word .when-bad")).to_be_visible()
        assert await agent.page.get_attribute("#sound .plot-bad", "d")
        await expect(mark).to_be_visible(timeout=PATIENT)

        async def as_lost() -> bool:
            return abs((await figures(agent.page))[0] - 10) < 2

        await until(as_lost, what="a tenth is lost")
        path.every = 0
        await agent.has("#sound[data-sound=good]", timeout_s=15)
        await expect(mark).to_have_count(0, timeout=PATIENT)
        await agent.hang_up()
    await expect(agent.page.locator("#sound")).to_be_hidden()
    path.close()


# A browser that names its addresses one by one, TCP's first, as Chromium does on a busy machine: those of UDP are in
# nothing that it says of itself for 300 ms.
_SLOWLY = r"""
(() => {
  const late = new WeakMap(), { prototype } = RTCPeerConnection;
  const own = (name) => Object.getOwnPropertyDescriptor(prototype, name).get;
  const said = own("localDescription"), gathering = own("iceGatheringState"), listen = prototype.addEventListener;
  const isOut = (pc) => performance.now() > (late.get(pc) ?? Infinity);
  Object.defineProperty(prototype, "iceGatheringState", {
    get() { return isOut(this) ? gathering.call(this) : "gathering"; },
  });
  Object.defineProperty(prototype, "localDescription", {
    get() {
      const { type, sdp } = said.call(this) ?? {};
      return type && { type, sdp: isOut(this) ? sdp : sdp.replace(/^a=candidate:\S+ \d+ udp .*\r\n/gm, "") };
    },
  });
  prototype.addEventListener = function (kind, act, ...rest) {
    if (!["icecandidate", "icegatheringstatechange"].includes(kind)) return listen.call(this, kind, act, ...rest);
    return listen.call(this, kind, (event) => {
      if (event.candidate?.protocol === "tcp") return act(event);
      if (!late.has(this)) late.set(this, performance.now() + 299);
      return setTimeout(() => act(event), 300);
    }, ...rest);
  };
})()
"""


async def test_sound_comes_though_the_browser_names_the_address_that_asterisk_can_use_last(
    hotline: House, people: People
) -> None:
    context = await people.context(hotline, "agent1")
    await context.add_init_script(_SLOWLY)
    agent = await people.console(hotline, context, "agent1", ready=True)
    async with hotline.caller("13800138001") as caller:
        await agent.phone_is("ringing")
        await agent.answer()
        await agent.sound_flows()
        await caller.until(lambda c: c.packets > 50)
        await agent.hang_up()


async def figures(page: Any) -> list[float]:
    """Loss in percent, jitter and delay in milliseconds, once the page knows all three."""

    async def all_known() -> Any:
        texts = await page.locator("#sound [data-figure] b").all_inner_texts()
        return len(texts) == 3 and all(text[:1].isdigit() for text in texts) and texts

    return [float(text.split()[0]) for text in await until(all_known, what="three figures")]


async def test_before_ready_the_phone_calls_asterisks_echo_and_says_what_it_found(
    hotline: House, people: People
) -> None:
    agent = await people.agent(hotline, ready=False)
    await agent.has("html[data-started]")
    tested = agent.page.locator("#headset")
    await tested.evaluate("(box) => { box.dataset.testHours = '12'; }")
    before = hotline.rows("select count(*) from call")
    await agent.press("F9")
    await agent.has("#headset[open][data-test=running]")
    await agent.has("#headset[data-test=done][data-test-all=good]")
    for name in ("microphone", "echo", "network"):
        await expect(tested.locator(f"[data-check={name}] .when-good")).to_be_visible()
    back = await tested.locator("[data-check=echo] b").inner_text()
    assert 5 < float(back.split()[0]) < 300
    await agent.is_in("ready")
    # The test is nobody's call, and a good one counts for the next time.
    assert hotline.rows("select count(*) from call") == before
    await agent.press("F9")
    await agent.is_in("paused")
    await tested.evaluate("(box) => { delete box.dataset.test; }")
    await agent.press("F9")
    await agent.is_in("ready")
    assert await tested.get_attribute("data-test") is None
    assert await agent.overflow() == []


async def test_a_muted_headset_is_found_before_a_child_speaks_to_it_and_nobody_is_locked_out(
    hotline: House, people: People
) -> None:
    context = await people.context(hotline, "agent1")
    # What a switch on the headset does: the device is there and gives silence.
    await context.add_init_script(
        """
        const silence = async () => new AudioContext().createMediaStreamDestination().stream;
        if (navigator.mediaDevices) navigator.mediaDevices.getUserMedia = silence;
        """
    )
    agent = await people.console(hotline, context, "agent1", ready=False)
    await agent.has("html[data-started]")
    await agent.page.locator("#headset").evaluate("(box) => { box.dataset.testHours = '12'; }")
    await agent.press("F9")
    await agent.has("#headset[data-test=done][data-test-all=bad]")
    await expect(agent.page.locator("[data-check=microphone] .when-bad")).to_be_visible()
    await expect(agent.page.locator("[data-check=echo] .when-good")).to_be_visible()
    assert await agent.page.get_attribute("#phone", "data-state") == "offline"
    await agent.press("F9")
    await agent.is_in("ready")


async def test_it_rings_on_one_device_and_speaks_on_another_and_a_reload_keeps_both(
    hotline: House, people: People
) -> None:
    agent = await people.agent(hotline)
    await agent.page.locator("#headset summary").click()
    chosen = {}
    for name, index in (("microphone", 1), ("talk", 1), ("ring", 2)):
        select = agent.page.locator(f"[data-device={name}]")
        await expect(select.locator("option").nth(2)).to_be_attached()
        await select.select_option(index=index)
        chosen[name] = await select.input_value()
    assert chosen["talk"] != chosen["ring"]
    await agent.page.reload()
    await agent.has("#softphone[data-phone=registered]")
    await agent.page.locator("#headset summary").click()
    for name, device in chosen.items():
        await expect(agent.page.locator(f"[data-device={name}]")).to_have_value(device)
    await expect(agent.page.locator("#phone-audio")).to_have_js_property("sinkId", chosen["talk"])
    async with hotline.caller("13800138800") as caller:
        await agent.phone_is("ringing")
        await agent.answer()
        await caller.until(lambda c: c.loudness(1) > 300)  # the chosen microphone's beeps
        # Another one in mid-call: the caller goes on hearing.
        await agent.page.locator("[data-device=microphone]").select_option(index=2)
        await agent.sound_flows()
        await caller.until(lambda c: c.loudness(0.5) > 300)
        await agent.hang_up()


async def test_a_broken_headset_closes_no_place_another_phone_rings_instead(brisk: House, people: People) -> None:
    agent = await people.agent(brisk)
    server = (brisk.settings.sip_bind, brisk.settings.sip_port)
    address, _, port = brisk.settings.outbound_trunk.partition(":")
    async with Voice(server, address, 700.0, port=int(port)) as mobile:
        await agent.page.locator("#headset summary").click()
        await agent.page.fill("#outside-number", "110")
        await agent.press("Enter")
        await expect(agent.page.locator("#toasts .toast-bad")).to_be_visible()
        await agent.page.fill("#outside-number", "139 0013 9000")
        await agent.press("Enter")
        await agent.has("#softphone[data-phone=outside]")
        await agent.has("#phone[data-phone=ok][data-outside='139****9000']")
        await expect(agent.page.locator("#softphone [data-outside-number]")).to_have_text("139****9000")
        await agent.is_in("ready")
        async with brisk.caller("13800138800") as caller:
            await voice_until(mobile.up.is_set, "the other phone answers", seconds=20)
            ref = await agent.popped()
            await voice_until(lambda: mobile.hears(450.0), "the tone that asks for 1")
            mobile.press("1")
            await caller.until(lambda c: c.loudness(0.5) > 300)
            await agent.is_in("on_call")
            await agent.write("家里没有人")
            await agent.is_saved("summary")
            mobile.hang_up()
            await caller.until(lambda c: c.ended_by == "hotline")
        await agent.is_in("wrap_up")
        record = await agent.record_of(ref)
        assert (record["outcome"], record["hangup_by"], record["agent"]) == ("answered", "agent", "agent1")
        # Asterisk's journal: picked up, then the key; the conversation counts from there.
        rows = brisk.journal(record["linkedid"])
        (picked_up,) = [float(row[1]) for row in rows if row[0] == "ANSWER" and row[3] != record["linkedid"]]
        assert picked_up < seconds(record["answered_at"]) < seconds(record["ended_at"])
        (told,) = [row[10] for row in rows if row[0] == "HLOUTCOME"]
        assert '"answered agent 12345 ' in told
        of_call = "select kind from recording join call on call.id = recording.call_id where call.linkedid = ?"
        assert brisk.rows(of_call, record["linkedid"]) == [("call",)]
        await agent.page.locator("#softphone [data-outside-back]").click()
        await agent.has("#softphone[data-phone=registered]")
        await agent.has("#phone[data-phone=ok]:not([data-outside])")
        assert await agent.overflow() == []
