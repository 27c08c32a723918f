"""AMI commands: what the dialplan expects, and what must never become a line."""

import pytest

from hotline.errors import Invalid
from hotline.telephony import actions
from hotline.telephony.actions import Command


@pytest.mark.parametrize("evil", ["a\r\nAction: Originate", "a\nb", "a\rb", "a\0b"])
def test_a_line_break_in_a_value_is_refused(evil: str) -> None:
    with pytest.raises(Invalid):
        Command("Hangup", (("Channel", evil),))
    with pytest.raises(Invalid):
        Command("Hangup", ((evil, "x"),))
    with pytest.raises(Invalid):
        Command(evil)
    with pytest.raises(Invalid):
        actions.hangup(evil, 16)
    with pytest.raises(Invalid):
        actions.queue_pause("hotline", evil, True, "ACW")
    with pytest.raises(Invalid):
        actions.queue_pause("hotline", "a7f3", True, evil)


def test_a_line_longer_than_asterisk_reads_is_refused_in_bytes() -> None:
    room = actions.MAX_LINE - len("Channel: ")
    Command("Hangup", (("Channel", "x" * room),))
    with pytest.raises(Invalid):
        Command("Hangup", (("Channel", "x" * (room + 1)),))
    with pytest.raises(Invalid):
        Command("Hangup", (("Channel", "儿" * (room // 3 + 1)),))


@pytest.mark.parametrize(
    "headers",
    [(("ActionID", "1"),), (("Action", "x"),), (("Channel", "a"), ("channel", "b")), (("Variable", "NOVALUE"),)],
)
def test_headers_that_asterisk_would_misread_are_refused(headers: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(Invalid):
        Command("Hangup", headers)


def test_too_many_headers_are_refused() -> None:
    with pytest.raises(Invalid):
        Command("Originate", tuple(("Variable", f"V{n}=1") for n in range(128)))


@pytest.mark.parametrize("reason", ["lunch;break", "A,B", "A|B", "饭", "A" * 21])
def test_pause_reasons_that_astdb_would_break_are_refused(reason: str) -> None:
    with pytest.raises(Invalid):
        actions.queue_pause("hotline", "a7f3", True, reason)


def test_commands_say_what_the_dialplan_expects() -> None:
    assert actions.wrap_up_end("a7f3").headers == (("Family", "hl/acw"), ("Key", "a7f3"))
    assert actions.queue_add("hotline", "a7f3", paused=True, reason="BREAK").headers == (
        ("Queue", "hotline"),
        ("Interface", "PJSIP/a7f3"),
        ("Penalty", "0"),
        ("Paused", "true"),
        ("Reason", "BREAK"),
        ("MemberName", "a7f3"),
    )
    assert actions.queue_pause("hotline", "a7f3", False).headers[-1] == ("Paused", "false")
    assert actions.hangup("PJSIP/a7f3-00000001", 38).headers == (("Channel", "PJSIP/a7f3-00000001"), ("Cause", "38"))
    assert actions.control("acw-set", "a7f3", 1778284860).headers == (
        ("Channel", "Local/acw-set@hl-control"),
        ("Context", "hl-control"),
        ("Exten", "done"),
        ("Priority", "1"),
        ("Async", "true"),
        ("Variable", "HLMEMBER=a7f3"),
        ("Variable", "HLUNTIL=1778284860"),
    )
    assert ("Variable", "HLMEMBER=a7f3") in actions.control("acw-clear", "a7f3").headers


@pytest.mark.parametrize(("command", "until"), [("acw-set", None), ("acw-clear", 5), ("shell", None)])
def test_only_known_control_commands_pass(command: str, until: int | None) -> None:
    with pytest.raises(Invalid):
        actions.control(command, "a7f3", until)
