"""`hotline run` on good and on bad ground: how it starts, refuses, drains, dies, comes back, and what it never logs."""

import json
import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from hotline import migrate
from hotline.db import Database
from tests.integration import deployment
from tests.integration.deployment import embedded_only
from tests.integration.pbx import free_port
from tests.integration.process import BASE_PORT, START_S, Hotline, running, settings_for, until
from tests.integration.visitor import Visitor

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]


def small_disk(path: Path, megabytes: int, *options: str) -> None:
    """Mount a disk of that size. Skips where nobody may."""
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", ",".join([f"size={megabytes}m", *options]), "hotline-test", os.fspath(path)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Where `small_disk` may mount; gone at the end."""
    path = tmp_path / "disk"
    yield path
    if path.is_mount():
        subprocess.run(["umount", "-l", os.fspath(path)], check=True)


# Stop


async def test_a_stop_lets_a_call_end_and_takes_no_new_one(tmp_path: Path) -> None:
    async with running(tmp_path, drain_s=60) as hotline:
        assert hotline.said.splitlines()[-1] == f"hotline ready: {hotline.url}"
        caller = await hotline.call()
        hotline.terminate()
        await until(lambda: "stopping: calls may end for up to 60 s" in hotline.said, "it says that it stops")

        async def refuses() -> bool:
            """It says so before Asterisk has heard of it."""
            late = hotline.callers(first_number=13900139000, hold_ms=100)
            await late.end()
            return late.said("refused") == 1

        await until(refuses, "a late caller is refused", timeout_s=3)
        assert hotline.process is not None and hotline.process.poll() is None
        assert caller.process.poll() is None
        await hotline.hang_up(caller)
        assert await hotline.ended() == 0
        assert caller.said("ended-by-hotline") == 0
        assert hotline.asterisks() == []
        assert hotline.calls()[0] == ("voicemail", "caller", "ended")


async def test_a_stop_ends_calls_that_last_longer_than_the_drain(tmp_path: Path) -> None:
    async with running(tmp_path, drain_s=1) as hotline:
        caller = await hotline.call()
        hotline.terminate()
        assert await hotline.ended() == 0
        await caller.end()
        assert caller.said("ended-by-hotline") == 1
        assert hotline.asterisks() == []
        assert [row[2] for row in hotline.calls()] == ["ended"]


async def test_a_stop_during_the_start_leaves_nothing_behind(tmp_path: Path) -> None:
    hotline = Hotline(settings_for(tmp_path), tmp_path, roles=deployment.ROLES[0])
    try:
        hotline.spawn()
        await until(hotline.asterisks, "Asterisk is being started", START_S)
        hotline.terminate()
        assert await hotline.ended() == 0
        assert "hotline ready" not in hotline.said
        assert hotline.asterisks() == []
    finally:
        await hotline.stop()


# Death and a second life


async def test_a_killed_hotline_ends_no_call_and_the_next_one_takes_it_over(tmp_path: Path) -> None:
    async with running(tmp_path) as hotline:
        pids = hotline.asterisks()
        stays, ends = await hotline.call(), await hotline.call(first_number=13900139000)
        hotline.kill()
        assert hotline.asterisks() == pids
        await hotline.hang_up(ends)
        await ends.end()
        assert stays.process.poll() is None
        await hotline.start()
        assert hotline.asterisks() == pids
        assert '"event": "asterisk.adopted"' in hotline.logged
        await until(lambda: hotline.calls()[1][2] == "ended", "the call that ended meanwhile is ended")
        assert hotline.calls()[0][2] != "ended"
        await hotline.hang_up(stays)
        await stays.end()
        assert stays.said("ended-by-hotline") == 0
        await until(lambda: hotline.calls()[0] == ("voicemail", "caller", "ended"), "the call that went on is whole")
        assert hotline.rows("select count(*) from call where ended_at is null") == [(0,)]

        second = Hotline(
            settings_for(tmp_path / "other", data_dir=hotline.settings.data_dir),
            tmp_path,
            roles="worker",
            name="second",
        )
        assert (await second.refused()).startswith("another hotline is at work on this Asterisk (node pbx1, data in ")
        assert hotline.asterisks() == pids
        assert (await hotline.ready_state())["ready"]


