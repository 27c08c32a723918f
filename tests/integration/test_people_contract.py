"""Agents' rows, sessions and the trail of readings on PostgreSQL; the counters of sign-in attempts on Redis.

The same tests as on SQLite: those whose statements another database could answer otherwise.
"""

from collections.abc import AsyncIterator

import pytest

from hotline.access.accounts import Accounts, Attempts, Passwords
from hotline.db import Database
from hotline.errors import NotSignedIn, TooManyAttempts
from tests.component.test_accounts import (  # noqa: F401 - collected here, with this file's `db`
    CHEAP,
    HOME,
    add,
    door,
    test_a_changed_reading_shows,
    test_a_session_ends_by_sign_out_once,
    test_alive_tells_good_credentials_from_ended_ones,
    test_an_untouched_trail_is_whole,
    test_expired_sessions_leave_a_trail_once,
    test_programs_come_in_by_their_key_until_it_is_revoked,
    test_two_writers_keep_one_chain,
    test_use_is_written_down_at_most_once_a_minute,
)
from tests.component.test_agents import (  # noqa: F401 - likewise
    house,
    on_duty,
    test_a_call_from_ring_to_wrap_up,
    test_a_lost_phone_stops_being_offered_and_comes_back,
    test_a_merged_call_stays_with_its_agent,
    test_a_phone_is_claimed_once_asterisk_knows_its_secret,
    test_a_snapshot_finds_members_and_sweeps_the_others,
    test_log_off_leaves_the_queue_and_makes_the_phone_void,
    test_the_end_of_the_call_frees_whoever_still_seems_to_have_it,
    test_two_buttons_pressed_at_once_reach_asterisk_one_after_the_other,
    test_wrap_up_ends_by_itself_once,
)
from tests.factories import T0
from tests.integration.deployment import once
from tests.integration.servers import postgres_server, postgres_url, redis_server  # noqa: F401 - fixtures

pytestmark = [pytest.mark.integration, once("both")]


@pytest.fixture
async def db(postgres_url: str) -> AsyncIterator[Database]:  # noqa: F811 - asking for it
    database = Database(postgres_url)
    yield database
    await database.close()


async def test_attempts_are_counted_over_all_processes(
    db: Database,
    redis_server: str,  # noqa: F811 - asking for it
) -> None:
    one, two = (
        Accounts(passwords=Passwords(CHEAP), attempts=Attempts(redis_server, per_account="2/5 minutes")) for _ in "12"
    )
    await add(db, one, "li")
    for process in (one, two):
        with pytest.raises(NotSignedIn):
            await process.sign_in(db, "li", "wrong", HOME, T0)
    for process in (one, two):
        with pytest.raises(TooManyAttempts):
            await process.sign_in(db, "li", "Sommer-2031", HOME, T0)
        await process.attempts.close()
