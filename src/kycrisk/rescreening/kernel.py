"""One slice of accounts, screened: a table in, a row out for each of its rows. The same in every engine.

Columns say who; why is asked of the scalar engine, and only for some of the accounts whose outcome is news.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import polars as pl

from kycrisk.outcome import Outcome
from kycrisk.problems import Problem, Problems
from kycrisk.rescreening.exempting import with_exemptions
from kycrisk.rescreening.pinned import Pinned
from kycrisk.rescreening.words import Words
from kycrisk.ruleset.columns.outcomes import OUTCOME, VERDICT
from kycrisk.screening.columns.table import ACCOUNT, EXEMPT

#: The column of the outcome that an account has before it is screened again.
BEFORE = "outcome"
#: The column of the rules that hit then.
BEFORE_RULES = "hits"
#: How many accounts of a slice are told why, for each way that an outcome went.
TOLD = 5

#: The columns that come out. `row` counts from 1 in the file. The verdict is null where a row was refused.
RESULT: Mapping[str, pl.DataType] = MappingProxyType(
    {
        "row": pl.Int64(),
        ACCOUNT: pl.String(),
        "before": OUTCOME,  # null: nothing is known of what was decided
        **VERDICT,
        "news": pl.Boolean(),  # the outcome is another; or is at least `verify`, where nothing was known before
        "evidence": pl.Boolean(),  # whether anything at all was known of the account
        "gained": pl.List(pl.String()),  # of news: the rules that hit now, and did not before
        "lost": pl.List(pl.String()),  # of news: the rules that hit before, and do not now
        "why": pl.List(pl.String()),  # of some news: what the rules that hit say
        "refused": pl.String(),  # why the row is no account
    }
)


class Kernel:
    """A pinned site, ready for slices. Safe to share between threads."""

    def __init__(self, pinned: Pinned) -> None:
        self.pinned, self.screener = pinned, pinned.screener
        self._words = Words(pinned)
        self._rules = [rule.id for rule in self.screener.rules.compiled.live]

    def reads(self, names: Iterable[str]) -> list[str]:
        """The columns of a table that are looked at. Raises `Problems` for those that make no sense."""
        names = list(names)
        beside = [name for name in names if name in (BEFORE, BEFORE_RULES)]
        facts = [name for name in names if name not in _BESIDE]
        self.screener.check_columns(facts)
        wanted = {*self.screener.reads(facts), *self._words.signals}
        return [*beside, *(name for name in facts if name in wanted)]

    def screen(self, table: pl.DataFrame, first_row: int = 1) -> pl.DataFrame:
        """A row of `RESULT` for each row of the table, in their order. Raises `Problems` for columns that are wrong."""
        before, hits = _before(table), _hits(table)
        facts = table.drop(name for name in table.columns if name in _BESIDE)
        if self.pinned.exempted:
            facts = with_exemptions(facts, self.pinned.exempted, self.pinned.now)
        screened = self.screener.screen(facts, facts=True)
        refused = screened.refused
        places = pl.int_range(table.height, dtype=pl.UInt32, eager=True).alias("row")
        kept = places.filter(~places.is_in((refused["row"] - 1).implode())) if refused.height else places
        verdicts = screened.verdicts
        result = verdicts.select(ACCOUNT, *VERDICT).with_columns(
            kept.cast(pl.Int64).alias("row") + first_row, before.gather(kept), self._evidence(facts, kept)
        )
        known_before = pl.col("before").is_not_null()
        news = pl.when(known_before).then(pl.col("before") != pl.col("outcome")).otherwise(_SERIOUS)
        result = result.with_columns(news.alias("news"))
        exempt = facts[EXEMPT].gather(kept) if EXEMPT in facts.columns else None
        result = result.hstack(self._why(result, verdicts, hits.gather(kept), exempt, facts[kept]))
        return _whole(result, refused, first_row, table.height)

    def _evidence(self, facts: pl.DataFrame, kept: pl.Series) -> pl.Series:
        """Whether anything but the account's name is known of each row."""
        names = [name for name in facts.columns if name not in (ACCOUNT, EXEMPT)]
        if not names:
            return pl.Series("evidence", [False]).new_from_index(0, len(kept))
        return facts.select(pl.any_horizontal(pl.col(names).is_not_null()).alias("evidence"))["evidence"].gather(kept)

    def _why(
        self,
        result: pl.DataFrame,
        verdicts: pl.DataFrame,
        hits: pl.Series,
        exempt: pl.Series | None,
        given: pl.DataFrame,
    ) -> pl.DataFrame:
        """The columns `gained`, `lost` and `why`."""
        empty = pl.Series([None], dtype=pl.List(pl.String)).new_from_index(0, result.height)
        news = result["news"].arg_true()
        if not len(news):
            return pl.DataFrame([empty.alias(name) for name in ("gained", "lost", "why")])
        facts, earlier = verdicts[news], hits.gather(news)
        now = self._hitting(facts, None if exempt is None else exempt.gather(news))
        both = pl.DataFrame({"now": now, "earlier": earlier})
        changed = both.select(
            gained=pl.col("now").list.set_difference(pl.col("earlier").fill_null([])).list.sort(),
            lost=pl.col("earlier").list.set_difference("now").list.sort(),
        )
        ways = result[news].select("before", "outcome")
        told = ways.with_row_index("at").group_by("before", "outcome", maintain_order=True).head(TOLD)["at"].sort()
        why = self._words.of(facts[told], given[news.gather(told)], now.gather(told))
        return pl.DataFrame(
            [
                _scattered(empty, news, changed["gained"]).alias("gained"),
                _scattered(empty, news, changed["lost"]).alias("lost"),
                _scattered(empty, news.gather(told), why).alias("why"),
            ]
        )

    def _hitting(self, facts: pl.DataFrame, exempt: pl.Series | None) -> pl.Series:
        """The rules that hit in each row."""
        findings = self.screener.rules.findings(facts)
        if not self._rules:
            return pl.Series("now", [[]] * facts.height, dtype=pl.List(pl.String))
        names = [pl.when(pl.col(rule)).then(pl.lit(rule)) for rule in self._rules]
        found = findings.select(now=pl.concat_list(names).list.drop_nulls())
        if exempt is None:
            return found["now"]
        silenced = pl.col("exempt").fill_null([])
        return found.with_columns(exempt.alias("exempt")).select(pl.col("now").list.set_difference(silenced))["now"]


