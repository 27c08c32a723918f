"""Invented but lifelike calls and tickets: the records, and the ticket in all that may be made of it."""

from dataclasses import replace

from tests.e2e.board_samples import NOW, ago
from web import views

SUMMARY = (
    "孩子自己来电，11 岁，说父亲喝酒后打她，昨晚用皮带打了后背，现在一个人在家，父亲去上班，晚上七点回来。"
    "奶奶住在同一个小区，可以去。孩子不想让老师知道。"
)


def fields(**values: str) -> dict[str, views.FieldView]:
    """The four fields; those with a value were saved at NOW."""
    kinds = {"contact_type": "choice", "category": "category", "summary": "text", "urgency": "choice"}
    return {
        name: views.FieldView(
            name, kind, values.get(name, ""), 1 if name in values else 0, NOW if name in values else None
        )
        for name, kind in kinds.items()
    }


RECORDINGS = (views.RecordingView("r1", "call", ago(3600), 192.0),)
CALL = views.CallView(
    "3",
    "12345",
    "138****1234",
    ago(3640),
    ago(3632),
    ago(3620),
    ago(3428),
    "answered",
    "caller",
    "钟宁",
    12.4,
    192.0,
    "H-2031-7",
    RECORDINGS,
)
CALL_LIST = [
    CALL,
    replace(
        CALL,
        id="5",
        number="139****8820",
        outcome="abandoned",
        answered_at=None,
        agent=None,
        talk_s=None,
        wait_s=44.0,
        ref="H-2031-6",
        recordings=(),
        started_at=ago(5000),
    ),
    replace(
        CALL,
        id="6",
        line="2912345",
        number=None,
        outcome="voicemail",
        answered_at=None,
        agent=None,
        hangup_by="caller",
        talk_s=None,
        wait_s=300.0,
        ref="H-2031-3",
        started_at=ago(9000),
    ),
    replace(
        CALL,
        id="7",
        outcome="blocked",
        answered_at=None,
        agent=None,
        hangup_by="system",
        talk_s=None,
        wait_s=None,
        ref=None,
        recordings=(),
        started_at=ago(12000),
    ),
    replace(CALL, id="8", outcome=None, hangup_by=None, ended_at=None, talk_s=None, recordings=(), started_at=ago(80)),
]
EARLIER = (
    views.EarlierContact("H-2019-3", ago(864000), "12345", "answered", "CT01", "VIO.01", "CLOSED"),
    views.EarlierContact("H-2007-11", ago(2592000), "2912345", "abandoned", None, None, "CLOSED"),
)
TIMELINE = (
    views.TimelineEntry(ago(204), "CallStarted", {"line": "12345"}),
    views.TimelineEntry(ago(204), "ContactOpened", {}),
    views.TimelineEntry(ago(200), "CallQueued", {}),
    views.TimelineEntry(ago(196), "AgentRang", {"agent": "罗晓"}),
    views.TimelineEntry(ago(190), "AgentMissed", {"agent": "罗晓"}),
    views.TimelineEntry(ago(189), "AgentRang", {"agent": "钟宁"}),
    views.TimelineEntry(ago(184), "TicketHandedTo", {"agent": "钟宁"}),
    views.TimelineEntry(ago(184), "CallAnswered", {"agent": "钟宁", "wait_s": "16.2"}),
    views.TimelineEntry(ago(184), "RecordingStarted", {"kind": "call"}),
    views.TimelineEntry(ago(60), "TicketChanged", {"fields": "summary,urgency", "actor": "钟宁"}),
)
TICKET = views.TicketView(
    "H-2031-7",
    None,
    "NEW",
    7,
    True,
    True,
    "138****1234",
    True,
    "c1",
    fields(contact_type="CT01", category="VIO.01", summary=SUMMARY),
    ("close", "register", "discard"),
    (replace(CALL, recordings=()),),
    EARLIER,
    TIMELINE,
    ago(204),
)
FRESH = replace(TICKET, fields=fields(), timeline=TIMELINE[:6], version=1)
FAULTY = replace(
    TICKET,
    fields={
        **fields(contact_type="CT01"),
        "summary": views.FieldView("summary", "text", "打人", 3, NOW, "At least ten characters are needed."),
        "urgency": views.FieldView("urgency", "choice", "", 0, None, "This is needed."),
        "category": views.FieldView("category", "category", "", 0, None, "This is needed."),
    },
)
VOID = replace(TICKET, state="VOID", fields=fields(contact_type="CT10"), steps=("restore",), writable=False)
CLOSED = replace(
    TICKET,
    state="CLOSED",
    ticket_no="20260312-0031",
    steps=(),
    writable=False,
    closed_at=NOW,
    calls=(CALL,),
    fields=fields(contact_type="CT01", category="VIO.01", summary=SUMMARY, urgency="U0"),
)
ADDITIONS = (views.AdditionView(ago(20), "李云", "孩子有哮喘，药在班主任那里。"),)
READING = replace(
    TICKET,
    mine=False,
    writable=False,
    steps=(),
    pen=views.PenView("李云", may_ask=True),
    additions=ADDITIONS,
    may_add=True,
)
ASKED = replace(
    TICKET, pen=views.PenView("钟宁", (("a2", "李云"), ("a3", "何山")), asked_by="李云"), additions=ADDITIONS
)  # fmt: skip
LEFT_ALONE = replace(READING, pen=views.PenView("李云", may_take=True), additions=())
MARKED = replace(
    CALL,
    hold_s=14.0,
    recordings=(replace(RECORDINGS[0], marks=(views.MarkView(0.0, "钟宁"), views.MarkView(71.4, "李云"))),),
    legs=(
        views.LegView("何山", None, "queue", "missed", ago(3632), None, ago(3622), None, None),
        views.LegView("钟宁", None, "queue", "answered", ago(3621), ago(3620), ago(3548), 72.0, 14.0),
        views.LegView("李云", None, "consult", "answered", ago(3570), ago(3562), ago(3428), 120.0, 0.0),
        views.LegView(None, "110", "party", "busy", ago(3500), None, ago(3498), None, None),
    ),
)
WORK = [
    views.WorkItem("work-1", "call_back", "H-2031-6", ago(1200), ago(-600), "12345", "139****8820", None, "c6", "d6"),
    views.WorkItem("work-2", "draft", "H-2031-4", ago(700), None, "12345", "136****0417", "孩子说不想上学，同学"),
    views.WorkItem("work-3", "open", "H-2030-2", ago(90000), None, "2912345", None, "奶奶问临时救助怎么申请，材料"),
]
ROWS = [
    views.TicketRow(
        "H-2031-7", None, "NEW", ago(204), "12345", "138****1234", "CT01", "VIO.01", None, SUMMARY, "钟宁", True
    ),
    views.TicketRow(
        "H-2031-5",
        "20260312-0029",
        "ACCEPTED",
        ago(4000),
        "12345",
        "136****0417",
        "CT02",
        "PSY.01",
        "U0",
        "班主任来电，学生在班级群里说不想活了，人在学校天台附近，已有老师陪着。",
        "罗晓",
        False,
    ),
    views.TicketRow(
        "H-2031-4",
        "20260312-0028",
        "CLOSED",
        ago(9000),
        "2912345",
        None,
        "CT08",
        "LIV.03",
        "U3",
        "问临时救助怎么申请。",
        "白杨",
        False,
    ),
    views.TicketRow(
        "H-2031-2", None, "VOID", ago(12000), "12345", "139****8820", "CT14", None, None, None, "江月", False
    ),
]
