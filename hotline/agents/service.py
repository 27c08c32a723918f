"""Agents as rows: what Asterisk says of them, which call they have, and their phones' secrets.

The worker brings observations, agents.reconcile snapshots, handlers.ON call events; every change is one AgentChanged
with a key made from its cause. Commands to Asterisk are agents.commands; nothing here talks to it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import assert_never, cast
from uuid import UUID

from sqlalchemy import bindparam, or_, select

from hotline.access.models import Account
from hotline.agents import presence, watching
from hotline.agents.models import Agent
from hotline.agents.presence import MemberSeen, Observation, PhoneSeen, Presence, SilentSeen, SpySeen, WrapUpSeen
from hotline.calls.models import Call
from hotline.db import Emitted, Tx
from hotline.errors import Conflict, Invalid, NotFound
from hotline.events import (
    AgentChanged,
    AgentLegEnded,
    AgentMissed,
    AgentOfferEnded,
    AgentRang,
    CallAnswered,
    CallEnded,
    CallEvent,
    CallMerged,
    PenHanded,
    PhoneProvisioned,
    PhoneSecretChanged,
    SignedIn,
    SignedOut,
    TicketHandedTo,
    TicketShownTo,
)
from hotline.ids import new_endpoint, new_token

FIRST_EXTENSION = 8001
OUTSIDE = "outside"
"""`phone_contact` of a number outside: the end of the page's registration before it is no loss."""
# Asked at every event of a call or every second, so built once. An endpoint never changes: no need to flush first.
_BY_ENDPOINT = select(Agent).where(Agent.endpoint == bindparam("endpoint")).execution_options(autoflush=False)
_LOCKED_BY_ENDPOINT = _BY_ENDPOINT.with_for_update()
_LOCKED = select(Agent).where(Agent.id == bindparam("agent")).with_for_update().execution_options(autoflush=False)
_NEEDING_ATTENTION = select(Agent).where(
    or_(
        Agent.state == "wrap_up",
        Agent.pending.is_not(None),
        Agent.phone == "lost",
        Agent.reason == presence.PHONE,
        Agent.misses >= presence.MISSES_ALLOWED,
        Agent.silences >= presence.SILENCES_ALLOWED,
    )
)
_BEHIND = (
    select(Agent.id)
    .join(Account, Account.id == Agent.account_id)
    .where(Agent.phone_version > Agent.phone_ready_version, Account.is_active)
    .limit(1)
)
_BUSY_WITH = select(Agent).where(Agent.call_id == bindparam("call"), Agent.state.in_(presence.BUSY)).with_for_update()
_KIND_OF: dict[type, presence.Kind] = {
    AgentRang: "rang",
    AgentOfferEnded: "offer_ended",
    AgentMissed: "missed",
    CallAnswered: "answered",
    AgentLegEnded: "leg_ended",
}


@dataclass(frozen=True, slots=True)
class Phone:
    """What the worker writes for one phone. `ready_version` < `version`: Asterisk has an older secret."""

    agent_id: UUID
    name: str
    extension: str
    endpoint: str
    secret: str = field(repr=False)
    version: int
    ready_version: int
    outside_number: str | None = field(default=None, repr=False)


# Queries


async def get(tx: Tx, agent_id: UUID) -> Agent:
    """Raises NotFound."""
    agent = await tx.session.get(Agent, agent_id)
    if agent is None:
        raise NotFound("There is no such agent.")
    return agent


async def by_account(tx: Tx, account_id: UUID) -> Agent | None:
    return (await tx.session.scalars(select(Agent).where(Agent.account_id == account_id))).one_or_none()


async def by_endpoint(tx: Tx, endpoint: str) -> Agent | None:
    held = tx.held(Agent, endpoint=endpoint)
    return held or (await tx.session.scalars(_BY_ENDPOINT, {"endpoint": endpoint})).one_or_none()


async def needing_attention(tx: Tx) -> Sequence[Agent]:
    """Whom time or a lost phone may ask something of: what the worker's sweep looks at. One statement."""
    return list(await tx.session.scalars(_NEEDING_ATTENTION, {}))


def is_wrap_up_over(agent: Agent, now: datetime, wrap_up: timedelta) -> bool:
    return agent.state == "wrap_up" and wrap_up_end(agent, wrap_up) <= now


def wrap_up_end(agent: Agent, wrap_up: timedelta) -> datetime:
    """The stated end; where its message was lost, `wrap_up` after the call's."""
    return agent.wrap_up_until or agent.since + (presence.REST if agent.reason is None else wrap_up)


async def has_unprovisioned(tx: Tx) -> bool:
    """Whether Asterisk has an older secret of some phone."""
    return await tx.session.scalar(_BEHIND, {}) is not None