_BESIDE = frozenset({BEFORE, BEFORE_RULES, *VERDICT})
_SERIOUS = pl.col("outcome").to_physical() >= int(Outcome.VERIFY)


def _before(table: pl.DataFrame) -> pl.Series:
    """The outcomes before. Raises `Problems` where they are none."""
    if BEFORE not in table.columns:
        return pl.Series("before", [None], dtype=OUTCOME).new_from_index(0, table.height)
    given = table[BEFORE]
    if given.dtype not in (pl.String, pl.Categorical, pl.Enum, pl.Null):
        raise Problems([Problem(f"column `{BEFORE}`", f"expected outcomes such as `allow`, got {given.dtype}")])
    words = given.cast(pl.String)
    wrong = (~words.is_in([str(each) for each in Outcome])).fill_null(False).arg_true()
    if len(wrong):
        message = f"row {wrong[0] + 1}: `{words[int(wrong[0])][:60]}` is no outcome"
        raise Problems([Problem(f"column `{BEFORE}`", message, f"one of: {', '.join(map(str, Outcome))}")])
    return words.cast(OUTCOME).alias("before")


def _hits(table: pl.DataFrame) -> pl.Series:
    if BEFORE_RULES not in table.columns:
        return pl.Series("hits", [None], dtype=pl.List(pl.String)).new_from_index(0, table.height)
    given = table[BEFORE_RULES]
    if given.dtype not in (pl.List(pl.String), pl.Null):
        raise Problems([Problem(f"column `{BEFORE_RULES}`", f"expected lists of rules' ids, got {given.dtype}")])
    return given.cast(pl.List(pl.String))


def _scattered(empty: pl.Series, rows: pl.Series, values: pl.Series) -> pl.Series:
    """Values at some rows of an empty column."""
    places = pl.DataFrame({"row": pl.int_range(len(empty), dtype=pl.UInt32, eager=True)})
    found = pl.DataFrame({"row": rows.cast(pl.UInt32), "value": values})
    return places.join(found, on="row", how="left", maintain_order="left")["value"]


def _whole(result: pl.DataFrame, refused: pl.DataFrame, first_row: int, height: int) -> pl.DataFrame:
    """The rows that were screened and those that were refused, in their order; as many as went in."""
    screened = result.with_columns(pl.lit(None, pl.String).alias("refused")).select(*RESULT)
    if refused.height:
        others = pl.DataFrame(
            {
                **{
                    name: pl.Series([None], dtype=dtype).new_from_index(0, refused.height)
                    for name, dtype in RESULT.items()
                },
                "row": refused["row"].cast(pl.Int64) - 1 + first_row,
                ACCOUNT: refused[ACCOUNT],
                "refused": refused["problems"],
            }
        )
        screened = pl.concat([screened, others.select(*RESULT)]).sort("row")
    if screened.height != height:
        raise RuntimeError(f"{height} rows went in, {screened.height} came out")
    return screened
