"""The general ticket: what came by telephone, from the first ring to its end.

Part of a ticket's life as the government hotline standards know it; dispatch to agencies comes with its own states.
"""

from hotline.tickets.workflow import State, Step, load

_REGISTERED = ("contact_type", "category", "summary", "urgency")

GENERAL = load(
    code="general",
    version=1,
    start="NEW",
    states=(
        State("NEW"),
        State("ACCEPTED", registers=True),
        State("ANSWERED"),
        State("CLOSED", is_final=True),
        State("VOID", is_final=True),
    ),
    steps=(
        # Most calls are answered in the call: one press registers, answers and closes.
        Step(
            "close",
            source="NEW",
            path=("ACCEPTED", "ANSWERED", "CLOSED"),
            action="ticket.close",
            required=_REGISTERED,
            guards=("conversation", "answerable"),
        ),
        Step(
            "register",
            source="NEW",
            path=("ACCEPTED",),
            action="ticket.edit",
            required=_REGISTERED,
            guards=("conversation",),
        ),
        Step(
            "answer",
            source="ACCEPTED",
            path=("ANSWERED", "CLOSED"),
            action="ticket.close",
            required=_REGISTERED,
            guards=("conversation", "answerable"),
        ),
        Step(
            "discard",
            source="NEW",
            path=("VOID",),
            action="ticket.discard",
            required=("contact_type",),
            guards=("no_conversation",),
        ),
        Step("restore", source="VOID", path=("NEW",), action="ticket.restore", when=("undo_window",)),
        Step("take", source="NEW", path=(), action="ticket.take", when=("free",)),
        Step("take", source="ACCEPTED", path=(), action="ticket.take", when=("free",)),
    ),
)
