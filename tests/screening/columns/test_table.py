"""Tables of signups give what signups one by one give: the facts, the verdicts, and what is refused."""

from __future__ import annotations

import random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kycrisk.outcome import Outcome
from kycrisk.ruleset.columns.values import values_of
from kycrisk.ruleset.verdict import Verdict
from kycrisk.screening.columns.table import TableScreener
from tests.screening.columns.making import Site, full_world, gappy_world, raw_signups

WORLDS = {"full": full_world, "gaps": gappy_world}


@pytest.fixture(scope="module", params=WORLDS.values(), ids=WORLDS)
def site(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    return Site(folder, request.param(folder))


@pytest.fixture(scope="module")
def screener(site):
    return TableScreener(site.compiled, site.world, site.lists)


SCHEMA = {"attributes.seats": pl.Int64}


def table_of(rows):
    return pl.DataFrame(rows, schema_overrides=SCHEMA, infer_schema_length=None)


def verdict_of(row):
    found = {name: row[name] for name in Verdict._fields if name in row}
    outcomes = {name: Outcome.from_word(row[name]) for name in ("outcome", "lowest", "highest")}
    return Verdict(**{**found, **outcomes}, hits=(), unknown=())


def without_rules(verdict):
    return verdict._replace(hits=(), unknown=(), exempt=())


@given(st.integers(0, 2**32))
@settings(max_examples=max(settings.default.max_examples // 4, 25))
def test_signups_give_the_same_facts_and_verdicts_as_one_by_one(site, screener, seed):
    rows = raw_signups(random.Random(seed), 40)
    told = [site.known(row) for row in rows]
    screened = screener.screen(table_of(rows), facts=True)
    assert screened.refused.rows() == [
        (number, str(row["account_id"] or ""), why)
        for number, (row, why) in enumerate(zip(rows, told, strict=True))
        if isinstance(why, str)
    ]
    known = [each for each in told if not isinstance(each, str)]
    for name, type_ in screener.rules.signals.items():
        if name in screened.verdicts.columns:
            assert values_of(screened.verdicts[name], type_) == [each.get(name) for each in known], name
        else:
            assert all(name not in each for each in known), name
    assert [verdict_of(row) for row in screened.verdicts.rows(named=True)] == [
        without_rules(site.verdict(each)) for each in known
    ]
