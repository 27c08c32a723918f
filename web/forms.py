"""Form bodies as text: URL-encoded, strict UTF-8, bounded. Nothing is guessed, what cannot be read is refused."""

from urllib.parse import parse_qsl

from starlette.requests import Request

from hotline.errors import Invalid, TooLarge

BODY_LIMIT = 1024 * 1024
_FIELDS = 100
_KIND = "application/x-www-form-urlencoded"
# What browsers' and our own forms never send but a database, a log line or a telephone header could choke on.
_CONTROL = {chr(code) for code in range(32)} - {"\t", "\n", "\r"} | {"\x7f"}


async def read_form(request: Request) -> dict[str, str]:
    """Field → text; of a repeated field the last. Raises Invalid or TooLarge; an empty body is an empty form."""
    seen: dict[str, str] | None = getattr(request.state, "form", None)
    if seen is None:
        seen = parse(await request.body(), request.headers.get("content-type", ""))
        request.state.form = seen
    return seen


def parse(body: bytes, content_type: str) -> dict[str, str]:
    """The same from bytes."""
    if not body:
        return {}
    if len(body) > BODY_LIMIT:
        raise TooLarge("What was sent is too large; nothing was stored.")
    if content_type.partition(";")[0].strip().lower() != _KIND:
        raise Invalid("The form must be sent as application/x-www-form-urlencoded; nothing was stored.")
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, encoding="utf-8", errors="strict", max_num_fields=_FIELDS
        )
        for pair in pairs:
            for part in pair:
                part.encode("utf-8")
    except UnicodeError:
        raise Invalid("The text is not valid UTF-8; nothing was stored.") from None
    except ValueError:
        raise Invalid("The form has too many fields; nothing was stored.") from None
    for name, value in pairs:
        if not _CONTROL.isdisjoint(name) or not _CONTROL.isdisjoint(value):
            raise Invalid("The text holds control characters; nothing was stored.")
    return dict(pairs)


def whole(form: dict[str, str], name: str) -> int:
    """A required whole number of at most nine digits. Raises Invalid."""
    value = form.get(name, "")
    if not (value.isascii() and value.isdigit() and len(value) <= 9):
        raise Invalid("The form's version is missing or wrong; load the page again.", field=name)
    return int(value)
