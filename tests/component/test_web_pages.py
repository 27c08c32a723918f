"""Screens and their forms: what shows, to whom, what is kept, and what each costs the store."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from hotline.access.models import AccessRow
from hotline.access.permissions import Owned, can
from hotline.agents.models import Agent
from hotline.calls.models import Recording
from hotline.clock import now
from hotline.db import EventRow
from hotline.errors import TelephonyError
from hotline.tickets import call_backs, service
from hotline.tickets.models import Ticket
from tests import factories
from tests.web_house import House, Person, english, house, statements
from web.board import masked

__all__ = ["english", "house"]
SUMMARY = "孩子自己来电，说父亲喝酒后打她。"
FIELDS = {"contact_type": "CT01", "category": "VIO.01", "summary": SUMMARY, "urgency": "U2"}


async def _popped(house: House, person: Person, **values: Any) -> Ticket:
    """A call rings at this person's phone and its ticket is theirs."""
    assert person.agent is not None
    async with house.db.write() as tx:
        call = await factories.call(tx, phase="ringing", started_at=now(), queued_at=now())
        ticket = await factories.ticket(tx, of_call=call, agent_id=person.agent.id, **values)
        agent = await tx.session.get_one(Agent, person.agent.id)
        agent.state, agent.call_id, agent.ticket_id = "ringing", call.id, ticket.id
    return ticket


async def _reload(house: House, ticket: Ticket) -> Ticket:
    async with house.db.read() as tx:
        return await tx.session.get_one(Ticket, ticket.id)


async def _trail(house: House) -> list[tuple[str, str, str]]:
    await house.audit.flush()
    async with house.db.read() as tx:
        rows = await tx.session.scalars(select(AccessRow).order_by(AccessRow.seq))
        return [(row.actor, row.action, row.subject) for row in rows]


async def test_the_console_shows_the_popped_ticket_with_a_masked_number_and_leaves_a_trace(house: House) -> None:
    person = await house.sign_in()
    ticket = await _popped(house, person)
    async with house.client(person, accept="text/html") as client:
        page = await client.get("/console")
        panel = await client.get("/console/panel", headers={"accept": "*/*"})
    for answer in (page, panel):
        assert answer.status_code == 200
        assert ticket.ref in answer.text and "138****1234" in answer.text
        assert "13800001234" not in answer.text
    assert f'data-seq="{house.hub.position["seq"]}"' in page.text
    assert await _trail(house) == [(person.account.name, "ticket.view", ticket.ref)] * 2


async def test_somebody_added_while_the_hotline_runs_finds_their_console_at_once(house: House) -> None:
    await house.hub.catch_up()
    person = await house.sign_in()
    assert person.agent is not None
    async with house.client(person, accept="text/html") as client:
        page = await client.get("/console")
    assert page.status_code == 200
    assert f'id="agent-{person.agent.id}"' in page.text


async def test_the_console_is_there_before_any_call(house: House) -> None:
    person = await house.sign_in()
    async with house.client(person) as client:
        for path in ("/console", "/console/panel", "/console/mine", "/console/me", "/console/work"):
            assert (await client.get(path)).status_code == 200, path


async def test_what_is_mine_comes_in_one_answer_as_it_stands_in_the_page(house: House) -> None:
    person = await house.sign_in()
    async with house.client(person, accept="text/html") as client:
        whole, mine = (await client.get("/console")).text, (await client.get("/console/mine")).text
    for element in ("phone", "bar-me", "cut-off"):
        assert mine.count(f'id="{element}"') == whole.count(f'id="{element}"') == 1
    assert 'data-state="offline"' in mine


async def test_a_form_keeps_no_other_tickets_category(house: House) -> None:
    person = await house.sign_in()
    first, second = await _popped(house, person), await _popped(house, person)
    async with house.db.write() as tx:
        (await tx.session.get_one(Ticket, first.id)).values = {"category": "VIO.01"}
    shown = []
    async with house.client(person) as client:
        for ticket in (first, second, first):
            text = (await client.get(f"/console/panel?ref={ticket.ref}")).text
            shown.append(text.count('value="VIO.01" checked'))
    assert shown == [1, 0, 1]


