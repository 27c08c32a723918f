"""Stretches of time, and what they have in common. Pure."""

from collections.abc import Iterable
from datetime import datetime, timedelta

Span = tuple[datetime, datetime]
"""From, to. One that ends before it begins is none."""


def union(spans: Iterable[Span]) -> list[Span]:
    """The same time without overlaps, in order."""
    found: list[Span] = []
    spans = list(spans)
    if len(spans) == 1:
        return spans if spans[0][0] < spans[0][1] else found
    for since, until in sorted(spans):
        if until <= since:
            continue
        if found and since <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], until))
        else:
            found.append((since, until))
    return found


def common(one: Iterable[Span], other: Iterable[Span]) -> list[Span]:
    """What is in both."""
    right = union(other)
    pairs = ((max(a, c), min(b, d)) for a, b in union(one) for c, d in right)
    return [(since, until) for since, until in pairs if since < until]


def without(one: Iterable[Span], other: Iterable[Span]) -> list[Span]:
    """What is in the first and not in the second."""
    found = union(one)
    for since, until in union(other):
        found = [part for a, b in found for part in ((a, min(b, since)), (max(a, until), b)) if part[0] < part[1]]
    return found


def length(spans: Iterable[Span]) -> timedelta:
    """Of all of them, each moment once."""
    spans = list(spans)
    if len(spans) == 1:
        return max(spans[0][1] - spans[0][0], timedelta())
    return sum((until - since for since, until in union(spans)), timedelta())
