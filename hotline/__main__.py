"""The command line: `hotline …`. Each command has an example in its --help; errors end in one clear line, exit 1.

Example: HOTLINE_OPEN=always hotline run
"""

import asyncio
import json
import sys
from collections.abc import Coroutine
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar
from zoneinfo import ZoneInfo

import typer
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from hotline import log as logs
from hotline.errors import HotlineError, StartupError
from hotline.settings import Settings

# Commands import what they need themselves: `hotline replay` must not wait for a web framework.
cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
user = typer.Typer(
    no_args_is_help=True, help="People who may sign in.\n\nExample: hotline user add wang --role agent --extension 1003"
)
token = typer.Typer(
    no_args_is_help=True,
    help="Keys for programs that use the API.\n\nExample: hotline token add wallboard --role supervisor",
)
cli.add_typer(user, name="user")
cli.add_typer(token, name="token")
T = TypeVar("T")


def main() -> None:
    """Entry point. What can go wrong outside is one clear line on standard error, never a traceback."""
    try:
        cli()
    except* HotlineError as group:
        _fail(_first(group).message)
    except* ValidationError as group:
        problem = _first(group).errors()[0]
        name = "_".join(str(part) for part in problem["loc"]).upper()
        _fail(f"setting HOTLINE_{name}: {problem['msg'].removeprefix('Value error, ')}")
    except* SQLAlchemyError as group:
        _fail(f"database: {str(getattr(_first(group), 'orig', None) or _first(group)).splitlines()[0]}")
    except* OSError as group:
        error = _first(group)
        _fail(f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}")


def _first(group: BaseExceptionGroup[Any]) -> Any:
    error: Any = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _fail(message: str) -> None:
    print(f"hotline: {message}", file=sys.stderr)
    raise SystemExit(1)


def _settings() -> Settings:
    logs.configure(json=not sys.stderr.isatty())
    return Settings()


def _wait(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


@cli.command()
def run(
    roles: Annotated[str, typer.Option(help="What this process does: web, worker, or both.")] = "web,worker",
    standby: Annotated[
        bool,
        typer.Option("--standby", help="A worker alone: wait while another one is at work, then go on in its place."),
    ] = False,
) -> None:
    """Run the hotline until Ctrl-C or SIGTERM; calls then get HOTLINE_DRAIN_S seconds to end.

    Example: HOTLINE_OPEN=always hotline run
    """
    chosen = frozenset(part.strip() for part in roles.split(",") if part.strip())
    if not chosen or not chosen <= {"web", "worker"}:
        raise StartupError(f"--roles takes web and worker, not {roles!r}")
    if standby and chosen != {"worker"}:
        raise StartupError("--standby is for a worker alone: --roles worker")
    settings = _settings()
    import gc

    # Until it is ready (web.serve): walking through what is being loaded would be a sixth of the start.
    gc.disable()
    import uvloop

    from web.serve import serve

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(settings, chosen, standby=standby))


@cli.command()
def migrate(
    back_to: Annotated[
        str | None,
        typer.Option("--back-to", help="The other way: to this revision, which an earlier version says it needs."),
    ] = None,
    is_meant: Annotated[bool, typer.Option("--yes", help="With --back-to: not only say what would be lost.")] = False,
) -> None:
    """Bring the database to the shape this version needs, or back to that of an earlier one.

    Example: HOTLINE_DATABASE_URL=postgresql+asyncpg://hotline@127.0.0.1/hotline hotline migrate
    """
    from hotline import admin
    from hotline import migrate as migrations
    from hotline.app import prepare_data_dir

    settings = _settings()
    prepare_data_dir(settings)
    if back_to is not None:
        lost = _wait(admin.take_back(settings, back_to, is_meant=is_meant))
        for line in lost or ["nothing"]:
            print(f"{'lost' if is_meant else 'would be lost'}: {line}")
        if not is_meant:
            raise StartupError("nothing was changed: --yes does it")
        print(f"database is back at {back_to}: start the version that needs it")
        return
    _wait(migrations.upgrade(settings.store_url))
    print("database is up to date")


@user.command("add")
def user_add(
    name: Annotated[str, typer.Argument(help="What the person signs in with.")],
    role: Annotated[str, typer.Option(help="agent, supervisor, caseworker or administrator.")],
    extension: Annotated[
        str | None, typer.Option(help="Number of the agent's phone; agents and supervisors only.")
    ] = None,
) -> None:
    """Add a person. The password comes from standard input; on a terminal or without one it is made and printed once.

    Example: hotline user add wang --role agent --extension 1003
    """
    from hotline import admin

    given = "" if sys.stdin is None or sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    password = _wait(admin.add_user(_settings(), name, role, extension, given or None))
    print(f"{name} may sign in as {role}")
    if not given:
        print(f"password (shown this once): {password}")


