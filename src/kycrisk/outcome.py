"""Outcomes, findings and contributions: the words a decision is made of."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum


class Outcome(IntEnum):
    """What happens to the account, in order of severity. There is no default outcome."""

    ALLOW = 0
    REVIEW = 1
    VERIFY = 2
    DENY = 3

    @property
    def word(self) -> str:
        return _WORDS[self]

    def __str__(self) -> str:
        return _WORDS[self]

    @classmethod
    def from_word(cls, word: str) -> Outcome:
        """`verify` → `Outcome.VERIFY`. Raises `KeyError` for anything that is not exactly such a word."""
        return _BY_WORD[word]


_WORDS = tuple(outcome.name.lower() for outcome in Outcome)
_BY_WORD = {outcome.word: outcome for outcome in Outcome}


class Finding(Enum):
    """What a rule says of one signup."""

    HIT = "hit"
    MISS = "miss"
    UNKNOWN = "unknown"
    EXEMPT = "exempt"


class IfUnknown(Enum):
    """What a rule counts as when it cannot be judged and the decision is not settled without it."""

    MISS = "miss"
    HIT = "hit"
    REVIEW = "review"


@dataclass(frozen=True, slots=True)
class Score:
    """Adds points; a negative number is trust."""

    points: int

    def __str__(self) -> str:
        return f"{self.points:+d}"


@dataclass(frozen=True, slots=True)
class AtLeast:
    """A floor under the outcome; a binding one is not lowered by caps."""

    outcome: Outcome
    binding: bool = False

    def __str__(self) -> str:
        return f"at least {self.outcome}" + (", binding" if self.binding else "")


@dataclass(frozen=True, slots=True)
class AtMost:
    """A cap over the outcome: allow-lists, trusted customers."""

    outcome: Outcome

    def __str__(self) -> str:
        return f"at most {self.outcome}"


Contribution = Score | AtLeast | AtMost
