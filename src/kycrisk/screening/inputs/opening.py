"""Opening an input: what it is, by its name or its first line."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from kycrisk.problems import Problems
from kycrisk.screening.inputs.csv_table import CsvTable
from kycrisk.screening.inputs.json_rows import json_document, json_lines
from kycrisk.screening.inputs.json_text import read_json
from kycrisk.screening.inputs.lines import Lines, unreadable
from kycrisk.screening.inputs.rows import Input
from kycrisk.signals import Signal

_KINDS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}


def kind_of(path: Path) -> str:
    """What a file's name says it is: csv, json, jsonl, parquet; empty where it says nothing."""
    return _KINDS.get(path.suffix.lower(), "")


def open_file(path: Path) -> tuple[BinaryIO, int | None]:
    """A file, and its size where it has one. Raises `Problems`."""
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise unreadable(str(path), "is a folder", "name a file")
        return path.open("rb"), status.st_size if stat.S_ISREG(status.st_mode) else None
    except OSError as error:
        raise unreadable(str(path), f"cannot be read: {(error.strerror or str(error)).lower()}") from None


def text_input(
    stream: BinaryIO,
    name: str,
    kind: str,
    attributes: Mapping[str, Signal],
    *,
    ignore_unknown: bool = False,
    size: int | None = None,
) -> Input:
    """The signups of a stream of text; `kind` is csv, json or jsonl, or empty to go by the first line.

    Raises `Problems` for what is wrong with all of it; what is wrong with a row is found in that row's place.
    """
    lines = Lines(stream, name)
    match kind or _by_first_line(lines):
        case "csv":
            rows = CsvTable(lines, attributes, ignore_unknown)
            return Input(name=name, rows=rows, from_text=True, size=size, position=stream.tell)
        case "jsonl":
            return Input(name=name, rows=json_lines(lines), size=size, position=stream.tell)
        case "json":
            return json_document(lines)
    raise ValueError(f"`{kind}` is not a kind of text")


def _by_first_line(lines: Lines) -> str:
    first = lines.peek().removeprefix(b"\xef\xbb\xbf").lstrip()
    if not lines.peek():
        raise unreadable(lines.name, "is empty")
    if not first.startswith((b"{", b"[")):
        return "csv"
    try:
        whole = isinstance(read_json(lines.peek()), dict)
    except Problems:
        return "json"  # an object over several lines, or nothing at all
    return "jsonl" if whole and lines.peek(1).strip() else "json"
