"""Who is on an agent's call and how it stands with them, who is parked, to whom a call can go: rows to view models.

In a fixed number of statements. Numbers leave masked where the person may not see them whole.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import bindparam, or_, select

from hotline.agents import presence
from hotline.agents.models import Agent
from hotline.calls import directory
from hotline.calls.models import Call, CallOffer, CallParty
from hotline.db import Tx
from hotline.labels import N_
from hotline.settings import Settings
from hotline.tickets.models import Contact, ContactTicket, Ticket
from web.board import masked
from web.views import AgentRow, LegRow, ParkedCall, Talk, Target

_MISSED_FOR = timedelta(seconds=20)
_NOT_REACHED = frozenset({"missed", "busy", "no_answer", "rejected", "failed"})
_MINE = (
    select(Call, CallOffer)
    .join(CallOffer, CallOffer.call_id == Call.id)
    .where(
        CallOffer.agent_id == bindparam("agent"), CallOffer.left_at.is_(None), Call.ended_at.is_(None),
        # Who took a call over has it, whatever their leg came as.
        or_(CallOffer.role != "supervisor", CallOffer.owned_at.is_not(None)),
        or_(CallOffer.result == "answered", (CallOffer.result == "ringing") & (CallOffer.role == "consult")),
    )
    .order_by(CallOffer.rang_at.desc())
    .limit(1)
)  # fmt: skip
_OFFERS = select(CallOffer).where(CallOffer.call_id == bindparam("call")).order_by(CallOffer.rang_at)
_PARTIES = select(CallParty).where(CallParty.call_id == bindparam("call")).order_by(CallParty.rang_at)
_PARKED = (
    select(Call, Agent.name, Ticket.ref)
    .outerjoin(Agent, Agent.endpoint == Call.aside_by)
    .outerjoin(Contact, Contact.call_id == Call.id)
    .outerjoin(ContactTicket, ContactTicket.contact_id == Contact.id)
    .outerjoin(Ticket, Ticket.id == ContactTicket.ticket_id)
    .where(Call.aside == "parked", Call.ended_at.is_(None))
    .order_by(Call.aside_at, Ticket.opened_at.desc())
)


async def talk_of(tx: Tx, agent_id: UUID, settings: Settings, locale: str, at: datetime, *, full: bool) -> Talk | None:
    """The call on this agent's phone, None without one. Four statements."""
    row = (await tx.session.execute(_MINE, {"agent": agent_id})).first()
    if row is None:
        return None
    call, mine = row
    offers = list(await tx.session.scalars(_OFFERS, {"call": call.id}))
    parties = list(await tx.session.scalars(_PARTIES, {"call": call.id}))
    names, unreachable = await _people(tx, offers, call.aside_by)
    # Of a call that we made, the number rung first is who we talk to.
    outside = parties.pop(0) if call.direction == "outbound" and parties else None

    def party_name(party: CallParty) -> str:
        place = directory.place_of(settings, party.number) if party.number else None
        return place.name(locale) if place else (masked(party.number) or "")

    others = [leg for leg in offers if leg.id != mine.id and _is_there(leg)]
    present = [party for party in parties if party.left_at is None]
    # Of several with the caller one asks somebody else: whoever rang after that is with them, not with the caller.
    away = next((leg for leg in offers if leg.aside_at is not None and leg.left_at is None), None)
    since = away.aside_at if away is not None else None
    asked = [
        (names.get(leg.member, ""), leg.result == "answered")
        for leg in others
        if leg.role == "consult" and (since is None or leg.rang_at >= since)
    ]
    asked += [
        (party_name(party), party.answered_at is not None)
        for party in present
        if since is None or party.rang_at >= since
    ]
    state, with_name = _state(call, mine, away, asked, names=names, others=len(others) + len(present))
    aside = state in {"consult", "calling", "gone"}

    def is_asked(leg: CallOffer | CallParty) -> bool:
        return aside if since is None else leg is away or leg.rang_at >= since

    caller = LegRow(
        kind="caller",
        name=call.caller_number if full else masked(call.caller_number),
        state=_caller_state(call, mine, outside),
        since=_caller_since(call, mine, outside),
    )
    rows = [caller]
    for leg in others:
        name = names.get(leg.member, "")
        rows.append(_leg("agent", name, leg.ended_at, leg.rang_at, leg.held_at, aside=is_asked(leg)))
    for party in present:
        rows.append(_leg("party", party_name(party), party.answered_at, party.rang_at, None, aside=is_asked(party)))
    missed = None
    if call.aside is None and state in {"talking", "held"}:
        # Who rang and is without a phone since was not called off by this agent: the phone is what failed.
        ends = [
            (leg.ended_at, names.get(leg.member, ""), "failed" if _died(leg, unreachable) else leg.result)
            for leg in offers
            if leg.role == "consult"
        ]
        ends += [(one.left_at, party_name(one), one.result) for one in parties if one.member == mine.member]
        missed = _missed(ends, at)
    legs = tuple(rows)
    return Talk(
        call_id=str(call.id),
        state=state,
        with_name=with_name,
        legs=legs,
        in_room=call.aside == "held",
        among=away is not None and call.aside is None,
        missed=missed,
        stamp=" ".join([state, *(f"{leg.kind}:{leg.state}:{leg.since:%H%M%S%f}" for leg in legs)]),
    )


