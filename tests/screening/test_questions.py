"""Checks that ask about one key are asked together, and say what each says by itself."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

import kycrisk.feeds.lists
from kycrisk.checks import CHECKS
from kycrisk.checks.check import Answer
from kycrisk.checks.world import World
from kycrisk.decision import Lookup
from kycrisk.feeds.lists import Lists
from kycrisk.intake import read_signup
from kycrisk.screening.questions import questions
from kycrisk.signals import Unknown, Why

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
STALE = Unknown(Why.STALE_LIST, "`tor-exit` is 9 days old, at most 2")
ENTRIES = {
    "tor_exit": ["203.0.113.5", "10.0.0.1"],
    "drop": ["198.51.100.0/25"],
    "blocklist": ["203.0.113.0/25", "2001:db8:1::/48"],
    "datacenter": ["198.51.100.0/26"],
    "vpn": ["198.51.100.0/27"],
    "forum_spam_ip": ["203.0.113.5"],
    "relay": ["192.0.2.0/28"],
    "disposable_domain": ["throwaway.example.net"],
    "mail_provider": ["mail.example.com"],
    "mail_forwarder": ["alias.example.com"],
    "dynamic_dns": ["dyn.example.org"],
    "forum_spam_domain": ["throwaway.example.net"],
}
SIGNUPS = [
    read_signup({"account_id": "a", "email": email, "ip": ip}, now=NOW)
    for email, ip in (
        ("a@throwaway.example.net", "203.0.113.5"),
        ("a@mail.example.com", "203.0.113.99"),
        ("a@x.dyn.example.org", "198.51.100.1"),
        ("a@dyn.example.org", "198.51.100.99"),
        ("broken", "10.0.0.1"),
        ("a@example.com", "8.8.8.8"),
        ("a@throwaway.example.net", "2001:db8:1::1"),
        ("a@throwaway.example.net", "192.0.2.3"),
    )
]


def world(*missing: str) -> World:
    entries = {purpose: names for purpose, names in ENTRIES.items() if purpose not in missing}
    return World(lists=Lists.of(entries, missing=dict.fromkeys(missing, STALE), as_of=NOW), now=NOW)


def said_alone(where: World, signup: object) -> tuple[dict[str, object], dict[str, object]]:
    said = Answer({}, {})
    for check in CHECKS:
        answer = check.prepare(where)(check.key(signup, said))
        said = Answer({**said.known, **answer.known}, {**said.unknown, **answer.unknown})
    return dict(said.known), dict(said.unknown)


def said_together(asked: list, signup: object) -> tuple[dict[str, object], dict[str, object]]:
    said = Answer({}, {})
    for question in asked:
        answer = question.ask(question.key(signup, said))
        said = Answer({**said.known, **answer.known}, {**said.unknown, **answer.unknown})
    return dict(said.known), dict(said.unknown)


@pytest.mark.parametrize(
    "missing",
    [
        pytest.param((), id="all lists"),
        pytest.param(("tor_exit",), id="no Tor exits"),
        pytest.param(("blocklist", "vpn"), id="neither blocklist nor VPN"),
        pytest.param(("disposable_domain", "mail_provider"), id="lists of domains missing"),
        pytest.param(tuple(ENTRIES), id="no list at all"),
    ],
)
@pytest.mark.parametrize("index_pays", [pytest.param(10**6, id="one by one"), pytest.param(0, id="by the index")])
def test_together_they_say_what_each_says(missing, index_pays, monkeypatch):
    monkeypatch.setattr(kycrisk.feeds.lists, "_INDEX_PAYS", index_pays)
    where = world(*missing)
    asked = list(questions(CHECKS, where))
    for signup in SIGNUPS + SIGNUPS:  # the second time from what was kept
        assert said_together(asked, signup) == said_alone(world(*missing), signup)


def test_neighbours_that_ask_lists_are_one_question():
    names = [[check.name for check in question.checks] for question in questions(CHECKS, world())]
    assert [several for several in names if len(several) > 1] == [
        ["disposable", "provider"],
        ["tor", "drop", "blocklist", "forum_spam", "hosting", "relay"],
    ]
    assert [name for several in names for name in several] == [check.name for check in CHECKS]


def test_each_check_of_a_question_accounts_for_its_own_silence():
    (question,) = [each for each in questions(CHECKS, world("tor_exit", "vpn")) if len(each.checks) == 6]
    missing = question.ask(SIGNUPS[5].ip).unknown
    lookups = question.unanswered(missing)
    assert lookups == (
        Lookup("tor", asked=False, why="stale_list (`tor-exit` is 9 days old, at most 2)"),
        Lookup("hosting", asked=False, why="stale_list (`tor-exit` is 9 days old, at most 2)"),
    )
    assert question.unanswered(missing) is lookups
