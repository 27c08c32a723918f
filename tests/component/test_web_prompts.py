"""What callers hear, on its page: who may look, who may exchange, and that the sound is what the store keeps."""

import wave
from io import BytesIO

import pytest
from sqlalchemy import select

from hotline.access.models import AccessRow
from hotline.access.permissions import Role
from hotline.db import EventRow
from hotline.ivr import prompts
from tests.unit.test_studio import speech, wav
from tests.web_house import House, english, house

__all__ = ["english", "house"]
HTML = {"accept": "text/html"}
SOUND = wav(speech(2, 16000, 0.4), 16000)
FORM = {"content-type": "application/x-www-form-urlencoded"}
UPLOAD = {"content-type": "audio/wav", "accept": "application/json"}


@pytest.mark.parametrize(
    ("role", "status"), [("administrator", 200), ("supervisor", 200), ("agent", 403), ("caseworker", 403)]
)
async def test_who_answers_for_the_line_sees_every_prompt_with_its_words_and_sound(
    house: House, role: Role, status: int
) -> None:
    person = await house.sign_in(role)
    async with house.client(person, **HTML) as client:
        answer = await client.get("/prompts?show=P21")
        sound = await client.get("/prompts/P21/sounds/0")
    assert (answer.status_code, sound.status_code) == (status, status)
    if status == 200:
        assert all(one.text in answer.text for one in prompts.catalogue().values())
        assert sound.headers["content-type"] == "audio/wav"
        with wave.open(BytesIO(sound.content)) as file:
            assert file.getframerate() in {8000, 16000}
        assert ("data-record" in answer.text) == (role == "administrator")


async def test_a_new_sound_is_heard_chosen_and_taken_back_with_a_trace_of_each(house: House) -> None:
    person = await house.sign_in("administrator")
    async with house.client(person, **UPLOAD) as client:
        made = await client.post("/prompts/P01/sounds?made=recorded", content=SOUND)
        heard = await client.get("/prompts/P01/sounds/1")
        back = await client.post("/prompts/P01/version", data={"number": "0"}, headers=FORM)
        page = await client.get(back.headers["location"], headers=HTML)
    assert made.status_code == 200 and "Version 1" in made.text, made.text
    with wave.open(BytesIO(heard.content)) as file:
        assert (file.getframerate(), file.getnchannels()) == (16000, 1)
    assert (back.status_code, back.headers["location"]) == (303, "/prompts?show=P01")
    assert "Use this one" in page.text and 'method="post" action="/prompts/P01/version"' in page.text
    async with house.db.read() as tx:
        events = (await tx.session.scalars(select(EventRow.data).where(EventRow.type == "PromptChosen"))).all()
    assert [(one["prompt_id"], one["number"], one["actor"]) for one in events] == [
        ("P01", 1, str(person.account.id)), ("P01", 0, str(person.account.id)),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/prompts/P01/sounds", b"no sound", 422),
        ("/prompts/P01/sounds", b"", 422),
        ("/prompts/P99/sounds", SOUND, 404),
        ("/prompts/P01/sounds?made=bought", SOUND, 422),
        ("/prompts/P01/sounds", bytes(1024 * 1024 + 1), 413),
    ],
)
async def test_what_is_refused_changes_nothing(house: House, path: str, body: bytes, status: int) -> None:
    person = await house.sign_in("administrator")
    async with house.client(person, **UPLOAD) as client:
        answer = await client.post(path, content=body)
        page = await client.get("/prompts?show=P01", headers=HTML)
    assert answer.status_code == status
    assert "Version 1" not in page.text
    async with house.db.read() as tx:
        assert await tx.session.scalar(select(EventRow.seq).where(EventRow.type == "PromptChosen")) is None


async def test_half_a_gigabyte_is_refused_before_it_is_read(house: House) -> None:
    person = await house.sign_in("administrator")
    async with house.client(person, **UPLOAD, **{"content-length": str(500 * 1024 * 1024)}) as client:
        answer = await client.post("/prompts/P01/sounds", content=b"RIFF")
    assert answer.status_code == 413


@pytest.mark.parametrize("role", ["supervisor", "agent"])
async def test_only_an_administrator_changes_what_callers_hear(house: House, role: Role) -> None:
    person = await house.sign_in(role)
    async with house.client(person, **UPLOAD) as client:
        assert (await client.post("/prompts/P01/sounds", content=SOUND)).status_code == 403
        assert (await client.post("/prompts/P01/version", data={"number": "0"}, headers=FORM)).status_code == 403


async def test_the_trail_names_who_changed_a_prompt(house: House) -> None:
    person = await house.sign_in("administrator")
    async with house.client(person, **UPLOAD) as client:
        await client.post("/prompts/P40/sounds", content=SOUND)
    await house.audit.flush()
    async with house.db.read() as tx:
        row = await tx.session.scalar(select(AccessRow).where(AccessRow.action == "prompt.edit"))
    assert row is not None and (row.subject, row.detail["version"]) == ("P40", "1")
