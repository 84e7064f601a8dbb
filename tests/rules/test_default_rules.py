"""The default rules: they load, their own tests pass, and they keep their promises about honest customers."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from datetime import timedelta

import pytest

from kycrisk.checks.catalogue import ALIASES
from kycrisk.outcome import Finding, Outcome
from kycrisk.ruleset.evaluate import compile_ruleset
from kycrisk.ruleset.load import load_ruleset
from kycrisk.ruleset.model import Rule, Status
from kycrisk.ruleset.reference import finding
from kycrisk.shipped import shipped
from kycrisk.signals import Type, Value
from kycrisk.sources.catalogue import shipped_signals

RULESET = load_ruleset(shipped("rules"), signals=shipped_signals(), aliases=ALIASES)
COMPILED = compile_ruleset(RULESET)
RULES = pytest.mark.parametrize("rule", RULESET.rules, ids=lambda rule: rule.id)
LIVE = pytest.mark.parametrize("rule", RULESET.live, ids=lambda rule: rule.id)

NOTHING: Mapping[Type, Value] = {
    Type.BOOL: False,
    Type.INT: 0,
    Type.FLOAT: 0.0,
    Type.STR: "",
    Type.DURATION: timedelta(0),
}
ORDINARY: dict[str, Value] = {
    "email.domain": "example.net",
    "email.registrable": "example.net",
    "email.domain_kind": "public",
    "email.valid": True,
    "mail.accepts": True,
    "domain.age": timedelta(days=3000),
    "ip.public": True,
    "ip.kind": "public",
    "phone.given": True,
    "phone.valid": True,
    "phone.kind": "mobile",
    "phone.country": "GB",
    "address.country": "GB",
    "country.distinct": 1,
}


def customer(**changes: Value) -> dict[str, Value]:
    """Every fact that the rules read, about somebody of whom there is nothing to say, but for these changes.

    `ip_relay=True` is the fact `ip.relay`.
    """
    refs = {ref.name: ref.type for rule in RULESET.rules for ref in rule.signals}
    facts = {name: NOTHING[type_] for name, type_ in refs.items() if type_ is not Type.IP} | ORDINARY
    return facts | {name.replace("_", ".", 1): value for name, value in changes.items()}


def velocity(signal: str, count: int) -> dict[str, Value]:
    assert any(ref.name == signal for rule in RULESET.rules for ref in rule.signals), signal
    return {signal: count}


# How the rules are written


@LIVE
def test_a_live_rule_says_where_it_comes_from_and_whom_it_hurts(rule: Rule) -> None:
    assert rule.title
    assert rule.references
    assert rule.false_positives
    assert rule.tags
    assert {test.expect for test in rule.tests} >= {Finding.HIT, Finding.MISS, Finding.UNKNOWN}


@RULES
def test_a_rule_passes_its_own_tests(rule: Rule) -> None:
    assert {test.name: finding(rule, test.given) for test in rule.tests} == {
        test.name: test.expect for test in rule.tests
    }


@LIVE
def test_a_reason_names_facts_that_the_signup_can_be_shown(rule: Rule) -> None:
    known = set(RULESET.signals) | {ref.name for each in RULESET.rules for ref in each.signals}
    assert set(rule.reason.signals) <= known


def test_there_are_rules_of_every_status_that_an_analyst_will_use() -> None:
    statuses = [rule.status for rule in RULESET.rules]
    assert statuses.count(Status.LIVE) >= 40
    assert statuses.count(Status.SHADOW) >= 2
    assert statuses.count(Status.DRAFT) >= 1


# Unknown accuses nobody


def test_who_is_not_known_at_all_is_allowed_and_the_decision_says_that_it_may_change() -> None:
    verdict = COMPILED.verdict({})
    assert (verdict.outcome, verdict.score, verdict.settled) == (Outcome.ALLOW, 0, False)


def test_an_ordinary_customer_is_allowed_and_nothing_hits() -> None:
    verdict = COMPILED.verdict(customer())
    assert (verdict.outcome, verdict.score, verdict.settled, verdict.hits) == (Outcome.ALLOW, 0, True, ())


@pytest.mark.parametrize("missing", sorted(customer()))
def test_a_single_missing_fact_accuses_nobody(missing: str) -> None:
    known = {name: value for name, value in customer().items() if name != missing}
    assert COMPILED.verdict(known).outcome is Outcome.ALLOW


# Privacy is no offence. Lists of datacenters contain the VPNs, and those of VPNs the relays: the facts come together.

RELAY = {"ip_relay": True, "ip_vpn": True, "ip_datacenter": True}
VPN = {"ip_vpn": True, "ip_datacenter": True}
DATACENTER = {"ip_datacenter": True}
FORWARDER = {"email_forwarder": True, "email_local_random": True, "email_local_digits": 6}
HIDE_MY_EMAIL = {
    "email_forwarder": True,
    "email_local_random": True,
    "email_domain": "privaterelay.appleid.com",
    "email_registrable": "appleid.com",
}
ICLOUD = {"email_free": True, "email_local_random": True, "email_local_digits": 8} | {
    "email_domain": "icloud.com",
    "email_registrable": "icloud.com",
}
FREE = {"email_free": True}
TAG = {"email_tagged": True}
IDN = {"email_idn": True}
FOREIGN_PHONE = {"country_phone_differs": True, "country_distinct": 2, "phone_country": "SE"}
ABROAD = {"country_ip_differs": True, "country_distinct": 2}
HOME_WITH_A_PAST = {"ip_blocklisted": True, "ip_blocklists": 1}  # a dynamic address somebody else had yesterday

HARMLESS = {
    "iCloud Private Relay": RELAY,
    "a VPN": VPN,
    "a datacenter": DATACENTER,
    "an alias forwarder": FORWARDER,
    "Hide My Email": HIDE_MY_EMAIL,
    "Hide My Email at icloud.com": ICLOUD,
    "a free mailbox": FREE,
    "a plus tag": TAG,
    "an address in another alphabet": IDN,
    "a telephone from another country": FOREIGN_PHONE,
    "a signup from another country": ABROAD,
    "an end-user address with a past": HOME_WITH_A_PAST,
}


@pytest.mark.parametrize("facts", HARMLESS.values(), ids=HARMLESS)
def test_alone_it_is_not_even_a_review(facts: dict[str, Value]) -> None:
    assert COMPILED.verdict(customer(**facts)).outcome is Outcome.ALLOW


@pytest.mark.parametrize("size", range(2, len(HARMLESS) + 1))
def test_together_they_never_reach_verify(size: int) -> None:
    over = []
    for names in itertools.combinations(HARMLESS, size):
        facts: dict[str, Value] = {}
        for name in names:
            facts |= HARMLESS[name]
        facts["country_distinct"] = 1 + sum(name in names for name in list(HARMLESS)[9:11])
        if COMPILED.verdict(customer(**facts)).outcome >= Outcome.VERIFY:
            over.append(names)
    assert over == []


@pytest.mark.parametrize("missing", ["ip.relay", "ip.vpn", "ip.datacenter", "email.forwarder", "ip.tor_exit"])
def test_a_missing_list_does_not_turn_privacy_into_an_offence(missing: str) -> None:
    known = customer(**RELAY, **HIDE_MY_EMAIL, **FOREIGN_PHONE)
    del known[missing]
    assert COMPILED.verdict(known).outcome is Outcome.ALLOW


# Honest people at their worst, and what the rules make of them

BUSY_EGRESS = {
    "ip.blocklisted": True,
    "ip.blocklists": 3,
    "ip.forum_spam": True,
    **velocity('signups(ip.address, "1h")', 9),
    **velocity('signups(ip.network, "1h")', 14),
    **velocity('distinct(ip.address, ip.network, "1h")', 5),
    **velocity('distinct(email.canonical, ip.network, "1h")', 14),
}
HONEST = {
    "relay, hidden mailbox, foreign mobile": (customer(**RELAY, **HIDE_MY_EMAIL, **FOREIGN_PHONE), "allow", 5),
    "the same through a busy, dirty egress": (
        customer(**RELAY, **HIDE_MY_EMAIL, **FOREIGN_PHONE) | BUSY_EGRESS,
        "allow",
        5,
    ),
    "a developer with a VPN, an odd name, a foreign number": (
        customer(**VPN, **FOREIGN_PHONE, email_local_random=True),
        "review",
        55,
    ),
    "an expatriate on a journey": (customer(**FOREIGN_PHONE) | {"country.ip_differs": True, "country.distinct": 3},
                                   "review", 40),
    "a journalist through Tor": (customer(ip_tor_exit=True), "review", 45),
    "Tor exits are on every list, which counts once": (
        customer(ip_tor_exit=True, ip_blocklisted=True, ip_blocklists=3, ip_forum_spam=True, **DATACENTER),
        "review",
        45,
    ),
    "a student of a university with one gateway": (customer(**FREE) | velocity('signups(ip.address, "1h")', 6),
                                                   "allow", 30),
    "a family: one telephone": (customer() | velocity('distinct(email.canonical, phone.e164, "90d")', 2),
                                "allow", 30),
    "a second account with a tag": (customer(**TAG) | velocity('signups(email.canonical, "30d")', 1), "allow", 10),
    "a small firm with a number over the Internet": (
        customer(phone_kind="voip", email_role=True, signup_company="Example Ltd"),
        "allow",
        15,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("known", "outcome", "score"), HONEST.values(), ids=HONEST)
def test_honest_people_are_not_made_to_verify(known: dict[str, Value], outcome: str, score: int) -> None:
    verdict = COMPILED.verdict(known)
    assert (verdict.outcome.word, verdict.score) == (outcome, score)


# What the rules are there for

STRONG = {
    "Tor": {"ip_tor_exit": True},
    "three lists of throwaway mailboxes": {"email_disposable_lists": 3},
    "a broken address": {"email_valid": False},
    "a reserved domain": {"email_domain_kind": "reserved"},
    "a domain of manuals": {"email_domain_kind": "documentation"},
    "an imitated provider": {"email_lookalike": "gmail.com"},
    "mixed alphabets": {"email_mixed_script": True},
    "a spammers' domain": {"email_forum_spam_domain": True},
    "three blocklists": {"ip_blocklisted": True, "ip_blocklists": 3},
    "an address of no public network": {"ip_kind": "private", "ip_public": False},
}


@pytest.mark.parametrize("facts", STRONG.values(), ids=STRONG)
def test_one_strong_fact_is_a_review(facts: dict[str, Value]) -> None:
    verdict = COMPILED.verdict(customer(**facts))
    assert (verdict.outcome, verdict.score) == (Outcome.REVIEW, 45)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Tor", "a broken address"),
        ("Tor", "an imitated provider"),
        ("three lists of throwaway mailboxes", "three blocklists"),
        ("mixed alphabets", "an address of no public network"),
        ("a spammers' domain", "three blocklists"),
    ],
    ids=" + ".join,
)
def test_two_strong_facts_are_a_verification(first: str, second: str) -> None:
    assert COMPILED.verdict(customer(**STRONG[first], **STRONG[second])).outcome is Outcome.VERIFY


NAMED = {
    "a throwaway mailbox verifies alone": ({"email.disposable": True, "email.disposable_lists": 4}, "verify"),
    "a network in criminal hands verifies alone": ({"ip.drop": True}, "verify"),
    "Tor and two lists of throwaway mailboxes": ({"ip.tor_exit": True, "email.disposable_lists": 2}, "verify"),
    "reports about mailbox and address": ({"email.forum_spam_domain": True, "ip.forum_spam": True}, "verify"),
    "a script on a rented server": ({"user_agent.automated": True, "ip.datacenter": True}, "verify"),
    "a script at home": ({"user_agent.automated": True}, "allow"),
    "one mailbox in four spellings": (
        {
            'signups(email.canonical, "30d")': 3,
            'distinct(email.address, email.canonical, "30d")': 3,
        },
        "review",
    ),
    "a flood from one address": ({'signups(ip.address, "1h")': 20}, "verify"),
    "Tor, throwaway mailbox, invented name": (
        {"ip.tor_exit": True, "email.disposable": True, "name.keyboard_walk": True, "phone.kind": "premium"},
        "deny",
    ),
    "our own office may test anything": (
        {'ip.address in list("office")': True, "email.disposable": True, "ip.drop": True},
        "allow",
    ),
    "a known customer is looked at, at most": (
        {'email.canonical in list("known-customers")': True, "email.disposable": True, "ip.tor_exit": True},
        "review",
    ),
    "a partner is looked at, at most": (
        {'email.domain in list("partners")': True, "email.disposable": True, "ip.tor_exit": True},
        "review",
    ),
    "a blocked domain is refused": ({'email.domain in list("blocked-domains")': True}, "deny"),
    "a blocked network is refused, even at a known customer": (
        {'ip.address in list("blocked-networks")': True, 'email.canonical in list("known-customers")': True},
        "deny",
    ),
    "a blocked telephone verifies": ({'phone.e164 in list("blocked-phones")': True}, "verify"),
    "looking good does not outweigh Tor": (
        {
            "ip.tor_exit": True,
            "signup.company": "Example Ltd",
            "address.postal_code": "EC1A 1BB",
        },
        "review",
    ),
}


@pytest.mark.parametrize(("facts", "outcome"), NAMED.values(), ids=NAMED)
def test_outcome(facts: dict[str, Value], outcome: str) -> None:
    assert COMPILED.verdict(customer() | facts).outcome.word == outcome
