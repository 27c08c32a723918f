"""Codes of contacts and problems, as data. Pure. Codes are stored and never reused; hotline.labels has their words.

Contact types follow Aselo's buttons, problem categories the list of Child Helpline International with what children in
China meet besides.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ContactType:
    """`is_data`: counts as a contact; without it there was no conversation and the ticket is discarded.

    `is_counselling`: as against information, in the international statistics.
    """

    code: str
    is_data: bool
    is_counselling: bool


CONTACT_TYPES: Mapping[str, ContactType] = {
    **{code: ContactType(code, True, True) for code in ("CT01", "CT02", "CT03", "CT04", "CT05")},
    **{code: ContactType(code, True, False) for code in ("CT06", "CT07", "CT08")},
    **{code: ContactType(code, False, False) for code in ("CT10", "CT11", "CT12", "CT13", "CT14", "CT15")},
}

_LAST_CODE: Mapping[str, int] = {
    "VIO": 12, "MIS": 6, "GRD": 9, "PSY": 7, "FAM": 4, "PEE": 3, "EDU": 5, "LIV": 5, "HEA": 5, "LAW": 5, "DIS": 3,
    "INF": 7,
}  # fmt: skip

CATEGORIES: Mapping[str, tuple[str, ...]] = {
    group: (*(f"{group}.{number:02}" for number in range(1, last + 1)), f"{group}.99")
    for group, last in _LAST_CODE.items()
}
CATEGORY_CODES: frozenset[str] = frozenset(code for codes in CATEGORIES.values() for code in codes)

# The most severe first.
URGENCY: tuple[str, ...] = ("U0", "U1", "U2", "U3")
DANGER: frozenset[str] = frozenset({"U0", "U1"})
MATTER_TYPES: tuple[str, ...] = ("consult", "help", "report", "complaint", "suggestion", "thanks")
CONFIDENTIALITY: tuple[str, ...] = ("K1", "K2", "K3", "K4")


def is_less_severe(urgency: str, than: str) -> bool:
    """U3 is less severe than U0. Raises ValueError for an unknown code."""
    return URGENCY.index(urgency) > URGENCY.index(than)


OUTBOUND = "outbound"
"""The channel of a contact that we made ourselves."""


def channel_of(line: str) -> str:
    """The channel of a contact that came in on a dialled number."""
    return f"phone_{line}"