def _is_there(leg: CallOffer) -> bool:
    is_on_it = leg.role != "supervisor" or leg.owned_at is not None
    return leg.left_at is None and leg.result in {"ringing", "answered"} and is_on_it


def _state(
    call: Call,
    mine: CallOffer,
    away: CallOffer | None,
    asked: list[tuple[str, bool]],
    *,
    names: Mapping[str, str],
    others: int,
) -> tuple[str, str]:
    """State of the call as this agent has it, and the name of whom they ask or who asks them. `away`: who has stepped
    out of a conference to ask somebody.
    """
    if call.aside != "gone" and (mine is away or (call.aside == "consult" and call.aside_by == mine.member)):
        name, is_up = asked[-1] if asked else ("", False)
        return ("consult" if is_up else "calling"), name
    asker = call.aside_by or (away.member if away is not None else "")
    is_theirs = away is not None and away.aside_at is not None and mine.rang_at >= away.aside_at
    is_asked = is_theirs or call.aside == "consult" or mine.result == "ringing"
    if mine.role == "consult" and call.aside != "gone" and is_asked:
        return "asked", names.get(asker, "")
    if call.aside in {"held", "gone"}:
        return call.aside, ""
    if others:
        return "conference", names.get(away.member, "") if away is not None else ""
    return ("held" if mine.held_at is not None else "talking"), ""


def _caller_state(call: Call, mine: CallOffer, outside: CallParty | None) -> str:
    if outside is not None and outside.answered_at is None:
        return "ringing"
    if call.aside == "gone":
        return "gone"
    if call.aside == "consult":
        return "waiting"
    return "held" if call.aside is not None or mine.held_at is not None else "talking"


def _caller_since(call: Call, mine: CallOffer, outside: CallParty | None) -> datetime:
    if call.aside_at is not None:
        return call.aside_at
    if mine.held_at is not None:
        return mine.held_at
    if outside is not None:
        return outside.answered_at or outside.rang_at
    return mine.owned_at or mine.ended_at or mine.rang_at


def _leg(
    kind: str, name: str, answered_at: datetime | None, rang_at: datetime, held_at: datetime | None, *, aside: bool
) -> LegRow:
    if answered_at is None:
        return LegRow(kind, name, "ringing", rang_at)
    if held_at is not None:
        return LegRow(kind, name, "held", held_at)
    return LegRow(kind, name, "asked" if aside else "talking", answered_at)


def _missed(ends: Iterable[tuple[datetime | None, str, str]], at: datetime) -> tuple[str, str] | None:
    """Who was asked last in vain, and why; a little while only. `ends`: when, whose name, what came of it."""
    known = [(ended_at, name, why) for ended_at, name, why in ends if ended_at is not None]
    ended_at, name, why = max(known, default=(at, "", "answered"))
    return (name, why) if why in _NOT_REACHED and at - ended_at < _MISSED_FOR else None


def _died(leg: CallOffer, unreachable: frozenset[str]) -> bool:
    return leg.result == "withdrawn" and leg.member in unreachable


async def _people(
    tx: Tx, offers: Iterable[CallOffer], aside_by: str | None
) -> tuple[Mapping[str, str], frozenset[str]]:
    """Names by endpoint, and the endpoints without a phone."""
    endpoints = {offer.member for offer in offers} | ({aside_by} if aside_by else set())
    rows = list(
        await tx.session.execute(select(Agent.endpoint, Agent.name, Agent.phone).where(Agent.endpoint.in_(endpoints)))
    )
    return {row.endpoint: row.name for row in rows}, frozenset(row.endpoint for row in rows if row.phone != "ok")


async def parked(tx: Tx, *, full: bool) -> list[ParkedCall]:
    """Callers whom anybody may pick up, longest first. One statement."""
    found: dict[UUID, ParkedCall] = {}
    for call, by, ref in await tx.session.execute(_PARKED):
        found.setdefault(
            call.id,
            ParkedCall(
                call_id=str(call.id),
                linkedid=call.linkedid,
                line=call.line,
                number=call.caller_number if full else masked(call.caller_number),
                since=call.aside_at or call.phase_at,
                by=by,
                ref=ref,
            ),
        )
    return list(found.values())


def targets(agents: Mapping[UUID, AgentRow], me: UUID, settings: Settings, locale: str) -> list[Target]:
    """The queue, then colleagues with those who can be rung first, then the directory. `why`: cannot be rung now."""
    found = [Target("queue", "queue", "", "queue 队列 排队", "", "", None, None)]
    for agent_id, agent in sorted(agents.items(), key=_nearness):
        if agent_id == me or (agent.state == "offline" and agent.phone != "ok"):
            continue
        words = f"{agent.name} {agent.extension}"
        found.append(
            Target("agent", f"agent:{agent_id}", agent.name, words, agent.state, agent.phone, None, _why(agent))
        )
    for place in directory.places(settings).values():
        words = f"{place.name_zh} {place.name_en} {place.number} {place.code}"
        found.append(Target(place.kind, f"place:{place.code}", place.name(locale), words, "", "", place.number, None))
    return found


def _nearness(item: tuple[UUID, AgentRow]) -> tuple[bool, bool, str]:
    agent = item[1]
    return _why(agent) is not None, agent.state != "ready", agent.order


def _why(agent: AgentRow) -> str | None:
    if agent.phone != "ok":
        return N_("No phone is connected there now.")
    return N_("On another call.") if agent.state in presence.BUSY else None
