"""What is wrong with rules whose signals an unreadable file was to declare: that file comes first, and comes once."""

from __future__ import annotations

from collections.abc import Iterable

from kycrisk.problems import Problem
from kycrisk.ruleset.operands import UNKNOWN_SIGNAL
from kycrisk.sources.choice import Choice

_SHOWN = 3  # names


def without_undeclared(problems: Iterable[Problem], choice: Choice) -> list[Problem]:
    """The problems of rules; where signals of lookups may be missing, one problem stands for all unknown signals."""
    found = list(problems)
    unknown = [problem for problem in found if problem.message.startswith(UNKNOWN_SIGNAL)]
    if not unknown or not choice.undeclared:
        return found
    names = list(dict.fromkeys(problem.message.removeprefix(UNKNOWN_SIGNAL) for problem in unknown))
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    verb = "is" if len(names) == 1 else "are"
    told = f"{', '.join(names[:_SHOWN])}{more} {verb} unknown while the lookups cannot be read"
    others = [problem for problem in found if problem not in unknown]
    return [Problem(unknown[0].place, told, "correct the lookups first"), *others]


def lookups_first(problems: Iterable[Problem], choice: Choice) -> list[Problem]:
    """The same, behind what is wrong with the lookups where that is why signals are unknown."""
    found = list(problems)
    rest = without_undeclared(found, choice)
    return found if rest == found else [*choice.undeclared, *rest]
