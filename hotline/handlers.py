"""The wiring page: which event does what. In-process handlers run in the transaction that emits the event.

Order matters: rows of the call first, then its ticket, then the agent. A handler that fails is parked and tried again
without losing the others' work (hotline.db).
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from uuid import UUID

from hotline.agents import outbound, watching
from hotline.agents import service as agents
from hotline.calls import service as calls
from hotline.calls.models import Call
from hotline.db import Emitted, Handler, Tx
from hotline.events import (
    AgentLegEnded,
    AgentMissed,
    AgentOfferEnded,
    AgentRang,
    CallAnswered,
    CallAside,
    CallBackWanted,
    CallCorrected,
    CallEnded,
    CallEvent,
    CallLineNamed,
    CallMerged,
    CallQueued,
    CallRejoined,
    CallStarted,
    CallTransferred,
    CallWished,
    Event,
    LegAside,
    LegHeld,
    LegRejoined,
    LegResumed,
    PartyAnswered,
    PartyLeft,
    PartyRang,
    PenHanded,
    RecordingStarted,
    SignedIn,
    SignedOut,
    TicketHandedTo,
    TicketShownTo,
)
from hotline.tickets import call_backs, listening, pen, taxonomy
from hotline.tickets import service as tickets

# Directions of calls that began at a phone of ours.
MADE = frozenset({"outbound", "internal"})
# Whose phone rings for advice, for a talk that is a colleague's yet, or to listen: they read the ticket.
READERS = frozenset({"transfer", "consult", "supervisor"})
# How the pen moves with a caller whom an agent takes on in the talk; a blind transfer moves it when it is answered.
HANDING = {"attended": "transfer", "take-over": "take-over"}


class Handlers:
    """`call_back_due`: by when somebody whom nobody helped at an instant is to be rung (ivr.hours); `listen_due`: by
    when a message is to be listened to.
    """

    def __init__(
        self,
        call_back_due: Callable[[datetime], datetime],
        listen_due: Callable[[datetime], datetime] = lambda at: at,
    ) -> None:
        self._call_back_due, self._listen_due = call_back_due, listen_due
        self.on: Mapping[type[Event], tuple[Handler, ...]] = {
            CallStarted: (calls.record, open_ticket, self.owe_late),
            CallQueued: (calls.record,),
            CallWished: (calls.record,),
            CallBackWanted: (calls.record, self.owe_wanted),
            AgentRang: (name_agent, calls.record, agents.on_call_event, offer_ticket),
            AgentMissed: (name_agent, calls.record, agents.on_call_event, take_ticket_back),
            AgentOfferEnded: (name_agent, calls.record, agents.on_call_event, take_ticket_back),
            CallAnswered: (name_agent, calls.record, agents.on_call_event, hand_ticket, settle_call_back),
            AgentLegEnded: (name_agent, calls.record, agents.on_call_event, watching.on_call_event),
            LegHeld: (name_agent, calls.record),
            LegResumed: (name_agent, calls.record),
            LegAside: (name_agent, calls.record),
            LegRejoined: (name_agent, calls.record),
            CallAside: (name_agent, calls.record),
            CallRejoined: (name_agent, calls.record),
            CallTransferred: (name_agent, calls.record, pass_pen),
            PartyRang: (name_agent, calls.record),
            PartyAnswered: (name_agent, calls.record),
            PartyLeft: (calls.record,),
            RecordingStarted: (calls.record,),
            CallMerged: (calls.record, agents.on_call_event, watching.on_call_event),
            CallEnded: (calls.record, agents.on_call_event, watching.on_call_event, self.owe_call_back),
            CallCorrected: (calls.record, self.owe_call_back),
            CallLineNamed: (calls.record, name_channel),
            TicketHandedTo: (agents.on_ticket_handed,),
            TicketShownTo: (agents.on_ticket_handed,),
            PenHanded: (agents.on_ticket_handed,),
            SignedIn: (agents.on_session,),
            SignedOut: (agents.on_session,),
        }

    async def dispatch(self, tx: Tx, item: Emitted) -> None:
        for handler in self.on.get(type(item.event), ()):
            await tx.run(handler, item)

    async def owe_call_back(self, tx: Tx, item: Emitted) -> None:
        """Whoever got no help and left a number is owed a call; whoever was helped after all is not."""
        event = item.event
        if item.call_id is None or not isinstance(event, CallEnded | CallCorrected) or event.outcome is None:
            return
        if await _reached_nobody(tx, item.call_id):
            return
        if isinstance(event, CallCorrected) and event.outcome not in call_backs.MISSED:
            await call_backs.not_missed(tx, item.call_id, event.at)
            return
        if event.outcome == "voicemail":
            await listening.message_left(tx, item.call_id, event.at, self._listen_due(event.at))
        await call_backs.call_missed(tx, item.call_id, event.outcome, event.at, self._call_back_due)

    async def owe_wanted(self, tx: Tx, item: Emitted) -> None:
        """Whoever asked for a call by key and said where: they are gone when it is told."""
        event = item.event
        if item.call_id is not None and isinstance(event, CallBackWanted) and event.is_safe:
            due = self._call_back_due(event.at)
            await call_backs.call_wanted(tx, item.call_id, event.number, event.at, due)

    async def owe_late(self, tx: Tx, item: Emitted) -> None:
        """A ticket that could only be opened after its call: then nobody was there to owe the call to."""
        call = await tx.session.get(Call, item.call_id) if item.call_id is not None else None
        if call is None or await _reached_nobody(tx, call.id):
            return
        if call.outcome == "voicemail" and call.ended_at is not None:
            await listening.message_left(tx, call.id, call.ended_at, self._listen_due(call.ended_at))
        if call.outcome is not None and call.ended_at is not None:
            await call_backs.call_missed(tx, call.id, call.outcome, call.ended_at, self._call_back_due)


async def _reached_nobody(tx: Tx, call_id: UUID) -> bool:
    """A call of ours to a number where nobody answered: it owes nothing that was not owed before."""
    call = await tx.session.get(Call, call_id)
    return call is not None and call.direction in MADE and call.answered_at is None


async def name_agent(tx: Tx, item: Emitted) -> None:
    """Whose phone it is: calls know ids, only agents know phones."""
    member = getattr(item.event, "member", None)
    if item.agent_id is None and member:
        agent = await agents.by_endpoint(tx, member)
        item.agent_id = agent.id if agent is not None else None


async def open_ticket(tx: Tx, item: Emitted) -> None:
    """The contact and its first ticket exist from the first sign of the call, whatever becomes of it."""
    if item.call_id is None or not isinstance(item.event, CallStarted) or item.event.direction == "internal":
        return
    number = item.event.caller_number
    if number is None:  # tried again from the log, which keeps no numbers
        number = await tx.session.scalar(calls.select_number(item.call_id))
    is_ours = item.event.direction == "outbound"
    dial = await outbound.dial_of(tx, item.event.node, item.event.linkedid) if is_ours else None
    ticket = await tickets.open_for_call(
        tx,
        call_id=item.call_id,
        channel=taxonomy.OUTBOUND if is_ours else taxonomy.channel_of(item.event.line),
        caller_number=number,
        at=item.event.at,
        about=dial.ticket_id if dial is not None else None,
    )
    item.ticket_id = ticket.id


async def settle_call_back(tx: Tx, item: Emitted) -> None:
    """The call-back for which the number was rung is made: somebody answered there."""
    event = item.event
    if item.agent_id is None or not isinstance(event, CallAnswered) or event.role != "dial":
        return
    dial = await outbound.dial_of(tx, event.node, event.linkedid)
    if dial is not None and dial.due_id is not None:
        await call_backs.reached(tx, dial.due_id, item.agent_id, event.at)


async def name_channel(tx: Tx, item: Emitted) -> None:
    if item.call_id is not None and isinstance(item.event, CallLineNamed):
        await tickets.name_channel(tx, item.call_id, item.event.line)


async def offer_ticket(tx: Tx, item: Emitted) -> None:
    """To whom it rings. Who is only asked, or gets the caller from a colleague, reads it at first."""
    event = item.event
    if item.call_id is None or item.agent_id is None or not isinstance(event, AgentRang) or event.is_past:
        return
    show = pen.show_to if event.role in READERS else pen.offer_to
    ticket = await show(tx, item.call_id, item.agent_id, event.at, event.dedupe_key)
    item.ticket_id = ticket.id if ticket is not None else None


async def hand_ticket(tx: Tx, item: Emitted) -> None:
    """To who answered, unless they were only asked. Of a call that is over: only to who answered it last."""
    event = item.event
    if item.call_id is None or item.agent_id is None or not isinstance(event, CallAnswered):
        return
    if event.role not in calls.OWNING:
        return
    if event.is_past:
        call = await tx.session.get(Call, item.call_id)
        if call is None or call.agent_id != item.agent_id:
            return
    how = "transfer" if event.role == "transfer" and not event.is_past else ""
    ticket = await pen.hand_to(tx, item.call_id, item.agent_id, event.at, is_past=event.is_past, how=how)
    item.ticket_id = ticket.id if ticket is not None else None


async def pass_pen(tx: Tx, item: Emitted) -> None:
    """The caller is now another agent's, who was on the line already: so is the ticket."""
    event = item.event
    if item.call_id is None or not isinstance(event, CallTransferred) or event.is_past or event.kind not in HANDING:
        return
    agent = await agents.by_endpoint(tx, event.to)
    if agent is not None:
        ticket = await pen.hand_to(tx, item.call_id, agent.id, event.at, how=HANDING[event.kind])
        item.ticket_id = ticket.id if ticket is not None else None


async def take_ticket_back(tx: Tx, item: Emitted) -> None:
    """Not from whoever has answered meanwhile: their own offer ended too."""
    if item.call_id is None or item.agent_id is None or (isinstance(item.event, CallEvent) and item.event.is_past):
        return
    call = await tx.session.get(Call, item.call_id)
    if call is not None and call.agent_id != item.agent_id:
        await pen.hand_back(tx, item.call_id, item.agent_id, item.event.at)
