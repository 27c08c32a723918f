"""What callers may press, on a real Asterisk: while they wait, when we are closed; keys as RFC 4733 has them."""

import wave
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.integration.conftest import NewPbx
from tests.integration.pbx import TRUNK, Ami, Pbx
from tests.integration.sound import RATE, read_wav, short_sounds
from tests.integration.voice import Voice, until

OURS = Path(__file__).parents[2] / "asterisk-config" / "sounds"
DIGITS = tuple(f"digits/{digit}" for digit in range(10))
EACH = 0.3


@pytest.fixture(scope="session")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our prompts cut short, and silence for what is read out."""
    made = short_sounds(OURS, tmp_path_factory.mktemp("spoken"), EACH)
    for name in ("P13-before", "P13-after", "P18", *DIGITS):
        path = made / "zh" / f"{name}.wav"
        path.parent.mkdir(exist_ok=True)
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(bytes(int(RATE * 0.05) * 2))
    return made


@pytest.fixture
async def callers(new_pbx: NewPbx, spoken: Path) -> AsyncIterator[tuple[Pbx, Ami, list[Voice]]]:
    """An Asterisk with an agent who is paused: everybody waits."""
    pbx = await new_pbx(("a1",), sounds=spoken)
    async with AsyncExitStack() as stack:
        events = await stack.enter_async_context(pbx.ami())
        commands = await stack.enter_async_context(pbx.ami("actions"))
        await pbx.sign_in(commands, "a1")
        await commands.send("QueuePause", Queue="hotline", Interface="PJSIP/a1", Paused="true")
        voices = [await stack.enter_async_context(Voice(pbx.server, TRUNK, 440.0)) for _ in range(3)]
        yield pbx, events, voices
        for voice in voices:
            voice.hang_up()


async def test_keys_in_greeting_and_queue_do_what_they_say(callers: tuple[Pbx, Ami, list[Voice]]) -> None:
    pbx, events, (first, second, third) = callers

    async def waits(voice: Voice, user: str, keys: str = "") -> dict[str, str]:
        mark = len(events.raw)
        await voice.call("12345", user)
        voice.keys(keys)
        return await events.event("QueueCallerJoin", since=mark, CallerIDNum=user)

    async def presses(voice: Voice, user: str, keys: str) -> dict[str, str]:
        mark = len(events.raw)
        voice.keys(keys)
        return await events.event("QueueCallerJoin", since=mark, CallerIDNum=user)

    def keys_of(call: dict[str, str]) -> list[str]:
        mine = (block for block in events.blocks() if block.get("Uniqueid") == call["Uniqueid"])
        return [block["HLWish"] for block in mine if block.get("UserEvent") == "HLKey"]

    # Three wait; the third says in the greeting that they are in danger, and is the first.
    a = await waits(first, "13800000001")
    b = await waits(second, "13800000002")
    c = await waits(third, "13800000003", "1")
    assert [one["Position"] for one in (a, b, c)] == ["1", "2", "1"]
    assert keys_of(c) == ["danger"]

    # A key that means nothing moves nobody. Policy goes behind the others, a wish to talk keeps its place.
    mark = len(events.raw)
    second.keys("7")
    assert (await presses(first, "13800000001", "3"))["Position"] == "3"
    left = [block["Uniqueid"] for block in events.blocks(mark) if block.get("Event") == "QueueCallerLeave"]
    assert left == [a["Uniqueid"]]
    assert (await presses(second, "13800000002", "2"))["Position"] == "2"
    assert (keys_of(a), keys_of(b)) == (["policy"], ["talk"])
    # In danger, whatever else is pressed then.
    assert (await presses(third, "13800000003", "3"))["Position"] == "1"
    assert keys_of(c) == ["danger"]

    # A call back: to the number that called; to another one; and none, because it is not safe.
    mark = len(events.raw)
    second.keys("9")
    await events.event("QueueCallerLeave", since=mark, Uniqueid=b["Uniqueid"])
    second.keys("1")
    fact = await events.fact("HLCallBack", since=mark)
    assert (fact["HLSafe"], fact["HLNumber"]) == ("1", "13800000002")
    outcome = await events.fact("HLOutcome", since=mark, Uniqueid=b["Uniqueid"])
    assert (outcome["HLOutcome"], outcome["HLHangupBy"]) == ("callback", "system")
    await until(second.ended.is_set, "the call is over")

    mark = len(events.raw)
    third.keys("93")
    fact = await events.fact("HLCallBack", since=mark)
    assert (fact["HLSafe"], fact.get("HLNumber", "")) == ("0", "")
    assert (await events.event("QueueCallerJoin", since=mark, Uniqueid=c["Uniqueid"]))["Position"] == "1"

    mark = len(events.raw)
    first.keys("9202088881234#")
    await events.event("QueueCallerLeave", since=mark, Uniqueid=a["Uniqueid"])
    await until(lambda: not first._presses, "all is dialled")
    first.keys("1")
    fact = await events.fact("HLCallBack", since=mark)
    assert (fact["HLSafe"], fact["HLNumber"]) == ("1", "02088881234")
    assert (await events.fact("HLOutcome", since=mark, Uniqueid=a["Uniqueid"]))["HLOutcome"] == "callback"
    assert pbx.log_complaints() == []


async def test_the_duty_phone_is_rung_by_key_when_we_are_closed(new_pbx: NewPbx, spoken: Path) -> None:
    host = TRUNK.rpartition(".")[0] + ".40"
    async with AsyncExitStack() as stack:
        duty = await stack.enter_async_context(Voice(("127.0.0.1", 1), host, 550.0))
        pbx = await new_pbx((), sounds=spoken, open="closed", outbound_trunk=f"{host}:{duty.port}",
                            duty_phones="13900000001,13900000002")  # fmt: skip
        duty.server = pbx.server
        events = await stack.enter_async_context(pbx.ami())
        caller = await stack.enter_async_context(Voice(pbx.server, TRUNK, 440.0))

        # The first is a voicebox, where nobody presses 1; at the second somebody does.
        mark = len(events.raw)
        await caller.call("2912345")
        caller.keys("1")
        await until(lambda: len(duty.asked) == 1 and duty.up.is_set(), "the first duty phone answers")
        await until(lambda: len(duty.asked) == 2 and duty.up.is_set(), "the second duty phone answers", 20)
        rung = [one["start"].split("@")[0] for one in duty.asked]
        assert rung == ["INVITE sip:13900000001", "INVITE sip:13900000002"]
        duty.keys("1")
        await until(lambda: caller.hears(550.0) and duty.hears(440.0), "they hear each other")
        caller.hang_up()
        outcome = await events.fact("HLOutcome", since=mark)
        assert (outcome["HLOutcome"], outcome["HLHangupBy"]) == ("duty", "caller")
        assert (await events.fact("HLKey", since=mark))["HLWish"] == "danger"
        heard = read_wav(pbx.recording(await events.fact("HLRecording", since=mark, HLKind="call")))
        assert len(heard) and abs(heard.astype(int)).max() > 2000  # short, but a voice

        # Nobody is reached: the caller is told so, and has the recorder.
        duty.refuses = "486 Busy Here"
        mark = len(events.raw)
        await caller.call("12345")
        caller.keys("1")
        fact = await events.fact("HLRecording", since=mark, HLKind="voicemail")
        await until(pbx.recording(fact).is_file, "the recorder writes")
        caller.hang_up()
        assert (await events.fact("HLOutcome", since=mark))["HLOutcome"] == "voicemail"

        # No key: the recorder by itself.
        mark = len(events.raw)
        await caller.call("12345")
        fact = await events.fact("HLRecording", since=mark, HLKind="voicemail")
        await until(pbx.recording(fact).is_file, "the recorder writes")
        caller.hang_up()
        assert (await events.fact("HLOutcome", since=mark))["HLOutcome"] == "voicemail"
