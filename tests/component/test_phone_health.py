"""What pages say of their phones: kept while it matters, shown to everybody, refused when it says nothing."""

import httpx
import pytest

from hotline.agents import phones, service
from hotline.agents.models import Agent
from hotline.agents.presence import PhoneSeen, Presence, SilentSeen
from hotline.clock import now
from hotline.errors import Conflict, Invalid
from hotline.settings import Settings
from tests.web_house import House, Person, english, house

__all__ = ["english", "house"]


async def say(house: House, person: Person, **form: str) -> httpx.Response:
    async with house.client(person) as client:
        return await client.post("/me/phone/health", data=form)


async def row(house: House, person: Person) -> Agent:
    assert person.agent is not None
    async with house.db.read() as tx:
        return await service.get(tx, person.agent.id)


def figures(house: House) -> str:
    return house.app.state.web.metrics.text().decode()  # type: ignore[no-any-return]


async def test_bad_sound_is_on_the_board_until_it_is_good_again(house: House) -> None:
    person = await house.sign_in()
    shown = []
    for sound in ("good", "bad", "bad", "fair", "good", "none"):
        answer = await say(house, person, sound=sound, loss="4.2", jitter="9", rtt="31")
        assert answer.status_code == 204
        (agent,) = (await house.hub.board(full=False)).agents
        shown.append(agent.sound)
    assert shown == [None, "bad", "bad", "fair", None, None]
    told = [event.type for event in await house.db.after(0) if event.type == "AgentChanged"]
    assert len(told) == 3  # only what screens show differently


async def test_figures_of_calls_are_counted_in_seconds_and_ratios(house: House) -> None:
    person = await house.sign_in()
    await say(house, person, sound="bad", loss="4.2", jitter="9", rtt="310")
    await say(house, person, sound="good", loss="0")
    text = figures(house)
    assert "hotline_phone_loss_ratio_count 2.0" in text
    assert "hotline_phone_loss_ratio_sum 0.042" in text
    assert "hotline_phone_jitter_seconds_sum 0.009" in text
    assert "hotline_phone_rtt_seconds_sum 0.31" in text
    assert "hotline_phone_rtt_seconds_count 1.0" in text


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"sound": "loud"},
        {"sound": "bad", "loss": "-1"},
        {"sound": "bad", "rtt": "nan"},
        {"sound": "bad", "rtt": "x"},
    ],
)
async def test_what_is_no_measurement_is_refused_and_changes_nothing(house: House, form: dict[str, str]) -> None:
    person = await house.sign_in()
    answer = await say(house, person, **form)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert (await row(house, person)).sound is None
    assert "hotline_phone_loss_ratio_count 0.0" in figures(house)


async def test_a_page_that_died_with_bad_sound_leaves_nothing_on_the_board(house: House) -> None:
    person = await house.sign_in()
    await say(house, person, sound="bad")
    async with house.db.write() as tx:
        agent = await service.locked(tx, (await row(house, person)).id)
        service.enter(agent, Presence("on_call", in_queue=True), now())
        assert agent.sound == "bad"
        service.enter(agent, Presence("wrap_up", in_queue=True), now())
    assert (await row(house, person)).sound is None


@pytest.mark.parametrize("value", ["3", "3,1", "0,1", "a,b", "1,2,3", "1,inf", ""])
def test_limits_that_are_no_pair_are_refused(value: str) -> None:
    with pytest.raises(ValueError, match="amber,red"):
        Settings(phone_loss=value)


# A number outside instead of the page

OUTSIDE = {"outbound_trunk": "127.0.0.9:5090", "outbound_allow": "1[3-9]XXXXXXXXX"}


@pytest.mark.parametrize(
    ("text", "number"),
    [("138 0013 8000", "13800138000"), ("+86-138-0013-8000", "13800138000")],
)
def test_an_allowed_number_may_ring_instead_of_the_page(text: str, number: str) -> None:
    assert phones.outside_number(Settings(**OUTSIDE), text) == number


