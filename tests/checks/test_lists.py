"""What is said about lists: a hit is enough for yes, no needs all of them, otherwise it is unknown."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

import kycrisk.feeds.lists
from kycrisk.checks import blocklist, disposable, drop, forum_spam, hosting, provider, relay, tor
from kycrisk.checks.world import World
from kycrisk.feeds.lists import Lists
from kycrisk.signals import Origin, Unknown, Why
from tests.checks.making import NOW, ask, feed, signup, value, world

STALE = Unknown(Why.STALE_LIST, "`late` is 9 days old, at most 2")
TRUSTED, OTHER = feed("one", "disposable_domain"), feed("two", "disposable_domain")
LATE = feed("late", "disposable_domain")
WEAK = feed("weak", "disposable_domain", trust="corroborating")
WEAK_LATE = feed("weak-late", "disposable_domain", trust="corroborating")
COPY = feed("copy", "disposable_domain", lineage="one", trust="corroborating")
AGGREGATE = feed("aggregate", "disposable_domain", copies=("one",), trust="corroborating")
HIT, MISS = ["example.com"], ["other.example"]
NO_FEED = Unknown(Why.NOT_CONFIGURED, "no trusted feed for `disposable_domain` is enabled")
NO_FEED_AT_ALL = Unknown(Why.NOT_CONFIGURED, "no feed for `disposable_domain` is enabled")


@pytest.mark.parametrize(
    ("entries", "missing", "listed", "count"),
    [
        pytest.param({TRUSTED: HIT}, {}, True, 1, id="listed"),
        pytest.param({TRUSTED: MISS}, {}, False, 0, id="not listed"),
        pytest.param({TRUSTED: HIT}, {LATE: STALE}, True, STALE, id="listed while another is stale"),
        pytest.param({TRUSTED: MISS}, {LATE: STALE}, STALE, STALE, id="not listed while another is stale"),
        pytest.param({}, {LATE: STALE}, STALE, STALE, id="all stale"),
        pytest.param({}, {}, NO_FEED, NO_FEED_AT_ALL, id="none enabled"),
        pytest.param({TRUSTED: HIT, OTHER: HIT, WEAK: HIT}, {}, True, 3, id="three witnesses"),
        pytest.param({TRUSTED: HIT, COPY: HIT, AGGREGATE: HIT}, {}, True, 1, id="copies are no witnesses"),
        pytest.param({TRUSTED: MISS, WEAK: HIT}, {}, False, 1, id="a weak list alone"),
        pytest.param({TRUSTED: MISS, WEAK: HIT}, {LATE: STALE}, STALE, STALE, id="a weak one, a trusted stale"),
        pytest.param({TRUSTED: HIT}, {WEAK_LATE: STALE}, True, STALE, id="a weak list is stale"),
        pytest.param({TRUSTED: MISS}, {WEAK_LATE: STALE}, False, STALE, id="not listed while a weak list is stale"),
        pytest.param({WEAK: HIT}, {}, NO_FEED, 1, id="weak lists only"),
    ],
)
def test_disposable(entries, missing, listed, count):
    answer = ask(disposable.CHECK, signup("x@mail.example.com"), world(entries, missing))
    assert value(answer, "email.disposable") == listed
    assert value(answer, "email.disposable_lists") == count


@pytest.mark.parametrize("email", ["nobody", "@", "a@b@"], ids=repr)
def test_no_domain_is_on_no_list(email):
    answer = ask(disposable.CHECK, signup(email), world({}, {LATE: STALE}))
    assert answer.known == {"email.disposable": False, "email.disposable_lists": 0}
    assert set(ask(provider.CHECK, signup(email)).known.values()) == {False}


def test_domain_lists_have_their_own_signals():
    where = world(
        {
            "mail_provider": ["example.com"],
            "dynamic_dns": ["example.net"],
            "forum_spam_domain": ["example.com", "example.net"],
        }
    )
    answer = ask(provider.CHECK, signup("x@example.com"), where)
    assert answer.known == {"email.free": True, "email.dynamic_dns": False, "email.forum_spam_domain": True}
    assert answer.unknown["email.forwarder"].why is Why.NOT_CONFIGURED
    assert value(ask(provider.CHECK, signup("x@host.example.net"), where), "email.dynamic_dns") is True


IP_CHECKS = {
    "ip.tor_exit": (tor.CHECK, "tor_exit"),
    "ip.drop": (drop.CHECK, "drop"),
    "ip.blocklisted": (blocklist.CHECK, "blocklist"),
    "ip.forum_spam": (forum_spam.CHECK, "forum_spam_ip"),
    "ip.datacenter": (hosting.CHECK, "datacenter"),
    "ip.vpn": (hosting.CHECK, "vpn"),
    "ip.relay": (relay.CHECK, "relay"),
}


@pytest.mark.parametrize("signal", IP_CHECKS)
@pytest.mark.parametrize(
    ("ip", "listed"),
    [("192.0.2.7", True), ("192.0.2.200", False), ("2001:db8:0:1::9", True), ("2001:db8:0:2::9", False)],
)
def test_addresses_on_lists(signal, ip, listed):
    check, purpose = IP_CHECKS[signal]
    where = world({purpose: ["192.0.2.0/25", "2001:db8:0:1::/64"]})
    assert value(ask(check, signup(ip=ip), where), signal) is listed


@pytest.mark.parametrize("signal", IP_CHECKS)
def test_stale_address_lists(signal):
    check, purpose = IP_CHECKS[signal]
    assert value(ask(check, signup(), world({}, {purpose: STALE})), signal) == STALE
    for ip in ("10.1.2.3", "100.64.0.9", "::1", "240.0.0.1", "fd00::1"):
        assert value(ask(check, signup(ip=ip), world({}, {purpose: STALE})), signal) is False


def test_one_signal_of_a_check_may_be_known_while_the_other_is_not():
    where = world({"vpn": ["192.0.2.7"]}, {"datacenter": STALE})
    answer = ask(hosting.CHECK, signup(ip="192.0.2.7"), where)
    assert (answer.known, answer.unknown) == ({"ip.vpn": True}, {"ip.datacenter": STALE})


def test_facts_know_their_lists():
    where = world({feed("tor-bulk", "tor_exit"): ["192.0.2.7"]})
    origin = tor.CHECK.origins(where)["ip.tor_exit"]
    assert (origin.source, origin.as_of, len(origin.snapshots)) == ("tor-bulk", NOW, 1)
    assert origin.snapshots[0].startswith("tor-bulk@sha256:")
    assert tor.CHECK.origins(world()) == {"ip.tor_exit": Origin("tor_exit")}


def test_lists_asked_together_answer_as_each_by_itself(monkeypatch):
    """The index of all networks is built after many questions; nothing may change with it."""
    entries = {
        "tor_exit": ["203.0.113.5"],
        "drop": ["198.51.100.0/25"],
        "blocklist": ["203.0.113.0/25", "2001:db8:1::/48"],
        "datacenter": ["198.51.100.0/26"],
    }
    here = World(lists=Lists.of(entries, missing={"vpn": STALE}), now=NOW)
    asks = [module.CHECK.prepare(here) for module in (tor, drop, blocklist, hosting)]
    texts = ("203.0.113.5", "203.0.113.99", "198.51.100.1", "198.51.100.99", "10.0.0.1", "8.8.8.8", "2001:db8:1::1")
    addresses = [ip_address(text) for text in texts]
    alone = [[ask_check(address) for ask_check in asks] for address in addresses]
    monkeypatch.setattr(kycrisk.feeds.lists, "_INDEX_PAYS", 0)
    assert here.lists.networks.holding(addresses[0]) is not None
    assert [[ask_check(address) for ask_check in asks] for address in addresses] == alone
