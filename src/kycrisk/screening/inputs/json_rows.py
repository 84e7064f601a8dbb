"""Signups in JSON: an object a line, a list of objects, or one object."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kycrisk.problems import Problem, Problems
from kycrisk.screening.inputs.json_text import read_json
from kycrisk.screening.inputs.lines import Lines, unreadable
from kycrisk.screening.inputs.rows import Input, Row

#: A document is read whole; more signups than this holds belong in JSON lines.
MAX_DOCUMENT = 64_000_000


def json_lines(lines: Lines) -> Iterator[Row]:
    """An object a line; blank lines are no rows."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield number, _signup(read_json(line))
        except Problems as wrong:
            yield number, wrong


def json_document(lines: Lines) -> Input:
    """One signup, or a list of them. Raises `Problems` when the text is not JSON."""
    body = lines.rest(MAX_DOCUMENT)
    if not body.strip():
        raise unreadable(lines.name, "is empty")
    value = read_json(body, lines.name)
    if isinstance(value, list):
        rows = [_row(number, item) for number, item in enumerate(value, 1)]
        return Input(name=lines.name, rows=rows, unit="item")
    return Input(name=lines.name, rows=[_row(1, value)], single=True)


def _row(number: int, value: Any) -> Row:
    try:
        return number, _signup(value)
    except Problems as wrong:
        return number, wrong


def _signup(value: Any) -> dict[str, object]:
    if isinstance(value, dict):
        return value
    kinds = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    raise Problems([Problem("", f"expected an object with named fields, got {kinds.get(type(value), 'a number')}")])