async def test_the_panel_costs_the_same_for_one_and_three_earlier_contacts(house: House) -> None:
    person = await house.sign_in()
    ticket = await _popped(house, person)
    counts = []
    async with house.client(person) as client:
        await client.get("/console/panel")
        for many in (1, 2):
            async with house.db.write() as tx:
                for _ in range(many):
                    await factories.ticket(tx, opened_at=ticket.opened_at - timedelta(days=1))
            with statements(house.db) as seen:
                answer = await client.get(f"/console/panel?ref={ticket.ref}")
            counts.append(len(seen))
    assert answer.status_code == 200
    assert counts[0] == counts[1] <= 17


@pytest.mark.parametrize("path", ["/tickets?filter=all", "/calls", "/console/work", "/board", "/board/rows"])
async def test_a_list_costs_the_same_for_one_and_three_rows(house: House, path: str) -> None:
    person = await house.sign_in()
    assert person.agent is not None
    counts = []
    async with house.client(person) as client:
        await client.get(path)
        for many in (1, 2):
            async with house.db.write() as tx:
                for _ in range(many):
                    call = await factories.call(tx, agent_id=person.agent.id)
                    await factories.ticket(tx, of_call=call, agent_id=person.agent.id)
            with statements(house.db) as seen:
                assert (await client.get(path)).status_code == 200
            counts.append(len(seen))
    assert counts[0] == counts[1] <= 10


async def test_an_agent_cannot_open_a_protected_ticket_of_somebody_else_nor_see_it_listed(house: House) -> None:
    person, other = await house.sign_in(), await house.sign_in()
    assert other.agent is not None
    async with house.db.write() as tx:
        open_one = await factories.ticket(tx, agent_id=other.agent.id)
        protected = await factories.ticket(tx, agent_id=other.agent.id, confidentiality="K3")
    async with house.client(person, accept="text/html") as client:
        assert (await client.get(f"/tickets/{open_one.ref}")).status_code == 200
        refused = await client.get(f"/tickets/{protected.ref}")
        missing = await client.get("/tickets/H-999999-1")
        listed = await client.get("/tickets?filter=all")
    assert refused.status_code == missing.status_code == 404
    assert open_one.ref in listed.text and protected.ref not in listed.text


async def test_earlier_contacts_do_not_tell_of_a_protected_case(house: House) -> None:
    person, other = await house.sign_in(), await house.sign_in()
    assert other.agent is not None
    ticket = await _popped(house, person)
    async with house.db.write() as tx:
        plain, protected = [
            await factories.ticket(tx, agent_id=other.agent.id, opened_at=factories.T0, confidentiality=level)
            for level in ("K2", "K4")
        ]
    async with house.client(person) as client:
        panel = (await client.get(f"/console/panel?ref={ticket.ref}")).text
    assert plain.ref in panel and protected.ref not in panel


async def test_a_field_is_saved_as_typed_and_says_when(house: House) -> None:
    person = await house.sign_in()
    ticket = await _popped(house, person)
    async with house.client(person) as client:
        answer = await client.put(f"/tickets/{ticket.ref}/fields/summary", data={"value": SUMMARY, "version": "0"})
    assert answer.status_code == 200
    assert answer.json()["version"] == 1 and answer.json()["saved_at"].endswith("Z")
    assert (await _reload(house, ticket)).values == {"summary": SUMMARY}


async def test_two_tabs_writing_one_field_see_both_texts_and_nothing_is_overwritten(house: House) -> None:
    person = await house.sign_in()
    ticket = await _popped(house, person)
    url = f"/tickets/{ticket.ref}/fields/summary"
    async with house.client(person) as client:
        await client.put(url, data={"value": "first text", "version": "0"})
        answer = await client.put(url, data={"value": "second text", "version": "0"})
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (409, "version-conflict")
    assert (problem["yours"], problem["theirs"], problem["version"]) == ("second text", "first text", 1)
    assert (await _reload(house, ticket)).values == {"summary": "first text"}