@pytest.mark.parametrize(
    "text",
    ["110", "0371110", "12345", "0085212345678", "02151581234", "call me", ""],
)
def test_the_police_our_own_line_and_numbers_that_may_not_be_dialled_are_no_agents_phone(text: str) -> None:
    with pytest.raises(Invalid):
        phones.outside_number(Settings(**OUTSIDE), text)


def test_without_a_trunk_no_number_outside_can_ring() -> None:
    with pytest.raises(Invalid, match="No trunk"):
        phones.outside_number(Settings(outbound_allow="1[3-9]XXXXXXXXX"), "13800138000")


async def moved(house: House, person: Person) -> Agent:
    """To a mobile, as the worker writes it."""
    assert person.agent is not None
    async with house.db.write() as tx:
        await phones.ring_outside(tx, person.agent.id, "13800138000", now())
    async with house.db.write() as tx:
        await service.provisioned(tx, person.agent.id, (await service.get(tx, person.agent.id)).phone_version, now())
    return await row(house, person)


async def test_the_number_is_there_once_asterisk_knows_it_and_the_pages_end_is_no_loss(house: House) -> None:
    person = await house.sign_in()
    assert person.agent is not None
    async with house.db.write() as tx:
        agent = await service.locked(tx, person.agent.id)
        agent.phone, agent.phone_contact = "ok", "sip:page@1"
        await phones.ring_outside(tx, agent.id, "13800138000", now())
    before = await row(house, person)
    assert (before.phone, before.outside_number) == ("none", "13800138000")
    agent = await moved(house, person)
    assert agent.phone == "ok"
    gone = PhoneSeen(agent.endpoint, "lost", "sip:page@1", "k")
    async with house.db.write() as tx:
        await service.observe(tx, gone, now())
    assert (await row(house, person)).phone == "ok"
    (shown,) = (await house.hub.board(full=False)).agents
    assert shown.outside == "138****8000"
    logged = "".join(str(event.data) for event in await house.db.after(0))
    assert "13800138000" not in logged


async def test_back_in_the_page_and_after_signing_off_the_number_rings_no_more(house: House) -> None:
    person = await house.sign_in()
    assert person.agent is not None
    await moved(house, person)
    async with house.client(person) as client:
        assert (await client.post("/me/phone/browser")).status_code == 204
    back = await row(house, person)
    assert (back.outside_number, back.phone) == (None, "none")
    await moved(house, person)
    async with house.db.write() as tx:
        await service.new_secret(tx, person.agent.id, now())  # what signing off does
    off = await row(house, person)
    assert (off.outside_number, off.phone) == (None, "none")


async def test_nobody_moves_a_phone_with_a_child_on_it(house: House) -> None:
    person = await house.sign_in()
    assert person.agent is not None
    async with house.db.write() as tx:
        agent = await service.locked(tx, person.agent.id)
        agent.state = "on_call"
    with pytest.raises(Conflict):
        async with house.db.write() as tx:
            await phones.ring_outside(tx, agent.id, "13800138000", now())
    with pytest.raises(Conflict):
        async with house.db.write() as tx:
            await phones.ring_here(tx, agent.id, now())


async def test_a_number_that_may_not_be_dialled_is_refused_by_the_page_in_a_sentence(house: House) -> None:
    person = await house.sign_in()
    async with house.client(person) as client:
        answer = await client.post("/me/phone/number", data={"number": "110"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert (await row(house, person)).outside_number is None


async def test_a_voicebox_that_answers_twice_pauses_the_agent_whose_number_it_is(house: House) -> None:
    person = await house.sign_in()
    agent = await moved(house, person)
    for count in (1, 2):
        async with house.db.write() as tx:
            await service.observe(tx, SilentSeen(agent.endpoint, f"k{count}", refused=True), now())
        assert (await row(house, person)).silences == count
    other = await house.sign_in()
    assert other.agent is not None
    async with house.db.write() as tx:
        await service.observe(tx, SilentSeen(other.agent.endpoint, "k3", refused=True), now())
    assert (await row(house, other)).silences == 0  # a page's phone that the worker hung up