async def test_an_asterisk_that_dies_is_started_again_and_its_calls_are_ended(tmp_path: Path) -> None:
    async with running(tmp_path) as hotline:
        pid = hotline.asterisk.pid()
        assert pid is not None
        caller = await hotline.call()
        os.kill(pid, signal.SIGKILL)
        caller.stop()
        await until(lambda: hotline.asterisk.pid() not in {None, pid}, "another Asterisk runs", START_S)
        await until(lambda: said_ready(hotline), "it is ready again", START_S)
        await until(lambda: hotline.calls()[0][2] == "ended", "the call that died with it is ended")
        assert "asterisk.ended by itself, started again" in hotline.logged
        hotline.shorten_prompts()
        await hotline.call(first_number=13900139000)
        assert hotline.process is not None and hotline.process.poll() is None


async def test_new_manager_secrets_end_no_call_that_is_up(tmp_path: Path) -> None:
    async with running(tmp_path) as hotline:
        pids = hotline.asterisks()
        caller = await hotline.call()
        hotline.kill()
        hotline.asterisk.places.secrets.unlink()
        await hotline.start()
        assert hotline.asterisks() == pids
        assert (await hotline.ready_state())["ready"]
        await hotline.hang_up(caller)
        await until(lambda: hotline.calls() == [("voicemail", "caller", "ended")], "the call's record is whole")


async def test_a_refused_manager_login_is_said_everywhere_and_tried_again(tmp_path: Path) -> None:
    async with running(tmp_path) as hotline:
        conf = hotline.asterisk.places.etc / "manager.conf"
        right = conf.read_text()
        conf.write_text(re.sub(r"(?m)^secret = .*$", "secret = somebody-elses-word", right))
        for command in ("manager reload", "module reload manager"):
            await hotline.asterisk.cli(command)
        await drop_logins(hotline)
        await until(lambda: "ami.login refused: check manager.conf" in hotline.logged, "the refusal is logged")
        state = await until(lambda: said_unready(hotline), "it is not ready")
        assert (state["database"], state["bus"], state["events"]) == ("ok", "ok", "stale")
        assert state["asterisk"] != "live"
        code, out, _err = await hotline.command("doctor")
        assert code == 1
        assert re.search(r"(?m)^FAIL manager users: no login at port ", out)
        assert re.search(r"(?m)^FAIL events: telephony data is stale since ", out)
        assert "somebody-elses-word" not in hotline.logged
        conf.write_text(right)
        await hotline.asterisk.cli("manager reload")
        await until(lambda: said_ready(hotline), "it has logged in again")
        await hotline.call()


async def said_unready(hotline: Hotline) -> dict[str, Any] | None:
    state = await hotline.ready_state()
    return None if not state or state["ready"] or state["events"] != "stale" else state


async def said_ready(hotline: Hotline) -> bool:
    return bool((await hotline.ready_state()).get("ready"))


async def drop_logins(hotline: Hotline) -> None:
    """Everybody at the manager port has to log in again."""
    rows = (await hotline.asterisk.cli("manager show connected")).splitlines()
    for row in rows:
        fields = row.split()
        if fields and fields[0] in {"events", "actions"}:
            await hotline.asterisk.cli(f"manager kick session {fields[4]}")


async def test_whether_a_node_has_its_worker_can_be_seen_without_being_it(db: Database, tmp_path: Path) -> None:
    assert await db.leaseholder("worker:pbx1", tmp_path) is None
    lease = await db.try_lease("worker:pbx1", tmp_path)
    assert lease is not None
    assert str(await db.leaseholder("worker:pbx1", tmp_path)).endswith(f" pid {os.getpid()}")
    assert await db.leaseholder("worker:pbx2", tmp_path) is None
    await lease()
    assert await db.leaseholder("worker:pbx1", tmp_path) is None


# Bad ground


@pytest.mark.parametrize(
    ("setting", "kind"),
    [
        ("port", socket.SOCK_STREAM),
        ("sip_port", socket.SOCK_DGRAM),
        ("ami_port", socket.SOCK_STREAM),
        ("asterisk_http_port", socket.SOCK_STREAM),
    ],
)
async def test_a_taken_port_is_one_line_with_its_number_and_setting(
    tmp_path: Path, setting: str, kind: socket.SocketKind
) -> None:
    hotline = Hotline(settings_for(tmp_path), tmp_path)
    port = getattr(hotline.settings, setting)
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, kind == socket.SOCK_STREAM)
        taken.bind(("127.0.0.1", port))
        if kind == socket.SOCK_STREAM:
            taken.listen()
        line = await hotline.refused()
    assert re.search(rf"\bport {port}\b", line)
    assert re.search(rf"\bHOTLINE_{setting.upper()}\b", line)
    assert hotline.asterisks() == []