@pytest.mark.parametrize(
    ("name", "body", "status", "code"),
    [
        ("summary", b"value=" + b"x" * 1_000_000 + b"&version=0", 413, "too-large"),
        ("summary", b"value=" + b"x" * 1_100_000 + b"&version=0", 413, "too-large"),
        ("summary", b"value=" + b"x" * 20_001 + b"&version=0", 413, "too-large"),
        ("summary", b"value=%ff%fe&version=0", 422, "invalid"),
        ("summary", b"value=\xff&version=0", 422, "invalid"),
        ("summary", b"value=%ED%A0%80&version=0", 422, "invalid"),
        ("summary", b"value=a%00b&version=0", 422, "invalid"),
        ("summary", b"value=a&version=forged", 422, "invalid"),
        ("summary", b"value=a&version=-1", 422, "invalid"),
        ("summary", b"value=a&version=" + "²".encode(), 422, "invalid"),
        ("summary", b"value=a", 422, "invalid"),
        ("summary", b"version=0", 422, "invalid"),
        ("summary", b"&".join(b"f%d=1" % n for n in range(200)), 422, "invalid"),
        ("urgency", b"value=U9&version=0", 422, "invalid"),
        ("password", b"value=a&version=0", 422, "invalid"),
        ("ticket_no", b"value=20310101-0001&version=0", 422, "invalid"),
    ],
    ids=["just-below-the-limit", "over-the-limit", "long", "percent-bytes", "raw-bytes", "half-a-pair", "nul", "word",
         "negative", "superscript", "no-version", "no-value", "many-fields", "no-such-choice", "no-such-field",
         "no-form-field"],
)  # fmt: skip
async def test_input_that_cannot_be_right_is_refused_in_one_sentence_and_stores_nothing(
    house: House, name: str, body: bytes, status: int, code: str
) -> None:
    person = await house.sign_in()
    ticket = await _popped(house, person)
    async with house.client(person) as client:
        answer = await client.put(
            f"/tickets/{ticket.ref}/fields/{name}",
            content=body,
            headers={"content-type": "application/x-www-form-urlencoded"},
        )
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["detail"].endswith((".", "again."))
    assert len(answer.text) < 500  # what was sent is not sent back
    saved = await _reload(house, ticket)
    assert (saved.values, saved.version) == ({}, 1)


