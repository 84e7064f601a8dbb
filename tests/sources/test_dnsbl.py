"""Zones as sources: what they answer, when they are not asked at all, and what they say together."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kycrisk.lookups.dnsbl import Lists, ZoneInUse
from kycrisk.lookups.dnsbl_health import Health, canaries
from kycrisk.lookups.dnsbl_lookup import inspect
from kycrisk.lookups.source import Consulted
from kycrisk.signals import Unknown, Why
from kycrisk.sources.dnsbl import shipped_zones, signals, summaries, summary_signals, zone_inquiry, zone_signals
from kycrisk.sources.inquiry import Foregone, Inquiry
from tests.lookups.dns.server import NameServer
from tests.sources.making import connected, signup, soon

ZONES = {zone.name: ZoneInUse(zone) for zone in shipped_zones()}
SPAMCOP, DBL, EBL = ZONES["spamcop"], ZONES["spamhaus-dbl"], ZONES["msbl-ebl"]
LISTED = "99.2.0.192.bl.spamcop.net"


def ask(arrange: Any, used: ZoneInUse, subject: Any, *, times: int = 1) -> list[tuple[Consulted, Consulted | None]]:
    """What a zone answers, some times in a row, and what is kept afterwards."""

    async def scenario() -> list[tuple[Consulted, Consulted | None]]:
        async with connected() as (server, connections):
            arrange(server)
            inquiry = zone_inquiry(used, connections, Health(), timeout=20.0)
            found = []
            for _ in range(times):
                key = inquiry.key(subject, {})
                found.append((await inquiry.ask(key, soon()), inquiry.kept(key)))
            return found

    return asyncio.run(scenario())


def test_a_listing_is_its_words_and_its_weight():
    ((said, kept),) = ask(lambda server: server.give(LISTED, "A", "127.0.0.2"), SPAMCOP, signup())
    assert said.known == {"dnsbl.spamcop": frozenset({"spam_source"}), "dnsbl.spamcop_weight": 2}
    assert kept is not None
    assert (kept.known, kept.asked) == (said.known, False)


def test_silence_of_a_zone_is_no():
    ((said, _),) = ask(lambda server: None, SPAMCOP, signup())
    assert said.known == {"dnsbl.spamcop": frozenset(), "dnsbl.spamcop_weight": 0}


@pytest.mark.parametrize(
    ("arrange", "why"),
    [
        pytest.param(lambda server: server.give(LISTED, "A", "127.255.255.254"), Why.REFUSED, id="refusing code"),
        pytest.param(lambda server: server.give(LISTED, "A", "198.51.100.1"), Why.REFUSED, id="outside of 127/8"),
        pytest.param(lambda server: server.on(LISTED, rcode="SERVFAIL"), Why.REFUSED, id="server failure"),
        pytest.param(lambda server: server.give(LISTED, "A", "127.0.0.77"), Why.MALFORMED_ANSWER, id="no such code"),
    ],
)
def test_a_refusal_is_no_listing(arrange, why):
    ((said, kept),) = ask(arrange, SPAMCOP, signup())
    assert said.known == {}
    assert {each.why for each in said.unknown.values()} == {why}
    assert kept is None


@pytest.mark.parametrize(
    ("zone", "subject"),
    [
        pytest.param(SPAMCOP, signup(ip="10.1.2.3"), id="a private address"),
        pytest.param(SPAMCOP, signup(ip="2001:db8::7"), id="IPv6 in a zone of IPv4"),
        pytest.param(DBL, signup(email="not an address"), id="an address without a domain"),
    ],
)
def test_what_no_zone_can_list_is_not_asked(zone, subject):
    async def key() -> object:
        async with connected() as (_, connections):
            return zone_inquiry(zone, connections, Health(), timeout=20.0).key(subject, {})

    means, weight = zone_signals(zone.zone)
    assert asyncio.run(key()) == Foregone({means.name: frozenset(), weight.name: 0})


def test_an_address_is_asked_about_by_its_hash():
    async def name() -> str:
        async with connected() as (server, connections):
            inquiry = zone_inquiry(EBL, connections, Health(), timeout=20.0)
            await inquiry.ask(inquiry.key(signup(email="Jane.Doe+x@Gmail.com"), {}), soon())
            return server.queries[0].name

    # printf janedoe@gmail.com | sha1sum
    assert asyncio.run(name()) == "3e12c6d13e5c00d46fee94de65239ce9c5e7bc25.ebl.msbl.org"


def test_a_zone_that_lists_everything_is_believed_again_when_it_is_mended():
    async def scenario() -> list[str]:
        async with connected() as (server, connections):
            health = Health()
            inquiry: Inquiry[Any] = zone_inquiry(SPAMCOP, connections, health, timeout=20.0)
            told = []
            for address in ("127.0.0.2", ""):
                lists_everything = bool(address)
                _arrange(server, everything=lists_everything)
                await inspect([SPAMCOP], resolver=connections.resolver, health=health)
                said = await inquiry.ask(inquiry.key(signup(), {}), soon())
                told.append(str(said.known or next(iter(said.unknown.values()))))
            return told

    assert asyncio.run(scenario()) == [
        "malformed_answer (`spamcop` lists 127.0.0.1, which no list may, so its listings mean nothing)",
        "{'dnsbl.spamcop': frozenset(), 'dnsbl.spamcop_weight': 0}",
    ]


def test_silence_means_nothing_where_the_resolver_denies_everything():
    ((said, kept),) = ask(lambda server: server.on("com", "NS", rcode="NXDOMAIN"), SPAMCOP, signup())
    assert (said.known, kept) == ({}, None)


def _arrange(server: NameServer, *, everything: bool) -> None:
    server.rules.clear()
    if everything:
        server.on("*.bl.spamcop.net", "A", records=["@ 300 IN A 127.0.0.2"])
    else:
        listed = [canary.query.name for canary in canaries(SPAMCOP) if canary.must_be_listed]
        for name in listed:
            server.give(name, "A", "127.0.0.2")


IP_ZONES = [ZONES[name] for name in ("spamhaus-zen", "spamcop", "psbl")]
NAMES = [zone_signals(used.zone)[1].name for used in IP_ZONES]
GONE = Unknown(Why.TIMEOUT, "silent")


@pytest.mark.parametrize(
    ("weights", "listed", "grave", "weight"),
    [
        pytest.param([0, 0, 0], False, False, 0, id="nobody lists it"),
        pytest.param([4, 2, 0], True, False, 6, id="two lists"),
        pytest.param([8, 0, 0], True, True, 8, id="something grave"),
        pytest.param([8, GONE, 0], True, True, GONE, id="something grave, and one is silent"),
        pytest.param([4, GONE, 0], True, GONE, GONE, id="a list, and one is silent"),
        pytest.param([0, GONE, 0], GONE, GONE, GONE, id="one is silent"),
        pytest.param([-3, 2, 0], True, False, 2, id="a word in favour takes nothing away"),
    ],
)
def test_what_zones_say_together(weights, listed, grave, weight):
    (summary,) = summaries(IP_ZONES)
    known = {name: each for name, each in zip(NAMES, weights, strict=True) if not isinstance(each, Unknown)}
    unknown = {name: each for name, each in zip(NAMES, weights, strict=True) if isinstance(each, Unknown)}
    assert summary.of(known, unknown) == {
        "dnsbl.ip_listed": listed,
        "dnsbl.ip_grave": grave,
        "dnsbl.ip_weight": weight,
    }


def test_a_summary_of_zones_that_were_not_asked_is_unknown():
    (summary,) = summaries(IP_ZONES)
    assert {str(each) for each in summary.of({}, {}).values()} == {"skipped (not every blocklist in use was asked)"}


def test_names_of_signals_are_unique():
    names = [signal.name for signal in signals()]
    assert len(set(names)) == len(names)
    assert {signal.name for lists in Lists for signal in summary_signals(lists)} <= set(names)
