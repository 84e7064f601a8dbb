"""Decisions in files: JSON lines as `kycrisk screen --format jsonl` writes them, and Parquet."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from kycrisk.backtest.building import Builder, Row, findings_of
from kycrisk.backtest.part import HEAD, Part, column_of
from kycrisk.decision import FORMAT
from kycrisk.decision_json import DecisionFormatError
from kycrisk.outcome import Outcome
from kycrisk.problems import Problem, Problems, did_you_mean
from kycrisk.ruleset.columns.given import given_columns
from kycrisk.ruleset.columns.outcomes import OUTCOME
from kycrisk.screening.inputs.lines import Lines
from kycrisk.signals import Signal, Type

_CHUNK = 20_000
_CODES: dict[str, pl.DataType] = {"text": pl.String(), "code": pl.UInt32()}
_MOST_PROBLEMS = 20
_NO_FINDINGS = '{"hit":[],"unknown":[],"exempt":[],"shadow":{}}'
#: What a Parquet file of decisions must have, and may have, beside facts.
REQUIRED = ("account_id", "decided_at", "outcome")
OPTIONAL = ("id", "score", "settled", "lowest", "highest", "ruleset")


def decisions_of(path: Path, types: Mapping[str, Type], signals: Mapping[str, Signal]) -> Iterator[Part]:
    """The decisions of a file, some at a time. `types` are the facts that rules read, `signals` all there are.

    Raises `Problems` with everything that is wrong, at the latest when all was read.
    """
    if path.suffix == ".parquet":
        yield from _of_parquet(path, types, signals)
        return
    with path.open("rb") as stream:
        yield from _of_lines(Lines(stream, str(path)))


def _of_lines(lines: Lines) -> Iterator[Part]:
    builder, problems = Builder(), list[Problem]()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            raw = json.loads(line)
            builder.add(_row(number, raw), raw["evidence"])
        except (DecisionFormatError, ValueError, KeyError, TypeError, AttributeError) as error:
            problems.append(Problem(f"{lines.name}:{number}", _words(error)))
        if len(builder.rows) >= _CHUNK:
            yield builder.take()
    yield builder.take()
    if problems:
        left = len(problems) - _MOST_PROBLEMS
        more = [Problem(lines.name, f"{left} more lines are no decisions")] if left > 0 else []
        raise Problems([*problems[:_MOST_PROBLEMS], *more])


def _row(number: int, raw: Mapping[str, Any]) -> Row:
    if raw.get("format") != FORMAT:
        raise DecisionFormatError(f"expected a decision with format `{FORMAT}`, got `{raw.get('format')}`")
    lowest, highest = raw["bounds"]["outcome"]
    words = (raw["outcome"], lowest, highest)
    outcome, low, high = (Outcome.from_word(word).word for word in words)
    moment = datetime.fromisoformat(raw["decided_at"])
    if moment.tzinfo is None:
        raise DecisionFormatError(f"`{raw['decided_at']}` has no time zone")
    return Row(
        seq=number,
        id=str(raw["id"]),
        account=str(raw["account_id"]),
        signup=None,
        at=moment,
        outcome=outcome,
        score=int(raw["score"]),
        settled=bool(raw["settled"]),
        lowest=low,
        highest=high,
        erased=False,
        ruleset=str(raw["ruleset"]),
        findings=findings_of(raw),
    )


def _words(error: Exception) -> str:
    if isinstance(error, DecisionFormatError):
        return str(error)
    if isinstance(error, json.JSONDecodeError):
        return f"is not JSON: {error}"
    if isinstance(error, KeyError):
        return f"the decision has no {error}, or a word that is not known"
    return f"the decision is malformed: {error}"


def _of_parquet(path: Path, types: Mapping[str, Type], signals: Mapping[str, Signal]) -> Iterator[Part]:
    try:
        table = pl.scan_parquet(path)
        schema = table.collect_schema()
        _check_columns(str(path), schema, signals)
        facts = [name for name in types if name in schema]
        head = [name for name in (*REQUIRED, *OPTIONAL) if name in schema]
        height = int(table.select(pl.len()).collect().item())
        for start in range(0, max(height, 1), 250_000):
            yield _part(str(path), table.select(*head, *facts).slice(start, 250_000).collect(), start, facts, types)
    except (pl.exceptions.PolarsError, OSError) as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise Problems([Problem(str(path), f"is not a Parquet file that can be read: {first}")]) from None


def _check_columns(path: str, schema: Mapping[str, Any], signals: Mapping[str, Signal]) -> None:
    known = {*REQUIRED, *OPTIONAL, *signals}
    problems = [
        Problem(path, f"unknown column `{name}`", did_you_mean(name, known) or "facts are named after signals")
        for name in schema
        if name not in known and "(" not in name  # counts and lists that no rule here asks for do no harm
    ]
    problems += [
        Problem(path, f"there is no column `{name}`", f"every decision has {', '.join(REQUIRED)}")
        for name in REQUIRED
        if name not in schema
    ]
    moment = schema.get("decided_at")
    if moment is not None and getattr(moment, "time_zone", None) is None:
        problems.append(Problem(path, f"column `decided_at`: expected times with a zone, got {moment}"))
    if problems:
        raise Problems(problems)


def _part(path: str, table: pl.DataFrame, start: int, facts: Sequence[str], types: Mapping[str, Type]) -> Part:
    try:
        known = given_columns(table, {name: types[name] for name in facts})
    except Problems as wrong:
        raise Problems(Problem(path, str(each), each.help) for each in wrong.problems) from None
    words = table["outcome"].cast(pl.String)
    checks = (
        ("account_id", "there is no account", table["account_id"].is_null()),
        ("decided_at", "there is no time", table["decided_at"].is_null()),
        ("outcome", f"is none of {', '.join(OUTCOME.categories)}", ~words.is_in(OUTCOME.categories.to_list())),
    )
    problems = [
        Problem(path, f"column `{name}`: row {rows[0] + start + 1}: {why}")
        for name, why, found in checks
        if len(rows := found.fill_null(True).arg_true())
    ]
    if problems:
        raise Problems(problems)
    head, versions = _head(table, start)
    columns = [known[name].alias(column_of(name, types[name])) for name in facts]
    return Part(head.hstack(columns), {"ruleset": versions, "findings": (_NO_FINDINGS,), "gaps": ("{}",)})


def _head(table: pl.DataFrame, start: int) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """What a table says beside facts, and the versions of rules in it."""
    height, has = table.height, set(table.columns)
    numbers = pl.int_range(start + 1, start + 1 + height, dtype=pl.Int64, eager=True)
    none = pl.Series([None], dtype=pl.String).new_from_index(0, height)
    versions = (table["ruleset"].cast(pl.String) if "ruleset" in has else none).fill_null("")
    texts = versions.unique(maintain_order=True).to_list()
    codes = pl.DataFrame(
        {"text": pl.Series(texts, dtype=pl.String), "code": pl.Series(range(len(texts)), dtype=pl.UInt32)}
    )
    given = {
        "seq": numbers,
        "id": table["id"].cast(pl.String) if "id" in has else "row " + numbers.cast(pl.String),
        "account": table["account_id"].cast(pl.String),
        "at": table["decided_at"].dt.convert_time_zone("UTC").cast(HEAD["at"]),
        "outcome": table["outcome"].cast(pl.String).cast(OUTCOME),
        "ruleset": pl.DataFrame({"text": versions}).join(codes, on="text", how="left", maintain_order="left")["code"],
    }
    given |= {name: table[name].cast(HEAD[name]) for name in ("score", "settled", "lowest", "highest") if name in has}
    blank = {"erased": False, "findings": 0, "gaps": 0}
    series = [
        given[name].alias(name)
        if name in given
        else pl.Series(name, [blank.get(name)], dtype).new_from_index(0, height)
        for name, dtype in HEAD.items()
    ]
    return pl.DataFrame(series), tuple(texts)