async def test_a_form_of_another_kind_is_refused(house: House) -> None:
    person = await house.sign_in()
    ticket = await _popped(house, person)
    async with house.client(person) as client:
        answer = await client.put(f"/tickets/{ticket.ref}/fields/summary", files={"value": b"x"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")


async def test_a_body_without_a_length_is_refused_while_it_comes(house: House) -> None:
    person = await house.sign_in()
    sent = 0

    async def endless() -> Any:
        nonlocal sent
        for _ in range(1000):
            sent += 1
            yield b"x" * 65536

    async with house.client(person) as client:
        answer = await client.put(
            "/tickets/H-1-5/fields/summary",
            content=endless(),
            headers={"content-type": "application/x-www-form-urlencoded"},
        )
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")


async def test_save_and_close_registers_and_the_form_comes_back_closed(house: House) -> None:
    person = await house.sign_in()
    ticket = await _popped(house, person)
    async with house.client(person) as client:
        answer = await client.post(f"/tickets/{ticket.ref}/steps/close", data={**FIELDS, "version": "1"})
    assert answer.status_code == 200
    assert 'id="panel"' in answer.text
    saved = await _reload(house, ticket)
    assert (saved.state, saved.values) == ("CLOSED", FIELDS)
    assert saved.ticket_no is not None and saved.ticket_no in answer.text


async def test_a_step_with_gaps_returns_what_was_typed_and_says_what_is_missing(house: House) -> None:
    person = await house.sign_in()
    ticket = await _popped(house, person)
    typed = {"contact_type": "CT01", "summary": "短", "version": "1"}
    async with house.client(person) as client:
        answer = await client.post(f"/tickets/{ticket.ref}/steps/close", data=typed)
        page = await client.post(f"/tickets/{ticket.ref}/steps/close", data=typed, headers={"accept": "text/html"})
    assert answer.status_code == page.status_code == 422
    assert ">短</textarea>" in answer.text and ">短</textarea>" in page.text
    assert "At least ten characters are needed." in answer.text and "This is needed." in answer.text
    assert "<html" not in answer.text and "<html" in page.text
    saved = await _reload(house, ticket)
    assert (saved.state, saved.values, saved.version) == ("NEW", {}, 1)


@pytest.mark.parametrize(
    ("step", "version", "status", "code"),
    [("nonsense", "1", 409, "conflict"), ("reopen", "1", 409, "conflict"), ("close", "x", 422, "invalid")],
)  # fmt: skip
async def test_a_forged_step_or_version_changes_nothing(
    house: House, step: str, version: str, status: int, code: str
) -> None:
    person = await house.sign_in()
    ticket = await _popped(house, person)
    async with house.client(person) as client:
        answer = await client.post(f"/tickets/{ticket.ref}/steps/{step}", data={**FIELDS, "version": version})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert (await _reload(house, ticket)).state == "NEW"


async def test_without_scripts_a_step_leads_back_to_the_ticket(house: House) -> None:
    person = await house.sign_in()
    ticket = await _popped(house, person)
    async with house.client(person, accept="text/html") as client:
        answer = await client.post(f"/tickets/{ticket.ref}/steps/close", data={**FIELDS, "version": "1"})
        assert (answer.status_code, answer.headers["location"]) == (303, f"/tickets/{ticket.ref}")
        page = await client.get(answer.headers["location"])
    assert SUMMARY in page.text


async def test_somebody_elses_ticket_cannot_be_written(house: House) -> None:
    person, other = await house.sign_in(), await house.sign_in()
    ticket = await _popped(house, other)
    async with house.client(person) as client:
        answer = await client.put(f"/tickets/{ticket.ref}/fields/summary", data={"value": "x", "version": "0"})
    assert (answer.status_code, answer.json()["code"]) == (403, "not-allowed")


async def test_the_number_is_shown_to_who_asks_and_the_asking_is_kept(house: House) -> None:
    person = await house.sign_in()
    ticket = await _popped(house, person)
    async with house.client(person) as client:
        answer = await client.post(f"/tickets/{ticket.ref}/reveal")
    assert answer.json() == {"number": "13800001234"}
    assert await _trail(house) == [(person.account.name, "number.reveal", ticket.ref)]


async def test_nobody_reveals_the_number_of_a_case_that_is_not_theirs(house: House) -> None:
    person, other = await house.sign_in("caseworker"), await house.sign_in()
    ticket = await _popped(house, other, confidentiality="K3")
    async with house.client(person) as client:
        assert (await client.post(f"/tickets/{ticket.ref}/reveal")).status_code == 404
    assert await _trail(house) == []


async def test_a_typed_reference_leads_to_its_ticket(house: House) -> None:
    person = await house.sign_in()
    async with house.client(person) as client:
        assert (await client.get("/tickets?ref=h-2031-7 ")).headers["location"] == "/tickets/H-2031-7"


@pytest.mark.parametrize("text", ["nonsense", "%C2%B2", "bm9uc2Vuc2U="])
async def test_a_forged_cursor_is_refused(house: House, text: str) -> None:
    person = await house.sign_in("supervisor")
    async with house.client(person) as client:
        for path in ("/tickets", "/calls", "/api/v1/tickets", "/api/v1/calls"):
            answer = await client.get(f"{path}?cursor={text}")
            assert (answer.status_code, answer.json()["code"]) == (422, "invalid"), path


async def test_my_work_hides_whose_call_back_it_is_when_the_case_is_protected(house: House) -> None:
    person, other = await house.sign_in(), await house.sign_in()
    assert other.agent is not None
    async with house.db.write() as tx:
        call = await factories.call(tx)
        ticket = await factories.ticket(tx, of_call=call, agent_id=other.agent.id, confidentiality="K3")
        await call_backs.call_missed(tx, call.id, "abandoned", now(), lambda at: at + timedelta(minutes=30))
    async with house.client(person) as client:
        work = (await client.get("/console/work")).text
    assert "Call back" in work
    assert ticket.ref not in work and "138****1234" not in work


async def test_pressed_buttons_reach_the_desk_and_a_refusal_is_a_sentence(house: House) -> None:
    person = await house.sign_in()
    assert person.agent is not None
    async with house.client(person) as client:
        for path in ("/me/ready", "/me/log-off", "/me/extend", "/me/phone/lost"):
            assert (await client.post(path)).status_code == 204
        assert (await client.post("/me/pause", data={"reason": "LUNCH"})).status_code == 204
        house.desk.refuses = TelephonyError("The telephone system did not answer.")
        answer = await client.post("/me/ready")
    assert [told[0] for told in house.desk.told] == ["ready", "log_off", "extend", "phone_lost", "pause"]
    assert {told[1] for told in house.desk.told} == {person.agent.id}
    assert (answer.status_code, answer.json()["code"]) == (503, "telephony-unavailable")
    assert answer.json()["detail"] == "The telephone system did not answer."


async def test_the_phone_is_told_where_asterisk_is_on_the_pages_own_host(house: House) -> None:
    person = await house.sign_in()
    async with house.client(person) as client:
        answer = (await client.post("/me/phone")).json()
    assert answer == {
        "endpoint": "a1b2c3d4e5", "secret": "sip-secret", "uri": "sip:a1b2c3d4e5@console.test",
        "ws": "ws://console.test:8088/ws", "others": [], "version": 3,
    }  # fmt: skip


async def _recorded(house: House, person: Person, file: str) -> Recording:
    assert person.agent is not None
    async with house.db.write() as tx:
        call = await factories.call(tx, agent_id=person.agent.id, phase="ended", ended_at=now(), outcome="answered")
        row = Recording(call_id=call.id, kind="call", file=file, started_at=factories.T0)
        tx.session.add(row)
        await tx.session.flush()
    return row


async def test_a_recording_plays_in_parts_for_its_agent_and_every_listening_is_kept(
    house: House, tmp_path: Path
) -> None:
    person, stranger = await house.sign_in(), await house.sign_in()
    folder = tmp_path / "recordings" / "pbx1"
    folder.mkdir(parents=True)
    (folder / "a.wav").write_bytes(bytes(range(100)))
    row = await _recorded(house, person, "pbx1/a.wav")
    async with house.client(person) as client:
        part = await client.get(f"/recordings/{row.id}", headers={"range": "bytes=10-19"})
        page = await client.get(f"/calls/{row.call_id}", headers={"accept": "text/html"})
    assert (part.status_code, part.content) == (206, bytes(range(10, 20)))
    assert part.headers["content-range"] == "bytes 10-19/100"
    assert part.headers["content-type"] == "audio/wav"
    assert f"/recordings/{row.id}" in page.text
    async with house.client(stranger) as client:
        assert (await client.get(f"/recordings/{row.id}")).status_code == 404
        assert (await client.get(f"/calls/{row.call_id}")).status_code == 404
    name = person.account.name
    assert await _trail(house) == [(name, "recording.play", str(row.id)), (name, "call.view", str(row.call_id))]


async def test_a_recording_whose_sound_is_missing_says_so_instead_of_playing_nothing(house: House) -> None:
    person = await house.sign_in()
    row = await _recorded(house, person, "pbx1/gone.wav")
    async with house.db.write() as tx:
        (await tx.session.get_one(Recording, row.id)).state = "missing"
    async with house.client(person) as client:
        page = await client.get(f"/calls/{row.call_id}", headers={"accept": "text/html", "accept-language": "en"})
    assert "The sound of this recording is missing." in page.text
    assert f"/recordings/{row.id}" not in page.text


@pytest.mark.parametrize("file", ["../outside.wav", "/etc/passwd", "not/there.wav"])
async def test_a_recordings_path_never_leaves_its_directory(house: House, tmp_path: Path, file: str) -> None:
    person = await house.sign_in()
    (tmp_path / "recordings").mkdir()
    (tmp_path / "outside.wav").write_bytes(b"secret")
    row = await _recorded(house, person, file)
    async with house.client(person) as client:
        assert (await client.get(f"/recordings/{row.id}")).status_code == 404


async def test_calls_list_exactly_what_may_be_viewed(house: House) -> None:
    person, other = await house.sign_in(), await house.sign_in()
    assert person.agent is not None and other.agent is not None
    async with house.db.write() as tx:
        answered = await factories.call(tx, agent_id=person.agent.id)
        written = await factories.call(tx, agent_id=other.agent.id)
        await factories.ticket(tx, of_call=written, agent_id=person.agent.id)
        foreign = await factories.call(tx, agent_id=other.agent.id)
        nobodys = await factories.call(tx)
    async with house.client(person) as client:
        items = (await client.get("/api/v1/calls")).json()["items"]
        views = {call.id: (await client.get(f"/calls/{call.id}")).status_code for call in (answered, foreign, nobodys)}
    assert {item["id"] for item in items} == {str(answered.id), str(written.id)}
    assert views == {answered.id: 200, foreign.id: 404, nobodys.id: 404}


async def test_the_timeline_names_people_and_gathers_what_was_typed(house: House) -> None:
    person = await house.sign_in("supervisor", phone=True)
    ticket = await _popped(house, person)
    actor = factories.actor("supervisor", person.agent)
    async with house.db.write() as tx:
        await service.save_field(tx, ticket.ref, "summary", SUMMARY, seen_version=0, actor=actor, at=now())
        await service.save_field(tx, ticket.ref, "urgency", "U2", seen_version=0, actor=actor, at=now())
    async with house.db.read() as tx:
        assert len(list(await tx.session.scalars(select(EventRow).where(EventRow.type == "TicketChanged")))) == 2
    async with house.client(person, accept="text/html") as client:
        page = (await client.get(f"/tickets/{ticket.ref}")).text
    entry = page[page.index("timeline") :]
    assert entry.count(person.account.name) >= 1
    assert entry.count("What happened, Urgency") + entry.count("What happened、Urgency") <= 1


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("13800001234", "138****1234"),
        ("+8613800001234", "+86****1234"),
        ("8001", "****"),
        ("110", "****"),
        (None, None),
    ],
)
def test_a_masked_number_tells_callers_apart_and_cannot_be_called(number: str | None, shown: str | None) -> None:
    assert masked(number) == shown


