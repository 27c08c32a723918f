"""Until when the certificate that browsers are shown is good: asked of whoever answers at the address, not of a file.

A file that was renewed while the proxy still shows the old one is a certificate that ends.
"""

import asyncio
import ssl
from collections.abc import Iterable
from datetime import UTC, datetime
from urllib.parse import urlsplit

_UTC_TIME, _GENERALIZED_TIME, _VERSION = 0x17, 0x18, 0xA0


async def first_end(urls: Iterable[str]) -> datetime | None:
    """The earliest that any of these addresses shows. Raises as `shown_until` does."""
    ends = [await shown_until(url) for url in urls]
    return min((end for end in ends if end is not None), default=None)


async def shown_until(url: str) -> datetime | None:
    """`url`: wss:// or https://. None for another scheme. Whoever signed it does not matter here.

    Raises OSError when nobody answers, ValueError when what is shown is no X.509 certificate.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"wss", "https"} or not parts.hostname:
        return None
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    _reader, writer = await asyncio.open_connection(
        parts.hostname, parts.port or 443, ssl=context, server_hostname=parts.hostname
    )
    try:
        shown = writer.get_extra_info("ssl_object").getpeercert(True)
    finally:
        writer.close()
    return not_after(shown or b"")


def not_after(der: bytes) -> datetime:
    """`notAfter` of an X.509 certificate (RFC 5280 §4.1). Raises ValueError."""
    try:
        _tag, start, _end = _element(der, 0)
        _tag, at, _end = _element(der, start)  # tbsCertificate
        tag, _start, end = _element(der, at)
        skipped = 3 if tag != _VERSION else 4  # version, serialNumber, signature, issuer
        for _ in range(skipped):
            at = _element(der, at)[2]
        _tag, at, _end = _element(der, at)  # validity
        at = _element(der, at)[2]
        tag, start, end = _element(der, at)
        text = der[start:end].decode("ascii")
        if tag == _UTC_TIME:  # two digits: 50 to 99 are 19xx
            text = ("19" if int(text[:2]) >= 50 else "20") + text
        elif tag != _GENERALIZED_TIME:
            raise ValueError("no time where notAfter should be")
        return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
    except IndexError:
        raise ValueError("the certificate is cut off") from None


def _element(der: bytes, at: int) -> tuple[int, int, int]:
    """Tag, first byte and end of the DER element at `at`."""
    tag, length, start = der[at], der[at + 1], at + 2
    if length & 0x80:
        count = length & 0x7F
        length, start = int.from_bytes(der[start : start + count], "big"), start + count
    if start + length > len(der):
        raise IndexError
    return tag, start, start + length