async def test_two_settings_with_one_port_are_told(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    hotline = Hotline(settings.model_copy(update={"asterisk_http_port": settings.ami_port}), tmp_path)
    line = await hotline.refused()
    assert "HOTLINE_AMI_PORT" in line
    assert "HOTLINE_ASTERISK_HTTP_PORT" in line
    assert hotline.asterisks() == []


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (
            "mysql://root@127.0.0.1/hotline",
            r"setting HOTLINE_DATABASE_URL: expected sqlite\+aiosqlite:///FILE or postg.*",
        ),
        ("postgresql+asyncpg://hotline:secret@127.0.0.1:{port}/hotline", r"database cannot be used .*127\.0\.0\.1.*"),
        ("sqlite+aiosqlite:////no/such/directory/hotline.sqlite3", r"database cannot be used .*unable to open.*"),
    ],
)
async def test_a_database_that_cannot_be_used_is_one_line_without_its_password(
    tmp_path: Path, url: str, said: str
) -> None:
    nobody = free_port(BASE_PORT + 700, socket.SOCK_STREAM)
    hotline = Hotline(settings_for(tmp_path), tmp_path, HOTLINE_DATABASE_URL=url.format(port=nobody))
    assert re.fullmatch(said, await hotline.refused())
    assert "secret" not in hotline.logged
    assert hotline.asterisks() == []


async def test_a_database_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    hotline = Hotline(settings_for(tmp_path), tmp_path)
    assert (await hotline.command("migrate"))[0] == 0
    deployment.write(hotline.settings, "update alembic_version set version_num = '2099_01_01_much_later'")
    line = await hotline.refused()
    assert line == (
        "the database is newer than this hotline (revision 2099_01_01_much_later): start the newer version,"
        f" or take the database back with that version's `hotline migrate --back-to {migrate.newest()}`"
    )
    assert hotline.rows("select version_num from alembic_version") == [("2099_01_01_much_later",)]
    assert hotline.asterisks() == []


@embedded_only
async def test_a_file_that_is_no_database_is_one_line(tmp_path: Path) -> None:
    hotline = Hotline(settings_for(tmp_path), tmp_path)
    hotline.settings.data_dir.mkdir()
    (hotline.settings.data_dir / "hotline.sqlite3").write_text("Dear diary, " * 1000)
    assert "file is not a database" in await hotline.refused()


async def test_a_data_directory_that_cannot_be_written_is_one_line(tmp_path: Path, disk: Path) -> None:
    (tmp_path / "data").write_text("not a directory")
    hotline = Hotline(settings_for(tmp_path), tmp_path)
    assert await hotline.refused() == (
        f"data directory {tmp_path / 'data'} is no directory: set HOTLINE_DATA_DIR to another one"
    )
    small_disk(disk, 100, "ro")
    hotline = Hotline(settings_for(tmp_path, data_dir=disk), tmp_path)
    assert await hotline.refused() == (
        f"data directory {disk} (HOTLINE_DATA_DIR) cannot be written: Read-only file system"
    )


async def test_a_full_disk_at_the_start_is_one_line(tmp_path: Path, disk: Path) -> None:
    small_disk(disk, 80)
    (disk / "ballast").write_bytes(b"\0" * (50 << 20))
    hotline = Hotline(settings_for(tmp_path, data_dir=disk / "data"), tmp_path)
    assert re.match(r"disk is full: \d+ MB free at ", await hotline.refused())
    fill(disk)
    assert "No space left on device" in await hotline.refused()
    assert hotline.asterisks() == []


