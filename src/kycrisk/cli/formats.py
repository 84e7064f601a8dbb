"""The forms in which decisions are written: for people, as JSON, JSON lines or CSV."""

from __future__ import annotations

import csv
import io
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from kycrisk.cli.app import Fault
from kycrisk.cli.decision_text import decision_lines
from kycrisk.cli.options import Format
from kycrisk.cli.terminal import Paint
from kycrisk.decision import Decision
from kycrisk.decision_json import decision_to_json, moment_text

_CSV_COLUMNS = (
    "account_id",
    "outcome",
    "score",
    "settled",
    "lowest_outcome",
    "highest_outcome",
    "lowest_score",
    "highest_score",
    "rules_hit",
    "rules_not_judged",
    "id",
    "ruleset",
    "decided_at",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How decisions become text: what stands before the first, between two, behind the last."""

    text: Callable[[Decision], str]
    head: str = ""
    between: str = ""
    tail: str = ""
    counted: bool = False  # a summary of the rules follows


def form_of(wanted: Format, *, single: bool, paint: Paint) -> Form:
    """The form of a format; JSON is one indented object for one signup and a list for many."""
    match wanted:
        case Format.human if single:
            return Form(text=lambda decision: _lines(decision_lines(decision, paint)))
        case Format.human:
            return Form(
                text=lambda decision: _lines(decision_lines(decision, paint, brief=True)), between="\n", counted=True
            )
        case Format.jsonl:
            return Form(text=lambda decision: decision_to_json(decision) + "\n")
        case Format.json if single:
            return Form(text=_indented)
        case Format.json:
            return Form(text=decision_to_json, head="[\n", between=",\n", tail="\n]\n")
        case Format.csv:
            return Form(text=_csv_row, head=",".join(_CSV_COLUMNS) + "\r\n")


def _lines(lines: Iterator[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _indented(decision: Decision) -> str:
    return json.dumps(json.loads(decision_to_json(decision)), ensure_ascii=False, indent=2) + "\n"


def _csv_row(decision: Decision) -> str:
    row = io.StringIO()
    csv.writer(row).writerow(
        (
            decision.account_id,
            decision.outcome.word,
            decision.score,
            "true" if decision.settled else "false",
            decision.lowest.word,
            decision.highest.word,
            decision.lowest_score,
            decision.highest_score,
            " ".join(reason.rule for reason in decision.reasons),
            " ".join(each.rule for each in decision.undetermined),
            decision.id,
            decision.ruleset,
            moment_text(decision.decided_at),
        )
    )
    return row.getvalue()


class Output:
    """Where text goes, in pieces that fit into the processor's cache; a slow source's rows go out at least every
    `patience` seconds."""

    def __init__(self, stream: IO[bytes], encoding: str = "utf-8", piece: int = 100_000, patience: float = 0.1) -> None:
        self._stream, self._encoding = stream, encoding
        self._piece, self._patience = piece, patience
        self._parts: list[str] = []
        self._size = 0
        self._written_at = time.monotonic()

    def write(self, text: str) -> None:
        self._parts.append(text)
        self._size += len(text)
        if self._size >= self._piece or time.monotonic() - self._written_at > self._patience:
            self.flush()

    def flush(self) -> None:
        text = "".join(self._parts)
        self._parts.clear()
        self._size = 0
        self._stream.write(text.encode(self._encoding, "backslashreplace"))
        self._stream.flush()
        self._written_at = time.monotonic()


@contextmanager
def output_to(path: Path | None, source: str | None, *, patience: float = 0.1) -> Iterator[Output]:
    """A file, or standard output. Raises `Fault` when the file is the one that is read."""
    if path is None:
        encoding = sys.stdout.encoding or "utf-8"
        sys.stdout.flush()
        output = Output(sys.stdout.buffer, encoding, patience=patience)
        try:
            yield output
        finally:  # what was decided before an interruption is written in whole lines
            output.flush()
        return
    if source and source != "-" and path.exists() and path.samefile(source):
        raise Fault(f"`{path}` is the file that is read", "name another one for the decisions")
    with path.open("wb") as stream:
        output = Output(stream, patience=patience)
        try:
            yield output
        finally:
            output.flush()
