"""Labels in a CSV file: `account_id,label` and, where they are known, `source`, `at` and `why`."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from kycrisk.problems import Problem, Problems, did_you_mean

COLUMNS = ("account_id", "label", "source", "at", "why")
_LABELS = ("fraud", "legitimate")
_MOST_PROBLEMS = 50
_MOST_TEXT = {"account_id": 200, "source": 100, "why": 2000}


@dataclass(frozen=True, slots=True)
class LabelRow:
    """A label as the file has it. `at` is None where the file does not say when it became known."""

    line: int
    account_id: str
    label: str
    source: str
    at: datetime | None
    why: str


def read_labels(path: Path, *, now: datetime, withdrawn: bool = False) -> tuple[LabelRow, ...]:
    """The labels of a file, in its order. Raises `Problems` with everything that is wrong.

    `withdrawn` is a label too where it may take one back.
    """
    labels = (*_LABELS, "withdrawn") if withdrawn else _LABELS
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise Problems([Problem(str(path), f"cannot be read: {(error.strerror or str(error)).lower()}")]) from None
    except UnicodeDecodeError:
        raise Problems([Problem(str(path), "is not text in UTF-8", "save the table in UTF-8")]) from None
    reader = csv.reader(text.splitlines(keepends=True), strict=True)
    names = next(_rows(reader, path), [])
    problems = list(_header_problems(str(path), names))
    if problems:
        raise Problems(problems)
    found: list[LabelRow] = []
    for cells in _rows(reader, path):
        line = reader.line_num
        told = _row(f"{path}:{line}", line, dict(zip(names, cells, strict=False)), labels, now)
        if len(cells) != len(names):
            told = Problem(f"{path}:{line}", f"has {len(cells)} cells, the header names {len(names)} columns")
        if isinstance(told, Problem):
            problems.append(told)
        else:
            found.append(told)
    if problems:
        shown, left = problems[:_MOST_PROBLEMS], len(problems) - _MOST_PROBLEMS
        raise Problems([*shown, *([Problem(str(path), f"{left} more lines are wrong")] if left > 0 else [])])
    return tuple(found)


def _rows(reader: Iterator[list[str]], path: Path) -> Iterator[list[str]]:
    """The rows that are not blank."""
    try:
        yield from (cells for cells in reader if cells)
    except csv.Error as error:
        raise Problems([Problem(str(path), f"is no CSV: {error}")]) from None


def _header_problems(path: str, names: Sequence[str]) -> Iterator[Problem]:
    for name in names:
        if name not in COLUMNS:
            yield Problem(f"{path}:1", f"unknown column `{name[:60]}`", did_you_mean(name, COLUMNS) or _known())
    for name in ("account_id", "label"):
        if name not in names:
            yield Problem(f"{path}:1", f"there is no column `{name}`", _known())
    if len(set(names)) < len(names):
        yield Problem(f"{path}:1", "a column is named twice")


def _known() -> str:
    return f"columns: {', '.join(COLUMNS)}"


def _row(place: str, line: int, cells: dict[str, str], labels: Sequence[str], now: datetime) -> LabelRow | Problem:
    account, label, at = cells.get("account_id", ""), cells.get("label", ""), cells.get("at", "")
    if not account:
        return Problem(place, "names no account")
    if label not in labels:
        return Problem(place, f"`{label[:60]}` is no label", f"one of: {', '.join(labels)}")
    for name, most in _MOST_TEXT.items():
        if len(cells.get(name, "")) > most:
            return Problem(place, f"`{name}` is longer than {most} characters")
    try:
        moment = _moment(at) if at else None
    except ValueError:
        return Problem(place, f"`{at[:60]}` is not a time such as `2026-11-23T10:00:00Z`")
    if moment is not None and moment > now:
        return Problem(place, f"`{at[:60]}` is still to come", "`at` is when the label became known")
    return LabelRow(line, account, label, cells.get("source", ""), moment, cells.get("why", ""))


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None and len(text) == 10 else _zoned(moment)


def _zoned(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("no time zone")
    return moment.astimezone(UTC)
