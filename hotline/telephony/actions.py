"""What we may ask of Asterisk: builders of AMI commands. Pure.

Sent by telephony.client, which adds the ActionID. Every text that reaches a line is checked here, since CR or LF in a
value would be a second command.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from hotline.errors import Invalid

# Asterisk reads at most 1,024 bytes a line, its CRLF among them, and 128 lines a command.
MAX_LINE = 1022
MAX_HEADERS = 127
CONTROL_CONTEXT = "hl-control"
CONTROL_END = "done"
SAY_CONTEXT = "hl-say"

_FORBIDDEN = re.compile(r"[\r\n\0]")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_ENDPOINT = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_QUEUE = re.compile(r"[A-Za-z0-9_-]{1,64}")
# Asterisk keeps members and their pause reasons in AstDB unescaped: ; , and | would break the restore after a restart.
_REASON = re.compile(r"[A-Z0-9_-]{0,20}")
_CONTROLS = frozenset({"acw-set", "acw-clear"})
# A Uniqueid or a channel's name; never a pattern (/…/), which Hangup would take for many.
_CHANNEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./@;-]{0,79}")
_CONTEXT = re.compile(r"hl-[a-z-]{1,40}")
_PROMPT = re.compile(r"P[0-9]{2}")
_EXTEN = re.compile(r"[A-Za-z0-9_-]{1,79}")
_VARIABLE = re.compile(r"_{0,2}[A-Z][A-Z0-9]{0,40}")
_ASKED = re.compile(r"[a-z]{1,20}")
_WORD = re.compile(r"[a-z0-9]{1,32}")
_CALLER_ID = re.compile(r"[0-9+]{1,32}")
# Values of variables are read by the dialplan, where these would be its own signs.
_PLAIN = re.compile(r"[A-Za-z0-9+_.:/@-]{0,200}")

Place = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Command:
    """An AMI action without its ActionID. Raises Invalid for what Asterisk would misread."""

    action: str
    headers: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        names = Counter(name.lower() for name, _ in self.headers if name.lower() != "variable")
        if not _NAME.fullmatch(self.action) or len(self.headers) > MAX_HEADERS:
            raise Invalid("This command cannot be sent to the telephone system.", action=self.action)
        if {"action", "actionid"} & names.keys() or any(count > 1 for count in names.values()):
            raise Invalid("This command cannot be sent to the telephone system.", action=self.action)
        for name, value in self.headers:
            if not _NAME.fullmatch(name) or _FORBIDDEN.search(value):
                raise Invalid("A value holds a line break and was not sent.", action=self.action, header=name)
            if name.lower() == "variable" and "=" not in value:
                raise Invalid("A variable has no value and was not sent.", action=self.action, header=name)
            if len(f"{name}: {value}".encode()) > MAX_LINE:
                raise Invalid("A value is too long and was not sent.", action=self.action, header=name)


def queue_add(queue: str, endpoint: str, paused: bool = False, reason: str = "") -> Command:
    """Make a phone a member. MemberName is the endpoint, so that every event and record names it."""
    return Command(
        "QueueAdd",
        (
            ("Queue", _checked(_QUEUE, queue)),
            ("Interface", interface(endpoint)),
            ("Penalty", "0"),
            ("Paused", _bool(paused)),
            *_reason(reason),
            ("MemberName", endpoint),
        ),
    )


def queue_remove(queue: str, endpoint: str) -> Command:
    return Command("QueueRemove", (("Queue", _checked(_QUEUE, queue)), ("Interface", interface(endpoint))))


def queue_pause(queue: str, endpoint: str, paused: bool, reason: str = "") -> Command:
    return Command(
        "QueuePause",
        (
            ("Queue", _checked(_QUEUE, queue)),
            ("Interface", interface(endpoint)),
            ("Paused", _bool(paused)),
            *_reason(reason),
        ),
    )


def hangup(channel: str, cause: int) -> Command:
    """`cause`: Q.850; 38 for a phone that is gone, so that the dialplan queues the caller again."""
    if not channel or not 1 <= cause <= 127:
        raise Invalid("This call cannot be hung up.", channel=channel, cause=cause)
    return Command("Hangup", (("Channel", channel), ("Cause", str(cause))))


def redirect(channel: str, context: str, exten: str, extra: Place | None = None) -> Command:
    """Send a leg to a place of the dialplan, and with it another: `extra` is (channel, context, exten).

    Legs are named by Uniqueid or name. Both move as one: out of a bridge of two neither is hung up for the other's
    going. Only our own contexts (`hl-…`) pass.
    """
    headers = [*_place("", channel, context, exten)]
    if extra is not None:
        headers += _place("Extra", *extra)
    return Command("Redirect", tuple(headers))


def originate(
    endpoint: str,
    context: str,
    exten: str,
    variables: Mapping[str, str] | None = None,
    caller_id: str = "",
    *,
    channel_id: str = "",
    call: str = "",
    asked: str = "",
    timeout_ms: int = 30_000,
) -> Command:
    """Ring an agent's phone and send it, once it answers, to a place of the dialplan.

    `variables` are set on its channel before it rings; `caller_id`: the number that it shows; `channel_id`: the
    Uniqueid that it gets; `asked`: what this ring was asked for (dial, supervise), told to the phone's page, which
    then answers by itself, with the `call` that it is about (by default the one that it begins). Answered at once; what
    comes of it is told by OriginateResponse.
    """
    headers = [
        ("Channel", interface(endpoint)),
        ("Context", _checked(_CONTEXT, context)),
        ("Exten", _checked(_EXTEN, exten)),
        ("Priority", "1"),
        ("Timeout", str(int(timeout_ms))),
        ("Async", "true"),
    ]
    if caller_id:
        headers.append(("CallerID", f"<{_checked(_CALLER_ID, caller_id)}>"))
    if channel_id:
        headers.append(("ChannelId", _checked(_CHANNEL, channel_id)))
    if asked:
        # Not by PreDialGoSub: Asterisk 22.10 drops it when Async is true.
        headers.append(("Variable", f"PJSIP_HEADER(add,X-Hotline-Asked)={_checked(_ASKED, asked)}"))
        if call or channel_id:
            name = _checked(_CHANNEL, call or channel_id)
            headers.append(("Variable", f"PJSIP_HEADER(add,X-Hotline-Call)={name}"))
    for name, value in (variables or {}).items():
        headers.append(("Variable", f"{_checked(_VARIABLE, name)}={_checked(_PLAIN, value)}"))
    return Command("Originate", tuple(headers))


def say(prompt: str, caller: str, agent: str) -> Command:
    """Have a prompt played into a talk: the dialplan's hl-say, heard by both. `caller`, `agent`: Uniqueids of legs."""
    return Command(
        "Originate",
        (
            ("Channel", f"Local/{_checked(_PROMPT, prompt)}@{SAY_CONTEXT}/n"),
            ("Context", f"{SAY_CONTEXT}-in"),
            ("Exten", "s"),
            ("Priority", "1"),
            ("Async", "true"),
            ("Variable", f"HLWHOM={_checked(_CHANNEL, caller)}"),
            ("Variable", f"HLAGENT={_checked(_CHANNEL, agent)}"),
        ),
    )