async def phones(tx: Tx) -> Sequence[Phone]:
    """Every phone with its current secret, by endpoint. Only for the worker that writes Asterisk's files."""
    rows = await tx.session.scalars(
        select(Agent)
        .join(Account, Account.id == Agent.account_id)
        .where(Agent.phone_version > 0, Account.is_active)
        .order_by(Agent.endpoint)
    )
    return [
        Phone(
            a.id,
            a.name,
            a.extension,
            a.endpoint,
            a.phone_secret,
            a.phone_version,
            a.phone_ready_version,
            a.outside_number,
        )
        for a in rows
    ]


def current(agent: Agent) -> Presence:
    return Presence(cast(presence.State, agent.state), agent.in_queue, agent.reason)


def reaction(agent: Agent) -> presence.Reaction | None:
    """What Asterisk must be told because of the phone or missed calls; agents.commands does so."""
    faults = presence.Faults(agent.misses, agent.silences)
    return presence.reaction(current(agent), agent.since, cast(presence.Phone, agent.phone), agent.phone_since, faults)


# What people set up


async def add_agent(tx: Tx, account_id: UUID, name: str, at: datetime, extension: str | None = None) -> Agent:
    """Gives an account a phone. Raises Invalid for an extension that is no 2–6 digits, Conflict for a taken one."""
    extension = extension or await _free_extension(tx)
    if not (extension.isascii() and extension.isdigit() and 2 <= len(extension) <= 6):
        raise Invalid("An extension is 2 to 6 digits.")
    taken = select(Agent.id).where((Agent.extension == extension) | (Agent.account_id == account_id))
    if (await tx.session.scalars(taken)).first() is not None:
        raise Conflict("The extension is taken, or the account has a phone already.")
    agent = Agent(
        account_id=account_id,
        name=name,
        extension=extension,
        endpoint=new_endpoint(),
        since=at,
        phone_since=at,
        phone_secret="",
        phone_version=0,
    )
    tx.session.add(agent)
    await tx.session.flush()
    await new_secret(tx, agent.id, at)
    return agent


async def _free_extension(tx: Tx) -> str:
    taken = set(await tx.session.scalars(select(Agent.extension)))
    number = FIRST_EXTENSION
    while str(number) in taken:
        number += 1
    return str(number)


async def new_secret(tx: Tx, agent_id: UUID, at: datetime, key: str | None = None) -> int:
    """A new SIP secret for this sign-in, or at sign-off one that nobody knows: the old one is void. Returns its number.

    The worker writes it for Asterisk and then says `provisioned`.
    """
    agent = await locked(tx, agent_id)
    agent.phone_secret = new_token()
    agent.phone_version += 1
    if agent.outside_number is not None:  # it is the page's phone again, and not there yet
        agent.outside_number = None
        agent.phone, agent.phone_since, agent.phone_contact = "none", at, None
    key = key or f"phone:{agent.id}:{agent.phone_version}"
    tx.emit(PhoneSecretChanged(at=at, dedupe_key=key, agent_id=agent.id), agent_id=agent.id)
    return agent.phone_version


async def on_session(tx: Tx, item: Emitted) -> None:
    """Handler of SignedIn, SignedOut: a secret serves one sign-in. A phone in use keeps its own: a call hangs on it.

    A session that only ran out leaves the phone alone: calls go on ringing where somebody may still sit.
    """
    match item.event:
        case SignedIn(account_id=account_id):
            keeps = {"ok"}  # a second browser beside the one with the phone
        case SignedOut(account_id=account_id, why="asked" | "revoked"):
            keeps = {"none"}  # logged off: nobody has this secret
        case _:
            return
    agent = await by_account(tx, account_id)
    if agent is None or agent.phone in keeps or agent.state in presence.BUSY:
        return
    key = f"{item.event.dedupe_key}:secret"
    if not (await tx.known_keys([key]) or any(other.event.dedupe_key == key for other in tx.emitted)):
        await new_secret(tx, agent.id, item.event.at, key)


async def provisioned(tx: Tx, agent_id: UUID, version: int, at: datetime) -> None:
    """Asterisk has the secret with this number."""
    agent = await locked(tx, agent_id)
    if version <= agent.phone_ready_version:
        return
    agent.phone_ready_version = version
    if agent.outside_number is not None:  # it never registers: it is there once Asterisk knows it
        agent.phone, agent.phone_since, agent.phone_contact = "ok", at, OUTSIDE
        changed(tx, agent, at, f"phone:{agent.id}:{version}:outside")
    event = PhoneProvisioned(at=at, dedupe_key=f"phone:{agent.id}:{version}:ready", agent_id=agent.id, version=version)
    tx.emit(event, agent_id=agent.id)


