"""Names that zones are asked by, and what their answers say: every zone of the catalogue."""

from __future__ import annotations

import logging
from ipaddress import ip_address

import pytest

from kycrisk.lookups.dns_answer import DnsAnswer, Status
from kycrisk.lookups.dnsbl import Listing, Lists, NotListed, ZoneInUse
from kycrisk.lookups.dnsbl_catalogue import default_zones, read_zones
from kycrisk.lookups.dnsbl_health import canaries
from kycrisk.lookups.dnsbl_query import QueryName, query_name
from kycrisk.lookups.dnsbl_verdict import interpret
from kycrisk.signals import Unknown, Why

ZONES = {zone.name: zone for zone in read_zones(default_zones())}
DQS = "abcdefghijklmnopqrstuvwx12"
HONEY = "abcdefghijkl"
V6 = "2001:db8::567:89ab"
NIBBLES = "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2"


def used(name: str, key: str = "") -> ZoneInUse:
    return ZoneInUse(ZONES[name], key)


def asked(zone: ZoneInUse, subject: str) -> str:
    query = query_name(zone, ip_address(subject) if zone.zone.lists is Lists.IP else subject)
    return query.name if isinstance(query, QueryName) else query.why.value


@pytest.mark.parametrize(
    ("zone", "key", "subject", "name"),
    [
        ("spamhaus-zen", "", "192.0.2.99", "99.2.0.192.zen.spamhaus.org"),
        ("spamhaus-zen", DQS, "192.0.2.99", f"99.2.0.192.{DQS}.zen.dq.spamhaus.net"),
        ("spamhaus-zen", DQS, V6, f"{NIBBLES}.{DQS}.zen.dq.spamhaus.net"),
        ("spamhaus-zen", "", "::ffff:192.0.2.99", "99.2.0.192.zen.spamhaus.org"),
        ("spamhaus-authbl", DQS, "192.0.2.99", f"99.2.0.192.{DQS}.authbl.dq.spamhaus.net"),
        ("spamhaus-dbl", "", "Mail.Example.com.", "mail.example.com.dbl.spamhaus.org"),
        ("spamhaus-dbl", DQS, "example.com", f"example.com.{DQS}.dbl.dq.spamhaus.net"),
        ("spamhaus-zrd", DQS, "example.com", f"example.com.{DQS}.zrd.dq.spamhaus.net"),
        (
            "spamhaus-hbl",
            DQS,
            "Jane.Doe@Example.com",
            f"a3caddb38202511eab803116294dc020f7c4f8a2._email.{DQS}.hbl.dq.spamhaus.net",
        ),
        ("spamcop", "", "192.0.2.99", "99.2.0.192.bl.spamcop.net"),
        ("spamcop", "", V6, "skipped"),
        ("barracuda", "", "192.0.2.99", "99.2.0.192.b.barracudacentral.org"),
        ("psbl", "", "192.0.2.99", "99.2.0.192.psbl.surriel.com"),
        ("uceprotect-1", "", "192.0.2.99", "99.2.0.192.dnsbl-1.uceprotect.net"),
        ("dronebl", "", V6, f"{NIBBLES}.dnsbl.dronebl.org"),
        ("httpbl", HONEY, "192.0.2.99", f"{HONEY}.99.2.0.192.dnsbl.httpbl.org"),
        ("httpbl", HONEY, V6, "skipped"),
        ("surbl", "", "www.example.co.uk", "example.co.uk.multi.surbl.org"),
        ("surbl", "", "co.uk", "skipped"),
        ("uribl", "", "www.example.com", "example.com.multi.uribl.com"),
        ("msbl-ebl", "", "Jane.Doe@Example.com", "a3caddb38202511eab803116294dc020f7c4f8a2.ebl.msbl.org"),
        ("dnswl", "", "192.0.2.99", "99.2.0.192.list.dnswl.org"),
        ("tor-dnsel", "", "192.0.2.99", "99.2.0.192.dnsel.torproject.org"),
    ],
)
def test_names(zone: str, key: str, subject: str, name: str) -> None:
    assert asked(used(zone, key), subject) == name


@pytest.mark.parametrize(
    ("zone", "subject"),
    [("spamhaus-zen", "example.com"), ("spamhaus-dbl", ip_address("192.0.2.1")), ("msbl-ebl", ip_address("::1"))],
)
def test_a_zone_is_asked_about_what_it_lists(zone: str, subject: object) -> None:
    with pytest.raises(TypeError, match=zone):
        query_name(used(zone), subject)  # type: ignore[arg-type]


