"""What a run has found, counted: how outcomes went, by which rules, and some accounts as examples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import polars as pl

from kycrisk.screening.columns.table import ACCOUNT

#: Examples that are kept of each way that an outcome went, and of refused rows.
EXAMPLES = 5
#: In the place of an outcome where nothing is known of what was decided before.
NONE = "none"


@dataclass(frozen=True, slots=True)
class Example:
    """An account whose outcome is news, and what the rules that hit say."""

    account_id: str
    before: str
    outcome: str
    score: int
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that is no account."""

    place: str
    problems: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The counts of a slice, or of a whole run. `rows` is what went in: `screened`, `refused` or `left_out`.

    `ways` counts accounts by outcome before and after (`allow>verify`), `gained` and `lost` the news by the rules that
    hit now and did not before, or the other way round. `left_out` counts accounts that could not be screened, by why.
    """

    rows: int = 0
    screened: int = 0
    refused: int = 0
    unsettled: int = 0
    without_evidence: int = 0
    news: int = 0
    ways: Mapping[str, int] = field(default_factory=dict)
    gained: Mapping[str, int] = field(default_factory=dict)
    lost: Mapping[str, int] = field(default_factory=dict)
    left_out: Mapping[str, int] = field(default_factory=dict)
    notes: Mapping[str, int] = field(default_factory=dict)  # what else is worth counting, by what it is
    examples: tuple[Example, ...] = ()
    refusals: tuple[RefusedRow, ...] = ()

    def checked(self) -> Summary:
        """Itself. Raises `RuntimeError` unless every row that went in is accounted for."""
        out = self.screened + self.refused + sum(self.left_out.values())
        if out != self.rows or sum(self.ways.values()) != self.screened:
            raise RuntimeError(f"{self.rows} rows went in, {out} came out, {sum(self.ways.values())} by outcome")
        return self

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Summary:
        examples = tuple(Example(**{**each, "why": tuple(each["why"])}) for each in told["examples"])
        return cls(**{**told, "examples": examples, "refusals": tuple(RefusedRow(**each) for each in told["refusals"])})


def summarised(result: pl.DataFrame, path: str) -> Summary:
    """The counts of a slice's results (`kernel.RESULT`)."""
    screened = result.filter(pl.col("refused").is_null())
    refused = result.filter(pl.col("refused").is_not_null())
    ways = screened.group_by("before", "outcome").len().sort("before", "outcome", nulls_last=True)
    news = screened.filter("news")
    told = news.filter(pl.col("why").is_not_null())
    return Summary(
        rows=result.height,
        screened=screened.height,
        refused=refused.height,
        unsettled=int((~screened["settled"]).sum()),
        without_evidence=int((~screened["evidence"]).sum()),
        news=news.height,
        ways={f"{before or NONE}>{outcome}": count for before, outcome, count in ways.rows()},
        gained=_counted(news["gained"]),
        lost=_counted(news["lost"]),
        examples=tuple(
            Example(account, before or NONE, outcome, score, tuple(why))
            for account, before, outcome, score, why in told.select(ACCOUNT, "before", "outcome", "score", "why").rows()
        ),
        refusals=tuple(
            RefusedRow(f"{path}: row {row}", problems)
            for row, problems in refused.head(EXAMPLES).select("row", "refused").rows()
        ),
    ).checked()


def _counted(rules: pl.Series) -> dict[str, int]:
    counted = (
        rules.explode(empty_as_null=False, keep_nulls=False).value_counts(name="n") if len(rules) else pl.DataFrame()
    )
    return dict(sorted(counted.rows())) if counted.height else {}


def merged(parts: Iterable[Summary]) -> Summary:
    """All the counts together, and the first examples of each way."""
    numbers, counts = Counter[str](), {name: Counter[str]() for name in ("ways", "gained", "lost", "left_out", "notes")}
    examples: dict[tuple[str, str], list[Example]] = {}
    refusals: list[RefusedRow] = []
    for part in parts:
        for name in ("rows", "screened", "refused", "unsettled", "without_evidence", "news"):
            numbers[name] += getattr(part, name)
        for name, counter in counts.items():
            counter.update(getattr(part, name))
        for each in part.examples:
            kept = examples.setdefault((each.before, each.outcome), [])
            if len(kept) < EXAMPLES:
                kept.append(each)
        refusals += part.refusals[: EXAMPLES - len(refusals)]
    return Summary(
        rows=numbers["rows"],
        screened=numbers["screened"],
        refused=numbers["refused"],
        unsettled=numbers["unsettled"],
        without_evidence=numbers["without_evidence"],
        news=numbers["news"],
        ways=dict(sorted(counts["ways"].items())),
        gained=dict(sorted(counts["gained"].items())),
        lost=dict(sorted(counts["lost"].items())),
        left_out=dict(sorted(counts["left_out"].items())),
        notes=dict(sorted(counts["notes"].items())),
        examples=tuple(each for way in sorted(examples) for each in examples[way]),
        refusals=tuple(refusals),
    ).checked()
