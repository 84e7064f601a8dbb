"""The sample signups: offline, with sample lists, they show nearly every rule at work."""

from __future__ import annotations

import csv
import ipaddress
import json
import runpy
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kycrisk.checks import CHECKS
from kycrisk.checks.catalogue import ALIASES
from kycrisk.checks.world import World
from kycrisk.feeds.catalogue import default_catalogue, read_catalogues
from kycrisk.feeds.geo import Geo
from kycrisk.feeds.lists import Lists
from kycrisk.feeds.update import update
from kycrisk.intake import COLUMNS, read_row, read_signup
from kycrisk.ruleset.evaluate import compile_ruleset
from kycrisk.ruleset.load import load_ruleset
from kycrisk.ruleset.verdict import Verdict
from kycrisk.screening.analyst_lists import read_lists
from kycrisk.screening.derived import derived_signals, prepare_derived, velocities
from kycrisk.screening.gather import prepare_gatherer
from kycrisk.screening.history import RunHistory
from kycrisk.shipped import shipped
from kycrisk.sources.catalogue import shipped_signals

SAMPLES = shipped("data/samples")
NOW = datetime(2026, 11, 23, tzinfo=UTC)
MARK = "sample list with documentation addresses, not real data"

# RFC 5737, RFC 3849; one sample comes from a private address (RFC 1918) on purpose
RANGES = [
    ipaddress.ip_network(text)
    for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "10.1.2.3/32")
]
# RFC 2606
DOMAINS = ("example.com", "example.net", "example.org", ".example", ".invalid")

OUTCOMES = {
    "plain-customer": "allow",
    "consistent-business": "allow",
    "another-alphabet": "allow",
    "private-relay-user": "allow",
    "vpn-and-plus-tag": "allow",
    "second-account": "allow",
    "home-server-mail": "allow",
    "family-mailbox": "allow",
    "our-own-test": "allow",
    "partner-by-script": "review",
    "known-customer-abroad": "review",
    "tor-user": "review",
    "broken-mail": "review",
    "impossible-mail-domain": "review",
    "several-dirty-lists": "review",
    "two-dirty-lists-and-digits": "review",
    "looks-like-a-provider": "review",
    "private-network": "review",
    "keyboard-walk": "review",
    "three-countries": "review",
    "on-three-blocklists": "review",
    "throwaway-mailbox": "verify",
    "tor-and-throwaway": "verify",
    "network-in-criminal-hands": "verify",
    "reported-twice": "verify",
    "mixed-alphabets": "verify",
    "script-on-a-server": "verify",
    "blocked-phone": "verify",
    "thrown-out-before": "deny",
    "burst-1-of-7": "allow",
    "burst-2-of-7": "allow",
    "burst-3-of-7": "verify",
    "burst-4-of-7": "verify",
    "burst-5-of-7": "verify",
    "burst-6-of-7": "verify",
    "burst-7-of-7": "deny",
}


def rows() -> Iterator[dict[str, str]]:
    with (SAMPLES / "signups.csv").open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Verdict]:
    folder = tmp_path_factory.mktemp("snapshots")
    feeds = read_catalogues([default_catalogue(), SAMPLES / "feeds.yaml"])
    failed = [result for result in update(feeds, folder, now=NOW, offline=True) if result.status == "failed"]
    assert failed == []
    ruleset = load_ruleset(shipped("rules"), signals=shipped_signals(), aliases=ALIASES)
    compiled = compile_ruleset(ruleset)
    database = SAMPLES / "geo-sample.mmdb"
    world = World(lists=Lists.open(feeds, folder, NOW), geo=Geo.open(database, database), now=NOW)
    lists, problems = read_lists(ruleset.policy.lists, shipped("rules/lists"))
    assert problems == []
    history = RunHistory(velocities(ruleset))
    derived = prepare_derived(derived_signals(ruleset), lists, history)
    gatherer = prepare_gatherer(CHECKS, world, derived, ruleset.policy.attributes)
    found = {}
    for row in rows():
        signup = read_row(row, attributes=ruleset.policy.attributes, now=NOW)
        (gathering,) = gatherer.ask_checks((signup,))
        evidence = gatherer.complete(gathering)
        history.add(evidence.known, signup.submitted_at)
        found[signup.account_id] = compiled.verdict(evidence.known)
    return found


def test_every_sample_has_the_outcome_of_its_story(verdicts: dict[str, Verdict]) -> None:
    assert {account: verdict.outcome.word for account, verdict in verdicts.items()} == OUTCOMES


def test_every_sample_is_settled(verdicts: dict[str, Verdict]) -> None:
    assert {account: verdict.unknown for account, verdict in verdicts.items() if verdict.unknown} == {}


def test_the_samples_show_most_rules(verdicts: dict[str, Verdict]) -> None:
    assert len({rule for verdict in verdicts.values() for rule in verdict.hits}) >= 45


@pytest.mark.parametrize(
    ("account", "rules"),
    [
        ("private-relay-user", ("phone-of-another-country", "private-relay")),
        ("vpn-and-plus-tag", ("vpn",)),
        ("tor-user", ("tor-exit",)),
        ("on-three-blocklists", ("blocklisted", "blocklisted-by-several", "blocklisted-widely")),
        ("private-network", ("address-of-no-public-network",)),
        ("broken-mail", ("broken-mail-address",)),
    ],
)
def test_a_sample_hits_exactly(verdicts: dict[str, Verdict], account: str, rules: tuple[str, ...]) -> None:
    assert sorted(verdicts[account].hits) == sorted(rules)


def test_the_columns_are_those_of_a_signup() -> None:
    assert list(next(rows())) == [*COLUMNS, "attributes.plan", "attributes.device_id"]


def test_the_single_signup_can_be_read() -> None:
    ruleset = load_ruleset(shipped("rules"), signals=shipped_signals(), aliases=ALIASES)
    raw = json.loads((SAMPLES / "signup.json").read_text(encoding="utf-8"))
    assert read_signup(raw, attributes=ruleset.policy.attributes, now=NOW).account_id == "tor-and-throwaway"


def test_nobody_is_meant() -> None:
    strangers = [
        row["account_id"]
        for row in rows()
        if not any(ipaddress.ip_address(row["ip"]) in network for network in RANGES)
        or not row["email"].endswith(DOMAINS)
    ]
    assert strangers == []


@pytest.mark.parametrize("path", sorted((SAMPLES / "lists").iterdir()), ids=lambda path: path.name)
def test_a_sample_list_says_that_it_is_one(path: Path) -> None:
    assert MARK in path.read_text(encoding="utf-8")


def test_the_database_is_what_its_script_builds(tmp_path: Path) -> None:
    script = runpy.run_path(str(SAMPLES / "build_geo.py"))
    script["build"](tmp_path / "built.mmdb")
    assert (tmp_path / "built.mmdb").read_bytes() == (SAMPLES / "geo-sample.mmdb").read_bytes()
