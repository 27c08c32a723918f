"""What changes a call, and the events that say so. Pure: no I/O, no clock.

Called by calls.tracker and calls.moves, which know what Asterisk's messages mean. Each change is made and told once:
what is so already gives no event.
"""

from datetime import datetime, timedelta
from typing import Any

from hotline.calls.legs import OWNS, Aside, LiveCall, Offer, Party, dialled, milliseconds
from hotline.calls.registry import Registry
from hotline.calls.spans import common, length
from hotline.events import (
    AgentLegEnded,
    AgentMissed,
    AgentOfferEnded,
    AgentRang,
    CallAnswered,
    CallAside,
    CallBackWanted,
    CallEnded,
    CallEvent,
    CallMerged,
    CallQueued,
    CallRejoined,
    CallStarted,
    CallTransferred,
    CallWished,
    LegAside,
    LegHeld,
    LegRejoined,
    LegResumed,
    PartyAnswered,
    PartyLeft,
    PartyRang,
    RecordingStarted,
)
from hotline.telephony.messages import Channel

UNKNOWN_LINE = "unknown"
_RESULTS = {
    "BUSY": "busy", "NOANSWER": "no_answer", "CANCEL": "withdrawn", "ABORT": "withdrawn", "DONTCALL": "rejected",
    "TORTURE": "rejected", "CONGESTION": "failed", "CHANUNAVAIL": "failed",
}  # fmt: skip
# Q.850, where the far end said more than Dial() does (for a number that is none it says NOANSWER): 17 busy, 18 and 19
# no answer, 21 rejected; 1 to 3, 22, 27, 28 and 34 to 47: no such number, no way there, no room.
_CAUSES = {17: "busy", 18: "no_answer", 19: "no_answer", 21: "rejected"} | dict.fromkeys(
    (1, 2, 3, 22, 27, 28, *range(34, 48)), "failed"
)


