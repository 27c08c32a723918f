"""The ticket's fields: kind, limits, what a step needs of them. Pure. One definition for form, check and log filter."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from hotline.errors import Invalid, TooLarge
from hotline.log import mark_pii
from hotline.tickets import taxonomy

Kind = Literal["choice", "category", "text"]


@dataclass(frozen=True, slots=True)
class Field:
    """`min_chars`: printed characters that a step needs which requires the field. `pii`: never in a log."""

    name: str
    kind: Kind
    codes: Collection[str] = ()
    min_chars: int = 1
    max_chars: int = 20
    pii: bool = False


TEXT_CHARS = 20_000

FIELDS: Mapping[str, Field] = {
    field.name: field
    for field in (
        Field("contact_type", "choice", codes=taxonomy.CONTACT_TYPES),
        Field("category", "category", codes=taxonomy.CATEGORY_CODES),
        Field("summary", "text", min_chars=10, max_chars=TEXT_CHARS, pii=True),
        Field("urgency", "choice", codes=taxonomy.URGENCY),
        Field("answer", "text", min_chars=10, max_chars=TEXT_CHARS, pii=True),
    )
}

mark_pii(*(field.name for field in FIELDS.values() if field.pii))


def clean(name: str, value: str) -> str:
    """The value as it is stored; empty means not filled in. Raises Invalid or TooLarge, with `field` in extra."""
    field = FIELDS.get(name)
    if field is None:
        raise Invalid("There is no such field.", field=name)
    if len(value) > field.max_chars:
        raise TooLarge(
            "The text has %(count)s characters, at most %(most)s fit; nothing was stored.",
            values={"count": len(value), "most": field.max_chars},
            field=name,
        )
    value = value.replace("\r\n", "\n").replace("\r", "\n")
    if field.kind != "text":
        value = value.strip()
        if value and value not in field.codes:
            raise Invalid("This choice does not exist; nothing was stored.", field=name)
    elif any(_is_unfit(char) for char in value):
        raise Invalid("The text holds characters that cannot be stored; nothing was stored.", field=name)
    return value


def _is_unfit(char: str) -> bool:
    """Control characters but tab and line feed, and halves of surrogate pairs: databases or readers choke on them."""
    return (char < " " and char not in "\t\n") or char == "\x7f" or "\ud800" <= char <= "\udfff"


def given(form: Mapping[str, str]) -> dict[str, str]:
    """What of a posted form are ticket fields."""
    return {name: form[name] for name in FIELDS if name in form}


def problems(required: Iterable[str], values: Mapping[str, str]) -> dict[str, str]:
    """Field → what is missing of it, in form order; empty if a step that requires these may be taken."""
    needed = set(required)
    found = {}
    for name, field in FIELDS.items():
        if name not in needed:
            continue
        printed = sum(1 for char in values.get(name, "") if not char.isspace())
        if not printed:
            found[name] = "This is needed."
        elif printed < field.min_chars:
            found[name] = "At least ten characters are needed."
    return found
