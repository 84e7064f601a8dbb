"""What the DNS says about the mail of a domain, from a real server: known, or unknown with the reason."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from kycrisk.lookups.mail_domain import SIGNALS, MailFacts, analyse
from kycrisk.lookups.mail_domain_hosts import HostSet, MailHosts, read_host_set, read_mail_hosts
from kycrisk.lookups.resolver import Resolver, ResolverOptions
from kycrisk.normal.public_suffix import registrable_domain
from kycrisk.problems import Problems
from kycrisk.shipped import shipped
from tests.lookups.dns.server import NameServer, name_server

DOMAIN = "shop.example.com"
HOSTS = read_mail_hosts()
SHARED_DATA = Path(__file__).resolve().parents[3] / "../shared/data"
Arrange = Callable[[NameServer], None]


def facts(arrange: Arrange, *, within: float = 20.0, domain: str = DOMAIN) -> MailFacts:
    async def scenario() -> MailFacts:
        async with name_server() as server:
            arrange(server)
            options = ResolverOptions(retry_after=9)
            with closing(Resolver([server.nameserver], options=options)) as resolver:
                return await analyse(domain, resolver=resolver, hosts=HOSTS, within=within)

    return asyncio.run(scenario())


def all_signals(found: MailFacts) -> dict[str, object]:
    """Each signal's value, or the word why it is unknown."""
    assert not found.known.keys() & found.unknown.keys()
    assert found.known.keys() | found.unknown.keys() == {signal.name for signal in SIGNALS}
    return {
        name.removeprefix("mail."): found.known.get(
            name, found.unknown[name].why.value if name in found.unknown else None
        )
        for name in sorted(found.known.keys() | found.unknown.keys())
    }


def rules(**names: dict[str, list[str]]) -> Arrange:
    """`rules(**{"a.test": {"MX": ["10 mx.test."]}})`."""

    def arrange(server: NameServer) -> None:
        for name, kinds in names.items():
            server.on(name)
            for kind, data in kinds.items():
                server.give(name, kind, *data)

    return arrange


def with_mx(*hosts: str, **others: dict[str, list[str]]) -> Arrange:
    exchangers = [f"{10 * (place + 1)} {host}." for place, host in enumerate(hosts)]
    return rules(**{DOMAIN: {"MX": exchangers}, **others})


PUBLIC = {"A": ["185.199.108.153"]}
PUBLIC_6 = {"AAAA": ["2606:4700::6810:84e5"]}
ORDINARY = {
    "accepts": True,
    "disposable_host": False,
    "domain_exists": True,
    "has_mx": True,
    "mx_broken": False,
    "mx_hosts": frozenset({"mx.example.net"}),
    "mx_private": False,
    "never_sends": False,
    "null_mx": False,
    "parked": False,
}
ABSENT = dict.fromkeys(ORDINARY, False) | {"mx_hosts": frozenset()}
NO_MX = ORDINARY | {"has_mx": False, "mx_hosts": frozenset()}
DEAD_END = {"accepts": False, "mx_broken": True}