class Teller:
    """Of one node. `has_holds`: whether who feeds us knows of holds; Asterisk's journal does not."""

    def __init__(self, node: str, registry: Registry, *, has_holds: bool = True) -> None:
        self.node, self.registry, self.has_holds = node, registry, has_holds

    def about(self, call: LiveCall, at: datetime, key: str) -> dict[str, Any]:
        return {"at": at, "dedupe_key": f"{self.node}:{key}", "node": self.node, "linkedid": call.own}

    # The call itself

    def start(self, call: LiveCall, at: datetime, channel: Channel | None = None) -> list[CallEvent]:
        """CallStarted, once."""
        if call.is_told:
            return []
        call.is_told = True
        if channel is not None and call.direction == "inbound":
            call.caller = call.caller or channel.uniqueid
            call.number = call.number or dialled(channel.caller_number)
        call.line = call.line or UNKNOWN_LINE
        call.started_at = call.started_at or at
        return [
            CallStarted(
                **self.about(call, call.started_at, f"{call.own}:started"),
                line=call.line,
                direction=call.direction,
                caller_number=call.number,
                origin_number=call.origin[0] or None,
                origin_order=call.origin[1] or None,
            )
        ]

    def merged(self, call: LiveCall, at: datetime, other: str) -> list[CallEvent]:
        if not call.is_told:
            return []
        return [CallMerged(**self.about(call, at, f"{call.own}:merged:{other}"), other=other)]

    def queued(self, call: LiveCall, queue: str, at: datetime) -> list[CallEvent]:
        if call.waits_since is not None:  # told again
            return []
        for offer in call.talks:  # nobody waits and talks: that talk is over, its own messages are still to come
            offer.left_at = at
        events = self.rejoined(call, None, at)
        call.waits_since, call.owner, call.sent, call.completed_by = at, "", None, None
        call.queued_at = call.queued_at or at
        call.unqueued_at = None
        key = f"{call.own}:queued:{_us(at)}"
        return [*events, CallQueued(**self.about(call, at, key), queue=queue, recording=call.recording)]

    def wished(self, call: LiveCall, wish: str, at: datetime) -> list[CallEvent]:
        return [CallWished(**self.about(call, at, f"{call.own}:wish:{wish}"), wish=wish)]

    def wants_call_back(self, call: LiveCall, is_safe: bool, number: str, at: datetime) -> list[CallEvent]:
        key = f"{call.own}:call-back:{'safe' if is_safe else 'unsafe'}"
        return [
            CallBackWanted(**self.about(call, at, key), is_safe=is_safe, number=dialled(number) if is_safe else None)
        ]

    def recording(self, call: LiveCall, at: datetime) -> list[CallEvent]:
        """The recorder writes while caller and agent are joined; until then there is a name and no sound."""
        if call.recording is None or call.is_recording:
            return []
        call.is_recording = True
        key = f"{call.own}:recording:{call.recording}"
        return [RecordingStarted(**self.about(call, at, key), kind="call", file=call.recording)]

    def end(self, call: LiveCall, at: datetime) -> CallEvent:
        talked, waited = call.spans(at)
        held = milliseconds(call.held(at)) if talked is not None and self.has_holds else None
        return CallEnded(
            **self.about(call, at, f"{call.own}:ended"),
            outcome=call.outcome or call.likely_outcome(),
            hangup_by=call.hangup_by or call.likely_end_by(),
            talk_ms=milliseconds(talked) if talked is not None else None,
            wait_ms=milliseconds(waited) if waited is not None else None,
            hold_ms=held if talked is not None else 0,
        )

    # Agents' legs

    def rings(self, call: LiveCall, leg: str, member: str, at: datetime, role: str = "queue") -> list[CallEvent]:
        if self.registry.is_gone(leg) or leg in call.offers:
            return []
        call.offers[leg] = Offer(leg, member, at, role=role)
        return [AgentRang(**self.about(call, at, f"{leg}:rang"), member=member, leg=leg, role=role)]

    def missed(self, call: LiveCall, offer: Offer, at: datetime, ring_ms: int | None = None) -> list[CallEvent]:
        """It rang its time out, or was rejected."""
        if offer.is_over or offer.answered_at is not None:
            return []
        offer.is_over = True
        return [
            AgentMissed(
                **self.about(call, at, f"{offer.leg}:missed"),
                member=offer.member,
                ring_ms=ring_ms if ring_ms is not None else milliseconds(at - offer.rang_at),
                leg=offer.leg,
                role=offer.role,
            )
        ]

    def answered(self, call: LiveCall, offer: Offer, at: datetime) -> list[CallEvent]:
        if offer.answered_at is not None:
            return []
        offer.answered_at, offer.is_over = at, False
        since = offer.rang_at
        if offer.role in OWNS:
            offer.has_since, call.owner, call.sent = at, offer.leg, None
            call.waits_since = call.unqueued_at = None
            call.answered_at = call.answered_at or at
            call.last_answered_at = max(call.last_answered_at or at, at)
        if offer.role == "queue":
            since = call.queued_at or call.started_at or at
        answered = CallAnswered(
            **self.about(call, at, f"{offer.leg}:answered"),
            member=offer.member,
            wait_ms=milliseconds(at - since),
            leg=offer.leg,
            role=offer.role,
        )
        events = self.rejoined(call, offer.member, at) if offer.role in OWNS else []
        return [answered, *events, *(self.recording(call, at) if offer.role in OWNS else [])]

    def end_offer(self, call: LiveCall, offer: Offer, at: datetime) -> list[CallEvent]:
        """Its channel is over."""
        if offer.is_over:
            return []
        offer.is_over = True
        about: dict[str, Any] = {"member": offer.member, "leg": offer.leg, "role": offer.role}
        if offer.answered_at is None:
            return [AgentOfferEnded(**self.about(call, at, f"{offer.leg}:withdrawn"), **about)]
        offer.left_at = offer.left_at or at
        talk = call.talk(offer, at)
        held = timedelta()
        if call.was_held:
            held = length(common(talk, offer.on_hold(at) + call.on_hold(at))) + offer.held
            offer.holds, offer.held_since = offer.on_hold(at), None
        call.past.append(offer)
        return [
            AgentLegEnded(
                **self.about(call, at, f"{offer.leg}:left"),
                **about,
                talk_ms=milliseconds(length(talk) - offer.was_aside) if not call.was_cut_off else None,
                hold_ms=milliseconds(held) if self.has_holds and not call.was_cut_off else None,
            )
        ]

    def held(self, call: LiveCall, offer: Offer, at: datetime) -> list[CallEvent]:
        if offer.held_since is not None or (offer.held_told_at is not None and at <= offer.held_told_at):
            return []
        offer.held_since = offer.held_told_at = at
        call.was_held = True
        return [LegHeld(**self.about(call, at, f"{offer.leg}:held:{_us(at)}"), member=offer.member, leg=offer.leg)]

    def resumed(self, call: LiveCall, offer: Offer, at: datetime) -> list[CallEvent]:
        if offer.held_since is None or at <= offer.held_since:
            return []
        offer.holds.append((offer.held_since, at))
        offer.held_since, offer.held_told_at = None, at
        key = f"{offer.leg}:resumed:{_us(at)}"
        return [LegResumed(**self.about(call, at, key), member=offer.member, leg=offer.leg)]

    def leg_aside(self, call: LiveCall, offer: Offer, at: datetime) -> list[CallEvent]:
        """Of several with the caller, one asks somebody else."""
        if offer.aside_since is not None or (offer.aside_told_at is not None and at <= offer.aside_told_at):
            return []
        offer.aside_since = offer.aside_told_at = at
        return [LegAside(**self.about(call, at, f"{offer.leg}:aside:{_us(at)}"), member=offer.member, leg=offer.leg)]

    def leg_rejoined(self, call: LiveCall, offer: Offer, at: datetime) -> list[CallEvent]:
        if offer.aside_since is None or at < offer.aside_since:
            return []
        offer.asides.append((offer.aside_since, at))
        offer.aside_since, offer.aside_told_at = None, at
        key = f"{offer.leg}:rejoined:{_us(at)}"
        return [LegRejoined(**self.about(call, at, key), member=offer.member, leg=offer.leg)]

    # Outside

    def party_rings(
        self, call: LiveCall, leg: str, number: str | None, at: datetime, member: str | None
    ) -> list[CallEvent]:
        if self.registry.is_gone(leg) or leg in call.parties:
            return []
        call.parties[leg] = Party(leg, number, at, member)
        if call.direction == "outbound":
            call.caller = call.caller or leg
        return [PartyRang(**self.about(call, at, f"{leg}:rang"), leg=leg, number=number, member=member)]

    def party_answers(self, call: LiveCall, party: Party, at: datetime) -> list[CallEvent]:
        if party.answered_at is not None:
            return []
        party.answered_at = at
        about = self.about(call, at, f"{party.leg}:answered")
        return [PartyAnswered(**about, leg=party.leg, number=party.number, member=party.member)]

    def end_party(self, call: LiveCall, party: Party, at: datetime, cause: int) -> list[CallEvent]:
        del call.parties[party.leg]
        result = "answered"
        if party.answered_at is not None:
            call.past_parties.append(party.leg)
        if party.answered_at is None:
            said = _RESULTS.get(party.status)
            result = said if said == "withdrawn" else _CAUSES.get(cause) or said or "failed"
        call.party_result = result
        return [
            PartyLeft(
                **self.about(call, at, f"{party.leg}:left"),
                leg=party.leg,
                result=result,
                number=party.number,
                talk_ms=milliseconds(at - party.answered_at) if party.answered_at is not None else 0,
            )
        ]

    # Movements

    def put_aside(self, call: LiveCall, what: str, member: str, at: datetime) -> list[CallEvent]:
        if call.aside is not None and (call.aside.what, call.aside.member) == (what, member):
            return []
        call.put_back(at)
        call.sent, call.was_held = None, True
        call.aside = Aside(what, member, at)
        if what == "parked":
            self._given(call, at)
        return [CallAside(**self.about(call, at, f"{call.own}:aside:{_us(at)}"), what=what, member=member)]

    def gone(self, call: LiveCall, at: datetime) -> list[CallEvent]:
        """The caller hung up. Those who talk about them go on, and must know."""
        away = next((offer.member for offer in call.offers.values() if offer.aside_since is not None), None)
        member = call.aside.member if call.aside is not None else away
        if member is None or not call.channels:
            return []
        return [CallAside(**self.about(call, at, f"{call.own}:gone"), what="gone", member=member)]

    def rejoined(self, call: LiveCall, member: str | None, at: datetime) -> list[CallEvent]:
        if call.put_back(at) is None:
            return []
        return [CallRejoined(**self.about(call, at, f"{call.own}:rejoined:{_us(at)}"), member=member or None)]

    def transferred(
        self, call: LiveCall, at: datetime, kind: str, *, member: str | None, to: str, leg: str = ""
    ) -> list[CallEvent]:
        """`leg`: who has the caller from now on; none while it only rings."""
        if call.owner == leg if leg else call.sent == (kind, to):
            return []
        events = self.rejoined(call, to if leg and to != "outside" else None, at)
        if leg:
            self._owned(call, leg, at)
        else:
            self._given(call, at)
            call.sent = (kind, to)
            for offer in call.offers.values():  # a snapshot showed it ring, and not for what
                if offer.member == to and offer.answered_at is None:
                    offer.role = "transfer"
        key = f"{leg}:given" if leg else f"{call.own}:given:{_us(at)}"
        told = CallTransferred(**self.about(call, at, key), kind=kind, member=member or None, to=to, leg=leg)
        return [*events, told]

    def _owned(self, call: LiveCall, leg: str, at: datetime) -> None:
        call.owner, call.sent = leg, None
        call.waits_since = call.unqueued_at = None
        call.last_answered_at = max(call.last_answered_at or at, at)
        offer = call.leg(leg)
        if offer is not None and offer.has_since is None:
            offer.has_since = at

    def _given(self, call: LiveCall, at: datetime) -> None:
        """Nobody has the caller now: who had is off, though their channel may still have a moment to live."""
        call.owner = ""
        for offer in call.talks:
            offer.left_at = at


def _us(at: datetime) -> int:
    return round(at.timestamp() * 1_000_000)
