"""Facts as tables, and tables' verdicts as the other engines give them."""

from collections.abc import Collection, Mapping, Sequence

import polars as pl

from kycrisk.outcome import Outcome
from kycrisk.ruleset.columns.judge import ColumnRuleset
from kycrisk.ruleset.columns.values import column
from kycrisk.ruleset.evaluate import compile_ruleset
from kycrisk.ruleset.model import Ruleset
from kycrisk.ruleset.verdict import Verdict
from kycrisk.signals import Type, Value


def table(facts: Sequence[Mapping[str, Value]], types: Mapping[str, Type]) -> pl.DataFrame:
    """One row for each set of facts, under the names of the signals; what is not known is null."""
    columns = [column(name, type_, [known.get(name) for known in facts]) for name, type_ in types.items()]
    return pl.DataFrame([pl.Series("account_id", [f"account {row}" for row in range(len(facts))]), *columns])


def judged(
    ruleset: Ruleset, facts: Sequence[Mapping[str, Value]], exempt: Sequence[Collection[str]] | None = None
) -> list[Verdict]:
    """The verdicts of the columnar engine with the rules that it found to hit or to be unknown."""
    engine = ColumnRuleset(compile_ruleset(ruleset))
    frame = table(facts, engine.signals)
    if len(facts) % 2 == 0:  # a signal that nobody knows anything of may as well have no column
        frame = frame.drop(name for name in engine.signals if frame[name].null_count() == len(facts))
    silenced = [()] * len(facts) if exempt is None else exempt
    series = None if exempt is None else pl.Series([sorted(each) for each in exempt], dtype=pl.List(pl.String))
    rows = engine.verdicts(frame, series).rows(named=True)
    found = engine.findings(frame).rows(named=True)
    return [_verdict(row, truths, rules) for row, truths, rules in zip(rows, found, silenced, strict=True)]


def _verdict(row: Mapping[str, object], truths: Mapping[str, bool | None], silenced: Collection[str]) -> Verdict:
    outcomes = {name: Outcome.from_word(str(row[name])) for name in ("outcome", "lowest", "highest")}
    counted = {rule: truth for rule, truth in truths.items() if rule not in silenced}
    return Verdict(
        **{**row, **outcomes},
        hits=tuple(rule for rule, truth in counted.items() if truth),
        unknown=tuple(rule for rule, truth in counted.items() if truth is None),
        exempt=tuple(rule for rule in truths if rule in silenced),
    )