# What Asterisk says


async def observe(tx: Tx, observation: Observation, at: datetime) -> None:
    """One observation becomes rows. About a phone that is nobody's: nothing happens."""
    if isinstance(observation, SpySeen):
        await watching.observe(tx, observation, at)
        return
    agent = await _locked_by_endpoint(tx, observation.endpoint)
    if agent is not None and apply(agent, observation, at):
        changed(tx, agent, at, f"{observation.key}:agent")


def apply(agent: Agent, observation: MemberSeen | PhoneSeen | WrapUpSeen | SilentSeen, at: datetime) -> bool:
    """Whether anything on the row changed."""
    before = shown(agent)
    match observation:
        case MemberSeen():
            enter(agent, presence.member(current(agent), observation), at)
            confirm(agent)
            if observation.told and agent.pending == presence.FAILED:
                agent.pending = agent.pending_at = None  # late, but done
        case PhoneSeen():
            _set_phone(agent, observation, at)
        case WrapUpSeen() if agent.state in {"ringing", "on_call", "wrap_up"}:
            # The agent may have asked for more already.
            agent.wrap_up_until = max(observation.until, agent.wrap_up_until or observation.until)
        case WrapUpSeen():
            pass  # nothing to write about: they are elsewhere already
        case SilentSeen():
            if agent.outside_number is not None or not observation.refused:
                _count_silence(agent, at)
        case _:
            assert_never(observation)
    return shown(agent) != before


async def as_it_was(tx: Tx, event: CallEvent) -> CallEvent:
    """A phone that was lost could not be answered: nobody missed that call, its offer only ended."""
    if not isinstance(event, AgentMissed):
        return event
    agent = await by_endpoint(tx, event.member)
    if agent is None or agent.phone != "lost":
        return event
    key = f"{event.dedupe_key.removesuffix('missed')}withdrawn"
    return AgentOfferEnded(
        at=event.at, dedupe_key=key, node=event.node, linkedid=event.linkedid, member=event.member, leg=event.leg
    )


async def on_call_event(tx: Tx, item: Emitted) -> None:
    """Handler: AgentRang, AgentOfferEnded, AgentMissed, CallAnswered, AgentLegEnded, CallEnded, CallMerged.

    What is over already says nothing of what an agent does now.
    """
    if isinstance(item.event, CallEvent) and item.event.is_past and not isinstance(item.event, CallEnded):
        return
    match item.event:
        case AgentRang() | AgentOfferEnded() | AgentMissed() | CallAnswered() | AgentLegEnded():
            await _on_leg(tx, item, item.event)
        case CallEnded():
            await _on_call_ended(tx, item)
        case CallMerged():
            await _on_merge(tx, item, item.event)
        case _:
            return


async def on_ticket_handed(tx: Tx, item: Emitted) -> None:
    """Handler of TicketHandedTo, TicketShownTo, PenHanded: what an agent with a call on the phone has before them."""
    if not isinstance(item.event, TicketHandedTo | TicketShownTo | PenHanded):
        return
    if isinstance(item.event, TicketHandedTo) and item.event.is_past:
        return
    agent = await locked(tx, item.event.agent_id)
    if agent.state in presence.BUSY and agent.ticket_id != item.event.ticket_id:
        agent.ticket_id = item.event.ticket_id
        changed(tx, agent, item.event.at, f"{item.event.dedupe_key}:agent")


async def _on_leg(
    tx: Tx, item: Emitted, event: AgentRang | AgentOfferEnded | AgentMissed | CallAnswered | AgentLegEnded
) -> None:
    agent = await _locked_by_endpoint(tx, event.member)
    if agent is None:
        return
    item.agent_id = item.agent_id or agent.id
    if agent.call_id == item.call_id:
        item.ticket_id = item.ticket_id or agent.ticket_id  # who has it on the screen hears who comes and goes
    kind, before = _KIND_OF[type(event)], shown(agent)
    if kind in {"rang", "answered"}:
        call = await tx.session.get(Call, item.call_id) if item.call_id is not None else None
        if call is not None and call.ended_at is not None:
            return  # a handler that was tried again late
        # A second offer beside a call is no reason to forget the call.
        if agent.state != "on_call" or kind == "answered":
            agent.ticket_id = agent.ticket_id if agent.call_id == item.call_id else None
            agent.call_id = item.call_id
    elif item.call_id is not None and agent.call_id not in {None, item.call_id}:
        return
    if kind == "answered":
        agent.misses = 0
    elif kind == "missed" and agent.state == "ringing" and agent.phone != "lost":
        agent.misses += 1
    enter(agent, presence.step(current(agent), kind), event.at)
    confirm(agent)
    if shown(agent) != before:
        changed(tx, agent, event.at, f"{event.dedupe_key}:agent")


