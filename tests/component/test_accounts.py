"""Who comes in, who does not, and what the trail of readings shows."""

import asyncio
from datetime import timedelta

import pytest
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import delete, select, update

from hotline.access import accounts, audit
from hotline.access.accounts import Accounts, Attempts, NewSession, Passwords
from hotline.access.audit import Access, AuditLog
from hotline.access.models import AccessRow, Account, SignInSession
from hotline.db import Database, EventRow
from hotline.errors import Conflict, Invalid, NotFound, NotSignedIn, TooManyAttempts
from hotline.ids import new_id
from tests.factories import T0

CHEAP = Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1)
HOME = "127.0.0.1"


@pytest.fixture
def door() -> Accounts:
    return Accounts(passwords=Passwords(CHEAP), attempts=Attempts(per_account="3/5 minutes", per_address="5/5 minutes"))


async def add(db: Database, door: Accounts, name: str = "wang", password: str = "Sommer-2031") -> Account:
    hashed = await door.passwords.hash(password)
    async with db.write() as tx:
        return await accounts.add_user(tx, name, "agent", hashed, T0)


async def signed_in(db: Database, door: Accounts) -> NewSession:
    await add(db, door)
    return await door.sign_in(db, "wang", "Sommer-2031", HOME, T0)


async def kinds(db: Database) -> list[str]:
    return [row.type for row in await db.after(0)]


async def test_sign_in_opens_a_session_that_the_cookie_finds(db: Database, door: Accounts) -> None:
    new = await signed_in(db, door)
    async with db.read() as tx:
        who = await accounts.by_cookie(tx, new.token, T0)
        stored = (await tx.session.scalars(select(SignInSession.token_hash))).one()
    assert who == new.who
    assert (who.name, who.role) == ("wang", "agent")
    assert new.token not in stored
    assert await kinds(db) == ["SignedIn"]


async def test_secrets_do_not_show_when_printed(db: Database, door: Accounts) -> None:
    new = await signed_in(db, door)
    assert new.token not in repr(new)
    assert str(new.who.csrf) not in repr(new)


@pytest.mark.parametrize(("name", "password"), [("wang", "sommer-2031"), ("wong", "Sommer-2031"), ("wang", "x" * 9999)])
async def test_wrong_names_and_passwords_get_the_same_answer(
    db: Database, door: Accounts, name: str, password: str
) -> None:
    await add(db, door)
    with pytest.raises(NotSignedIn, match=r"^The name or the password is wrong\.$"):
        await door.sign_in(db, name, password, HOME, T0)
    assert await kinds(db) == []


async def test_an_unknown_name_costs_as_much_work_as_a_wrong_password(monkeypatch: pytest.MonkeyPatch) -> None:
    passwords, verified = Passwords(CHEAP), list[object]()

    def verify(*asked: object) -> bool:
        verified.append(asked)
        return False

    monkeypatch.setattr(CHEAP, "verify", verify)
    stored = await passwords.hash("Sommer-2031")
    await passwords.verify("wrong", stored)
    known = len(verified)
    await passwords.verify("wrong", None)
    await passwords.verify("wrong", "!")
    assert (known, len(verified)) == (1, 3)


async def test_capitals_width_and_spaces_make_no_second_account(db: Database, door: Accounts) -> None:
    await add(db, door)
    with pytest.raises(Conflict):
        await add(db, door, " ＷＡＮＧ ")
    assert (await door.sign_in(db, "Wang ", "Sommer-2031", HOME, T0)).who.name == "wang"


async def test_names_that_would_break_elsewhere_are_refused(db: Database) -> None:
    async with db.write() as tx:
        for name in ("", "a b", "-wang", "wang-", "a" * 33, "<b>", "wang\n;"):
            with pytest.raises(Invalid):
                await accounts.add_user(tx, name, "agent", "!", T0)


async def test_names_may_be_chinese(db: Database, door: Accounts) -> None:
    assert (await add(db, door, "王小明")).name == "王小明"


async def test_unknown_roles_are_refused(db: Database) -> None:
    async with db.write() as tx:
        with pytest.raises(Invalid):
            await accounts.add_user(tx, "wang", "director", "!", T0)


@pytest.mark.parametrize("password", ["short-7", "wang-2031", "x" * 257])
def test_poor_passwords_are_refused(password: str) -> None:
    with pytest.raises(Invalid):
        accounts.check_password("Wang-2031", password)
    accounts.check_password("wang-2031", "Sommer-2031")


async def test_an_account_is_closed_after_too_many_attempts_also_for_the_right_password(
    db: Database, door: Accounts
) -> None:
    await add(db, door)
    for _ in range(3):
        with pytest.raises(NotSignedIn):
            await door.sign_in(db, "wang", "wrong", HOME, T0)
    with pytest.raises(TooManyAttempts) as refused:
        await door.sign_in(db, "wang", "Sommer-2031", "127.0.0.2", T0)
    assert refused.value.extra["retry_after_s"] >= 1