@pytest.mark.parametrize(
    ("arrange", "expected"),
    [
        pytest.param(with_mx("mx.example.net", **{"mx.example.net": PUBLIC}), ORDINARY, id="ordinary"),
        pytest.param(with_mx("mx.example.net", **{"mx.example.net": PUBLIC_6}), ORDINARY, id="ordinary, IPv6 only"),
        pytest.param(rules(), ABSENT, id="no such domain"),
        pytest.param(
            rules(**{DOMAIN: {"MX": ["0 ."]}}),
            NO_MX | {"accepts": False, "null_mx": True},
            id="null MX",
        ),
        pytest.param(
            rules(**{DOMAIN: {"MX": ["0 ."], **PUBLIC}}),
            NO_MX | {"accepts": False, "null_mx": True},
            id="null MX is no reason to fall back on the address",
        ),
        pytest.param(rules(**{DOMAIN: PUBLIC}), NO_MX, id="implicit MX"),
        pytest.param(rules(**{DOMAIN: {}}), NO_MX | {"accepts": False}, id="neither MX nor address"),
        pytest.param(
            rules(**{DOMAIN: {"A": ["127.0.0.1"]}}),
            NO_MX | {"accepts": False, "mx_private": True},
            id="implicit MX in loopback",
        ),
        pytest.param(
            with_mx("mx.example.net"),
            ORDINARY | DEAD_END,
            id="MX that does not resolve",
        ),
        pytest.param(
            with_mx("mx.example.net", **{DOMAIN + ".": {}, "mx.example.net": {}}),
            ORDINARY | DEAD_END,
            id="MX without address",
        ),
        pytest.param(
            lambda server: [with_mx("mx.example.net")(server), server.give(DOMAIN, "A", "185.199.108.153")],
            ORDINARY | DEAD_END,
            id="broken MX is no reason to fall back on the address",
        ),
        *(
            pytest.param(
                with_mx("mx.example.net", **{"mx.example.net": {kind: [address]}}),
                ORDINARY | DEAD_END | {"mx_private": True},
                id=f"MX at {address}",
            )
            for kind, address in [
                ("A", "127.0.0.1"),
                ("A", "10.1.2.3"),
                ("A", "192.168.1.1"),
                ("A", "169.254.1.1"),
                ("A", "100.64.0.1"),
                ("A", "0.0.0.0"),
                ("A", "203.0.113.7"),
                ("AAAA", "::1"),
                ("AAAA", "fd00::1"),
                ("AAAA", "2001:db8::1"),
            ]
        ),
        pytest.param(
            with_mx("localhost"),
            ORDINARY | DEAD_END | {"mx_private": True, "mx_hosts": frozenset({"localhost"})},
            id="MX is localhost",
        ),
        pytest.param(
            with_mx("192.0.43.7"),
            ORDINARY | DEAD_END | {"mx_hosts": frozenset({"192.0.43.7"})},
            id="MX is an address",
        ),
        pytest.param(
            with_mx("gone.example.net", "mx.example.net", **{"mx.example.net": PUBLIC}),
            ORDINARY | {"mx_hosts": frozenset({"gone.example.net", "mx.example.net"})},
            id="one of two MX resolves",
        ),
        pytest.param(
            with_mx(
                "in.example.net", "mx.example.net", **{"mx.example.net": PUBLIC, "in.example.net": {"A": ["10.0.0.1"]}}
            ),
            ORDINARY | {"mx_hosts": frozenset({"in.example.net", "mx.example.net"}), "mx_private": True},
            id="one of two MX is private",
        ),
        pytest.param(
            with_mx("mail.mailinator.com", **{"mail.mailinator.com": PUBLIC}),
            ORDINARY | {"disposable_host": True, "mx_hosts": frozenset({"mail.mailinator.com"})},
            id="disposable mail behind a custom domain",
        ),
        pytest.param(
            with_mx("aspmx.l.google.com", **{"aspmx.l.google.com": PUBLIC}),
            ORDINARY | {"mx_hosts": frozenset({"aspmx.l.google.com"})},
            id="a host that everybody shares",
        ),
        pytest.param(
            lambda server: [
                with_mx("mx.example.net", **{"mx.example.net": PUBLIC})(server),
                server.give("example.com", "NS", "ns1.sedoparking.com.", "ns2.sedoparking.com."),
            ],
            ORDINARY | {"parked": True},
            id="parked",
        ),
        pytest.param(
            rules(**{DOMAIN: {"TXT": ['"v=spf1 -all"'], **PUBLIC}}),
            NO_MX | {"never_sends": True},
            id="SPF -all and no MX",
        ),
        pytest.param(
            rules(**{DOMAIN: {"MX": ["0 ."], "TXT": ['"V=SPF1 -ALL"', '"hello"']}}),
            NO_MX | {"never_sends": True, "accepts": False, "null_mx": True},
            id="SPF -all and null MX",
        ),
        pytest.param(
            rules(**{DOMAIN: {"MX": ["10 mx.example.net."], "TXT": ['"v=spf1 -all"']}, "mx.example.net": PUBLIC}),
            ORDINARY,
            id="SPF -all, but an MX",
        ),
    ],
)
def test_what_is_known(arrange: Arrange, expected: dict[str, object]) -> None:
    assert all_signals(facts(arrange)) == expected


