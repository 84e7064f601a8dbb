"""The resolver against a real name server that answers, delays, drops, truncates, refuses and lies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from random import Random

import pytest

from kycrisk.lookups import resolver_socket
from kycrisk.lookups.dns_answer import DnsAnswer, Kind, Mx, Status
from kycrisk.lookups.resolver import Resolver, ResolverOptions
from kycrisk.lookups.resolver_servers import Nameserver
from tests.lookups.dns.server import NameServer, name_server

NAME = "host.example.com"
QUICK = ResolverOptions(retry_after=0.03)
#: Where packets are counted: a busy machine asks nothing twice.
PATIENT = ResolverOptions(retry_after=9)


@asynccontextmanager
async def asking(options: ResolverOptions = QUICK, seed: int = 7) -> AsyncIterator[tuple[NameServer, Resolver]]:
    async with name_server() as server:
        with closing(Resolver([server.nameserver], options=options, random=Random(seed))) as resolver:
            yield server, resolver


def answer_to(
    arrange: Callable[[NameServer], None],
    kind: Kind = Kind.A,
    *,
    within: float = 20.0,
    options: ResolverOptions = QUICK,
) -> tuple[DnsAnswer, NameServer]:
    async def scenario() -> tuple[DnsAnswer, NameServer]:
        async with asking(options) as (server, resolver):
            arrange(server)
            return await resolver.ask(NAME, kind, within=within), server

    return asyncio.run(scenario())


def shown(answer: DnsAnswer) -> tuple[str, tuple[object, ...], int]:
    return answer.status.name, answer.records, answer.ttl


@pytest.mark.parametrize(
    ("kind", "data", "records"),
    [
        pytest.param("A", ["192.0.2.1", "192.0.2.2"], ("192.0.2.1", "192.0.2.2"), id="addresses"),
        pytest.param("AAAA", ["2001:db8::1"], ("2001:db8::1",), id="IPv6 address"),
        pytest.param("TXT", ['"v=spf1 " "-all"'], ("v=spf1 -all",), id="text in two strings"),
        pytest.param("MX", ["10 MX1.Example.com.", "20 b."], (Mx(10, "mx1.example.com"), Mx(20, "b")), id="exchangers"),
        pytest.param("MX", ["0 ."], (Mx(0, ""),), id="null exchanger"),
        pytest.param("NS", ["ns1.example.net."], ("ns1.example.net",), id="name servers"),
    ],
)
def test_records_with_their_ttl(kind: str, data: list[str], records: tuple[object, ...]) -> None:
    answer, _ = answer_to(lambda server: server.give(NAME, kind, *data, ttl=77), Kind[kind])
    assert shown(answer) == ("RECORDS", records, 77)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        pytest.param({"rcode": "NXDOMAIN"}, ("NXDOMAIN", (), 120), id="no such name, by the SOA's minimum"),
        pytest.param({}, ("NODATA", (), 120), id="no data"),
        pytest.param({"soa": False}, ("NODATA", (), 0), id="no data without SOA may not be kept"),
        pytest.param({"rcode": "NXDOMAIN", "soa": False}, ("NXDOMAIN", (), 0), id="no such name without SOA"),
        pytest.param({"rcode": "SERVFAIL"}, ("SERVFAIL", (), 0), id="server failure"),
        pytest.param({"rcode": "REFUSED"}, ("REFUSED", (), 0), id="refused"),
        pytest.param({"rcode": "REFUSED", "bare": True}, ("REFUSED", (), 0), id="refused without the question"),
        pytest.param({"rcode": "NOTIMP"}, ("REFUSED", (), 0), id="not implemented"),
        pytest.param({"records": ["@ 60 IN A 192.0.2.1"], "cut": 3}, ("MALFORMED", (), 0), id="cut short"),
        pytest.param({"records": ["other.test. 60 IN A 192.0.2.1"]}, ("NODATA", (), 0), id="about another name"),
        pytest.param(
            {"records": [f"{NAME}. 90 IN CNAME a.test.", "a.test. 50 IN A 192.0.2.9"]},
            ("RECORDS", ("192.0.2.9",), 50),
            id="by an alias",
        ),
        pytest.param({"records": [f"{NAME}. 90 IN CNAME a.test."]}, ("NODATA", (), 0), id="alias of nothing"),
        pytest.param(
            {"records": [f"{NAME}. 90 IN CNAME a.test.", "a.test. 9 IN CNAME " + NAME + "."]},
            ("MALFORMED", (), 0),
            id="aliases in a circle",
        ),
        pytest.param({"records": ["@ 60 IN A 192.0.2.1"], "truncate": True}, ("RECORDS", ("192.0.2.1",), 60), id="TCP"),
    ],
)
def test_ways_an_answer_turns_out(rule: dict[str, object], expected: tuple[str, tuple[str, ...], int]) -> None:
    answer, _ = answer_to(lambda server: server.on(NAME, **rule))
    assert shown(answer) == expected


def test_truncated_is_asked_again_by_tcp() -> None:
    many = [f"192.0.2.{number}" for number in range(100)]
    answer, server = answer_to(lambda server: server.give(NAME, "A", *many, truncate=True))
    assert len(answer.records) == 100
    assert [query.by for query in server.queries] == ["udp", "tcp"]


def test_tcp_that_breaks_off_is_unreachable() -> None:
    def arrange(server: NameServer) -> None:
        server.give(NAME, "A", "192.0.2.1", truncate=True)
        server.rules[NAME, "A"].drops = 0

    async def scenario() -> DnsAnswer:
        async with asking() as (server, resolver):
            arrange(server)
            question = asyncio.ensure_future(resolver.ask(NAME, Kind.A, within=20))
            while not server.queries:
                await asyncio.sleep(0)
            server.rules[NAME, "A"].drops = 1
            return await question

    answer = asyncio.run(scenario())
    assert (answer.status, "by TCP" in answer.detail) == (Status.UNREACHABLE, True)


@pytest.mark.by_the_clock
@pytest.mark.parametrize("lie", ["id", "question", "port", "stub", "query"])
@pytest.mark.parametrize("only_lies", [False, True], ids=["then the truth", "nothing else"])
def test_forged_packets_are_passed_over(lie: str, only_lies: bool) -> None:
    answer, _ = answer_to(
        lambda server: server.give(NAME, "A", "192.0.2.1", lies=(lie,), only_lies=only_lies, delay=0.001),
        within=0.06 if only_lies else 2,
    )
    expected = (Status.TIMEOUT, ()) if only_lies else (Status.RECORDS, ("192.0.2.1",))
    assert (answer.status, answer.records) == expected


@pytest.mark.by_the_clock
@pytest.mark.parametrize(
    ("drops", "within", "status", "asked"),
    [
        pytest.param(1, 5.0, "RECORDS", 2, id="one packet lost"),
        pytest.param(9, 0.2, "TIMEOUT", 2, id="at most one retry"),
    ],
)
def test_lost_packets(drops: int, within: float, status: str, asked: int) -> None:
    answer, server = answer_to(lambda server: server.give(NAME, "A", "192.0.2.1", drops=drops), within=within)
    assert (answer.status.name, server.asked(NAME)) == (status, asked)


@pytest.mark.by_the_clock
def test_no_retry_when_the_deadline_is_near() -> None:
    answer, server = answer_to(lambda server: server.give(NAME, "A", "192.0.2.1", drops=9), within=0.02)
    assert (answer.status, server.asked(NAME)) == (Status.TIMEOUT, 1)


@pytest.mark.by_the_clock
def test_first_question_may_still_be_answered_after_the_retry() -> None:
    answer, server = answer_to(lambda server: server.give(NAME, "A", "192.0.2.1", delay=0.05))
    assert (answer.status, server.asked(NAME)) == (Status.RECORDS, 2)


@pytest.mark.by_the_clock
def test_deadline_is_kept() -> None:
    async def scenario() -> tuple[Status, float]:
        async with asking() as (server, resolver):
            server.on(NAME, drops=9)
            loop = asyncio.get_running_loop()
            begun = loop.time()
            answer = await resolver.ask(NAME, Kind.A, within=0.05)
            return answer.status, loop.time() - begun

    status, took = asyncio.run(scenario())
    assert status is Status.TIMEOUT
    assert 0.045 <= took < 0.25  # generous above: the machine may be busy


@pytest.mark.parametrize("kind", [Kind.A, Kind.TXT], ids=lambda kind: kind.name)
def test_ports_and_ids_are_random(kind: Kind) -> None:
    async def scenario() -> NameServer:
        async with asking(PATIENT) as (server, resolver):
            for number in range(200):
                await resolver.ask(f"n{number}.test", kind, within=20)
            return server

    queries = asyncio.run(scenario()).queries
    ports = {query.port for query in queries}
    busiest = max(sum(query.port == port for query in queries) for port in ports)
    assert len(queries) == 200
    assert len({query.ident for query in queries}) > 190
    assert len(ports) >= 200 // 16
    assert busiest <= 16
    assert all(16_384 <= port <= 65_535 for port in ports)


def test_sockets_are_not_kept_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolver_socket, "SECONDS_PER_SOCKET", -1.0)

    async def scenario() -> int:
        async with asking(PATIENT) as (server, resolver):
            for number in range(30):
                await resolver.ask(f"n{number}.test", Kind.A, within=20)
            return len({query.port for query in server.queries})

    assert asyncio.run(scenario()) >= 29  # two of thirty random ports may be the same


def test_same_seed_same_packets() -> None:
    async def scenario() -> list[int]:
        async with asking(PATIENT, seed=1) as (server, resolver):
            for number in range(5):
                await resolver.ask(f"n{number}.test", Kind.A, within=20)
            return [query.ident for query in server.queries]

    assert asyncio.run(scenario()) == asyncio.run(scenario())


@pytest.mark.by_the_clock
@pytest.mark.parametrize(
    ("lower_case", "status"),
    [pytest.param(False, "RECORDS", id="echoed as written"), pytest.param(True, "TIMEOUT", id="case not kept")],
)
def test_random_case(lower_case: bool, status: str) -> None:
    answer, server = answer_to(
        lambda server: server.give(NAME, "A", "192.0.2.1", lower_case=lower_case),
        within=20 if not lower_case else 0.02,
        options=ResolverOptions(random_case=True),
    )
    assert answer.status.name == status
    assert server.queries[0].name != NAME
    assert server.queries[0].name.lower() == NAME


@pytest.mark.by_the_clock
@pytest.mark.parametrize(
    ("payload", "no_edns", "seen"),
    [
        pytest.param(0, False, [False], id="not offered"),
        pytest.param(1232, False, [True], id="offered"),
        pytest.param(1232, True, [True, False], id="offered to a server that does not know it"),
    ],
)
def test_edns(payload: int, no_edns: bool, seen: list[bool]) -> None:
    answer, server = answer_to(
        lambda server: server.give(NAME, "A", "192.0.2.1", no_edns=no_edns),
        options=ResolverOptions(edns_payload=payload, retry_after=9),
    )
    assert answer.records == ("192.0.2.1",)
    assert [query.edns for query in server.queries] == seen


@pytest.mark.parametrize(
    ("rule", "records"),
    [
        pytest.param({"drops": 99}, ("192.0.2.2",), id="first is silent"),
        pytest.param({"rcode": "SERVFAIL"}, ("192.0.2.2",), id="first fails"),
        pytest.param({"rcode": "REFUSED"}, ("192.0.2.2",), id="first refuses"),
        pytest.param({"records": ["@ 60 IN A 192.0.2.1"], "cut": 3}, ("192.0.2.2",), id="first is malformed"),
        pytest.param({"records": ["@ 60 IN A 192.0.2.1"]}, ("192.0.2.1",), id="first answers"),
    ],
)
def test_several_servers(rule: dict[str, object], records: tuple[str, ...]) -> None:
    async def scenario() -> DnsAnswer:
        async with name_server() as first, name_server() as second:
            first.on(NAME, **rule)
            second.give(NAME, "A", "192.0.2.2")
            with closing(Resolver([first.nameserver, second.nameserver])) as resolver:
                return await resolver.ask(NAME, Kind.A, within=20)

    assert asyncio.run(scenario()).records == records


def test_server_that_is_not_there() -> None:
    async def scenario() -> tuple[DnsAnswer, DnsAnswer]:
        async with name_server() as gone:
            nowhere = gone.nameserver
        async with name_server() as second:
            second.give(NAME, "A", "192.0.2.2")
            with closing(Resolver([nowhere])) as alone, closing(Resolver([nowhere, second.nameserver])) as both:
                return await alone.ask(NAME, Kind.A, within=20), await both.ask(NAME, Kind.A, within=20)

    alone, both = asyncio.run(scenario())
    assert (alone.status, "connection refused" in alone.detail) == (Status.UNREACHABLE, True)
    assert both.records == ("192.0.2.2",)


@pytest.mark.by_the_clock
def test_silent_server_is_left_alone_for_a_while() -> None:
    async def scenario() -> int:
        async with name_server() as silent, name_server() as second:
            silent.on("*", drops=99)
            second.give("*.test", "A", "192.0.2.2")
            options = ResolverOptions(retry_after=0.03)
            with closing(Resolver([silent.nameserver, second.nameserver], options=options)) as resolver:
                for number in range(8):
                    answer = await resolver.ask(f"n{number}.test", Kind.A, within=20)
                    assert answer.status is Status.RECORDS
            return len(silent.queries)

    assert asyncio.run(scenario()) == 3


def test_concurrent_questions_share_one_flight() -> None:
    async def scenario() -> tuple[list[DnsAnswer], int]:
        async with asking(PATIENT) as (server, resolver):
            server.give(NAME, "A", "192.0.2.1", delay=0.01)
            questions = [resolver.ask(name, Kind.A, within=20) for name in (NAME, NAME.upper(), NAME + ".")]
            return list(await asyncio.gather(*questions)), server.asked(NAME)

    answers, asked = asyncio.run(scenario())
    assert [answer.records for answer in answers] == [("192.0.2.1",)] * 3
    assert asked == 1


@pytest.mark.by_the_clock
def test_each_who_waits_has_an_own_deadline() -> None:
    async def scenario() -> list[Status]:
        async with asking(PATIENT) as (server, resolver):
            server.give(NAME, "A", "192.0.2.1", delay=0.05)
            waits = (0.01, 2.0, 0.02)
            answers = await asyncio.gather(*(resolver.ask(NAME, Kind.A, within=wait) for wait in waits))
            return [answer.status for answer in answers]

    assert asyncio.run(scenario()) == [Status.TIMEOUT, Status.RECORDS, Status.TIMEOUT]


def test_one_who_gives_up_takes_nothing_from_the_others() -> None:
    async def scenario() -> DnsAnswer:
        async with asking(PATIENT) as (server, resolver):
            server.give(NAME, "A", "192.0.2.1", delay=0.02)
            first = asyncio.ensure_future(resolver.ask(NAME, Kind.A, within=20))
            second = asyncio.ensure_future(resolver.ask(NAME, Kind.A, within=20))
            await asyncio.sleep(0)
            first.cancel()
            return await second

    assert asyncio.run(scenario()).records == ("192.0.2.1",)


async def _twice(resolver: Resolver, fresh: bool = False) -> None:
    await resolver.ask(NAME, Kind.A, within=20)
    await resolver.ask(NAME, Kind.A, within=20, fresh=fresh)


async def _forgetting(resolver: Resolver) -> None:
    await resolver.ask(NAME, Kind.A, within=20)
    assert resolver.forget("Example.com") == 1
    await resolver.ask(NAME, Kind.A, within=20)


@pytest.mark.parametrize(
    ("rule", "ask", "asked"),
    [
        pytest.param({"records": ["@ 60 IN A 192.0.2.1"]}, _twice, 1, id="records"),
        pytest.param({"records": ["@ 0 IN A 192.0.2.1"]}, _twice, 2, id="records that may not be kept"),
        pytest.param({"rcode": "NXDOMAIN"}, _twice, 1, id="no such name"),
        pytest.param({"rcode": "NXDOMAIN", "soa": False}, _twice, 2, id="no such name without SOA"),
        pytest.param({"rcode": "SERVFAIL"}, _twice, 2, id="failures are not kept"),
        pytest.param({"rcode": "REFUSED"}, _twice, 2, id="refusals are not kept"),
        pytest.param({"records": ["@ 60 IN A 192.0.2.1"]}, lambda r: _twice(r, fresh=True), 2, id="wanted fresh"),
        pytest.param({"records": ["@ 60 IN A 192.0.2.1"]}, _forgetting, 2, id="forgotten"),
    ],
)
def test_what_is_kept(rule: dict[str, object], ask: Callable[[Resolver], Awaitable[None]], asked: int) -> None:
    async def scenario() -> int:
        async with asking(PATIENT) as (server, resolver):
            server.on(NAME, **rule)
            await ask(resolver)
            return server.asked(NAME)

    assert asyncio.run(scenario()) == asked


@pytest.mark.parametrize(
    "name",
    ["", ".", "a..b", "x" * 64 + ".test", ".".join(["abcdefgh"] * 30), "jalapeño.test", "a b.test", "a/b.test"],
    ids=["nothing", "the root", "an empty label", "a long label", "a long name", "not ASCII", "a space", "a slash"],
)
def test_what_is_no_name_is_not_asked(name: str) -> None:
    async def scenario() -> tuple[Status, int]:
        async with asking() as (server, resolver):
            return (await resolver.ask(name, Kind.A, within=20)).status, len(server.queries)

    assert asyncio.run(scenario()) == (Status.BAD_NAME, 0)


def test_too_many_open_questions() -> None:
    async def scenario() -> list[Status]:
        async with asking(ResolverOptions(most_open=2)) as (server, resolver):
            server.give("*.test", "A", "192.0.2.1", delay=0.01)
            answers = await asyncio.gather(*(resolver.ask(f"n{i}.test", Kind.A, within=20) for i in range(4)))
            return [answer.status for answer in answers]

    assert asyncio.run(scenario()) == [Status.RECORDS, Status.RECORDS, Status.OVERLOADED, Status.OVERLOADED]


def test_many_at_once() -> None:
    async def scenario() -> set[str]:
        async with asking(ResolverOptions()) as (server, resolver):
            server.give("*.test", "A", "192.0.2.1", delay=0.005)
            answers = await asyncio.gather(*(resolver.ask(f"n{i}.test", Kind.A, within=5) for i in range(500)))
            return {record for answer in answers for record in answer.texts}

    assert asyncio.run(scenario()) == {"192.0.2.1"}


def test_closing_tells_who_waits() -> None:
    async def scenario() -> DnsAnswer:
        async with asking() as (server, resolver):
            server.on(NAME, drops=9)
            question = asyncio.ensure_future(resolver.ask(NAME, Kind.A, within=30))
            await asyncio.sleep(0)
            resolver.close()
            with pytest.raises(RuntimeError, match="closed"):
                await resolver.ask(NAME, Kind.A, within=1)
            return await question

    assert asyncio.run(scenario()).detail == "the resolver was closed"


def test_over_ipv6() -> None:
    async def scenario() -> DnsAnswer:
        async with name_server("::1") as server:
            server.give(NAME, "A", "192.0.2.1", truncate=True)
            with closing(Resolver([server.nameserver])) as resolver:
                return await resolver.ask(NAME, Kind.A, within=20)

    try:
        answer = asyncio.run(scenario())
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    assert answer.records == ("192.0.2.1",)


def test_unusable_scope_is_unreachable() -> None:
    async def scenario() -> DnsAnswer:
        with closing(Resolver([Nameserver("fe80::1", 53, "nosuchif0")])) as resolver:
            return await resolver.ask(NAME, Kind.A, within=20)

    assert asyncio.run(scenario()).status is Status.UNREACHABLE
