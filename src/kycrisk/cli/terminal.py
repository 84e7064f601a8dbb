"""The terminal: colour where it is wanted, texts that cannot harm it, problems as people read them."""

from __future__ import annotations

import os
import re
import shutil
import sys
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from kycrisk.problems import Problem

if TYPE_CHECKING:
    from rich.progress import Progress

MAX_WIDTH = 100  # longer lines are hard to read, however wide the window is
_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36", "bad": "1;31"}

# Controls move the cursor and recolour the screen; format characters such as U+202E turn the text around. Whatever a
# customer typed is shown without them (CWE-150).
_HARMFUL = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")


def visible(text: str) -> str:
    """A text of a stranger with its control and direction characters spelled out: `\\x1b`."""
    return _HARMFUL.sub(_spelled, text) if not text.isprintable() else text


def _spelled(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape", "surrogatepass").decode("ascii")


def has_colour(stream: TextIO) -> bool:
    """Whether colours are wanted there: a terminal that can, unless NO_COLOR (no-color.org) or FORCE_COLOR speak."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")


@dataclass(frozen=True, slots=True)
class Paint:
    """Colours for one stream; without them the texts stay as they are."""

    enabled: bool

    @classmethod
    def on(cls, stream: TextIO) -> Paint:
        return cls(has_colour(stream))

    def __call__(self, style: str, text: str) -> str:
        return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if self.enabled and style and text else text


def width() -> int:
    """The columns that texts may take: those of the window, 80 where there is none."""
    return max(40, min(MAX_WIDTH, shutil.get_terminal_size().columns))


def wrapped(text: str, *, first: str = "", rest: str = "", taken: int = 0) -> Iterator[str]:
    """The text in lines of the window's width, the first behind `first`, the others behind `rest`.

    `taken` is the width of `first` as it is seen, where colours make it longer.
    """
    taken = taken or len(first)
    lines = textwrap.wrap(
        "\0" * taken + text.lstrip(),
        max(width(), taken + 20),
        subsequent_indent=rest,
        break_on_hyphens=False,
        break_long_words=False,  # a path stays whole, so that it can be copied
    )
    yield first + (lines[0] if lines else "").lstrip("\0")
    yield from lines[1:]


def say(*lines: str) -> None:
    """Results, to standard output."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))


def note(*lines: str) -> None:
    """What is said beside the results, to standard error."""
    sys.stdout.flush()  # so that both streams keep their order on one terminal
    sys.stderr.write("".join(f"{line}\n" for line in lines))


def problem_lines(problem: Problem, paint: Paint, place: str = "") -> list[str]:
    """A problem as the terminal shows it; `place` stands before its own."""
    head, *rest = problem.render().split("\n")
    colours = {True: "cyan", False: ""}
    shown = [visible(f"{place}: {head}" if place else head)]
    shown += [paint(colours[line.startswith("help: ")], visible(line)) for line in rest]
    if paint.enabled:
        where, colon, message = shown[0].partition(": ")
        shown[0] = paint("bold", where) + colon + message if colon else shown[0]
    return shown


def note_problems(problems: Iterable[Problem], place: str = "") -> None:
    """Problems to standard error."""
    paint = Paint.on(sys.stderr)
    note(*(line for problem in problems for line in problem_lines(problem, paint, place)))


def progress_bar(total_known: bool = True) -> Progress | None:
    """A bar on standard error, where that is a terminal. It is drawn when it is told to, not by a thread of its own:
    that would take turns with the work."""
    if not sys.stderr.isatty() or os.environ.get("TERM") in ("dumb", "unknown"):
        return None
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = [TextColumn("{task.description}"), BarColumn(bar_width=30)]
    columns += [TaskProgressColumn(), TimeRemainingColumn()] if total_known else []
    return Progress(*columns, console=Console(stderr=True), transient=True, auto_refresh=False)


def counted(number: int, what: str) -> str:
    """`1 rule`, `2 rules`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
