"""The ticket's screen for who writes and who reads: what is offered to whom, and what pressing it does."""

import json
from pathlib import Path

from sqlalchemy import select

from hotline.agents.models import Agent
from hotline.calls.models import Call, CallOffer, Recording
from hotline.clock import now
from hotline.tickets import pen
from hotline.tickets.models import Addition, Ticket
from tests import factories
from tests.web_house import House, Person, Socket, english, house

__all__ = ["english", "house"]


async def _joined(house: House, *people: Person, holder: int = 0) -> Ticket:
    """These people are on one call; the ticket is the first one's unless said."""
    async with house.db.write() as tx:
        call = await factories.call(tx, phase="talking", started_at=now())
        owner = people[holder].agent
        assert owner is not None
        ticket = await factories.ticket(tx, of_call=call, agent_id=owner.id)
        for number, person in enumerate(people):
            assert person.agent is not None
            tx.session.add(
                CallOffer(
                    call_id=call.id, agent_id=person.agent.id, member=person.agent.endpoint, leg=f"p{number}",
                    rang_at=now(), ended_at=now(), result="answered", role="queue" if number == 0 else "consult",
                )
            )  # fmt: skip
            agent = await tx.session.get_one(Agent, person.agent.id)
            agent.state, agent.call_id, agent.ticket_id = "on_call", call.id, ticket.id
    return ticket


async def _again(house: House, ticket: Ticket) -> Ticket:
    async with house.db.read() as tx:
        return await tx.session.get_one(Ticket, ticket.id)


async def test_the_reader_sees_who_writes_and_can_ask_but_not_type(house: House) -> None:
    writer, reader = await house.sign_in(), await house.sign_in()
    assert writer.agent is not None
    ticket = await _joined(house, writer, reader)
    async with house.client(reader) as client:
        panel = (await client.get("/console/panel")).text
    assert f"{writer.agent.name} writes" in panel
    assert "Ask to write" in panel and "Save and close" not in panel
    assert (
        '<textarea class="form-control" id="field-summary" name="summary" placeholder="" spellcheck="false" readonly>'
        in panel
    )
    assert 'id="addition"' in panel
    assert (await _again(house, ticket)).asked_by is None


async def test_asking_and_giving_by_the_buttons(house: House) -> None:
    writer, reader = await house.sign_in(), await house.sign_in()
    assert writer.agent is not None and reader.agent is not None
    ticket = await _joined(house, writer, reader)
    async with house.client(reader) as client:
        asked = await client.post(f"/tickets/{ticket.ref}/pen")
    assert asked.status_code == 200 and f"You asked {writer.agent.name} to let you write" in asked.text
    async with house.client(writer) as client:
        panel = (await client.get("/console/panel")).text
        assert f"{reader.agent.name} asks to write" in panel
        given = await client.post(f"/tickets/{ticket.ref}/pen", data={"to": str(reader.agent.id)})
        refused = await client.post(f"/tickets/{ticket.ref}/pen", data={"to": "nobody"})
    assert given.status_code == 200 and f"{reader.agent.name} writes" in given.text
    assert refused.status_code == 422
    assert (await _again(house, ticket)).agent_id == reader.agent.id


async def test_where_the_writer_has_left_the_call_the_other_goes_on_writing(house: House) -> None:
    writer, reader = await house.sign_in(), await house.sign_in()
    assert writer.agent is not None and reader.agent is not None
    ticket = await _joined(house, writer, reader)
    async with house.db.write() as tx:
        leg = await tx.session.scalar(select(CallOffer).where(CallOffer.agent_id == writer.agent.id))
        assert leg is not None
        leg.left_at = now()
    async with house.client(reader) as client:
        panel = (await client.get("/console/panel")).text
        assert f"{writer.agent.name} is no longer on the call" in panel and "Go on writing" in panel
        await client.post(f"/tickets/{ticket.ref}/pen")
    assert (await _again(house, ticket)).agent_id == reader.agent.id


async def _shows(socket: Socket, *refs: str) -> None:
    """The page is greeted and says which tickets it shows."""
    await socket.frame()
    socket.say(json.dumps({"watch": refs}))
    await socket.settle()


async def _told(house: House, socket: Socket, kind: str) -> list[bool]:
    """What a page hears of one kind: for each, whether it is its own agent's."""
    await house.hub.catch_up()
    house.hub.flush()
    events = (await socket.frame())["events"]
    return [event.get("mine", False) for event in events if event["type"] == kind]


