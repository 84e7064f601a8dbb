"""Zones asked for real: twelve at once with faults, wildcards found out by canaries, and back again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from ipaddress import ip_address
from random import Random

import pytest

from kycrisk.lookups.dnsbl import Form, Listing, NotListed, Outcome, ZoneInUse
from kycrisk.lookups.dnsbl_catalogue import default_zones, read_zones
from kycrisk.lookups.dnsbl_health import Health
from kycrisk.lookups.dnsbl_lookup import inspect, look_up, watch
from kycrisk.lookups.resolver import Resolver, ResolverOptions
from kycrisk.signals import Unknown, Why
from tests.lookups.dns.server import NameServer, name_server

ZONES = {zone.name: zone for zone in read_zones(default_zones())}
IP = ip_address("192.0.2.99")
PSBL = ZoneInUse(ZONES["psbl"])
DRONE = ZoneInUse(ZONES["dronebl"])
DBL = ZoneInUse(ZONES["spamhaus-dbl"])


@asynccontextmanager
async def asking(retry_after: float = 0.1) -> AsyncIterator[tuple[NameServer, Resolver]]:
    async with name_server() as server:
        options = ResolverOptions(retry_after=retry_after)
        with closing(Resolver([server.nameserver], options=options)) as resolver:
            yield server, resolver


def shown(outcome: Outcome) -> str:
    match outcome:
        case Listing():
            return "listed"
        case NotListed():
            return "not listed"
        case Unknown():
            return outcome.why.value


FAULTS = {
    "healthy": ({}, "not listed"),
    "silent": ({"drops": 99}, "timeout"),
    "refusing": ({"rcode": "REFUSED"}, "refused"),
    "failing": ({"rcode": "SERVFAIL"}, "refused"),
    "lying": ({"lies": ("id", "question"), "only_lies": True}, "timeout"),
    "hijacked": ({"records": ["@ 60 IN A 203.0.113.80"]}, "refused"),
    "over limit": ({"records": ["@ 60 IN A 127.255.255.255"]}, "refused"),
    "cut short": ({"records": ["@ 60 IN A 127.0.0.2"], "cut": 2}, "malformed_answer"),
}
SIX = ("spamhaus-zen", "spamcop", "barracuda", "psbl", "uceprotect-1", "dronebl")


@pytest.mark.by_the_clock
@pytest.mark.parametrize("fault", FAULTS)
def test_any_subset_of_six_zones_may_fail(fault: str) -> None:
    """Every subset: each of the 64 asks about an address of its own."""

    async def scenario() -> list[tuple[int, int, Outcome]]:
        async with asking(retry_after=9) as (server, resolver):
            health = Health()

            async def ask(subset: int, place: int) -> tuple[int, int, Outcome]:
                zone = ZoneInUse(ZONES[SIX[place]])
                fails = bool(subset >> place & 1)
                if fails:
                    server.on(f"{subset}.2.0.192.{zone.zone.zone}", **FAULTS[fault][0])
                subject = ip_address(f"192.0.2.{subset}")
                within = 0.5 if fails and FAULTS[fault][1] == "timeout" else 20
                outcome = await look_up(zone, subject, resolver=resolver, health=health, within=within)
                return subset, place, outcome

            outcomes = []
            for start in range(0, 64, 16):  # more packets at once overflow the server's socket
                cases = ((subset, place) for subset in range(start, start + 16) for place in range(6))
                outcomes += await asyncio.gather(*(ask(*case) for case in cases))
            return outcomes

    for subset, place, outcome in asyncio.run(scenario()):
        expected = FAULTS[fault][1] if subset >> place & 1 else "not listed"
        assert (subset, SIX[place], shown(outcome)) == (subset, SIX[place], expected)
        if isinstance(outcome, Unknown):
            assert SIX[place] in outcome.detail


@pytest.mark.by_the_clock
def test_one_silent_zone_does_not_hold_up_the_others() -> None:
    async def scenario() -> tuple[list[str], float]:
        async with asking() as (server, resolver):
            server.on("99.2.0.192.psbl.surriel.com", drops=9)
            server.give("99.2.0.192.dnsbl.dronebl.org", "A", "127.0.0.8", delay=0.02)
            zones = [ZoneInUse(ZONES[name]) for name in SIX]
            loop, health = asyncio.get_running_loop(), Health()
            begun = loop.time()
            asked = (look_up(zone, IP, resolver=resolver, health=health, within=0.25) for zone in zones)
            outcomes = await asyncio.gather(*asked)
            return [shown(outcome) for outcome in outcomes], loop.time() - begun

    outcomes, took = asyncio.run(scenario())
    assert outcomes == ["not listed", "not listed", "not listed", "timeout", "not listed", "listed"]
    assert took < 0.5


@pytest.mark.by_the_clock
@pytest.mark.parametrize("fault", FAULTS)
def test_no_key_in_logs_even_of_a_loop_in_debug_mode(fault: str, caplog: pytest.LogCaptureFixture) -> None:
    key = "abcdefghijklmnopqrstuvwx12"

    async def scenario() -> Outcome:
        asyncio.get_running_loop().slow_callback_duration = 0  # everything counts as slow and is logged
        async with asking(retry_after=0.01) as (server, resolver):
            server.on("*", **FAULTS[fault][0])
            used = ZoneInUse(ZONES["spamhaus-zen"], key)
            outcome = await look_up(
                used, IP, resolver=resolver, health=Health(), within=0.03 if fault != "healthy" else 2
            )
            assert key in server.queries[0].name
            server.queries.clear()
            server.rules.clear()
            return outcome

    with caplog.at_level(logging.DEBUG):
        outcome = asyncio.run(scenario(), debug=True)
    assert "Executing" in caplog.text
    assert key not in caplog.text.lower()
    assert key not in repr(outcome)


def healthy(server: NameServer) -> None:
    server.give("2.0.0.127.psbl.surriel.com", "A", "127.0.0.2")
    server.give("99.2.0.192.psbl.surriel.com", "A", "127.0.0.2")


def wildcard(server: NameServer) -> None:
    server.give("*.psbl.surriel.com", "A", "127.0.0.2", ttl=3600)


def emptied(server: NameServer) -> None:
    server.rules.clear()


def parked(server: NameServer) -> None:
    server.give("*.psbl.surriel.com", "A", "203.0.113.80")


def limited(server: NameServer) -> None:
    server.give("*.psbl.surriel.com", "A", "127.255.255.254")


def silent(server: NameServer) -> None:
    server.on("*.psbl.surriel.com", drops=99)


def failing(server: NameServer) -> None:
    server.on("*.psbl.surriel.com", rcode="SERVFAIL")


@pytest.mark.parametrize(
    ("trouble", "why", "words"),
    [
        pytest.param(wildcard, Why.MALFORMED_ANSWER, "lists 127.0.0.1", id="lists everything"),
        pytest.param(emptied, Why.MALFORMED_ANSWER, "does not list its test point 127.0.0.2", id="lists nothing"),
        pytest.param(parked, Why.REFUSED, "203.0.113.80", id="the domain was sold"),
        pytest.param(limited, Why.REFUSED, "public resolver", id="refuses"),
    ],
)
def test_a_zone_that_cannot_be_believed_is_demoted_and_restored(trouble: object, why: Why, words: str) -> None:
    async def scenario() -> tuple[list[str], Unknown | None, int]:
        async with asking() as (server, resolver):
            health = Health()
            seen = []
            for state in (healthy, trouble, healthy):
                server.rules.clear()
                state(server)  # type: ignore[operator]
                resolver.forget("psbl.surriel.com")
                await look_up(PSBL, ip_address("192.0.2.7"), resolver=resolver, health=health, within=20)
                await inspect([PSBL], resolver=resolver, health=health)
                seen.append(health.why_not("psbl", Form.V4))
                asked_before = len(server.queries)
                outcome = await look_up(PSBL, IP, resolver=resolver, health=health, within=20)
                seen.append(shown(outcome))
                if state is trouble:
                    spared = len(server.queries) - asked_before
                    doubt = seen[-2]
            last = await look_up(PSBL, ip_address("192.0.2.7"), resolver=resolver, health=health, within=20)
            return [str(one) for one in (seen[0], seen[1], seen[4], seen[5], shown(last))], doubt, spared

    seen, doubt, spared = asyncio.run(scenario())
    assert seen == ["None", "listed", "None", "listed", "not listed"]
    assert isinstance(doubt, Unknown)
    assert doubt.why is why
    assert words in doubt.detail
    assert spared == 0


@pytest.mark.parametrize("trouble", [silent, failing], ids=["silent", "failing"])
@pytest.mark.parametrize(("before", "demoted"), [(healthy, False), (wildcard, True)], ids=["believed", "demoted"])
def test_a_canary_without_an_answer_changes_nothing(trouble: object, before: object, demoted: bool) -> None:
    async def scenario() -> bool:
        async with asking() as (server, resolver):
            health = Health()
            before(server)  # type: ignore[operator]
            await inspect([PSBL], resolver=resolver, health=health)
            server.rules.clear()
            trouble(server)  # type: ignore[operator]
            checking = asyncio.ensure_future(inspect([PSBL], resolver=resolver, health=health))
            while not server.asked("1.0.0.127.psbl.surriel.com") > 1:
                await asyncio.sleep(0)
            if trouble is silent:
                resolver.close()  # rather than to wait two seconds for nothing
            await checking
            return health.why_not("psbl", Form.V4) is not None

    assert asyncio.run(scenario()) is demoted


def test_answers_kept_from_a_zone_gone_wild_are_dropped() -> None:
    async def scenario() -> list[str]:
        async with asking() as (server, resolver):
            health, outcomes = Health(), []
            wildcard(server)
            outcomes.append(await look_up(PSBL, IP, resolver=resolver, health=health, within=20))
            await inspect([PSBL], resolver=resolver, health=health)
            outcomes.append(await look_up(PSBL, IP, resolver=resolver, health=health, within=20))
            server.rules.clear()
            server.give("2.0.0.127.psbl.surriel.com", "A", "127.0.0.2")
            await inspect([PSBL], resolver=resolver, health=health)
            outcomes.append(await look_up(PSBL, IP, resolver=resolver, health=health, within=20))
            return [shown(outcome) for outcome in outcomes]

    assert asyncio.run(scenario()) == ["listed", "malformed_answer", "not listed"]


def test_ipv6_may_be_broken_alone() -> None:
    async def scenario() -> list[str]:
        async with asking() as (server, resolver):
            health = Health()
            server.give("2.0.0.127.dnsbl.dronebl.org", "A", "127.0.0.3")
            await inspect([DRONE], resolver=resolver, health=health)
            subjects = (IP, ip_address("2001:db8::1"), ip_address("::ffff:192.0.2.99"))
            asked = [await look_up(DRONE, one, resolver=resolver, health=health, within=20) for one in subjects]
            return [shown(outcome) for outcome in asked]

    assert asyncio.run(scenario()) == ["not listed", "malformed_answer", "not listed"]


def test_names_have_canaries_of_their_own() -> None:
    async def scenario() -> list[str]:
        async with asking() as (server, resolver):
            health, outcomes = Health(), []
            server.give("dbltest.com.dbl.spamhaus.org", "A", "127.0.1.2")
            for wild in (False, True):
                if wild:
                    server.give("*.dbl.spamhaus.org", "A", "127.0.1.2")
                await inspect([DBL], resolver=resolver, health=health)
                outcomes.append(await look_up(DBL, f"{wild}.test", resolver=resolver, health=health, within=20))
            return [shown(outcome) for outcome in outcomes]

    assert asyncio.run(scenario()) == ["not listed", "malformed_answer"]


def test_the_watch_goes_round_and_round() -> None:
    naps: list[float] = []

    async def scenario() -> list[bool]:
        async with asking() as (server, resolver):
            health, believed = Health(), []
            states = iter((healthy, wildcard, healthy))
            next(states)(server)

            async def nap(seconds: float) -> None:
                naps.append(seconds)
                believed.append(health.why_not("psbl", Form.V4) is None)
                server.rules.clear()
                if (state := next(states, None)) is None:
                    raise asyncio.CancelledError
                state(server)

            with pytest.raises(asyncio.CancelledError):
                await watch(lambda: [PSBL], resolver=resolver, health=health, period=60, random=Random(3), sleep=nap)
            return believed

    assert asyncio.run(scenario()) == [True, False, True]
    assert all(48 <= seconds <= 60 for seconds in naps)
    assert len(set(naps)) == 3


def test_zones_that_are_not_asked_any_more_are_forgotten() -> None:
    async def scenario() -> list[int]:
        async with asking() as (server, resolver):
            health = Health()
            wildcard(server)
            await inspect([PSBL], resolver=resolver, health=health)
            before = len(health.demoted())
            health.keep_only(["dronebl"])
            return [before, len(health.demoted())]

    assert asyncio.run(scenario()) == [1, 0]