def fill(disk: Path) -> Path:
    """Not a byte is left; returns what to remove."""
    ballast = disk / "fill"
    with ballast.open("wb", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            while True:
                try:
                    file.write(b"\0" * size)
                except OSError:
                    break
    return ballast


@embedded_only
async def test_a_disk_that_fills_ends_no_call_and_what_waited_is_written_later(tmp_path: Path, disk: Path) -> None:
    small_disk(disk, 160)
    async with running(tmp_path, data_dir=disk / "data", demo=True) as hotline:
        before = await hotline.call()
        async with Visitor.signed_in(hotline, "supervisor") as supervisor:
            ref = hotline.rows("select ref from ticket")[0][0]
            ballast = fill(disk)
            saved, refused = await save_until_refused(supervisor, ref)
            assert refused.status_code == 503
            assert refused.headers["content-type"] == "application/problem+json"
            during = hotline.callers(hold_ms=120_000, first_number=13900139000)
            await until(lambda: during.said("connected"), "a call is answered on a full disk")
            await hotline.hang_up(before)
            await until(lambda: "worker.write failed, kept and tried again" in hotline.logged, "the error is logged")

            async def is_told() -> str:
                """That it waits; or it does not, since the store found room in its own files."""
                if (await hotline.ready_state())["events"] == "stale":
                    return "stale"
                return "written" if hotline.calls()[0][2] == "ended" else ""

            if await until(is_told, "what is not written is said") == "stale":
                assert 'notice-amber" role="status"' in (await supervisor.http.get("/board")).text
            code, out, _err = await hotline.command("doctor")
            assert code == 1
            assert re.search(r"(?m)^FAIL disk: ", out)
            assert hotline.rows("pragma integrity_check") == [("ok",)]
            ballast.unlink()
            await until(lambda: len(hotline.calls()) == 2, "what waited is written")
            await until(lambda: hotline.calls()[0][2] == "ended", "the first call is ended")
            [kept] = hotline.rows('select "values" from ticket where ref = ?', ref)[0]
            assert json.loads(kept).get("summary") == (saved[-1] if saved else None)
            assert (await supervisor.save(ref, "summary", "after", version=len(saved))).status_code == 200
            await until(lambda: said_ready(hotline), "it is ready again")
        await hotline.hang_up(during)
        await until(lambda: hotline.calls()[1][2] == "ended", "the second call is ended")
        assert hotline.rows("pragma integrity_check") == [("ok",)]
        assert hotline.rows("select count(*) from event_parked") == [(0,)]


async def save_until_refused(person: Visitor, ref: str) -> tuple[list[str], httpx.Response]:
    """Texts that were taken before what is left inside the store's own files, if anything, was used up; the refusal."""
    taken: list[str] = []
    while True:
        text = f"{len(taken)} ".ljust(1500, "x")
        answer = await person.save(ref, "summary", text, version=len(taken))
        if not answer.is_success:
            return taken, answer
        taken.append(text)
        assert len(taken) < 1000


# What is never logged


async def test_no_log_line_of_a_day_holds_a_number_a_word_or_a_name(tmp_path: Path) -> None:
    number, words = "13911112222", "小明说他不想回家"
    async with running(tmp_path, demo=True) as hotline:
        caller = await hotline.call(first_number=int(number))
        two = hotline.callers(2, line="2912345", first_number=int(number) + 1, hold_ms=60_000)
        await until(lambda: two.said("busy"), "one of two callers of 2912345 is told that it is busy")
        async with Visitor.signed_in(hotline, "supervisor") as supervisor:
            ref = hotline.rows("select ref from ticket order by opened_at limit 1")[0][0]
            assert (await supervisor.save(ref, "summary", words, version=0)).status_code == 200
            assert (await supervisor.save(ref, "summary", words * 2, version=0)).status_code == 409
            assert (await supervisor.save(ref, words, words, version=0)).status_code in {404, 422}
            assert (await supervisor.http.get(f"/tickets/{ref}?{words}")).status_code == 200
            assert number in (await supervisor.post(f"/tickets/{ref}/reveal")).json()["number"]
        async with Visitor(hotline) as stranger:
            assert (await stranger.sign_in(words, f"{words}{number}")).status_code == 401
        await hotline.hang_up(caller)
        await until(lambda: hotline.calls()[0][2] == "ended", "the call is ended")
        deployment.write(hotline.settings, "drop table contact_ticket")  # every handler of the next call fails
        await hotline.callers(first_number=int(number) + 3, hold_ms=500).end()
        hotline.terminate()
        await hotline.ended()
    logs = [*hotline.errs, *hotline.outs, *hotline.asterisk.places.log.rglob("*")]
    marks = [mark.encode() for mark in (number[:8], words, words.encode("unicode-escape").decode(), "supervisor ")]
    tell = {path.name for path in logs if path.is_file() and any(mark in path.read_bytes() for mark in marks)}
    printed = [path for path in hotline.outs if "demo accounts" in path.read_text()]
    kept = {path.name for path in printed} | {
        "cel.csv",
        "queue_log",
    }  # the demo accounts' names are printed once, on purpose
    assert tell <= kept
    assert "cel.csv" in tell  # else we looked for nothing
    assert not any(mark in path.read_bytes() for path in printed for mark in marks[:3])
    for name in ("cel.csv", "queue_log"):
        (path,) = hotline.asterisk.places.log.rglob(name)
        assert path.stat().st_mode & 0o777 == 0o600