def control(command: str, member: str, until: int | None = None) -> Command:
    """Have the dialplan write a fact of ours into AstDB: the actions user itself may not.

    `acw-set` keeps a wrap-up's end (`until`, epoch seconds), `acw-clear` forgets it.
    """
    if command not in _CONTROLS or (until is None) == (command == "acw-set"):
        raise Invalid("This command cannot be sent to the telephone system.", action=command)
    variables = [("Variable", f"HLMEMBER={_checked(_ENDPOINT, member)}")]
    if until is not None:
        variables.append(("Variable", f"HLUNTIL={int(until)}"))
    return Command(
        "Originate",
        (
            ("Channel", f"Local/{command}@{CONTROL_CONTEXT}"),
            ("Context", CONTROL_CONTEXT),
            ("Exten", CONTROL_END),
            ("Priority", "1"),
            ("Async", "true"),
            *variables,
        ),
    )


def switch_set(state: str, until: int, at: int, way: str, by: str) -> Command:
    """Have the dialplan take in a supervisor's word on the hours (ivr.switch). `until`, `at`: epoch seconds."""
    values = {"HLSTATE": state, "HLUNTIL": str(until), "HLAT": str(at), "HLWAY": way, "HLBY": by}
    return Command(
        "Originate",
        (
            ("Channel", f"Local/switch-set@{CONTROL_CONTEXT}"),
            ("Context", CONTROL_CONTEXT),
            ("Exten", CONTROL_END),
            ("Priority", "1"),
            ("Async", "true"),
            *(("Variable", f"{name}={_checked(_WORD, value)}") for name, value in values.items()),
        ),
    )


def switch() -> Command:
    """A list of one: the supervisor's word on the hours that the dialplan keeps. Refused when there is none."""
    return Command("DBGet", (("Family", "hl"), ("Key", "switch")))


def wrap_up_end(member: str) -> Command:
    """A list of one: the end that the dialplan or `control` has kept. Refused when there is none."""
    return Command("DBGet", (("Family", "hl/acw"), ("Key", _checked(_ENDPOINT, member))))


def interface(endpoint: str) -> str:
    """The member's device: always the phone itself, never a Local channel around it."""
    return f"PJSIP/{_checked(_ENDPOINT, endpoint)}"


def challenge() -> Command:
    return Command("Challenge", (("AuthType", "MD5"),))


def login(user: str, key: str, events: str) -> Command:
    """`key`: MD5 of challenge and secret; `events`: on or off."""
    return Command("Login", (("AuthType", "MD5"), ("Username", user), ("Key", key), ("Events", events)))


def ping() -> Command:
    return Command("Ping")


def logoff() -> Command:
    return Command("Logoff")


def core_status() -> Command:
    return Command("CoreStatus")


def core_show_channels() -> Command:
    return Command("CoreShowChannels")


def queue_status() -> Command:
    return Command("QueueStatus")


def device_state_list() -> Command:
    return Command("DeviceStateList")


def _place(prefix: str, channel: str, context: str, exten: str) -> tuple[tuple[str, str], ...]:
    return (
        (f"{prefix}Channel", _checked(_CHANNEL, channel)),
        (f"{prefix}Context", _checked(_CONTEXT, context)),
        (f"{prefix}Exten", _checked(_EXTEN, exten)),
        (f"{prefix}Priority", "1"),
    )


def _checked(pattern: re.Pattern[str], value: str) -> str:
    if not pattern.fullmatch(value):
        raise Invalid("This name cannot be sent to the telephone system.", value=value)
    return value


def _reason(reason: str) -> tuple[tuple[str, str], ...]:
    _checked(_REASON, reason)
    return (("Reason", reason),) if reason else ()


def _bool(value: bool) -> str:
    return "true" if value else "false"
