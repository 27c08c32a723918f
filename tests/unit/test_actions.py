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


def test_a_leg_and_another_are_sent_to_their_places_as_one() -> None:
    """Header names as in the documentation of Redirect."""
    alone = actions.redirect("pbx1-1778284860.7", "hl-wait", "parked")
    assert alone.action == "Redirect"
    assert alone.headers == (
        ("Channel", "pbx1-1778284860.7"),
        ("Context", "hl-wait"),
        ("Exten", "parked"),
        ("Priority", "1"),
    )
    both = actions.redirect("pbx1-1.7", "hl-wait", "consult", ("PJSIP/a7f3-00000001", "hl-consult", "out-110"))
    assert both.headers[4:] == (
        ("ExtraChannel", "PJSIP/a7f3-00000001"),
        ("ExtraContext", "hl-consult"),
        ("ExtraExten", "out-110"),
        ("ExtraPriority", "1"),
    )


@pytest.mark.parametrize(
    ("channel", "context", "exten"),
    [
        ("/^PJSIP/", "hl-room", "leave"),
        ("pbx1-1.7\r\nAction: Originate", "hl-room", "leave"),
        ("", "hl-room", "leave"),
        ("pbx1-1.7", "default", "leave"),
        ("pbx1-1.7", "hl-room", "${SHELL(x)}"),
        ("pbx1-1.7", "hl-room", "a" * 80),
        ("pbx1-1.7", "hl-room", "out-1,2"),
    ],
)
def test_a_leg_goes_nowhere_but_to_places_of_ours(channel: str, context: str, exten: str) -> None:
    with pytest.raises(Invalid):
        actions.redirect(channel, context, exten)
    with pytest.raises(Invalid):
        actions.redirect("pbx1-1.7", "hl-wait", "parked", (channel, context, exten))


def test_a_phone_is_rung_for_a_place_of_ours() -> None:
    """Header names as in the documentation of Originate."""
    made = actions.originate("a7f3", "hl-dial", "110", {"__HLCALL": "pbx1-1.d7"}, "12345", channel_id="pbx1-1.d7")
    assert made.action == "Originate"
    assert made.headers == (
        ("Channel", "PJSIP/a7f3"),
        ("Context", "hl-dial"),
        ("Exten", "110"),
        ("Priority", "1"),
        ("Timeout", "30000"),
        ("Async", "true"),
        ("CallerID", "<12345>"),
        ("ChannelId", "pbx1-1.d7"),
        ("Variable", "__HLCALL=pbx1-1.d7"),
    )
    assert "CallerID" not in dict(actions.originate("a7f3", "hl-spy", "listen").headers)


@pytest.mark.parametrize(
    ("endpoint", "context", "exten", "variables", "caller_id"),
    [
        ("a7f3@x/n", "hl-dial", "110", {}, ""),
        ("a7f3", "default", "110", {}, ""),
        ("a7f3", "hl-dial", "110,1", {}, ""),
        ("a7f3", "hl-dial", "110", {"HLCALL": "1,${EXTEN}"}, ""),
        ("a7f3", "hl-dial", "110", {"SHARED(x)": "1"}, ""),
        ("a7f3", "hl-dial", "110", {}, "1\r\nX: 1"),
    ],
)
def test_nothing_that_the_dialplan_would_misread_is_sent_with_a_ring(
    endpoint: str, context: str, exten: str, variables: dict[str, str], caller_id: str
) -> None:
    with pytest.raises(Invalid):
        actions.originate(endpoint, context, exten, variables, caller_id)
