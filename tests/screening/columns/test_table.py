"""Tables of signups give what signups one by one give: the facts, the verdicts, and what is refused."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_network

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kycrisk.decision import Exemption
from kycrisk.intake import read_signup
from kycrisk.outcome import Finding, Outcome
from kycrisk.problems import Problems
from kycrisk.ruleset.columns.values import values_of
from kycrisk.ruleset.evaluate import compile_ruleset
from kycrisk.ruleset.model import Status
from kycrisk.ruleset.verdict import Verdict
from kycrisk.screening.columns.parquet import screen_parquet
from kycrisk.screening.columns.table import TableScreener
from kycrisk.screening.exemptions import Exempted, Exemptions
from kycrisk.screening.inputs.parquet import raw_signup
from tests.checks.making import NOW
from tests.screening.columns.making import LATER, Site, full_world, gappy_world, raw_signups

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


@pytest.mark.heavy
@given(st.integers(0, 2**32))
@settings(max_examples=max(settings.default.max_examples // 4, 25))
def test_signups_give_the_same_facts_and_verdicts_as_one_by_one(site, screener, seed):
    rows = raw_signups(random.Random(seed), 40)
    told = [site.known(row) for row in rows]
    screened = screener.screen(table_of(rows), facts=True)
    assert screened.refused.rows() == [
        (number, str(row["account_id"] or ""), why)
        for number, (row, why) in enumerate(zip(rows, told, strict=True), 1)
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


@given(st.integers(0, 2**32))
@settings(max_examples=max(settings.default.max_examples // 10, 10))
def test_facts_of_an_earlier_run_give_the_same_verdicts_when_lists_are_asked_anew(site, screener, seed):
    table = table_of(raw_signups(random.Random(seed), 40))
    first = screener.screen(table, facts=True).verdicts
    again = screener.screen(first, facts=True)
    assert again.verdicts.select(first.columns).equals(first)
    assert again.refused.height == 0


def test_facts_meet_the_lists_of_today(tmp_path):
    site = Site(tmp_path, full_world(tmp_path))
    table = table_of(raw_signups(random.Random(7), 300))
    before = TableScreener(site.compiled, site.world, site.lists).screen(table, facts=True).verdicts
    today = replace(site.world, lists=gappy_world(tmp_path).lists)
    screener = TableScreener(site.compiled, today, site.lists)
    after = screener.screen(before).verdicts
    assert after.equals(screener.screen(table).verdicts)
    assert not after["outcome"].equals(before["outcome"])
    assert screener.screen(before, anew=False).verdicts.equals(before.select(after.columns))


def test_exempted_accounts(site, screener):
    rows = raw_signups(random.Random(3), 200)
    told = [site.known(row) for row in rows]
    silenced = [("disposable-email", "tor-exit") if number % 3 == 0 else () for number in range(len(rows))]
    exempt = pl.Series("exempt", [list(each) or None for each in silenced], dtype=pl.List(pl.String))
    screened = screener.screen(table_of(rows).with_columns(exempt))
    expected = [
        without_rules(site.verdict(known, rules))
        for known, rules in zip(told, silenced, strict=True)
        if not isinstance(known, str)
    ]
    assert [verdict_of(row) for row in screened.verdicts.rows(named=True)] == expected


def test_counts_are_given_under_their_text(site, screener):
    rows = raw_signups(random.Random(5), 60)
    counts = [number % 5 or None for number in range(len(rows))]
    name = 'signups(phone.e164, "24h")'
    screened = screener.screen(table_of(rows).with_columns(pl.Series(name, counts, dtype=pl.Int64)))
    expected = [
        without_rules(site.verdict({**{key: value for key, value in known.items() if key != name}, **given}))
        for known, count in ((site.known(row), count) for row, count in zip(rows, counts, strict=True))
        if not isinstance(known, str) and (given := {} if count is None else {name: count}) is not None
    ]
    assert [verdict_of(row) for row in screened.verdicts.rows(named=True)] == expected


def test_nested_columns_are_those_of_a_signup(screener):
    rows = raw_signups(random.Random(9), 50)
    flat = table_of(rows)
    address = [name for name in flat.columns if name.startswith("address.")]
    struct = flat.select(address=pl.struct(pl.col(name).alias(name.removeprefix("address.")) for name in address))
    nested = flat.drop(address).hstack(struct)
    assert screener.screen(nested).verdicts.equals(screener.screen(flat).verdicts)


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
def test_times_of_any_unit_and_zone(screener, unit):
    table = table_of(raw_signups(random.Random(13), 60)).with_columns(
        pl.col("submitted_at").str.to_datetime(time_zone="UTC", strict=False).dt.truncate("1s")
    )
    zoned = pl.col("submitted_at").dt.cast_time_unit(unit).dt.convert_time_zone("Asia/Tokyo")
    assert screener.screen(table.with_columns(zoned)).verdicts.equals(screener.screen(table).verdicts)


def test_times_ahead_and_times_without_a_zone_are_refused(screener):
    table = table_of(raw_signups(random.Random(17), 3)).with_columns(email=pl.lit("a@b.ch"), ip=pl.lit("5.5.5.5"))
    for moment, why in (
        (datetime(2027, 1, 1, tzinfo=UTC), "submitted_at: `2027-01-01T00:00:00+00:00` is more than a day ahead"),
        (datetime(2026, 1, 1), "submitted_at: `2026-01-01T00:00:00` has no time zone"),
    ):
        refused = screener.screen(table.with_columns(submitted_at=pl.lit(moment))).refused
        assert refused["problems"].to_list() == [why] * 3


class Stream:
    """Arrow data from elsewhere: nothing but the protocol."""

    def __init__(self, table):
        self._table = table

    def __arrow_c_stream__(self, requested_schema=None):
        return self._table.__arrow_c_stream__(requested_schema)


def test_arrow_in_arrow_out(screener):
    table = table_of(raw_signups(random.Random(11), 20))
    screened = screener.screen(Stream(table))
    assert screened.verdicts.equals(screener.screen(table).verdicts)
    assert pl.DataFrame(Stream(screened.verdicts)).equals(screened.verdicts)


def test_an_empty_table(screener):
    screened = screener.screen(table_of(raw_signups(random.Random(1), 1)).clear())
    assert (screened.verdicts.height, screened.refused.height) == (0, 0)


PROBLEMS = [
    ("a misspelt signal", {"account_id": ["a"], "email.disposible": [True]},
     ["the table: unknown column `email.disposible`"]),
    ("no account", {"email.disposable": [True]}, ["the table: there is no column `account_id`"]),
    ("a row without an account", {"account_id": ["a", None]}, ["column `account_id`: row 2: there is no account"]),
    ("no lists of rules", {"account_id": ["a"], "exempt": ["tor-exit"]},
     ["column `exempt`: expected lists of rules' ids, got String"]),
    ("columns of the wrong type", {"account_id": ["a"], "email.valid": ["yes"], "ip.asn": [0.5]},
     ["column `email.valid`: expected bool, got String", "column `ip.asn`: expected int, got Float64"]),
    ("a misspelt column of signups", {"account_id": ["a"], "email": ["a@b.ch"], "ip": ["5.5.5.5"], "fone": ["1"]},
     ["the table: unknown column `fone`"]),
]  # fmt: skip


@pytest.mark.parametrize(("columns", "told"), [row[1:] for row in PROBLEMS], ids=[row[0] for row in PROBLEMS])
def test_tables_that_are_refused(screener, columns, told):
    with pytest.raises(Problems) as refused:
        screener.screen(pl.DataFrame(columns))
    assert [str(problem) for problem in refused.value.problems] == told


def test_signals_that_nothing_tells_are_named(screener):
    signups = ["account_id", "email", "ip"]
    assert (
        screener.unanswered([*signups, *(n for n in screener.rules.signals if "signups(" in n or "distinct(" in n)])
        == []
    )
    assert 'signups(phone.e164, "24h")' in screener.unanswered(signups)
    told = screener.unanswered(["account_id", "email.domain"])
    assert "email.disposable" not in told
    assert {"ip.tor_exit", "name.placeholder", "email.valid"} <= set(told)


def test_parquet_files_are_screened_in_slices_and_in_order(screener, tmp_path):
    tables = [table_of(raw_signups(random.Random(seed), rows)) for seed, rows in ((1, 170), (2, 30))]
    paths = [tmp_path / f"{number}.parquet" for number in range(len(tables))]
    for path, table in zip(paths, tables, strict=True):
        table.write_parquet(path)
    slices = list(screen_parquet(screener, paths, rows=70))
    whole = [screener.screen(table) for table in tables]
    assert [(path, start) for path, start, _ in slices] == [
        (paths[0], 0), (paths[0], 70), (paths[0], 140), (paths[1], 0)
    ]  # fmt: skip
    assert pl.concat([each.verdicts for _, _, each in slices]).equals(pl.concat([each.verdicts for each in whole]))
    assert pl.concat([each.refused for _, _, each in slices]).equals(pl.concat([each.refused for each in whole]))
    assert sum(each.refused.height for each in whole) > 5


def test_a_file_that_is_no_parquet_is_named(screener, tmp_path):
    path = tmp_path / "signups.parquet"
    path.write_text("account_id,email,ip\n")
    with pytest.raises(Problems, match=r"signups\.parquet: is not a Parquet file that can be read"):
        list(screen_parquet(screener, [path]))


@pytest.mark.parametrize(("columns", "told"), [row[1:] for row in PROBLEMS], ids=[row[0] for row in PROBLEMS])
def test_files_that_are_refused(screener, tmp_path, columns, told):
    pl.DataFrame(columns).write_parquet(tmp_path / "accounts.parquet")
    with pytest.raises(Problems) as refused:
        list(screen_parquet(screener, [tmp_path / "accounts.parquet"]))
    place = f"{tmp_path}/accounts.parquet: rows from 1 on: "
    assert [str(problem) for problem in refused.value.problems] == [place + each for each in told]


def test_only_columns_that_are_looked_at_are_read(screener):
    names = ["account_id", "email.domain", "email.valid", "fraud.labels", "outcome", "exempt", "email.disposable"]
    assert screener.reads(names) == ["account_id", "email.domain", "email.valid", "exempt"]
    assert screener.reads(names, anew=False) == [*screener.reads(names), "email.disposable"]
    assert screener.reads(["account_id", "email.disposable"]) == ["account_id", "email.disposable"]


SILENCED = [
    Exempted(Exemption("disposable-email", "account account-3", LATER, "Ada"), "account", "account-3"),
    Exempted(Exemption("tor-exit", "email jane.doe@gmail.com", LATER, "Ada"), "email", "janedoe@gmail.com"),
    Exempted(Exemption("disposable-email", "domain trash.example.net", LATER, "Ada"), "domain", "trash.example.net"),
    Exempted(Exemption("own-mail", "domain example.com", LATER, "Ada"), "domain", "example.com"),
    Exempted(Exemption("blocklisted-ip", "ip 5.5.0.0/16", LATER, "Ada"), "ip", ip_network("5.5.0.0/16")),
    Exempted(Exemption("hosting-network", "ip 5.0.0.0/9", LATER, "Ada"), "ip", ip_network("5.0.0.0/9")),
    Exempted(Exemption("network", "ip 2a00::/12", LATER, "Ada"), "ip", ip_network("2a00::/12")),
    Exempted(Exemption("disposable-email", "domain dynamic.org", NOW, "Ada"), "domain", "dynamic.org"),  # is over
]


def told_of(raw, site):
    """What is known of a raw signup, and the rules that it is exempt from, as the scalar engine has them."""
    cells = raw_signup(list(raw), list(raw.values()))
    signup = read_signup(cells, attributes=site.compiled.ruleset.policy.attributes, now=site.world.now)
    return [each.rule for each in Exemptions(SILENCED).in_force(signup, site.world.now)]


@given(st.integers(0, 2**32))
@settings(max_examples=max(settings.default.max_examples // 10, 10))
def test_exemptions_and_shadow_rules_are_those_of_the_scalar_engine(site, screener, seed):
    source = random.Random(seed)
    rows = raw_signups(source, 40)
    given_too = [source.choice([[], [], None, ["own-mail"], ["counts", "tor-exit"]]) for _ in rows]
    counts = [source.choice([None, 0, 3, 9]) for _ in rows]
    table = table_of(rows).with_columns(
        pl.Series("exempt", given_too, dtype=pl.List(pl.String)),
        pl.Series('signups( phone.e164,  "1d" )', counts, dtype=pl.Int64),
    )
    compiled = in_shadow(site.compiled.ruleset, {"whose", "blocklisted-ip", "counts", "own-mail"})
    screener = TableScreener(compiled, site.world, site.lists, exemptions=Exemptions(SILENCED), shadow=True)
    screened = screener.screen(table)
    number = 0
    for row, rules, count in zip(rows, given_too, counts, strict=True):
        known = site.known(row)
        if isinstance(known, str):
            continue
        known = {**known, **({'signups(phone.e164, "24h")': count} if count is not None else {})}
        if count is None:
            known.pop('signups(phone.e164, "24h")', None)
        exempt = {*told_of(row, site), *(rules or ())}
        assert verdict_of(screened.verdicts.row(number, named=True)) == without_rules(compiled.verdict(known, exempt))
        found = {each.rule: each.finding for each in compiled.shadow_findings(known) if each.rule not in exempt}
        assert {
            rule: {True: Finding.HIT, None: Finding.UNKNOWN}[truth]
            for rule, truth in screened.shadow.row(number, named=True).items()
            if truth is not False
        } == found
        number += 1
    assert number == screened.verdicts.height == screened.shadow.height


def in_shadow(ruleset, rules):
    return compile_ruleset(
        replace(
            ruleset,
            rules=tuple(replace(each, status=Status.SHADOW) if each.id in rules else each for each in ruleset.rules),
        )
    )


def test_shadow_rules_never_count(site):
    table = table_of(raw_signups(random.Random(21), 300))
    shadowed = in_shadow(site.compiled.ruleset, {"whose"})
    gone = compile_ruleset(
        replace(site.compiled.ruleset, rules=tuple(r for r in site.compiled.ruleset.rules if r.id != "whose"))
    )
    with_shadow = TableScreener(shadowed, site.world, site.lists, shadow=True).screen(table)
    assert with_shadow.verdicts.equals(TableScreener(gone, site.world, site.lists).screen(table).verdicts)
    assert "whose" in with_shadow.shadow.columns


def test_a_misspelt_count_is_named(screener):
    table = pl.DataFrame({"account_id": ["a"], 'signups(phone.e164x, "24h")': [1]})
    with pytest.raises(Problems) as refused:
        screener.screen(table)
    assert str(refused.value.problems[0]) == (
        'the table: column `signups(phone.e164x, "24h")`: unknown signal `phone.e164x`'
    )
