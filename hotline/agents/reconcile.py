"""Agents' rows and Asterisk's queue made to agree, from a snapshot. What Asterisk says is taken in; after its restart
it is first told again what it forgot.

Asterisk keeps membership and pauses in a database of its own, which it writes about a second late: a kill loses the
last changes. So rows that saw them know better than an Asterisk that has just begun; in all else Asterisk is right.
Called by the worker; commands go out through agents.commands.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import cast

from sqlalchemy import select

from hotline.agents import presence, service
from hotline.agents.models import Agent
from hotline.agents.presence import ACW, MemberSeen, Presence, Seen, WrapUpSeen
from hotline.calls.drift import Drift
from hotline.calls.models import Call
from hotline.db import Tx
from hotline.telephony.messages import QueueMember, Snapshot

NOTHING: Mapping[str, datetime] = MappingProxyType({})
_ALL = select(Agent).order_by(Agent.endpoint)
# A page may say that its phone is gone before Asterisk notices, which takes a frozen one some seconds.
_PHONE_SETTLES = timedelta(seconds=15)
_STILL_MEANT = timedelta(seconds=30)  # a command older than that is no longer what anybody waits for


@dataclass(frozen=True, slots=True)
class Wish:
    """What Asterisk must be told of a member. `reason`: of the pause; `until`: end of a wrap-up."""

    endpoint: str
    in_queue: bool
    reason: str | None = None
    until: datetime | None = None


async def everybody(tx: Tx) -> Sequence[Agent]:
    """By endpoint; one statement."""
    return list(await tx.session.scalars(_ALL))


async def take_in(
    tx: Tx,
    taken: Snapshot,
    *,
    only: Collection[str] | None = None,
    but: Collection[str] = (),
    wishes: Iterable[Wish] = (),
    ends: Mapping[str, datetime] = NOTHING,
) -> None:
    """Mark and sweep: every agent (or `only` these endpoints, or all `but` those) agrees with what Asterisk has now.

    Three statements however many. `wishes`: what Asterisk has been told since; `ends`: of wrap-ups, as it keeps them,
    by endpoint.
    """
    agents = list(await tx.session.scalars(_ALL.with_for_update()))
    told = {wish.endpoint: wish for wish in wishes}
    seen = presence.observe_snapshot(as_told(taken, told.values()), [agent.endpoint for agent in agents])
    for agent in agents:
        if agent.endpoint in but or (only is not None and agent.endpoint not in only):
            continue
        before, said = service.shown(agent), seen[agent.endpoint]
        key = f"snapshot:{taken.boot}:{taken.at.isoformat()}:{agent.endpoint}"
        _leave_call(agent, said, taken.at)
        service.apply(agent, said.member, taken.at)
        wish = told.get(agent.endpoint)
        until = wish.until if wish is not None else ends.get(agent.endpoint)
        if until is not None:
            service.apply(agent, WrapUpSeen(agent.endpoint, until, key), taken.at)
        if said.phone is not None:
            service.apply(agent, said.phone, taken.at)
        if service.shown(agent) != before:
            service.changed(tx, agent, taken.at, key)


async def with_calls_at(tx: Tx, nodes: Collection[str]) -> frozenset[str]:
    """Endpoints of agents whose call goes on at one of these Asterisks. One statement."""
    found = (
        select(Agent.endpoint)
        .join(Call, Call.id == Agent.call_id)
        .where(Agent.state.in_(presence.BUSY), Call.node.in_(list(nodes)), Call.ended_at.is_(None))
    )
    return frozenset(await tx.session.scalars(found))


def _leave_call(agent: Agent, said: Seen, at: datetime) -> None:
    if not said.has_leg and agent.state in presence.BUSY:
        over: presence.Kind = "offer_ended" if agent.state == "ringing" else "leg_ended"
        service.enter(agent, presence.step(service.current(agent), over), at)


def as_told(taken: Snapshot, wishes: Iterable[Wish]) -> Snapshot:
    """The snapshot as it would be now that Asterisk has been told."""
    told = {wish.endpoint: wish for wish in wishes}
    members = [member for member in taken.members if member.member not in told]
    members += [
        QueueMember(
            at=taken.at, kind="snapshot", queue=presence.QUEUE, member=wish.endpoint,
            interface=f"PJSIP/{wish.endpoint}", status=0, paused=wish.reason is not None, reason=wish.reason,
        )
        for wish in told.values()
        if wish.in_queue
    ]  # fmt: skip
    return replace(taken, members=tuple(members))


def drift(agents: Sequence[Agent], taken: Snapshot, named: Collection[str]) -> frozenset[Drift]:
    """Where rows say something else than Asterisk. `named`: messages about these are on their way."""
    seen = presence.observe_snapshot(taken, [agent.endpoint for agent in agents])
    found: set[Drift] = set()
    for agent in agents:
        if agent.endpoint not in named:
            found |= {Drift(kind, agent.endpoint, what) for kind, what in _drift(agent, seen[agent.endpoint], taken.at)}
    return frozenset(found)


def _drift(agent: Agent, said: Seen, at: datetime) -> Iterable[tuple[str, str]]:
    if agent.state in presence.BUSY and not said.has_leg:
        yield "member", "ended"
    row = service.current(agent)
    if (row.in_queue, row.reason) != (said.member.in_queue, said.member.reason):
        yield "member", _member(row, said.member)
    if said.phone is None or at - agent.phone_since < _PHONE_SETTLES:
        return
    phone, _contact = presence.phone(cast(presence.Phone, agent.phone), agent.phone_contact, said.phone)
    # After a sign-off Asterisk knows the registration until it runs out: nobody has the phone all the same.
    if agent.phone not in {phone, "none"}:
        yield "phone", "lost" if phone == "lost" else "found"


def _member(row: Presence, said: MemberSeen) -> str:
    if row.in_queue != said.in_queue:
        return "joined" if said.in_queue else "left"
    return "unpaused" if said.reason is None else "paused"


def forgotten(agents: Sequence[Agent], taken: Snapshot, *, wrap_up: timedelta, heard_all: bool) -> tuple[Wish, ...]:
    """What an Asterisk that has just started must be told. `heard_all`: we listened until its end; if not, a wrap-up
    that it remembers and we do not began while we were away.
    """
    seen = presence.observe_snapshot(taken, [agent.endpoint for agent in agents])
    wishes = []
    for agent in agents:
        wish, said = _wish(agent, taken.at, wrap_up), seen[agent.endpoint].member
        if said.reason == ACW and wish.in_queue and wish.reason is None and not heard_all:
            continue
        # The end of a wrap-up is told in any case: whether Asterisk has it still cannot be seen.
        if wish.until is not None or (wish.in_queue, wish.reason) != (said.in_queue, said.reason):
            wishes.append(wish)
    return tuple(wishes)


def _wish(agent: Agent, at: datetime, wrap_up: timedelta) -> Wish:
    """As the rows have it, with a command that was under way, and without the call that ended with Asterisk."""
    is_meant = agent.pending_at is not None and at - agent.pending_at < _STILL_MEANT
    command, _, asked = (agent.pending or "" if is_meant else "").partition(":")
    if command == "log_off" or not (agent.in_queue or command == "ready"):
        return Wish(agent.endpoint, False)
    if command == "pause":
        return Wish(agent.endpoint, True, asked)
    if command == "ready":
        return Wish(agent.endpoint, True)
    if agent.state == "on_call" and agent.reason is None and wrap_up:
        return Wish(agent.endpoint, True, ACW, at + wrap_up)
    if agent.reason != ACW:
        return Wish(agent.endpoint, True, agent.reason)
    end = service.wrap_up_end(agent, wrap_up) if agent.state == "wrap_up" else at + wrap_up
    return Wish(agent.endpoint, True, ACW, end) if end > at else Wish(agent.endpoint, True)