def verdict(zone: str, *codes: str) -> tuple[object, ...]:
    outcome = interpret(ZONES[zone], DnsAnswer(Status.RECORDS, codes, 300))
    match outcome:
        case Listing():
            return (*outcome.means, outcome.weight, *outcome.numbers.items())
        case Unknown():
            return (outcome.why.value,)
        case NotListed():
            return ("not listed",)


@pytest.mark.parametrize(
    ("zone", "codes", "expected"),
    [
        ("spamhaus-zen", ["127.0.0.2"], ("sbl", 4)),
        ("spamhaus-zen", ["127.0.0.9", "127.0.0.2"], ("sbl", "drop", 8)),
        ("spamhaus-zen", ["127.0.0.4"], ("xbl", 3)),
        ("spamhaus-zen", ["127.0.0.7"], ("xbl", 3)),
        ("spamhaus-zen", ["127.0.0.10"], ("pbl", 0)),
        ("spamhaus-zen", ["127.0.0.11", "127.0.0.3"], ("css", "pbl", 3)),
        ("spamhaus-zen", ["127.255.255.252"], ("refused",)),
        ("spamhaus-zen", ["127.255.255.254"], ("refused",)),
        ("spamhaus-zen", ["127.255.255.255"], ("refused",)),
        ("spamhaus-zen", ["127.255.255.254", "127.0.0.2"], ("refused",)),
        ("spamhaus-zen", ["127.0.0.99"], ("malformed_answer",)),
        ("spamhaus-zen", ["127.0.0.1"], ("malformed_answer",)),
        ("spamhaus-zen", ["93.184.215.14"], ("refused",)),
        ("spamhaus-authbl", ["127.0.0.20"], ("credential_attack", 4)),
        ("spamhaus-dbl", ["127.0.1.2"], ("spam", 6)),
        ("spamhaus-dbl", ["127.0.1.104"], ("abused_phishing", 2)),
        ("spamhaus-dbl", ["127.0.1.255"], ("refused",)),
        ("spamhaus-zrd", ["127.0.2.2"], ("new_domain", 5, ("age_hours", 2))),
        ("spamhaus-zrd", ["127.0.2.24"], ("new_domain", 5, ("age_hours", 24))),
        ("spamhaus-zrd", ["127.0.2.255"], ("refused",)),
        ("spamhaus-hbl", ["127.0.3.2"], ("fraud_address", 7)),
        ("spamcop", ["127.0.0.2"], ("spam_source", 2)),
        ("barracuda", ["127.0.0.2"], ("spam_source", 2)),
        ("psbl", ["127.0.0.2"], ("spam_source", 2)),
        ("uceprotect-1", ["127.0.0.2"], ("spam_source", 1)),
        ("dronebl", ["127.0.0.8", "127.0.0.19"], ("socks_proxy", "abused_vpn", 5)),
        ("dronebl", ["127.0.0.255"], ("unknown", 1)),
        ("httpbl", ["127.3.25.5"], ("suspicious", "comment_spammer", 5, ("days", 3), ("threat", 25))),
        ("httpbl", ["127.0.5.0"], ("search_engine", 0)),
        ("surbl", ["127.0.0.80"], ("malware", "abuse", 8)),
        ("surbl", ["127.0.0.1"], ("refused",)),
        ("surbl", ["127.0.0.9"], ("refused",)),
        ("surbl", ["127.0.0.2"], ("malformed_answer",)),
        ("uribl", ["127.0.0.14"], ("black", "grey", "red", 6)),
        ("uribl", ["127.0.0.4"], ("grey", 1)),
        ("uribl", ["127.0.0.1"], ("refused",)),
        ("uribl", ["127.0.0.255"], ("refused",)),
        ("msbl-ebl", ["127.0.0.2"], ("drop_box", 7)),
        ("msbl-ebl", ["127.0.1.3"], ("grey", 1)),
        ("dnswl", ["127.0.5.3"], ("trust_high", -2, ("category", 5))),
        ("dnswl", ["127.0.9.0"], ("trust_none", 0, ("category", 9))),
        ("dnswl", ["127.0.10.3"], ("refused",)),
        ("dnswl", ["127.0.0.255"], ("refused",)),
        ("tor-dnsel", ["127.0.0.2"], ("tor_exit", 3)),
        ("tor-dnsel", ["10.11.12.13"], ("refused",)),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, list) else None,
)
def test_what_answers_say(zone: str, codes: list[str], expected: tuple[object, ...]) -> None:
    assert verdict(zone, *codes) == expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (Status.NXDOMAIN, NotListed("psbl")),
        (Status.NODATA, NotListed("psbl")),
        (Status.TIMEOUT, Why.TIMEOUT),
        (Status.UNREACHABLE, Why.TIMEOUT),
        (Status.SERVFAIL, Why.REFUSED),
        (Status.REFUSED, Why.REFUSED),
        (Status.MALFORMED, Why.MALFORMED_ANSWER),
        (Status.OVERLOADED, Why.OVER_BUDGET),
        (Status.BAD_NAME, Why.SKIPPED),
    ],
    ids=lambda value: value.name if isinstance(value, Status) else "",
)
def test_silence_is_not_innocence(status: Status, expected: object) -> None:
    outcome = interpret(ZONES["psbl"], DnsAnswer(status))
    assert (outcome.why if isinstance(outcome, Unknown) else outcome) == expected