@token.command("add")
def token_add(
    name: Annotated[str, typer.Argument(help="What the program is called in the trail.")],
    role: Annotated[str, typer.Option(help="agent, supervisor, caseworker or administrator.")],
) -> None:
    """Add a program's key and print it once.

    Example: hotline token add wallboard --role supervisor
    """
    from hotline import admin

    print(_wait(admin.add_token(_settings(), name, role)))


@cli.command()
def replay(file: Annotated[Path, typer.Argument(help="What one AMI connection said, as it came.")]) -> None:
    """Print the calls in an AMI capture, one JSON object a line. Needs no database.

    The capture may be of any PBX: Asterisk 1.4 to 22, chan_sip, PJSIP, DAHDI or IAX, any dialplan. One line on standard
    error says what did not fit.

    Example: hotline replay tests/transcripts/abandoned.ami
    """
    from hotline import replay as replays

    misfits = replays.Misfits()
    for record in replays.replay(file, misfits=misfits):
        print(json.dumps(record.as_json(), ensure_ascii=False))
    print(misfits.line(), file=sys.stderr)


@cli.command("render-asterisk")
def render_asterisk(
    directory: Annotated[
        Path | None,
        typer.Argument(help="Where the files go, for a look; else into HOTLINE_ASTERISK_HOME, with sounds."),
    ] = None,
) -> None:
    """Write Asterisk's configuration for these settings, for a look or for the system's own Asterisk.

    Example: hotline render-asterisk /tmp/asterisk
    """
    from hotline.ivr import render
    from hotline.telephony.asterisk import Asterisk

    settings = _settings()
    asterisk = Asterisk(settings, render.texts(settings))
    if directory is None and not settings.asterisk_home:
        raise StartupError(
            "say where to, or set HOTLINE_ASTERISK_HOME: an Asterisk of our own is given its files by run"
        )
    for path in asterisk.lay_out() if directory is None else asterisk.render(directory):
        print(path)


@cli.command("opening")
def opening_hours(
    file: Annotated[Path | None, typer.Argument(help="New hours, as docs/opening-hours.md shows them.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Only say whether they can be read.")] = False,
) -> None:
    """Put opening hours in force, without touching a call; without a file, show those that are.

    Example: hotline opening summer.json
    """
    from hotline import admin
    from hotline.ivr import opening

    settings = _settings()
    if file is None:
        found = opening.find(settings.data_dir)
        if found.problem:
            print(f"not in force: {found.problem}", file=sys.stderr)
    else:
        try:
            text = file.read_text("utf-8")
            proposed = opening.parse(text)
        except (OSError, ValueError) as error:
            raise StartupError(f"{file}: {error}") from None
        found = opening.Found(proposed, remarks=opening.remarks(proposed))
        if not check:
            found = _wait(admin.set_opening(settings, text))
    for line in (*opening.shown(found.opening), *found.remarks):
        print(line)


@cli.command()
def when(at: Annotated[datetime, typer.Argument(help="Local time, for instance 2026-05-09T10:00.")]) -> None:
    """Say what a caller would meet at a time, by a supervisor's word if there is one. The first word is open or closed.

    Example: hotline when 2026-05-09T10:00
    """
    from hotline import admin
    from hotline.ivr import opening

    settings = _settings()
    local = at if at.tzinfo else at.replace(tzinfo=ZoneInfo(settings.timezone))
    print(opening.hours(settings).what(local, _wait(admin.opening_word(settings))))


@cli.command()
def simulate(
    line: Annotated[str, typer.Option(help="Number that is dialled.")] = "12345",
    calls: Annotated[int, typer.Option(min=1, max=1000, help="How many callers.")] = 1,
    rate: Annotated[float, typer.Option(min=0.1, max=50, help="New callers a second.")] = 1.0,
    hold_s: Annotated[int, typer.Option(min=1, max=3600, help="Seconds a caller stays on the line.")] = 60,
    number: Annotated[str, typer.Option(help="Caller's number; each further caller has the next one.")] = "13800138000",
) -> None:
    """Place real, speaking calls through the running Asterisk, on loopback.

    Example: hotline simulate --line 12345 --calls 6
    """
    from hotline import simulate as simulation

    settings = _settings()
    failed = simulation.simulate(settings, line=line, calls=calls, rate=rate, hold_s=hold_s, number=number)
    if failed:
        raise SystemExit(1)


@cli.command()
def doctor() -> None:
    """Check everything that can be checked, one line each; exit 1 if anything fails.

    Example: hotline doctor
    """
    from hotline import doctor as doctors

    logs.configure(json=not sys.stderr.isatty(), level=40)
    results = _wait(doctors.examine(Settings()))
    for result in results:
        print(f"{'ok  ' if result.is_ok else 'FAIL'} {result.name}: {result.detail}")
    if not all(result.is_ok for result in results):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