async def test_a_sign_in_that_succeeds_forgets_earlier_mistakes(db: Database, door: Accounts) -> None:
    await add(db, door)
    for _ in range(2):
        for password in ("wrong", "wrong"):
            with pytest.raises(NotSignedIn):
                await door.sign_in(db, "wang", password, HOME, T0)
        await door.sign_in(db, "wang", "Sommer-2031", HOME, T0)


async def test_an_address_that_tries_many_names_is_refused(db: Database, door: Accounts) -> None:
    await add(db, door)
    for number in range(5):
        with pytest.raises(NotSignedIn):
            await door.sign_in(db, f"name{number}", "wrong", HOME, T0)
    with pytest.raises(TooManyAttempts):
        await door.sign_in(db, "wang", "Sommer-2031", HOME, T0)
    assert await door.sign_in(db, "wang", "Sommer-2031", "127.0.0.2", T0)


async def test_sign_in_works_while_redis_is_away(db: Database) -> None:
    door = Accounts(passwords=Passwords(CHEAP), attempts=Attempts("redis://127.0.0.1:1/0", per_account="1/5 minutes"))
    await add(db, door)
    with pytest.raises(NotSignedIn):
        await door.sign_in(db, "wang", "wrong", HOME, T0)
    with pytest.raises(TooManyAttempts):
        await door.sign_in(db, "wang", "Sommer-2031", HOME, T0)


async def test_a_hash_of_weaker_settings_is_renewed_at_sign_in(db: Database, door: Accounts) -> None:
    weak = await Passwords(Argon2Hasher(time_cost=1, memory_cost=9, parallelism=1)).hash("Sommer-2031")
    async with db.write() as tx:
        await accounts.add_user(tx, "wang", "agent", weak, T0)
    await door.sign_in(db, "wang", "Sommer-2031", HOME, T0)
    async with db.read() as tx:
        account = await accounts.by_name(tx, "wang")
    assert account is not None
    assert "m=8," in account.password_hash


async def test_a_session_ends_by_sign_out_once(db: Database, door: Accounts) -> None:
    new = await signed_in(db, door)
    async with db.write() as tx:
        assert await accounts.sign_out(tx, new.who.credential_id, T0)
        assert not await accounts.sign_out(tx, new.who.credential_id, T0)
        assert await accounts.by_cookie(tx, new.token, T0) is None
    assert await kinds(db) == ["SignedIn", "SignedOut"]


async def test_a_session_ends_when_nobody_is_there_and_at_its_limit(db: Database, door: Accounts) -> None:
    new = await signed_in(db, door)

    async def is_in(after: timedelta) -> bool:
        async with db.read() as tx:
            return await accounts.by_cookie(tx, new.token, T0 + after) is not None

    assert await is_in(accounts.IDLE - timedelta(seconds=1))
    assert not await is_in(accounts.IDLE)
    for hours in range(1, 14):
        async with db.write() as tx:
            await accounts.touch(tx, [new.who.credential_id], T0 + timedelta(hours=hours))
    assert await is_in(accounts.ABSOLUTE - timedelta(seconds=1))
    assert not await is_in(accounts.ABSOLUTE)


async def test_expired_sessions_leave_a_trail_once(db: Database, door: Accounts) -> None:
    await signed_in(db, door)
    for count in (1, 0):
        async with db.write() as tx:
            assert await accounts.expire_sessions(tx, T0 + accounts.IDLE) == count
    assert [row.data.get("why") for row in await db.after(0)] == [None, "idle"]


async def test_use_is_written_down_at_most_once_a_minute(db: Database, door: Accounts) -> None:
    new = await signed_in(db, door)
    for seconds, is_stale, seen_s in ((59, False, 0), (60, True, 60), (61, False, 60)):
        at = T0 + timedelta(seconds=seconds)
        async with db.write() as tx:
            who = await accounts.by_cookie(tx, new.token, at)
            assert who is not None
            assert who.is_stale == is_stale
            await accounts.touch(tx, [who.credential_id], at)
        async with db.read() as tx:
            assert await tx.session.scalar(select(SignInSession.seen_at)) == T0 + timedelta(seconds=seen_s)


async def test_deactivated_people_are_out_at_once_and_stay_out(db: Database, door: Accounts) -> None:
    new = await signed_in(db, door)
    async with db.write() as tx:
        await accounts.deactivate(tx, new.who.account_id, T0)
    async with db.read() as tx:
        assert await accounts.by_cookie(tx, new.token, T0) is None
    with pytest.raises(NotSignedIn):
        await door.sign_in(db, "wang", "Sommer-2031", HOME, T0)


async def test_a_new_password_ends_the_sessions_of_the_old_one(db: Database, door: Accounts) -> None:
    new = await signed_in(db, door)
    hashed = await door.passwords.hash("Winter-2032")
    async with db.write() as tx:
        await accounts.set_password(tx, new.who.account_id, hashed, T0)
        assert await accounts.by_cookie(tx, new.token, T0) is None
    with pytest.raises(NotSignedIn):
        await door.sign_in(db, "wang", "Sommer-2031", HOME, T0)
    assert await door.sign_in(db, "wang", "Winter-2032", HOME, T0)