@pytest.mark.parametrize(
    ("spf", "never"),
    [
        ("v=spf1 -all", True),
        ("v=spf1  -all ", True),
        ("v=spf1 -all exp=why.example.com", True),
        ("v=spf1 ~all", False),
        ("v=spf1 a -all", False),
        ("v=spf1 include:example.net -all", False),
        ("v=spf1", False),
        ("v=spf10 -all", False),
        ("v=spf1-all", False),
        ("spf2.0/pra -all", False),
    ],
)
def test_spf_that_lets_nobody_send(spf: str, never: bool) -> None:
    found = facts(rules(**{DOMAIN: {"TXT": [f'"{spf}"'], **PUBLIC}}))
    assert found.known["mail.never_sends"] is never


def test_two_spf_records_are_an_error_and_say_nothing() -> None:
    found = facts(rules(**{DOMAIN: {"TXT": ['"v=spf1 -all"', '"v=spf1 -all"'], **PUBLIC}}))
    assert found.known["mail.never_sends"] is False


def troubled(name: str, kind: str, **rule: object) -> Arrange:
    def arrange(server: NameServer) -> None:
        with_mx("mx.example.net", **{"mx.example.net": PUBLIC})(server)
        server.on(name, kind, **rule)

    return arrange


_OF_MX = ("accepts", "disposable_host", "has_mx", "mx_broken", "mx_hosts", "mx_private", "null_mx")


@pytest.mark.by_the_clock
@pytest.mark.parametrize(
    ("arrange", "unknown"),
    [
        pytest.param(troubled(DOMAIN, "MX", drops=9), dict.fromkeys(_OF_MX, "timeout"), id="MX silent"),
        pytest.param(troubled(DOMAIN, "MX", rcode="SERVFAIL"), dict.fromkeys(_OF_MX, "refused"), id="MX fails"),
        pytest.param(troubled(DOMAIN, "MX", rcode="REFUSED"), dict.fromkeys(_OF_MX, "refused"), id="MX refused"),
        pytest.param(
            troubled(DOMAIN, "MX", records=["@ 60 IN MX 10 mx.example.net."], cut=4),
            dict.fromkeys(_OF_MX, "malformed_answer"),
            id="MX malformed",
        ),
        pytest.param(
            troubled("mx.example.net", "A", drops=9),
            dict.fromkeys(("accepts", "mx_broken", "mx_private"), "timeout"),
            id="address of the MX silent",
        ),
        pytest.param(
            troubled("mx.example.net", "AAAA", rcode="SERVFAIL"),
            {"mx_private": "refused"},
            id="IPv6 address of the MX fails, the other is public",
        ),
        pytest.param(troubled("example.com", "NS", drops=9), {"parked": "timeout"}, id="name servers silent"),
        pytest.param(troubled("example.com", "NS", rcode="SERVFAIL"), {"parked": "refused"}, id="name servers fail"),
        pytest.param(troubled(DOMAIN, "TXT", drops=9), {}, id="SPF silent, but there is an MX"),
        pytest.param(
            lambda server: server.on("*", drops=99),
            dict.fromkeys(ORDINARY, "timeout"),
            id="everything silent",
        ),
        pytest.param(
            lambda server: server.on("*", rcode="SERVFAIL"),
            dict.fromkeys(ORDINARY, "refused"),
            id="everything fails",
        ),
    ],
)
def test_what_is_not_known_is_not_guessed(arrange: Arrange, unknown: dict[str, str]) -> None:
    found = facts(arrange, within=0.25 if "timeout" in unknown.values() or not unknown else 2)
    assert {name: why for name, why in all_signals(found).items() if isinstance(why, str)} == unknown


def test_spf_unknown_without_mx_is_unknown() -> None:
    def arrange(server: NameServer) -> None:
        rules(**{DOMAIN: PUBLIC})(server)
        server.on(DOMAIN, "TXT", rcode="SERVFAIL")

    assert all_signals(facts(arrange))["never_sends"] == "refused"


def test_no_such_domain_is_seen_by_any_answer() -> None:
    def arrange(server: NameServer) -> None:
        server.on(DOMAIN, "MX", rcode="SERVFAIL")
        server.on(DOMAIN, "TXT", rcode="NXDOMAIN")

    assert all_signals(facts(arrange)) == ABSENT


def test_reasons_name_what_was_asked() -> None:
    found = facts(troubled(DOMAIN, "MX", rcode="SERVFAIL"))
    assert found.unknown["mail.has_mx"].detail == "MX of shop.example.com: server failure"


