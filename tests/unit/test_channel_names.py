"""Channel names of every technology: whose they are. Shapes as Asterisk's channel drivers make them."""

import pytest

from hotline.telephony import names


@pytest.mark.parametrize(
    ("name", "technology", "peer"),
    [
        ("PJSIP/101-0000002a", "PJSIP", "101"),  # chan_pjsip: endpoint and a counter
        ("SIP/trunk-eu-081e9f20", "SIP", "trunk-eu"),  # chan_sip: peer and, before 1.8, an address in memory
        ("IAX2/office-1234", "IAX2", "office"),
        ("DAHDI/1-1", "DAHDI", "1"),  # analogue: channel and subchannel
        ("DAHDI/i1/13800138000-3", "DAHDI", "i1"),  # ISDN: span, number dialled, counter
        ("Agent/1001", "Agent", "1001"),  # chan_agent, until 11
        ("SCCP/2001-00000004", "SCCP", "2001"),
        ("Console/dsp", "Console", "dsp"),
        ("Local/1001@from-queue-00000003;1", "Local", ""),
        ("AsyncGoto/SIP/101-00000002", "AsyncGoto", ""),
        ("SIP/101-00000002<ZOMBIE>", "SIP", ""),
        ("nonsense", "", ""),
        ("", "", ""),
    ],
)
def test_whose_a_channel_is(name: str, technology: str, peer: str) -> None:
    assert (names.technology(name), names.peer(name)) == (technology, peer)


def test_the_two_halves_of_a_local_channel() -> None:
    one, two = "Local/1001@from-queue-00000003;1", "Local/1001@from-queue-00000003;2"
    assert (names.other_half(one), names.other_half(two)) == (two, one)
    assert names.other_half("Local/3441@from-internal-1332,1") == "Local/3441@from-internal-1332,2"  # 1.4
    assert (names.other_half("SIP/101-1"), names.other_half("Local/1001@from-queue/n")) == ("", "")
    assert names.local_extension("Local/1001@from-queue/n") == "1001"
    assert names.is_local(one)
    assert not names.is_local("SIP/Local-1")


@pytest.mark.parametrize("name", ["SIP/101-2<MASQ>", "Surrogate/PJSIP/101-2", "Parked/SIP/101-2", "CBAnn/conf-1;1"])
def test_channels_nobody_is_behind(name: str) -> None:
    assert names.is_ghost(name)
    assert not names.is_ghost("PJSIP/101-2")


def test_a_name_keeps_nothing_of_a_change_of_places() -> None:
    assert names.settled("Local/1@x-1;1<ZOMBIE>") == "Local/1@x-1;1"
