"""What each source is asked about a signup, and what needs no question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from kycrisk.lookups.asked import all_unknown
from kycrisk.lookups.fraudrecord import Person
from kycrisk.lookups.minfraud import Transaction
from kycrisk.lookups.stopforumspam import Spammer
from kycrisk.signals import Unknown, Why
from kycrisk.signup import Address, Phone
from kycrisk.sources import abuseipdb, domain_age, fraudrecord, ipqs, minfraud, stopforumspam
from kycrisk.sources.inquiry import Foregone
from tests.sources.making import signup

PHONE = Phone(raw="+41 44 668 18 00", given=True, valid=True, e164="+41446681800", country="CH", kind="fixed")
UNREAD = Phone(raw="call me", given=True)
ADDRESS = Address(lines="Main St 1\nFlat 2", city="Bern", postal_code="3011", country="CH")
JANE = {"first_name": "Jane", "last_name": "Roe", "company": "Roe Ltd", "phone": PHONE, "address": ADDRESS}
STRANGER = signup(email="Jane+x@Shop.example.com", ip="198.41.0.4", **JANE)
AT_HOME = signup(email="jane@shop.example.com", ip="10.0.0.7")
NOBODY = signup(email="no address", ip="127.0.0.1")
NOT_REPORTED = {
    "stopforumspam.ip_appears": False,
    "stopforumspam.ip_confidence": 0.0,
    "stopforumspam.ip_frequency": 0,
    "stopforumspam.ip_blacklisted": False,
}
FRAUDRECORD_FIELDS = frozenset({"name", "email", "ip"})

BOTH = (("ip", "email"),)

ROWS: list[tuple[str, Any, tuple[Any, ...], Any, Any]] = [
    ("abuseipdb, a public address", abuseipdb._key, (), STRANGER, STRANGER.ip),
    ("abuseipdb, a documentation address", abuseipdb._key, (), signup(), signup().ip),
    (
        "stopforumspam, both",
        stopforumspam._key,
        (("ip", "email"),),
        STRANGER,
        Spammer("198.41.0.4", STRANGER.email.address),
    ),
    ("stopforumspam, one part", stopforumspam._key, (("ip",),), STRANGER, Spammer("198.41.0.4", "")),
    (
        "stopforumspam, a private address",
        stopforumspam._key,
        (("ip", "email"),),
        AT_HOME,
        Spammer("", "jane@shop.example.com"),
    ),
    ("domain_age", domain_age._key, (), STRANGER, "example.com"),
    (
        "domain_age, no domain",
        domain_age._key,
        (),
        NOBODY,
        Unknown(Why.SKIPPED, "the address has no domain that somebody could have registered"),
    ),
    ("ipqs, ip", ipqs._key, ("ip",), STRANGER, "198.41.0.4"),
    ("ipqs, a private ip", ipqs._key, ("ip",), AT_HOME, Unknown(Why.SKIPPED, "the address is not on the Internet")),
    ("ipqs, email", ipqs._key, ("email",), STRANGER, STRANGER.email.address),
    ("ipqs, no email", ipqs._key, ("email",), NOBODY, Unknown(Why.SKIPPED, "there is no e-mail address to ask about")),
    ("ipqs, phone", ipqs._key, ("phone",), STRANGER, "+41446681800"),
    ("ipqs, no phone", ipqs._key, ("phone",), AT_HOME, Foregone({"ipqs.phone_score": 0})),
    (
        "ipqs, a phone that cannot be read",
        ipqs._key,
        ("phone",),
        signup(phone=UNREAD),
        Unknown(Why.SKIPPED, "the phone number cannot be read"),
    ),
    (
        "fraudrecord",
        fraudrecord._key,
        (FRAUDRECORD_FIELDS,),
        STRANGER,
        Person.of(
            name="Jane Roe",
            email="Jane+x@Shop.example.com",
            ip="198.41.0.4",
            phone="+41 44 668 18 00",
            company="Roe Ltd",
            address="Main St 1 Flat 2 Bern 3011 CH",
        ),
    ),
    (
        "fraudrecord, a private address",
        fraudrecord._key,
        (FRAUDRECORD_FIELDS,),
        AT_HOME,
        Person.of(email="jane@shop.example.com"),
    ),
    (
        "fraudrecord, nothing to ask about",
        fraudrecord._key,
        (FRAUDRECORD_FIELDS,),
        NOBODY,
        Unknown(Why.SKIPPED, "the signup says nothing that FraudRecord is asked about"),
    ),
    (
        "minfraud",
        minfraud._key,
        (("ip", "email"),),
        AT_HOME,
        Transaction(email="jane@shop.example.com", account_id="a-1"),
    ),
    (
        "minfraud, nothing to ask about",
        minfraud._key,
        (("ip",),),
        AT_HOME,
        Unknown(Why.SKIPPED, "the signup has no address that minFraud can be asked about"),
    ),
]


@pytest.mark.parametrize(("key", "terms", "who", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_what_is_asked_about(key, terms, who, expected):
    assert key(*terms, who, {}) == expected


@dataclass(frozen=True)
class Case:
    """What is known without a question, and what nobody could say."""

    known: dict[str, object]
    unknown: frozenset[str]


NEVER_REPORTED = [
    (
        "abuseipdb",
        abuseipdb._key,
        (),
        Case(
            {
                "abuseipdb.score": 0,
                "abuseipdb.reports": 0,
                "abuseipdb.reporters": 0,
                "abuseipdb.whitelisted": False,
                "abuseipdb.tor": False,
            },
            frozenset({"abuseipdb.usage_type"}),
        ),
    ),
    (
        "stopforumspam",
        stopforumspam._key,
        (("ip",),),
        Case(NOT_REPORTED, frozenset({"stopforumspam.ip_last_seen"})),
    ),
]


@pytest.mark.parametrize(
    ("key", "terms", "case"), [row[1:] for row in NEVER_REPORTED], ids=[row[0] for row in NEVER_REPORTED]
)
def test_a_private_address_was_never_reported(key, terms, case):
    found = key(*terms, AT_HOME, {})
    assert isinstance(found, Foregone)
    assert (dict(found.known), frozenset(found.unknown)) == (case.known, case.unknown)
    assert {why.why for why in found.unknown.values()} == {Why.NOT_PUBLISHED}
    assert not found.known.keys() & found.unknown.keys()


def test_every_signal_of_a_source_has_one_of_the_two():
    for module, found in (
        (abuseipdb, abuseipdb._key(AT_HOME, {})),
        (stopforumspam, stopforumspam._key(("ip", "email"), NOBODY, {})),
    ):
        signals = module.SIGNALS
        assert found.known.keys() | found.unknown.keys() == all_unknown(signals, Unknown(Why.SKIPPED)).unknown.keys()
