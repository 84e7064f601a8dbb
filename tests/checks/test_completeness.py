"""Whatever a signup looks like, every signal is answered, in one half of the answer, in its type."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kycrisk.checks import CHECKS
from kycrisk.checks.catalogue import ALIASES, PURPOSES, SIGNALS, gaps, signals_of
from kycrisk.checks.check import Answer
from kycrisk.feeds.purposes import PURPOSES as LIST_PURPOSES
from kycrisk.normal.email import normal_email
from kycrisk.normal.phone import normal_phone
from kycrisk.signals import Unknown, Why, fact_value
from kycrisk.signup import Address, Signup
from tests.checks.making import NOW, feed, world

STALE = Unknown(Why.STALE_LIST, "`late` is 9 days old, at most 2")
WORLDS = {
    "nothing configured": world(),
    "every list fresh": world({name: [] for name in LIST_PURPOSES}),
    "every list stale": world({}, dict.fromkeys(LIST_PURPOSES, STALE)),
    "everything listed": world(
        {
            name: ["example.com", "mail.example.net"] if purpose.shape.value == "domain" else ["192.0.2.0/25"]
            for name, purpose in LIST_PURPOSES.items()
            if name not in ("protected_domain", "mail_forwarder", "email_blocklist")
        }
    ),
    "one of two missing": world(
        {feed("fresh", "disposable_domain"): ["example.com"], feed("here", "blocklist"): ["192.0.2.1"]},
        {
            feed("late", "disposable_domain"): STALE,
            feed("late-too", "blocklist", trust="corroborating"): STALE,
        },
    ),
}

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
WORDS = st.one_of(
    TEXT, st.sampled_from(["Anna", "schmidt", "王伟", "Łukasz", "asdf", "aaaa", "O'Neill", "n/a", "ß", "İ"])
)
HOSTS = st.sampled_from(["example.com", "gmail.com", "gmaiI.com", "пример.рф", "[::1]", ""])
EMAILS = st.one_of(
    TEXT,
    st.builds("{}@{}".format, WORDS, HOSTS),
    st.emails(),
)
COUNTRIES = st.sampled_from(["", "DE", "US", "PR", "CH", "ZZ"])
SIGNUPS = st.builds(
    Signup,
    account_id=TEXT,
    email=EMAILS.map(normal_email),
    ip=st.one_of(
        st.ip_addresses(),
        st.sampled_from([IPv4Address("192.0.2.1"), IPv4Address("10.0.0.1"), IPv6Address("::1")]),
    ),
    submitted_at=st.just(datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=2)))),
    first_name=WORDS,
    last_name=WORDS,
    company=WORDS,
    phone=st.builds(normal_phone, st.sampled_from(["", "+41 44 668 18 00", "12", "+1 787 555 0100", "x"]), COUNTRIES),
    address=st.builds(Address, city=WORDS, postal_code=TEXT, country=COUNTRIES),
    user_agent=TEXT,
)


PREPARED = {name: [(check, check.prepare(where)) for check in CHECKS] for name, where in WORLDS.items()}


@pytest.mark.parametrize("name", WORLDS)
@given(signup=SIGNUPS)
def test_every_signal_is_answered_once_and_in_its_type(name, signup):
    said = Answer({}, {})
    for check, answer_of in PREPARED[name]:
        key = check.key(signup, said)
        hash(key)
        answer = answer_of(key)
        names = [signal.name for signal in check.signals]
        assert answer.known.keys() | answer.unknown.keys() == set(names)
        assert list(answer.known) == [each for each in names if each in answer.known]  # decisions show them so
        assert not answer.known.keys() & answer.unknown.keys()
        for signal, value in answer.known.items():
            assert fact_value(SIGNALS[signal].type, value) == value
            assert type(value) is type(fact_value(SIGNALS[signal].type, value))
        assert all(isinstance(why, Unknown) for why in answer.unknown.values())
        said = Answer({**said.known, **answer.known}, {**said.unknown, **answer.unknown})
    assert said.unknown.keys() <= gaps(WORLDS[name]).keys()


@pytest.mark.parametrize("name", WORLDS)
def test_origins_and_gaps_speak_of_the_signals_of_their_check(name):
    for check in CHECKS:
        own = {signal.name for signal in check.signals}
        assert check.origins(WORLDS[name]).keys() <= own
        assert check.gaps(WORLDS[name]).keys() <= own
        assert check.purposes.keys() <= own


@pytest.mark.parametrize("signal", SIGNALS.values(), ids=SIGNALS)
def test_signals_read_well(signal):
    assert signal.question.endswith("?")
    assert signal.question[0].isupper()
    assert not signal.advice.endswith(".")
    assert signal.check in {check.name for check in CHECKS}


def test_checks_come_after_what_they_need():
    answered: set[str] = set()
    for check in CHECKS:
        assert set(check.needs) <= answered
        answered |= {signal.name for signal in check.signals}


def test_two_checks_may_not_answer_one_signal():
    with pytest.raises(ValueError, match=r"`signup.submitted_at` is answered by `signup` and `signup`"):
        signals_of([CHECKS[0], CHECKS[0]])


def test_aliases_and_purposes_exist():
    assert set(ALIASES.values()) <= SIGNALS.keys()
    assert set(PURPOSES.values()) <= LIST_PURPOSES.keys()
    assert PURPOSES["ip.tor_exit"] == "tor_exit"


def test_nothing_is_missing_from_a_world_whose_lists_are_fresh():
    assert set(gaps(WORLDS["every list fresh"])) == {
        "ip.country", "ip.asn", "ip.as_org", "country.distinct", "country.phone_differs", "country.ip_differs",
    }  # fmt: skip
    assert gaps(WORLDS["every list stale"])["ip.tor_exit"] == STALE
    assert WORLDS["every list fresh"].good_until > NOW
