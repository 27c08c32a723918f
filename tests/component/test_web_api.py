"""The programming interface: call records, tickets by the same doors, agents' commands, its own description."""

from datetime import timedelta
from uuid import uuid4

import pytest

from hotline.agents.models import Agent
from hotline.calls.models import CallAlias
from hotline.clock import now
from hotline.errors import Conflict
from hotline.tickets.models import Ticket
from tests import factories
from tests.web_house import House, english, house

__all__ = ["english", "house"]


async def test_a_call_record_has_the_fields_that_others_rely_on(house: House) -> None:
    agent = (await house.sign_in()).agent
    assert agent is not None
    t0 = factories.T0
    async with house.db.write() as tx:
        call = await factories.call(
            tx, linkedid="1778464800.7", agent_id=agent.id, phase="ended", answered_at=t0 + timedelta(seconds=12),
            ended_at=t0 + timedelta(seconds=72), outcome="answered", hangup_by="caller", wait_ms=12_345, talk_ms=60_000,
        )  # fmt: skip
        ticket = await factories.ticket(tx, of_call=call, agent_id=agent.id)
        tx.session.add(CallAlias(node="pbx1", linkedid="1778464801.9", call_id=call.id))
    async with house.client(**await house.token("supervisor")) as client:
        answer = await client.get(f"/api/v1/calls/{call.id}")
    assert answer.json() == {
        "id": str(call.id), "linkedid": "1778464800.7", "linkedids": ["1778464800.7", "1778464801.9"], "line": "12345",
        "direction": "in", "caller_number": "13800001234", "started_at": "2026-05-11T02:00:00Z",
        "queued_at": "2026-05-11T02:00:00Z", "answered_at": "2026-05-11T02:00:12Z", "ended_at": "2026-05-11T02:01:12Z",
        "outcome": "answered", "hangup_by": "caller", "agent": agent.name, "wait_s": 12.345, "talk_s": 60.0,
        "hold_s": None, "aside": None, "ticket": ticket.ref, "legs": [], "transfers": [],
    }  # fmt: skip


async def test_numbers_are_masked_for_programs_without_the_right(house: House) -> None:
    person = await house.sign_in()
    assert person.agent is not None
    async with house.db.write() as tx:
        call = await factories.call(tx, agent_id=person.agent.id)
    async with house.client(person) as client:
        assert (await client.get(f"/api/v1/calls/{call.id}")).json()["caller_number"] == "138****1234"


async def test_lists_page_by_cursor_until_the_end(house: House) -> None:
    async with house.db.write() as tx:
        for minutes in range(5):
            call = await factories.call(tx, started_at=factories.T0 + timedelta(minutes=minutes // 2))
            await factories.ticket(tx, of_call=call, opened_at=call.started_at)
    async with house.client(**await house.token("supervisor")) as client:
        for kind, key in (("calls", "started_at"), ("tickets", "opened_at")):
            seen, url = [], f"/api/v1/{kind}?limit=2"
            while url:
                page = (await client.get(url)).json()
                assert len(page["items"]) <= 2
                seen += page["items"]
                url = f"/api/v1/{kind}?limit=2&cursor={page['next_cursor']}" if page["next_cursor"] else ""
            assert [item[key] for item in seen] == sorted((item[key] for item in seen), reverse=True)
            assert len({item.get("id", item.get("ref")) for item in seen}) == 5


@pytest.mark.parametrize("limit", ["0", "201", "x"])
async def test_a_page_size_out_of_range_is_refused(house: House, limit: str) -> None:
    async with house.client(**await house.token("supervisor")) as client:
        answer = await client.get(f"/api/v1/calls?limit={limit}")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert answer.json()["errors"] == ["query.limit"]


async def test_a_step_by_program_goes_through_the_same_door(house: House) -> None:
    async with house.db.write() as tx:
        ticket = await factories.ticket(tx)
    fields = {"contact_type": "CT02", "category": "EDU.01", "summary": "老师说学生两周没有来学校了。", "urgency": "U3"}
    async with house.client(**await house.token("supervisor")) as client:
        url = f"/api/v1/tickets/{ticket.ref}/steps/close"
        missing = await client.post(url, json={"version": 1})
        done = await client.post(url, json={"version": 1, "fields": fields})
        again = await client.post(url, json={"version": 1, "fields": fields})
    assert (missing.status_code, missing.json()["code"]) == (422, "missing-fields")
    assert missing.json()["fields"] == ["contact_type", "category", "summary", "urgency"]
    assert done.status_code == 200
    assert (done.json()["state"], done.json()["fields"]["summary"], done.json()["steps"]) == (
        "CLOSED", fields["summary"], [],
    )  # fmt: skip
    assert again.status_code == 409


async def test_a_ticket_is_listed_and_shown_without_its_number(house: House) -> None:
    async with house.db.write() as tx:
        ticket = await factories.ticket(tx, values={"summary": "x"})
    async with house.client(**await house.token("caseworker")) as client:
        listed = (await client.get("/api/v1/tickets?state=NEW")).json()["items"]
        shown = (await client.get(f"/api/v1/tickets/{ticket.ref}")).json()
        none = (await client.get("/api/v1/tickets?state=CLOSED")).json()["items"]
    assert [item["ref"] for item in listed] == [ticket.ref] and none == []
    assert "summary" not in listed[0]
    assert (shown["caller_number"], shown["fields"]["summary"]) == ("138****1234", "x")


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'{"version": "x"}', b'{"version": 1, "fields": {"summary": 5}}', b"\xff"],
    ids=["none", "cut", "list", "word", "number", "bytes"],
)
async def test_a_body_that_is_no_step_is_refused_without_echo(house: House, body: bytes) -> None:
    async with house.db.write() as tx:
        ticket = await factories.ticket(tx)
    async with house.client(**await house.token("supervisor")) as client:
        answer = await client.post(
            f"/api/v1/tickets/{ticket.ref}/steps/close", content=body, headers={"content-type": "application/json"}
        )
    assert answer.status_code in {400, 422}
    assert answer.json()["code"] in {"bad-request", "invalid"}
    async with house.db.read() as tx:
        assert (await tx.session.get_one(Ticket, ticket.id)).version == 1


