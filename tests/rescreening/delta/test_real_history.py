"""Real versions of a list, one after the other: whom each of them touches, and what a full run gives.

They stand in a folder beside the project, which is not part of it; where it is not there, the random histories of
test_list_changes.py have to do.
"""

from __future__ import annotations

import gzip
import json
import random
from dataclasses import replace
from pathlib import Path
from statistics import median

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from kycrisk.checks import disposable
from kycrisk.feeds.lists import ActiveList, Lists
from kycrisk.feeds.match import DomainSet
from kycrisk.rescreening.delta.changes import Change
from kycrisk.rescreening.delta.judging import taken_in, verdicts_of
from kycrisk.rescreening.delta.list_state import list_change
from kycrisk.ruleset.columns.values import column
from kycrisk.screening.columns.table import TableScreener
from tests.checks.making import NOW, feed
from tests.rescreening.delta.making import Accounts, state_of

HISTORY = Path(__file__).resolve().parents[4] / "shared/data/history/disposable_2017-2021.jsonl.gz"
VERSIONS = 1248
PROVIDERS = ["gmail.com", "outlook.com", "yandex.ru", "mail.ru", "gmx.de", "icloud.com"]

pytestmark = pytest.mark.skipif(not HISTORY.is_file(), reason=f"the real list versions are not at {HISTORY}")


def versions():
    """The entries after each version."""
    entries: set[str] = set()
    with gzip.open(HISTORY, "rt") as file:
        for line in file:
            told = json.loads(line)
            entries -= set(told["removed"])
            entries |= set(told["added"])
            assert len(entries) == told["size"]
            yield frozenset(entries)


def accounts_of(count):
    """Accounts at domains that were listed at any time, below them, beside them, and nowhere near."""
    with gzip.open(HISTORY, "rt") as file:
        ever = sorted({name for line in file for name in json.loads(line)["added"]})
    source = random.Random(5)
    domains = []
    for number in range(count):
        listed = source.choice(ever)
        domains.append(
            source.choice(
                [listed, f"mx.{listed}", f"not{listed}", f"own-{number}.example", *source.sample(PROVIDERS, 2)]
            )
        )
    return pl.DataFrame({"account_id": [f"a-{number}" for number in range(count)], "email.domain": domains})


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return Accounts(tmp_path_factory.mktemp("site"), 1).site


def screener_of(site, entries):
    found = DomainSet(entries)
    one = ActiveList(feed=FEED, as_of=NOW, sha256="", find=found.find, entries=found)
    return TableScreener(site.compiled, replace(site.world, lists=Lists([one])), site.lists)


FEED = feed("real", "disposable_domain")


def full(facts, screener, stood):
    """What a full run gives, each domain asked by itself."""
    ask = disposable.CHECK.prepare(screener.world)
    domains = facts["email.domain"].unique()
    told = [ask(domain).known for domain in domains]
    found = pl.DataFrame(
        [
            domains,
            *(column(each.name, each.type, [one.get(each.name) for one in told]) for each in disposable.CHECK.signals),
        ]
    )
    listed = facts.select("email.domain").join(found, on="email.domain", how="left", maintain_order="left")
    now = stood.with_columns(listed.drop("email.domain"))
    names = [name for name in now.columns if name not in facts.columns and name in screener.needed]
    return now.with_columns(verdicts_of(facts.hstack(now.select(names)), screener))


def replay(site, count, steps):
    """Go through the versions, comparing after each; the share of accounts that each touched, and their news."""
    facts, told = accounts_of(count), []
    found = versions()
    screener = screener_of(site, next(found))
    segment = taken_in(facts, screener)
    for number, entries in zip(range(1, steps), found, strict=False):
        before, screener = state_of(screener), screener_of(site, entries)
        stood = segment.standing.all()
        segment, effect = Change(screener, list_change(before, state_of(screener))).apply(segment)
        expected = full(facts, screener, stood)
        assert_frame_equal(segment.standing.all(), expected)
        if number % 100 == 0:
            assert_frame_equal(taken_in(facts, screener).standing.base, expected)
        told.append((effect.share, effect.news.height))
    return told


def test_the_first_versions(site):
    told = replay(site, 300, 20)
    assert len(told) == 19
    assert median(share for share, _ in told) < 0.01


@pytest.mark.heavy
def test_all_versions(site):
    told = replay(site, 1000, VERSIONS)
    assert len(told) == VERSIONS - 1
    assert median(share for share, _ in told) < 0.01
    assert max(news for _, news in told) > 100  # the list collapsed, and came back
    print(f"touched: median {median(share for share, _ in told):.3%}, mean {sum(s for s, _ in told) / len(told):.3%}")
