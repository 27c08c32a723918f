"""Figures for Prometheus: what rows say, what the dashboard and the alert rules ask for, when a certificate ends."""

import asyncio
import json
import re
import socket
import ssl
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from hotline import certificate
from hotline.app import App
from hotline.calls.models import JournalFile, PbxNode
from hotline.clock import local, now
from hotline.db import ParkedEvent
from hotline.events import NodeChanged
from hotline.ids import new_id
from hotline.settings import CHECKOUT, Settings
from hotline.tickets.models import DueWork
from tests import factories
from tests.web_house import House, english, house
from web.figures import Figures
from web.metrics import told, totals
from web.worker_figures import shown

__all__ = ["english", "house"]
DEPLOY = CHECKOUT / "deploy"
OURS = re.compile(r"(hotline_\w+)(?:\{([^}]*)\})?")
ADDED_BY_PROMETHEUS = {"instance", "job", "le"}


async def read(house: House, settings: Settings | None = None) -> str:
    figures = Figures(house.db, settings or house.settings, lambda: house.hub.seq)
    return told(await figures.read()).decode()


def number(text: str, series: str) -> float:
    found = re.search(rf"^{re.escape(series)} (\S+)$", text, re.MULTILINE)
    assert found, (series, text)
    return float(found[1])


async def test_who_waits_and_what_became_of_todays_calls(house: House) -> None:
    at = now()
    async with house.db.write() as tx:
        for waited, phase in ((40, "waiting"), (70, "ringing")):
            since = at - timedelta(seconds=waited)
            await factories.call(tx, phase=phase, started_at=since, queued_at=since, direction="inbound")
        await factories.call(tx, phase="ended", started_at=at, ended_at=at, outcome="abandoned", direction="inbound")
        await factories.call(tx, phase="ended", started_at=at, ended_at=at, outcome="answered", direction="outbound")
        earlier = at - timedelta(days=2)
        await factories.call(
            tx, phase="ended", started_at=earlier, ended_at=earlier, outcome="answered", direction="inbound"
        )
    text = await read(house)
    assert number(text, 'hotline_waiting_calls{line="12345"}') == 2
    assert number(text, 'hotline_waiting_calls{line="2912345"}') == 0
    assert 70 <= number(text, 'hotline_longest_wait_seconds{line="12345"}') < 80
    assert number(text, 'hotline_longest_wait_seconds{line="2912345"}') == 0
    assert number(text, 'hotline_outcomes_today{line="12345",outcome="abandoned"}') == 1
    assert number(text, 'hotline_outcomes_today{line="12345",outcome="answered"}') == 0
    offered, going_on = (number(text, f'hotline_{name}{{line="12345"}}') for name in ("offered_today", "going_on"))
    outcomes = sum(
        float(n) for n in re.findall(r'^hotline_outcomes_today\{line="12345",.*\} (\S+)$', text, re.MULTILINE)
    )
    # A test that runs across midnight counts those of before for yesterday.
    assert (offered, going_on) == (3, 2) or local(at, house.settings.timezone).hour == 0
    assert offered == outcomes + going_on


async def test_what_should_have_been_done_and_whether_asterisk_is_followed(house: House) -> None:
    at = now()
    async with house.db.write() as tx:
        for due in (-600, -60, 600):
            work = DueWork(kind="call_back", subject_id=new_id(), due_at=at + timedelta(seconds=due), created_at=at)
            tx.session.add(work)
        done = DueWork(kind="call_back", subject_id=new_id(), due_at=at - timedelta(days=1), created_at=at, done_at=at)
        parked = ParkedEvent(at=at, handler="x", type="CallEnded", dedupe_key="k", error="e", retry_at=at)
        node = PbxNode(name="pbx1", boot="b", state="stale", since=at - timedelta(seconds=45), epoch=1)
        file = JournalFile(node="pbx1", source="cel", inode=1, offset=0, read_at=at - timedelta(seconds=300))
        tx.session.add_all([done, parked, node, file])
    text = await read(house)
    assert number(text, 'hotline_due_work_behind{kind="call_back"}') == 2
    assert 600 <= number(text, 'hotline_due_work_behind_seconds{kind="call_back"}') < 610
    assert number(text, "hotline_events_parked") == 1
    assert number(text, 'hotline_telephony_live{node="pbx1"}') == 0
    assert 45 <= number(text, 'hotline_telephony_stale_seconds{node="pbx1"}') < 55
    assert 300 <= number(text, 'hotline_journal_behind_seconds{node="pbx1",source="cel"}') < 310
    assert number(text, "hotline_database_up") == 1
    assert number(text, 'hotline_disk_free_bytes{place="data"}') > 0