async def test_locale_is_one_of_ours(db: Database, door: Accounts) -> None:
    new = await signed_in(db, door)
    async with db.write() as tx:
        await accounts.set_locale(tx, new.who.account_id, "en")
        with pytest.raises(Invalid):
            await accounts.set_locale(tx, new.who.account_id, "../x")
        who = await accounts.by_cookie(tx, new.token, T0)
    assert who is not None
    assert who.locale == "en"


async def test_programs_come_in_by_their_key_until_it_is_revoked(db: Database) -> None:
    async with db.write() as tx:
        secret = await accounts.add_token(tx, "wallboard", "supervisor", T0)
        with pytest.raises(Conflict):
            await accounts.add_token(tx, "wallboard", "supervisor", T0)
        who = await accounts.by_bearer(tx, secret)
        assert who is not None
        assert (who.name, who.role, who.csrf) == ("wallboard", "supervisor", None)
        await accounts.revoke_token(tx, "wallboard", T0)
        assert await accounts.by_bearer(tx, secret) is None
        with pytest.raises(NotFound):
            await accounts.revoke_token(tx, "wallboard", T0)


async def test_foreign_credentials_find_nobody(db: Database) -> None:
    async with db.read() as tx:
        for text in ("", "nobody", "x" * 5000):
            assert await accounts.by_cookie(tx, text, T0) is None
            assert await accounts.by_bearer(tx, text) is None


async def test_alive_tells_good_credentials_from_ended_ones(db: Database, door: Accounts) -> None:
    one = await signed_in(db, door)
    two = await door.sign_in(db, "wang", "Sommer-2031", HOME, T0)
    async with db.write() as tx:
        program = await accounts.by_bearer(tx, await accounts.add_token(tx, "wallboard", "agent", T0))
        assert program is not None
        await accounts.sign_out(tx, two.who.credential_id, T0)
        asked = [one.who.credential_id, two.who.credential_id, program.credential_id, new_id()]
        assert await accounts.alive(tx, asked, T0) == {
            one.who.credential_id: one.who,
            program.credential_id: program,
        }


def reading(number: int) -> Access:
    return Access(T0 + timedelta(seconds=number), "wang", "number.reveal", f"H-{number}-1", {"field": "number"})


async def written(db: Database, count: int = 3) -> None:
    async with db.write() as tx:
        await audit.append(tx, [reading(number) for number in range(count)])


async def verified(db: Database) -> int | None:
    async with db.read() as tx:
        return await audit.verify(tx)


async def test_an_untouched_trail_is_whole(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "_CHUNK", 2)
    assert await verified(db) is None
    for _ in range(3):
        await written(db)
        assert await verified(db) is None


@pytest.mark.parametrize("changed", [{"actor": "li"}, {"subject": "H-9-9"}, {"detail": {}}, {"at": T0}, {"hash": "0"}])
async def test_a_changed_reading_shows(db: Database, changed: dict[str, object]) -> None:
    await written(db)
    async with db.write() as tx:
        await tx.session.execute(update(AccessRow).where(AccessRow.seq == 2).values(**changed))
    assert await verified(db) == 2


@pytest.mark.parametrize("seq", [1, 2])
async def test_a_removed_reading_shows(db: Database, seq: int) -> None:
    await written(db)
    async with db.write() as tx:
        await tx.session.execute(delete(AccessRow).where(AccessRow.seq == seq))
    assert await verified(db) == seq


async def subjects(db: Database) -> list[str]:
    async with db.read() as tx:
        return list(await tx.session.scalars(select(AccessRow.subject).order_by(AccessRow.seq)))


async def test_readings_are_written_together_and_the_last_ones_when_it_stops(db: Database) -> None:
    log = AuditLog(db, flush_s=0)
    task = asyncio.create_task(log.run())
    await log.record(reading(1))
    await log.record(reading(2))
    await asyncio.sleep(0)
    await log.record(reading(3))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await subjects(db) == ["H-1-1", "H-2-1", "H-3-1"]
    assert await verified(db) is None


async def test_a_full_queue_writes_at_once_and_drops_nothing(db: Database) -> None:
    log = AuditLog(db, size=2)
    for number in range(4):
        await log.record(reading(number))
    assert await subjects(db) == ["H-2-1", "H-3-1"]
    await log.flush()
    assert sorted(await subjects(db)) == ["H-0-1", "H-1-1", "H-2-1", "H-3-1"]
    assert await verified(db) is None


async def test_two_writers_keep_one_chain(db: Database) -> None:
    logs = [AuditLog(db), AuditLog(db)]
    for number in range(6):
        await logs[number % 2].record(reading(number))
    await asyncio.gather(*(log.flush() for log in logs))
    assert len(await subjects(db)) == 6
    assert await verified(db) is None


async def test_readings_are_no_events(db: Database) -> None:
    await written(db)
    async with db.read() as tx:
        assert list(await tx.session.scalars(select(EventRow))) == []
