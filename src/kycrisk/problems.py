"""Problems: what is wrong with something a user wrote, where, and what to do about it.

A reader collects every problem of its input and raises them together as `Problems`; it never stops at the first.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a file: 1-based line and column. `source` is the text of that line, for the caret."""

    path: str
    line: int
    column: int
    source: str = ""

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. `place` is a place in a file or the path of a field (`address.country`).

    `message` is lower case, without a final period, user input in backticks; `help` says what the user can do.
    """

    place: Place | str
    message: str
    help: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if str(self.place) else self.message

    def render(self) -> str:
        """The problem as a terminal shows it: the line, the source with a caret under it, the help."""
        lines = [str(self)]
        if isinstance(self.place, Place) and self.place.source:
            text = self.place.source.rstrip("\n").replace("\t", " ")
            start = max(0, self.place.column - 60)  # a very long line is shown around its caret
            shown = text[start : start + 100]
            lines += [f"    {shown}", "    " + " " * (self.place.column - 1 - start) + "^"]
        if self.help:
            lines.append(f"help: {self.help}")
        return "\n".join(lines)


class Problems(ValueError):
    """Every problem of one input, in the order of their places."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(problem.render() for problem in self.problems))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`did you mean `email.disposable`?`, or nothing when no known name is near."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.7)
    return f"did you mean `{near[0]}`?" if near else ""