def test_own_calls_are_a_matter_of_owners() -> None:
    actor = factories.actor("agent")
    assert can(actor, "call.view", Owned(actor.ids)) and not can(actor, "call.view", Owned(frozenset()))


async def test_the_wall_display_shows_no_whole_number_to_a_supervisor(house: House) -> None:
    person = await house.sign_in("supervisor")
    async with house.db.write() as tx:
        await factories.call(tx)
    async with house.client(person, accept="text/html") as client:
        assert "13800001234" in (await client.get("/board")).text
        assert "13800001234" not in (await client.get("/board?wall=1")).text.replace(json.dumps("x"), "")


async def test_a_call_back_that_was_made_leaves_my_work_and_cannot_be_made_twice(house: House) -> None:
    person, caseworker = await house.sign_in(), await house.sign_in("caseworker")
    async with house.db.write() as tx:
        call = await factories.call(tx)
        await factories.ticket(tx, of_call=call)
        owed = await call_backs.call_missed(tx, call.id, "abandoned", now(), lambda at: at + timedelta(minutes=30))
    assert owed is not None
    async with house.client(caseworker) as client:
        assert (await client.post(f"/call-backs/{owed.id}/done")).status_code == 403
    async with house.client(person) as client:
        assert "Call back" in (await client.get("/console/work")).text
        answer = await client.post(f"/call-backs/{owed.id}/done")
        again = await client.post(f"/call-backs/{owed.id}/done")
    assert answer.status_code == 200
    assert "Call back" not in answer.text
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