async def test_who_gets_the_pen_is_told_so_once_and_who_had_it_that_it_is_gone(house: House) -> None:
    before, after = await house.sign_in(), await house.sign_in()
    assert before.agent is not None and after.agent is not None
    ticket = await _joined(house, before, after)
    async with house.socket(before) as loser, house.socket(after) as winner:
        for socket in (loser, winner):
            await _shows(socket, ticket.ref)
        async with house.db.write() as tx:
            pen.hand(tx, await tx.session.get_one(Ticket, ticket.id), after.agent.id, now(), how="given")
        assert await _told(house, winner, "PenHanded") == [True]
        assert await _told(house, loser, "PenHanded") == [False]


async def test_the_writer_hears_who_asks_whatever_is_on_the_screen(house: House) -> None:
    writer, reader = await house.sign_in(), await house.sign_in()
    ticket = await _joined(house, writer, reader)
    async with house.socket(writer) as own, house.socket(reader) as foreign:
        await _shows(own)
        await _shows(foreign, ticket.ref)
        async with house.client(reader) as client:
            assert (await client.post(f"/tickets/{ticket.ref}/pen")).status_code == 200
        assert await _told(house, own, "PenAsked") == [True]
        assert await _told(house, foreign, "PenAsked") == [False]


async def test_an_addition_is_shown_with_its_writers_name_and_to_the_writer_too(house: House) -> None:
    writer, reader = await house.sign_in(), await house.sign_in()
    assert reader.agent is not None
    ticket = await _joined(house, writer, reader)
    async with house.client(reader) as client:
        added = await client.post(f"/tickets/{ticket.ref}/additions", data={"addition": "孩子<b>怕黑</b>"})
    assert added.status_code == 200
    async with house.client(writer) as client:
        panel = (await client.get("/console/panel")).text
    assert "孩子&lt;b&gt;怕黑&lt;/b&gt;" in panel and reader.agent.name in panel and 'id="addition"' not in panel
    async with house.db.read() as tx:
        assert [row.text for row in await tx.session.scalars(select(Addition))] == ["孩子<b>怕黑</b>"]


async def test_the_record_shows_who_was_on_the_call(house: House) -> None:
    writer, reader = await house.sign_in(), await house.sign_in()
    assert writer.agent is not None and reader.agent is not None
    await _joined(house, writer, reader)
    async with house.db.read() as tx:
        call = (await tx.session.scalars(select(Call))).one()
    async with house.client(reader, accept="text/html") as client:
        record = await client.get(f"/calls/{call.id}")
    assert record.status_code == 200
    for words in ("Who was on the call", "from the queue", "asked for advice", writer.agent.name, reader.agent.name):
        assert words in record.text
    async with house.client(reader) as client:
        legs = (await client.get(f"/api/v1/calls/{call.id}")).json()["legs"]
    assert [(leg["agent"], leg["role"], leg["result"]) for leg in legs] == [
        (writer.agent.name, "queue", "answered"), (reader.agent.name, "consult", "answered"),
    ]  # fmt: skip


async def test_who_was_only_asked_sees_the_record_and_whoever_had_the_caller_hears_the_sound_too(
    house: House, tmp_path: Path
) -> None:
    writer, reader = await house.sign_in(), await house.sign_in()
    assert writer.agent is not None and reader.agent is not None
    await _joined(house, writer, reader)
    (tmp_path / "recordings").mkdir()
    (tmp_path / "recordings" / "a.wav").write_bytes(b"sound")
    async with house.db.write() as tx:
        call = (await tx.session.scalars(select(Call))).one()
        call.phase, call.ended_at = "ended", now()
        row = Recording(call_id=call.id, kind="call", file="a.wav", started_at=now())
        tx.session.add(row)
        await tx.session.flush()
    sound = f"/recordings/{row.id}"

    async def hears() -> tuple[int, bool, bool, int, int]:
        """What the reader gets: record, whether the player or why not is on it, sound, how many calls in their list."""
        async with house.client(reader) as client:
            record = await client.get(f"/calls/{call.id}", headers={"accept": "text/html"})
            played, listed = await client.get(sound), await client.get("/api/v1/calls")
        why = "The recording is for those who had the caller." in record.text
        return record.status_code, sound in record.text, why, played.status_code, len(listed.json()["items"])

    assert await hears() == (200, False, True, 404, 1)
    async with house.db.write() as tx:
        leg = await tx.session.scalar(select(CallOffer).where(CallOffer.agent_id == reader.agent.id))
        assert leg is not None
        leg.owned_at = now()
    assert await hears() == (200, True, False, 200, 1)
