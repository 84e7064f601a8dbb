"""Answers that were given, for as long as they said they are good. Bounded; the longest unused one goes first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kycrisk.lookups.dns_answer import DnsAnswer, Kind, Status

Key = tuple[str, Kind]


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheLimits:
    """How much is kept and for how long, in seconds; what may not be kept (a TTL of 0) never is.

    Three hours for "no" is the most that RFC 2308 section 5 found to work well.
    """

    entries: int = 50_000
    shortest: int = 1
    longest: int = 86_400
    longest_negative: int = 10_800


DEFAULT_LIMITS = CacheLimits()


class AnswerCache:
    """Conclusive answers by question. Moments are seconds of any one steady clock."""

    __slots__ = ("_answers", "_limits")

    def __init__(self, limits: CacheLimits = DEFAULT_LIMITS) -> None:
        self._limits = limits
        self._answers: dict[Key, tuple[float, DnsAnswer]] = {}  # in the order of their last use

    def __len__(self) -> int:
        return len(self._answers)

    def get(self, key: Key, now: float) -> DnsAnswer | None:
        """The answer that is still good, None where there is none."""
        found = self._answers.pop(key, None)
        if found is None or found[0] <= now:
            return None
        self._answers[key] = found  # now the last to go
        return found[1]

    def good_for(self, keys: Iterable[Key], now: float) -> float:
        """For how many seconds more all of these questions are answered from here; 0 where one is not."""
        return max(
            0.0, min((self._answers[key][0] - now if key in self._answers else 0.0 for key in keys), default=0.0)
        )

    def put(self, key: Key, answer: DnsAnswer, now: float) -> None:
        """Keep an answer if it may be kept."""
        if answer.ttl <= 0 or not answer.conclusive:
            return
        limits = self._limits
        longest = limits.longest if answer.status is Status.RECORDS else limits.longest_negative
        self._answers.pop(key, None)
        self._answers[key] = (now + max(limits.shortest, min(answer.ttl, longest)), answer)
        if len(self._answers) > limits.entries:
            del self._answers[next(iter(self._answers))]

    def clear(self) -> None:
        """Drop every answer."""
        self._answers.clear()

    def forget(self, suffix: str) -> int:
        """Drop the answers about a name and everything below it; how many there were."""
        below = f".{suffix}"
        gone = [key for key in self._answers if key[0].endswith(below) or key[0] == suffix]
        for key in gone:
            del self._answers[key]
        return len(gone)
