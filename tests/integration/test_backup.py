"""deploy/backup and deploy/restore, on both databases: what was there is there again, and belongs to whom it did."""

import os
import shutil
import sqlite3
import stat
import subprocess
from pathlib import Path

import pytest

from hotline import migrate
from tests import old_states
from tests.integration.deployed import DEPLOY, Deployed, psql
from tests.integration.deployment import once
from tests.integration.servers import postgres_server  # noqa: F401 - a fixture
from tests.integration.test_deployment import laid_out, new_database, site, who_may_what

__all__ = ["site"]
pytestmark = [pytest.mark.integration, once("both")]
WORDS = "孩子说，奶奶住在同一个小区。"


@pytest.mark.skipif(os.getuid() != 0, reason="changes users")
async def test_a_postgresql_hotline_is_back_with_rows_recordings_secrets_and_rights(site: Deployed) -> None:
    await laid_out(site)
    uid, gid, _groups = site.ids("hotline-pbx")
    pbx, data, kept = site.path("/var/lib/hotline-pbx"), site.path("/var/lib/hotline"), site.root / "backups"
    noted(site, "first")
    of_asterisk(pbx / "db" / "astdb.sqlite3", uid, gid)
    recorded(pbx / "recordings" / "2026" / "11" / "a.wav", uid, gid)
    first = site.keep("backup", kept)
    assert first.returncode == 0, first.stderr
    noted(site, "second")
    recorded(pbx / "recordings" / "2026" / "11" / "b.wav", uid, gid)
    shutil.move(first.stdout.strip(), kept / "earlier")  # two within one second would have one name
    second = site.keep("backup", kept)
    folder = Path(second.stdout.strip())
    assert (second.returncode, stat.S_IMODE(kept.stat().st_mode)) == (0, 0o700)
    files = {path: path.read_bytes() for path in [*(pbx / "recordings").rglob("*.wav"), data / "secrets.json"]}
    places = [*files, pbx / "db" / "astdb.sqlite3"]
    owners = {path: (path.stat().st_uid, path.stat().st_gid, path.stat().st_mode) for path in places}

    refused = site.keep("restore", folder)
    assert (refused.returncode, refused.stderr) == (1, "restore: the database is not empty\n")
    new_database(site)
    for path in places:
        path.unlink()
    shutil.rmtree(pbx / "recordings" / "2026")
    restored = site.keep("restore", folder)
    assert restored.returncode == 0, restored.stderr

    assert {path: path.read_bytes() for path in files} == files
    assert {path: (path.stat().st_uid, path.stat().st_gid, path.stat().st_mode) for path in places} == owners
    assert phones_of(pbx / "db" / "astdb.sqlite3") == [("/registrar/contact", "a phone")]
    assert (await site.once("hotline-migrate"))[0] == 0
    assert psql(site.url("owner"), "-f", str(DEPLOY / "postgresql" / "trail.sql")).returncode == 0
    rows = psql(site.url("app"), "-Atc", "SELECT dedupe_key, data ->> 'words' FROM event_log ORDER BY seq").stdout
    assert rows == f"first|{WORDS}\nsecond|{WORDS}\n"
    noted(site, "third")  # by the account that only writes rows
    await who_may_what(site)


def noted(site: Deployed, key: str) -> None:
    row = (
        f"INSERT INTO event_log (at, type, dedupe_key, data) VALUES (now(), 'T', '{key}', '{{\"words\": \"{WORDS}\"}}')"
    )
    said = psql(site.url("app"), "-c", row)
    assert said.returncode == 0, said.stderr


def of_asterisk(path: Path, uid: int, gid: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(path) as store:
        store.execute("CREATE TABLE astdb (key VARCHAR(256) PRIMARY KEY, value VARCHAR(256))")
        store.execute("INSERT INTO astdb VALUES ('/registrar/contact', 'a phone')")
    os.chown(path, uid, gid)
    path.chmod(0o660)


def phones_of(path: Path) -> list[tuple[str, str]]:
    with sqlite3.connect(path) as store:
        return store.execute("SELECT key, value FROM astdb").fetchall()


def recorded(path: Path, uid: int, gid: int) -> None:
    """As Asterisk does it, under its unit's UMask."""
    before = os.umask(0o007)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"RIFF" + os.urandom(2000))
    os.umask(before)
    for each in (path, path.parent, path.parent.parent):
        os.chown(each, uid, gid)


async def test_an_embedded_hotline_is_back_as_it_was_while_somebody_wrote(tmp_path: Path) -> None:
    old, new, kept = tmp_path / "old", tmp_path / "new", tmp_path / "backups"
    old.mkdir(mode=0o700)
    url = f"sqlite+aiosqlite:///{old}/hotline.sqlite3"
    await old_states.load(url, old_states.revisions()[-1])
    await migrate.upgrade(url)
    (old / "secrets.json").write_text('{"events": "one"}')
    of_asterisk(old / "asterisk" / "db" / "astdb.sqlite3", os.getuid(), os.getgid())
    recorded(old / "recordings" / "2026" / "11" / "a.wav", os.getuid(), os.getgid())
    before = await old_states.contents(url)
    writer = sqlite3.connect(old / "hotline.sqlite3", isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("DELETE FROM event_log")  # not committed: nobody else's business
    folder = Path(keep("backup", kept, old).stdout.strip())
    writer.close()

    refused = keep("restore", folder, old)
    assert (refused.returncode, refused.stderr) == (1, f"restore: {old}/hotline.sqlite3 is there already\n")
    restored = keep("restore", folder, new)
    assert (restored.returncode, restored.stderr) == (0, "")
    again = f"sqlite+aiosqlite:///{new}/hotline.sqlite3"
    await migrate.check(again)
    assert await old_states.contents(again) == before
    for name in ("secrets.json", "recordings/2026/11/a.wav"):
        assert (new / name).read_bytes() == (old / name).read_bytes()
    assert phones_of(new / "asterisk" / "db" / "astdb.sqlite3") == [("/registrar/contact", "a phone")]
    for path in (new, new / "hotline.sqlite3", new / "secrets.json", new / "asterisk"):
        assert path.stat().st_mode & 0o077 == 0, path


def keep(script: str, folder: Path, data_dir: Path) -> subprocess.CompletedProcess[str]:
    variables = {name: value for name, value in os.environ.items() if not name.startswith("HOTLINE_")}
    variables |= {"HOTLINE_ENV": str(data_dir / "no-such"), "HOTLINE_DATA_DIR": str(data_dir)}
    return subprocess.run(
        [DEPLOY / script, folder], env=variables, capture_output=True, text=True, timeout=60, check=False
    )
