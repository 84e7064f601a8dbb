"""A YAML file as nodes that know where they stand, before anybody asks what they mean."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import NamedTuple

from kycrisk.problems import Place

_LINE_BREAK = re.compile(r"\r\n?|\n")
_UNSEEN = re.compile("[\0-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ufeff]")


class ScalarNode(NamedTuple):
    """A text as it was written: `style` is empty for plain text, else one of `'`, `"`, `|` and `>`."""

    start: int  # the index of its first character in the file's text
    end: int
    text: str
    style: str


class SequenceNode(NamedTuple):
    """A list."""

    start: int
    end: int
    items: tuple[Node, ...]
    flow: bool  # written in brackets


class MappingNode(NamedTuple):
    """Keys and their values, in the order of the file; no key stands twice."""

    start: int
    end: int
    entries: tuple[tuple[ScalarNode, Node], ...]
    flow: bool  # written in braces


class BrokenNode(NamedTuple):
    """Something that rule files may not hold (an alias, a key without a name). The problem is already noted."""

    start: int
    end: int


Node = ScalarNode | SequenceNode | MappingNode | BrokenNode


class Source:
    """A file's text, and the lines and columns of its characters."""

    __slots__ = ("_lines", "_starts", "path", "text")

    def __init__(self, path: str, text: str) -> None:
        self.path, self.text = path, text
        self._starts = [0, *(found.end() for found in _LINE_BREAK.finditer(text))]
        self._lines: dict[int, str] = {}  # shared by all places of a line, which may be long

    def place(self, index: int) -> Place:
        """The place of a character."""
        line, column = self.position(index)
        return Place(self.path, line, column, self.line(line))

    def position(self, index: int) -> tuple[int, int]:
        """The line and column of a character, both counted from 1."""
        line = bisect_right(self._starts, index)
        return line, index - self._starts[line - 1] + 1

    def start(self, number: int) -> int:
        """The index at which a line begins, counted from 1; the end of the text for the line behind the last."""
        return self._starts[number - 1] if number <= len(self._starts) else len(self.text)

    def line(self, number: int) -> str:
        """The text of a line, counted from 1, without its line break."""
        if number not in self._lines:
            text = self.text[self.start(number) : self.start(number + 1)].rstrip("\r\n")
            self._lines[number] = _UNSEEN.sub("\ufffd", text)  # nothing that a terminal would act upon
        return self._lines[number]