def test_of_a_hundred_exchangers_only_some_are_asked() -> None:
    async def scenario() -> tuple[MailFacts, int]:
        async with name_server() as server:
            with_mx(*(f"mx{number}.example.net" for number in range(100)))(server)
            with closing(Resolver([server.nameserver])) as resolver:
                found = await analyse(DOMAIN, resolver=resolver, hosts=HOSTS, within=20)
                return found, sum(query.kind == "A" for query in server.queries)

    found, asked = asyncio.run(scenario())
    assert asked == 5
    assert found.unknown["mail.accepts"].why.value == "over_budget"
    assert len(found.known["mail.mx_hosts"]) == 100  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "host",
    [
        "aspmx.l.google.com",
        "alt1.aspmx.l.google.com",
        "example-com.mail.protection.outlook.com",
        "mx.zoho.com",
        "mx1.mail.ovh.net",
        "mxa.mailgun.org",
        "mx1.privateemail.com",
        "mx1-hosting.jellyfish.systems",
        "route1.mx.cloudflare.net",
        "mx1.simplelogin.co",
        "mail.anonaddy.me",
        "inbound-smtp.eu-west-1.amazonaws.com",
        "mx00.ionos.de",
        "mx.example.com",
    ],
)
def test_hosts_that_are_never_disposable(host: str) -> None:
    assert HOSTS.disposable_host([host]) == ""


@pytest.mark.parametrize(
    "host",
    [
        "mail.mailinator.com",
        "mail2.mailinator.com",
        "emailfake.com",
        "generator.email",
        "in.mail.tm",
        "mail.wallywatts.com",
    ],
)
def test_hosts_of_disposable_mail(host: str) -> None:
    assert HOSTS.disposable_host(["mx.example.com", host]) == host


def test_shipped_lists_do_not_contradict_each_other() -> None:
    shared = HOSTS.shared
    disposable = read_host_set(shipped("data/lists/disposable_mail_host.txt"))
    assert not [host for host in disposable.domains if shared.find(host)]
    assert not [host for host in shared.domains if disposable.find(host)]
    assert not [server for server in HOSTS.parked.domains if not registrable_domain(server)]
    providers = read_host_set(shipped("data/lists/mail_provider.txt")).domains
    assert not disposable.domains & providers


def test_a_list_of_ones_own_may_not_accuse_a_shared_host(tmp_path: Path) -> None:
    path = tmp_path / "more.txt"
    path.write_text("throwaway.example  # ours\ngoogle.com\nL.Google.com.\ncloudflare.net\nl.google.com\n")
    hosts = read_mail_hosts(more_disposable=[path])
    assert hosts.disposable_host(["mx.throwaway.example"]) == "mx.throwaway.example"
    assert hosts.disposable_host(["aspmx.l.google.com", "route1.mx.cloudflare.net"]) == ""


def test_something_above_a_shared_host_is_not_disposable() -> None:
    hosts = MailHosts(
        disposable=HostSet(frozenset({"big.example"})),
        shared=HostSet(frozenset({"mail.big.example"})),
        parked=HostSet(frozenset()),
    )
    assert hosts.disposable_host(["mx.mail.big.example"]) == ""


@pytest.mark.parametrize("line", ["not a host", "mx", "jalapeño.example", "http://mx.example.com/"])
def test_lines_that_are_no_hosts_are_problems(line: str, tmp_path: Path) -> None:
    path = tmp_path / "more.txt"
    path.write_text(f"fine.example\n{line}\n")
    with pytest.raises(Problems) as caught:
        read_host_set(path)
    assert f"more.txt:2:1: `{line}` is not a host" in str(caught.value.problems[0])


def test_a_list_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(Problems, match="cannot be read"):
        read_host_set(tmp_path / "nothing.txt")


def test_real_lists_of_others_agree() -> None:
    path = SHARED_DATA / "disposable" / "static_disposable-mail-hosts.json"
    if not path.is_file():
        pytest.skip("the lists for comparison are not here")
    hosts = json.loads(path.read_text())["emailfake.com"]["mx_hosts"]
    assert [host for host in hosts if not HOSTS.disposable_host([host])] == []
