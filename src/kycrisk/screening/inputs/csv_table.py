"""Signups in CSV (RFC 4180): the first line names the columns, one row a signup."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping

from kycrisk.problems import Problem, Problems
from kycrisk.screening.inputs.lines import Lines, unreadable
from kycrisk.screening.inputs.rows import Row, checked_columns
from kycrisk.signals import Signal

_DELIMITERS = ",;\t|"  # spreadsheets write `;` where the comma is a decimal sign

# The csv module's messages, in words for people.
_WORDS = {
    "unexpected end of data": "a quote that is opened here is never closed",
    "field larger": "a quote that is opened here is not closed within 128 KB",
    "expected after": "a quote inside a quoted value must be doubled",
    "new-line character": "a carriage return stands alone inside a value",
    "NUL": "holds a NUL byte",
}


class CsvTable:
    """A table of signups. Raises `Problems` for what is wrong with its header; a row's own are yielded in its place."""

    def __init__(self, lines: Lines, attributes: Mapping[str, Signal], ignore_unknown: bool = False) -> None:
        first = lines.peek()
        if not first:
            raise unreadable(lines.name, "is empty", "the first line names the columns")
        place = f"{lines.name}:1"
        self._decoder = _Decoder(lines)
        delimiter = max(_DELIMITERS, key=first.decode(errors="replace").count)
        self._reader = csv.reader(self._decoder, delimiter=delimiter, strict=True)
        try:
            names = next(self._reader)
        except csv.Error as error:
            raise unreadable(place, _words(error)) from None
        if self._decoder.broken:
            raise unreadable(place, "is not text in UTF-8", "save the table in UTF-8")
        self.columns = checked_columns(place, names, attributes, ignore_unknown)

    def __iter__(self) -> Iterator[Row]:
        reader, decoder, columns = self._reader, self._decoder, self.columns
        size, partial = len(columns), "" in columns
        start = reader.line_num + 1
        while True:
            try:
                for cells in reader:
                    if decoder.broken:
                        decoder.broken = False
                        yield start, _problems("is not text in UTF-8", "save the table in UTF-8")
                    elif len(cells) == size:
                        row = dict(zip(columns, cells, strict=True))
                        if partial:
                            del row[""]
                        yield start, row
                    elif cells:  # a blank line is no row
                        yield start, _problems(f"has {len(cells)} cells, the header names {size} columns")
                    start = reader.line_num + 1
                return
            except csv.Error as error:
                last = reader.line_num
                lost = f"lines {start} to {last} are left out" if last > start else ""
                yield start, _problems(_words(error), lost)
                start = last + 1


class _Decoder:
    """Lines as text. `broken` is set when one is not UTF-8; the rows around it are still read."""

    def __init__(self, lines: Lines) -> None:
        self._lines = iter(lines)
        self.broken = False
        self._first = True

    def __iter__(self) -> Iterator[str]:
        for raw in self._lines:
            try:
                text = raw.decode()
            except UnicodeDecodeError:
                self.broken = True
                text = raw.decode(errors="replace")
            if self._first:
                self._first = False
                text = text.removeprefix("\ufeff")  # Excel marks UTF-8 with one
            yield text


def _problems(message: str, help_: str = "") -> Problems:
    return Problems([Problem("", message, help_)])


def _words(error: csv.Error) -> str:
    text = str(error)
    return next((words for part, words in _WORDS.items() if part in text), f"the row cannot be read: {text}")