async def test_agents_are_seen_by_all_and_commanded_by_who_may(house: House) -> None:
    person, other = await house.sign_in(), await house.sign_in()
    assert person.agent is not None and other.agent is not None
    async with house.client(person) as client:
        names = [item["name"] for item in (await client.get("/api/v1/agents")).json()["items"]]
        shown = (await client.get(f"/api/v1/agents/{other.agent.id}")).json()
        refused = await client.post(f"/api/v1/agents/{other.agent.id}/pause", json={"reason": "LUNCH"})
        missing = await client.post(f"/api/v1/agents/{uuid4()}/log-off")
        own = await client.post(f"/api/v1/agents/{person.agent.id}/ready")
    assert names == [person.agent.name, other.agent.name]
    assert (shown["state"], shown["phone"]) == ("offline", "none")
    assert (refused.status_code, refused.json()["code"]) == (403, "not-allowed")
    assert missing.status_code == 404
    assert own.status_code == 204
    assert house.desk.told == [("ready", person.agent.id, False)]
    async with house.client(**await house.token("supervisor")) as client:
        assert (await client.post(f"/api/v1/agents/{other.agent.id}/log-off")).status_code == 204
        assert (await client.post(f"/api/v1/agents/{other.agent.id}/ready")).status_code == 403
        house.desk.refuses = Conflict("There is a call on the phone: end it first.", state="on_call")
        busy = await client.post(f"/api/v1/agents/{other.agent.id}/log-off")
    assert (busy.status_code, busy.json()["code"], busy.json()["state"]) == (409, "conflict", "on_call")
    assert house.desk.told[1:] == [("log_off", other.agent.id, True)]


async def test_the_queue_counts_who_waits_and_what_became_of_today(house: House) -> None:
    person = await house.sign_in()
    assert person.agent is not None
    at = now()
    async with house.db.write() as tx:
        for values in (
            {}, {"phase": "ringing"}, {"phase": "talking", "answered_at": at, "wait_ms": 16_000},
            {"phase": "ended", "ended_at": at, "outcome": "answered", "answered_at": at, "wait_ms": 15_000},
            {"phase": "ended", "ended_at": at, "outcome": "abandoned", "wait_ms": 4_999},
            {"phase": "ended", "ended_at": at, "outcome": "abandoned", "wait_ms": 5_000},
            {"phase": "ended", "ended_at": at, "outcome": "blocked", "queued_at": None, "line": "2912345"},
            {"phase": "ended", "ended_at": at, "outcome": "voicemail"}, {"phase": "merged", "ended_at": at},
            {"phase": "ended", "ended_at": at - timedelta(days=1), "started_at": at - timedelta(days=1)},
        ):  # fmt: skip
            await factories.call(tx, **{"started_at": at, "queued_at": at, **values})
        (await tx.session.get_one(Agent, person.agent.id)).state = "paused"
    async with house.client(person) as client:
        queue = (await client.get("/api/v1/queues")).json()["items"][0]
    assert (queue["name"], queue["waiting"], queue["talking"], queue["agents"]) == ("hotline", 2, 1, {"paused": 1})
    assert queue["lines"] == [
        {"number": "12345", "channels": 5, "busy": 3}, {"number": "2912345", "channels": 1, "busy": 0},
    ]  # fmt: skip
    assert queue["today"] == {
        "offered": 7, "answered": 2, "answered_fast": 1, "abandoned": 2, "abandoned_short": 1, "blocked": 1,
        "voicemail": 1, "closed": 0,
    }  # fmt: skip
    assert queue["stale_since"] is not None  # nobody has heard of Asterisk yet


async def test_the_interface_describes_itself_to_everybody(house: House) -> None:
    async with house.client() as client:
        document = (await client.get("/api/v1/openapi.json")).json()
    assert set(document["paths"]) == {
        "/api/v1/calls", "/api/v1/calls/{call_id}", "/api/v1/tickets", "/api/v1/tickets/{ref}",
        "/api/v1/tickets/{ref}/steps/{step}", "/api/v1/agents", "/api/v1/agents/{agent_id}",
        "/api/v1/agents/{agent_id}/ready", "/api/v1/agents/{agent_id}/pause", "/api/v1/agents/{agent_id}/log-off",
        "/api/v1/queues",
    }  # fmt: skip
    answers = document["paths"]["/api/v1/calls"]["get"]["responses"]
    assert "application/problem+json" in answers["4XX"]["content"]
    assert document["components"]["schemas"]["Problem"]["required"] == ["type", "title", "status", "code", "detail"]