async def _on_call_ended(tx: Tx, item: Emitted) -> None:
    """Nothing of the call is left, so nobody can still have it, whatever message was lost."""
    if item.call_id is None:
        return
    for agent in await tx.session.scalars(_BUSY_WITH, {"call": item.call_id}):
        over: presence.Kind = "offer_ended" if agent.state == "ringing" else "leg_ended"
        enter(agent, presence.step(current(agent), over), item.event.at)
        changed(tx, agent, item.event.at, f"{item.event.dedupe_key}:{agent.endpoint}")


async def _on_merge(tx: Tx, item: Emitted, event: CallMerged) -> None:
    """The younger call's agent now has the older call."""
    other = await tx.session.scalar(select(Call.id).where(Call.node == event.node, Call.linkedid == event.other))
    if other is None or item.call_id is None or other == item.call_id:
        return
    for agent in await tx.session.scalars(select(Agent).where(Agent.call_id == other).with_for_update()):
        agent.call_id = item.call_id
        changed(tx, agent, event.at, f"{event.dedupe_key}:{agent.endpoint}")


# Rows


async def locked(tx: Tx, agent_id: UUID) -> Agent:
    """The row, to be changed. Raises NotFound."""
    agent = (await tx.session.scalars(_LOCKED, {"agent": agent_id})).one_or_none()
    if agent is None:
        raise NotFound("There is no such agent.")
    return agent


async def _locked_by_endpoint(tx: Tx, endpoint: str) -> Agent | None:
    held = tx.held(Agent, endpoint=endpoint)
    if held is not None:
        return held
    return (await tx.session.scalars(_LOCKED_BY_ENDPOINT, {"endpoint": endpoint})).one_or_none()


def enter(agent: Agent, now: Presence, at: datetime) -> None:
    """Put a presence on the row, with what depends on it."""
    before = current(agent)
    if now == before:
        return
    agent.state, agent.in_queue, agent.reason = now.state, now.in_queue, now.reason
    if now.state != before.state or (now.state == "paused" and now.reason != before.reason):
        agent.since = at
        if agent.pending == presence.FAILED:
            agent.pending = agent.pending_at = None
    if now.state != before.state and not _keeps_end(agent, now.state, at):
        agent.wrap_up_until = None
    if now.state not in presence.BUSY:
        agent.sound = None  # of a page that died in its call, too
    if now.state in {"offline", "ready", "paused"}:
        agent.call_id = agent.ticket_id = None


def _keeps_end(agent: Agent, state: str, at: datetime) -> bool:
    """The dialplan may state the wrap-up's end before the leg's end is seen; an end of an earlier call is none."""
    return state == "wrap_up" and agent.wrap_up_until is not None and agent.wrap_up_until > at


def confirm(agent: Agent) -> None:
    """A pressed button stops being pending when Asterisk has done it."""
    if agent.pending is not None and presence.is_confirmed(agent.pending, current(agent)):
        agent.pending = agent.pending_at = None


def _set_phone(agent: Agent, seen: PhoneSeen, at: datetime) -> None:
    phone, contact = presence.phone(cast(presence.Phone, agent.phone), agent.phone_contact, seen)
    if phone != agent.phone or (phone == "ok" and contact not in {None, agent.phone_contact}):
        agent.phone, agent.phone_since = phone, at
    agent.phone_contact = contact


def _count_silence(agent: Agent, at: datetime) -> None:
    """A phone that is lost is silent too, and is dealt with as that."""
    if agent.phone == "lost":
        return
    is_again = agent.silent_at is not None and at - agent.silent_at <= presence.SILENCES_WITHIN
    agent.silences, agent.silent_at = (agent.silences if is_again else 0) + 1, at


def changed(tx: Tx, agent: Agent, at: datetime, key: str) -> None:
    event = AgentChanged(
        at=at, dedupe_key=key, agent_id=agent.id, state=agent.state, reason=agent.reason, phone=agent.phone
    )
    tx.emit(event, call_id=agent.call_id, ticket_id=agent.ticket_id, agent_id=agent.id)


def shown(agent: Agent) -> tuple[object, ...]:
    """What screens show of the row: a change of it is an event."""
    return (
        agent.state, agent.reason, agent.in_queue, agent.since, agent.pending, agent.phone, agent.wrap_up_until,
        agent.call_id, agent.ticket_id,
    )  # fmt: skip
