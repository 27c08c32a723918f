"""Commands, lists and the package's own listeners over a fake manager on loopback."""

import asyncio
from collections.abc import Mapping

import pytest
from asterisk.ami import AMIClient, Event, EventListener, Response

from hotline.errors import NotDone, TelephonyError
from hotline.telephony import actions
from hotline.telephony.client import AmiClient
from tests.ami_clients import AT, DEVICE, FAST, MEMBER, Heard, hangup, running, soon, timing
from tests.fake_asterisk import FakeAsterisk, Plan, block, channel_event, refusal, reply

# -- commands


async def test_each_command_has_its_own_action_id_of_this_process() -> None:
    async with FakeAsterisk() as ami, running(ami) as client:
        replies = await asyncio.gather(*(client.send(actions.ping()) for _ in range(200)))
        ids = [command["actionid"] for command in ami.commands]
        assert len(set(ids)) == len(ids)
        assert [reply["ActionID"] for reply in replies] == ids[2:]
        (boot,) = {action_id.partition("-")[0] for action_id in ids}
        assert [int(action_id.partition("-")[2]) for action_id in ids] == list(range(1, 203))
        assert len(boot) == 6


async def test_replies_out_of_order_reach_those_who_asked() -> None:
    async with FakeAsterisk(Plan(answers={"ping": None})) as ami, running(ami) as client:
        first, second = (asyncio.create_task(client.send(actions.ping())) for _ in range(2))
        one, two = await ami.got("Ping", 2)
        await ami.play(reply(two, ("Ping", "two")) + reply(one, ("Ping", "one")))
        assert ((await first)["ping"], (await second)["ping"]) == ("one", "two")


async def test_a_refusal_is_told_in_asterisks_own_words() -> None:
    plan = Plan(answers={"queuepause": lambda command: refusal(command, "Interface not found")})
    async with FakeAsterisk(plan) as ami, running(ami) as client:
        with pytest.raises(NotDone, match="Interface not found"):
            await client.send(actions.queue_pause("hotline", "a7f3", True, "LUNCH"))
        assert client.metrics.refused_actions == 1
        (sent,) = ami.sent("QueuePause")
        assert (sent["interface"], sent["paused"], sent["reason"]) == ("PJSIP/a7f3", "true", "LUNCH")


async def test_a_command_without_a_reply_ends_at_its_deadline_and_the_late_reply_is_nobodys() -> None:
    async with FakeAsterisk(Plan(answers={"ping": None})) as ami, running(ami, timing=timing(deadline=0.02)) as client:
        with pytest.raises(TelephonyError, match="did not answer in time") as late:
            await client.send(actions.ping())
        assert type(late.value) is TelephonyError  # it may have been done
        await ami.play(reply(ami.sent("Ping")[0]))
        await soon(lambda: client.metrics.late_replies == 1)
        assert client.metrics.deadlines == 1
        assert client._connection is not None
        assert client._connection._pending == {}


async def test_all_that_wait_are_told_when_the_connection_ends_and_nothing_is_sent_again() -> None:
    async with (
        FakeAsterisk(Plan(answers={"originate": None})) as ami,
        running(ami) as client,
    ):
        waiting = [asyncio.create_task(client.send(actions.control("acw-clear", f"a{n}"))) for n in range(5)]
        await ami.got("Originate", 5)
        ami.drop()
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert [str(result) for result in results] == ["There is no connection to Asterisk."] * 5
        assert {type(result) for result in results} == {TelephonyError}  # they may have been done
        await soon(lambda: client.metrics.connects == 2 and client.state == "live")
        await client.send(actions.ping())
        assert len(ami.sent("Originate")) == 5


async def test_a_command_while_down_fails_at_once() -> None:
    client = AmiClient(host="127.0.0.1", port=1, user="u", secret="s", timing=FAST)
    with pytest.raises(NotDone, match="no connection"):
        await client.send(actions.ping())


async def test_variables_are_sent_as_variables() -> None:
    async with FakeAsterisk() as ami, running(ami) as client:
        command = actions.control("acw-set", "a7f3", 1778284860)
        await client.send(command)
        assert command == actions.control("acw-set", "a7f3", 1778284860)
        assert b"Variable: HLMEMBER=a7f3\r\nVariable: HLUNTIL=1778284860\r\n\r\n" in ami.raw


