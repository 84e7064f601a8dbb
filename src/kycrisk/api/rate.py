"""Rate limits: a bucket for every API key, and a small one for every address that comes without a valid key."""

from __future__ import annotations

from collections.abc import Callable

MOST_BUCKETS = 50_000


class Rates:
    """Token buckets: `rate` tokens a second flow in, up to `burst`; a request takes one."""

    def __init__(self, rate: float, burst: float, clock: Callable[[], float]) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, name: str) -> float:
        """Take one token; 0 when there was one, or else the seconds until there is one."""
        now = self._clock()
        left, at = self._buckets.get(name, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._rate)
        if left >= 1:
            self._put(name, left - 1, now)
            return 0.0
        self._put(name, left, now)
        return (1 - left) / self._rate

    def spent(self, name: str) -> bool:
        """Whether nothing is left, without taking anything."""
        left, at = self._buckets.get(name, (self._burst, 0.0))
        return left + (self._clock() - at) * self._rate < 1

    def _put(self, name: str, left: float, now: float) -> None:
        if len(self._buckets) >= MOST_BUCKETS and name not in self._buckets:
            full_after = self._burst / self._rate
            self._buckets = {each: kept for each, kept in self._buckets.items() if now - kept[1] < full_after}
            if len(self._buckets) >= MOST_BUCKETS:
                self._buckets.clear()  # rather forget the counts than grow without an end
        self._buckets[name] = (left, now)
