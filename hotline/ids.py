"""Ids and secrets. Pure but for the operating system's randomness."""

import secrets
import uuid

_ENDPOINT_BYTES = 5


def new_id() -> uuid.UUID:
    """Opaque primary key."""
    return uuid.uuid4()


def new_token() -> str:
    """A bearer secret of 256 bits, URL-safe."""
    return secrets.token_urlsafe(32)


def new_password() -> str:
    """A password a person can copy: 4 groups of 4 from an alphabet without look-alikes (about 80 bits)."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(alphabet) for _ in range(4)) for _ in range(4))


def new_endpoint() -> str:
    """SIP endpoint id of an agent's phone: random, so that nobody finds phones by counting extensions."""
    return "a" + secrets.token_hex(_ENDPOINT_BYTES)


def check_digit(number: int) -> int:
    """ISO 7064 MOD 11,10 check digit: finds every wrong digit and nearly every swap when a reference is read aloud."""
    product = 10
    for char in str(number):
        total = (int(char) + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10


def ticket_ref(number: int) -> str:
    """`H-2031-7`: sequence number and check digit."""
    return f"H-{number}-{check_digit(number)}"