# -- lists


async def test_a_list_is_whole_when_asterisk_says_so() -> None:
    async with FakeAsterisk(Plan(lists={"queuestatus": [MEMBER, MEMBER]})) as ami, running(ami) as client:
        rows = await client.collect(actions.queue_status())
        assert [(row.name, row["Name"]) for row in rows] == [("QueueMember", "a7f3")] * 2
        assert await client.collect(actions.device_state_list()) == []


async def test_a_list_that_does_not_add_up_is_asked_once_more() -> None:
    plan = Plan(lists={"queuestatus": [MEMBER]}, count_off=[1, 0, 1, 1])
    async with FakeAsterisk(plan) as ami, running(ami) as client:
        assert len(await client.collect(actions.queue_status())) == 1
        assert (client.metrics.list_retries, len(ami.sent("QueueStatus"))) == (1, 2)
        with pytest.raises(TelephonyError, match="not complete"):
            await client.collect(actions.queue_status())


async def test_rows_of_two_lists_at_once_do_not_mix() -> None:
    def both(command: Mapping[str, str]) -> bytes | None:
        asked.append(command)
        if len(asked) < 2:
            return None
        one, two = (("ActionID", command["actionid"]) for command in asked)
        ends = (("EventList", "Complete"), ("ListItems", "1"))
        return (
            reply(asked[0]) + reply(asked[1]) + block(*DEVICE, two) + block(*MEMBER, one)
            + block(("Event", "QueueStatusComplete"), one, *ends)
            + block(("Event", "DeviceStateListComplete"), two, *ends)
        )  # fmt: skip

    asked: list[Mapping[str, str]] = []
    plan = Plan(answers={"queuestatus": both, "devicestatelist": both})
    async with FakeAsterisk(plan) as ami, running(ami) as client:
        members, devices = await asyncio.gather(
            client.collect(actions.queue_status()), client.collect(actions.device_state_list())
        )
        assert [row.name for row in members] == ["QueueMember"]
        assert [row.name for row in devices] == ["DeviceStateChange"]
        assert ami.connections == 1


async def test_a_list_that_is_refused_or_never_ends_is_an_error() -> None:
    plan = Plan(
        answers={"queuestatus": lambda command: refusal(command, "Permission denied"), "devicestatelist": reply}
    )
    async with FakeAsterisk(plan) as ami, running(ami, timing=timing(list_deadline=0.02)) as client:
        with pytest.raises(TelephonyError, match="Permission denied"):
            await client.collect(actions.queue_status())
        with pytest.raises(TelephonyError, match="in time"):
            await client.collect(actions.device_state_list())
        assert ami.connections == 1


# -- under the package's own types


async def test_listeners_of_the_package_are_told_and_cannot_kill_the_reader() -> None:
    heard, seen = Heard(), []

    def on_hangup(event: Event, source: AmiClient) -> None:
        seen.append(event)
        raise RuntimeError

    async with FakeAsterisk() as ami, running(ami, heard) as client:
        assert isinstance(client, AMIClient)
        client.add_event_listener(EventListener(on_event=on_hangup, white_list="Hangup"))
        responses: list[Response] = []
        client.add_listener(on_response=lambda source, response: responses.append(response))
        await ami.play(
            channel_event("Hangup", AT, "pbx1-1.1", ("Cause", "1"), ("ChanVariable", "A=1"), ("ChanVariable", "B=2"))
            + hangup(2)
        )
        await heard.until(lambda: heard.causes() == [1, 2])
        await client.send(actions.ping())
        assert [(type(event), event.name) for event in seen] == [(Event, "Hangup")] * 2
        assert seen[0].keys["ChanVariable"] == {"A": "1", "B": "2"}
        assert seen[0]["Cause"] == "1"
        assert [response.status for response in responses] == ["Success"]
        assert client.metrics.handler_errors == 2


@pytest.mark.parametrize("method", ["login", "logoff", "listen", "send_action"])
async def test_the_packages_own_ways_to_the_socket_are_closed(method: str) -> None:
    client = AmiClient(host="127.0.0.1", port=1, user="u", secret="s")
    with pytest.raises(NotImplementedError):
        getattr(client, method)("x", "y")
