"""Names of Asterisk's channels: of which technology, and whose. Pure.

Used by calls.tracker for our own channels and by telephony.legacy for those of any PBX. Shapes, of Asterisk 1.4 to 22:
`PJSIP/101-0000002a` `SIP/trunk-eu-081e9f20` `IAX2/office-1234` `DAHDI/1-1` `DAHDI/i1/13800138000-3` `Agent/1001`
`Local/1001@from-queue-00000003;1` (1.4: `,1`), and while one channel takes another's place `…<MASQ>`, `…<ZOMBIE>`.
"""

_TEMPORARY = ("<MASQ>", "<ZOMBIE>")
_SPANS = frozenset({"DAHDI", "ZAP", "MISDN", "KHOMP", "VPB"})
_GHOSTS = frozenset(
    {
        "ASYNCGOTO", "SURROGATE", "BRIDGE", "TRANSFERED", "PARKED", "MESSAGE", "CBANN", "CBREC", "ANNOUNCER",
        "RECORDER", "SNOOP", "UNICASTRTP", "MULTICASTRTP", "OUTGOINGSPOOLFAILED", "NULL",
    }
)  # fmt: skip
_HALVES = (";1", ";2", ",1", ",2")


def technology(name: str) -> str:
    """`SIP/101-0000002a` → SIP; empty for what is no channel's name."""
    tech, slash, _ = name.partition("/")
    return tech if slash else ""


def peer(name: str) -> str:
    """Whose channel it is, as the PBX's configuration calls them: `SIP/101-0000002a` → 101, `DAHDI/i1/13800138000-3` →
    i1, `Agent/1001` → 1001. Empty for a Local channel and for what no person is behind.
    """
    tech, slash, rest = name.partition("/")
    if not slash or is_local(name) or is_ghost(name):
        return ""
    if tech.upper() in _SPANS and "/" in rest:
        return rest.partition("/")[0]
    if tech.upper() == "AGENT":
        return rest
    return rest.rpartition("-")[0] or rest


def is_local(name: str) -> bool:
    """A half of a Local channel: the dialplan calling itself."""
    return name[:6].upper() == "LOCAL/"


def is_ghost(name: str) -> bool:
    """A channel that no person or phone is behind: a placeholder while others change places, an announcer, a tap."""
    if name.startswith("PJSIP/") and not name.endswith(">"):
        return False  # as nearly all of ours
    return name.endswith(_TEMPORARY) or technology(name).upper() in _GHOSTS


def settled(name: str) -> str:
    """The name without the mark of a change of places."""
    for mark in _TEMPORARY:
        name = name.removesuffix(mark)
    return name


def other_half(name: str) -> str:
    """`Local/1001@x-3;1` ↔ `Local/1001@x-3;2`; empty for what has no other half."""
    if not is_local(name) or not name.endswith(_HALVES):
        return ""
    return name[:-1] + ("2" if name[-1] == "1" else "1")


def local_extension(name: str) -> str:
    """What a Local channel, or a queue member on one, dials: `Local/1001@from-queue/n` → 1001."""
    return name[6:].partition("@")[0] if is_local(name) else ""
