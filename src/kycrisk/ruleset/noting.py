"""The problems of several files, noted while the files are read."""

from __future__ import annotations

import re

from kycrisk.problems import Place, Problem

MOST = 1000  # more of them help nobody, and a hostile file could hold a million
_UNSEEN = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029\ufeff]")  # what a terminal would act upon


class TooManyProblems(Exception):
    """Reading stops here; what was noted so far is enough to begin with."""


class Notes:
    """What is wrong so far."""

    __slots__ = ("_order", "problems")

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self._order: dict[str, int] = {}

    def begin(self, path: str) -> None:
        """Problems are shown in the order in which files were begun."""
        self._order.setdefault(path, len(self._order))

    def add(self, place: Place | str, message: str, help_: str = "") -> None:
        """Note a problem. Raises `TooManyProblems` beyond the limit."""
        if len(self.problems) >= MOST:
            self.problems.append(Problem(place, f"there are more than {MOST} problems; this is the last one shown"))
            raise TooManyProblems
        self.problems.append(Problem(place, _UNSEEN.sub("\ufffd", message), _UNSEEN.sub("\ufffd", help_)))

    def sorted(self) -> list[Problem]:
        """By file and place; what concerns no file comes last."""
        return sorted(self.problems, key=self._rank)

    def _rank(self, problem: Problem) -> tuple[int, int, int]:
        place = problem.place
        if isinstance(place, Place):
            return self._order.get(place.path, len(self._order)), place.line, place.column
        return self._order.get(place, len(self._order)), 0, 0
