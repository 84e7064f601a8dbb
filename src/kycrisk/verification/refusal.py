"""What a case refuses."""

from __future__ import annotations

from collections.abc import Iterable

from kycrisk.problems import Problem
from kycrisk.store.failure import Conflict, StoreError


class ConsentMissing(StoreError):
    """Nothing may be asked or kept before the customer has agreed."""


class NotNow(Conflict):
    """The case does not stand where this can be done."""


class Incomplete(Conflict):
    """Something is still missing before the case can be submitted; every gap is one of `problems`."""

    def __init__(self, message: str, problems: Iterable[Problem]) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


class NotPossible(Conflict):
    """The procedure has no such thing."""