async def test_a_leader_that_cannot_write_is_not_called_live_though_its_row_says_so(house: House) -> None:
    at = now()
    async with house.db.write() as tx:
        tx.session.add(PbxNode(name="pbx1", boot="b", state="live", since=at - timedelta(hours=1), epoch=1))
    figures = Figures(house.db, house.settings, unwritten_since=lambda: at - timedelta(seconds=30))
    text = told(await figures.read()).decode()
    assert number(text, 'hotline_telephony_live{node="pbx1"}') == 0
    assert 30 <= number(text, 'hotline_telephony_stale_seconds{node="pbx1"}') < 60


async def test_a_database_that_is_away_leaves_the_other_figures(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise ConnectionError("no route")

    monkeypatch.setattr(house.db, "read", away)
    text = await read(house)
    assert number(text, "hotline_database_up") == 0
    assert "hotline_waiting_calls" not in text
    assert number(text, 'hotline_disk_size_bytes{place="data"}') > 0


async def test_the_calendars_end_is_told_where_a_calendar_opens_the_lines(house: House) -> None:
    settings = house.settings.model_copy(update={"open": "calendar"})
    until = datetime.fromtimestamp(number(await read(house, settings), "hotline_calendar_known_until_seconds"), UTC)
    assert (until.month, until.day) == (12, 31)
    always = house.settings.model_copy(update={"open": "always"})
    assert "calendar_known" not in await read(house, always)


@pytest.fixture(scope="module")
def shown_by(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, str]:
    """A server's side with a certificate of 30 days, and what openssl says of its end."""
    folder = tmp_path_factory.mktemp("tls")
    pair = ["-keyout", folder / "key", "-out", folder / "cert", "-subj", "/CN=example.org", "-days", "30"]
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    subprocess.run(["openssl", "req", "-x509", *curve, *pair], check=True, capture_output=True, timeout=30)
    asked = ["openssl", "x509", "-in", folder / "cert", "-noout", "-enddate"]
    said = subprocess.run(asked, check=True, capture_output=True, text=True, timeout=30).stdout
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert", folder / "key")
    return context, said.strip().removeprefix("notAfter=")


async def test_the_certificate_is_the_one_that_browsers_are_shown(
    house: House, shown_by: tuple[ssl.SSLContext, str]
) -> None:
    context, said = shown_by
    ends_at = datetime.strptime(said, "%b %d %H:%M:%S %Y %Z").replace(tzinfo=UTC)
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    async with server:
        port = server.sockets[0].getsockname()[1]
        settings = house.settings.model_copy(update={"sip_ws_url": f"wss://127.0.0.1:{port}/sip"})
        text = await read(house, settings)
    assert number(text, "hotline_certificate_expiry_seconds") == ends_at.timestamp()
    assert number(text, "hotline_certificate_shown") == 1
    text = await read(house, settings)  # nobody there any more
    assert number(text, "hotline_certificate_shown") == 0
    assert "hotline_certificate_expiry" not in text


@pytest.mark.parametrize("der", [b"", b"\x30", b"\x30\x82\xff\xff\x00", b"\x30\x03\x30\x01\x02", b"hello, world"])
def test_what_is_no_certificate_is_said_to_be_none(der: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        certificate.not_after(der)


async def test_event_lag_is_from_asterisks_word_to_its_reading(house: House) -> None:
    await house.hub.catch_up()
    async with house.db.write() as tx:
        at = now() - timedelta(seconds=3)
        tx.emit(NodeChanged(at=at, dedupe_key="n", node="pbx1", state="stale", epoch=0))
    assert number(await read(house), "hotline_events_unread") == 1
    await house.hub.catch_up()
    assert number(await read(house), "hotline_events_unread") == 0
    text = house.app.state.web.metrics.text().decode()
    assert number(text, "hotline_event_lag_seconds_count") == 1
    assert 3 <= number(text, "hotline_event_lag_seconds_sum") < 6


async def test_a_worker_shows_its_own_counts_on_loopback(store_url: str, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    app = App(Settings(data_dir=tmp_path, database_url=store_url, metrics_port=port), frozenset({"worker"}))
    try:
        async with shown(app), httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
            answer = await client.get("/metrics")
            assert (answer.status_code, answer.headers["content-type"][:10]) == (200, "text/plain")
            assert number(answer.text, "hotline_drift_corrections_total") == 0
            assert number(answer.text, "hotline_worker_recordings_missing_total") == 0
            assert number(answer.text, 'hotline_waiting_calls{line="12345"}') == 0
            assert (await client.get("/healthz")).json() == {"status": "ok"}
            assert (await client.get("/anything")).status_code == 404
            assert (await client.post("/metrics")).status_code == 404
    finally:
        await app.db.close()


# -- what Grafana and Prometheus are given


def asked_for() -> Iterator[tuple[str, str]]:
    """(where, expression) of every rule and panel."""
    for line in (DEPLOY / "prometheus" / "alerts.yml").read_text().splitlines():
        if line.strip().startswith("expr: "):
            yield "alerts.yml", line.strip().removeprefix("expr: ")
    for panel in json.loads((DEPLOY / "grafana" / "hotline.json").read_text())["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]


async def test_every_figure_that_a_rule_or_panel_names_is_exposed_with_those_labels(
    house: House, store_url: str, tmp_path: Path, shown_by: tuple[ssl.SSLContext, str]
) -> None:
    await house.live()
    async with house.db.write() as tx:
        tx.session.add(JournalFile(node="pbx1", source="cel", inode=1, offset=0, read_at=now()))
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0, ssl=shown_by[0])
    async with server:
        port = server.sockets[0].getsockname()[1]
        changed = {"open": "calendar", "sip_ws_url": f"wss://127.0.0.1:{port}/sip"}
        figures = await read(house, house.settings.model_copy(update=changed))
    worker = App(Settings(data_dir=tmp_path / "data", database_url=store_url), frozenset({"worker"}))
    console = App(Settings(data_dir=tmp_path / "data", database_url=store_url), frozenset({"web"}))
    assert worker.nightly is not None
    try:
        await worker.nightly.look(now())
        console._workers = await console.workers()  # as it looks each second while it runs
        counted = totals(worker.counters) + totals(console.counters) + house.app.state.web.metrics.text()
    finally:
        await worker.db.close()
        await console.db.close()
    text = figures + counted.decode()
    labels: dict[str, set[str]] = {name: set() for name in re.findall(r"^# TYPE (\S+)", text, re.MULTILINE)}
    for name, given in re.findall(r"^(hotline_\w+?)(?:_bucket|_count|_sum)?(?:\{(.*)\})? ", text, re.MULTILINE):
        labels.setdefault(name, set()).update(re.findall(r'(\w+)="', given))
    for collector in vars(house.app.state.web.metrics).values():  # labelled ones have no sample before the first
        if hasattr(collector, "_labelnames"):
            labels.setdefault(collector._name, set()).update(collector._labelnames)
    wrong, count = [], 0
    for where, expression in asked_for():
        known: set[str] = set(ADDED_BY_PROMETHEUS)
        for name, matchers in OURS.findall(expression):
            count += 1
            family = name if name in labels else re.sub(r"_(bucket|count|sum|total)$", "", name)
            if family not in labels:
                wrong.append((where, name))
                continue
            known |= labels[family]
            used = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers))
            wrong += [(where, name, label) for label in used - labels[family] - ADDED_BY_PROMETHEUS]
        grouped = {label.strip() for by in re.findall(r"by \(([^)]*)\)", expression) for label in by.split(",")}
        wrong += [(where, expression, label) for label in grouped - known]
    assert wrong == []
    assert count > 60