@pytest.mark.parametrize("zone", [zone for zone in ZONES.values() if not zone.dead], ids=lambda zone: zone.name)
def test_no_zone_takes_a_refusal_for_a_listing(zone: object) -> None:
    for code in ("127.255.255.252", "127.255.255.254", "127.255.255.255", "0.0.0.0", "192.0.2.1", "128.0.0.2"):
        outcome = interpret(zone, DnsAnswer(Status.RECORDS, (code,), 60))  # type: ignore[arg-type]
        assert isinstance(outcome, Unknown)
        assert outcome.why is Why.REFUSED


@pytest.mark.parametrize(
    ("zone", "points"),
    [
        ("psbl", {"2.0.0.127.psbl.surriel.com": True, "1.0.0.127.psbl.surriel.com": False}),
        (
            "dronebl",
            {
                "2.0.0.127.dnsbl.dronebl.org": True,
                "1.0.0.127.dnsbl.dronebl.org": False,
                "2.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.dnsbl.dronebl.org": True,
                "1.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.dnsbl.dronebl.org": False,
            },
        ),
        ("spamhaus-dbl", {f"dbltest.com.{DQS}.dbl.dq.spamhaus.net": True, f"invalid.{DQS}.dbl.dq.spamhaus.net": False}),
        (
            "spamhaus-hbl",
            {
                f"TV7QRQPGBKF4X3K4T5QYILRI3SP5CIWVIIOH25YUOGVOJ3SBTYNA._cw.{DQS}.hbl.dq.spamhaus.net": True,
                f"invalid._email.{DQS}.hbl.dq.spamhaus.net": False,
            },
        ),
        ("httpbl", {f"{HONEY}.1.1.1.127.dnsbl.httpbl.org": True, f"{HONEY}.1.0.0.127.dnsbl.httpbl.org": False}),
        ("tor-dnsel", {"1.0.0.127.dnsel.torproject.org": False}),
    ],
)
def test_canaries(zone: str, points: dict[str, bool]) -> None:
    key = {"spamhaus": DQS, "httpbl": HONEY}.get(ZONES[zone].key, "")
    assert {canary.query.name: canary.must_be_listed for canary in canaries(used(zone, key))} == points


@pytest.mark.parametrize("name", [name for name, zone in ZONES.items() if zone.key])
def test_keys_are_shown_nowhere(name: str, caplog: pytest.LogCaptureFixture) -> None:
    zone = used(name, DQS)
    subject = {Lists.IP: ip_address("192.0.2.99"), Lists.DOMAIN: "example.com", Lists.EMAIL: "jane@example.com"}
    query = query_name(zone, subject[ZONES[name].lists])
    assert isinstance(query, QueryName)
    assert DQS in query.name
    tests = canaries(zone)
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("test").debug("%s %r %s %r %r", query, query, zone, zone, tests)
    shown = [str(query), repr(query), f"{query}", str(zone), repr(zone), repr(tests), query.shown, caplog.text]
    shown += [str(interpret(ZONES[name], DnsAnswer(status))) for status in Status if status is not Status.RECORDS]
    assert not [text for text in shown if DQS in text]
    assert "<key>" in str(query)


def test_the_catalogue_names_every_zone_with_its_source() -> None:
    dead = {name for name, zone in ZONES.items() if zone.dead}
    assert dead == {
        *("sorbs", "nix-spam", "ahbl", "njabl", "dsbl", "rfc-ignorant", "dul-ru", "ordb", "inps", "unsubscore"),
    }
    assert len(ZONES) - len(dead) == 16
    assert all(zone.source and zone.as_of.year >= 2015 for zone in ZONES.values())
    assert all(zone.gone for zone in ZONES.values() if zone.dead)
