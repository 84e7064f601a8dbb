"""Counts that new rules need and nobody took: `signups(...)` and `distinct(...)` as the store would have told them.

Each signup counts those that were registered before it, within its window up to its own moment: the same signups that
the store itself would have counted then, and none that came later. What cannot be told for sure is left unknown.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import polars as pl

from kycrisk.backtest.part import Part, values_of_signal
from kycrisk.ruleset.condition import Velocity
from kycrisk.ruleset.evaluate import CompiledRuleset
from kycrisk.signals import Type
from kycrisk.store.decision_history import CountedFact, DecisionHistory
from kycrisk.store.moments import micros
from kycrisk.store.velocity import ALWAYS, SAME_MOMENT

_MICROSECOND = timedelta(microseconds=1)
_GRACE = SAME_MOMENT // _MICROSECOND


class Counting:
    """The counts of one signal: by signup, for all signups whose whole window was stored."""

    def __init__(self, velocity: Velocity, counts: Mapping[int, int]) -> None:
        self.velocity = velocity
        self._counts = pl.DataFrame(
            {
                "signup": pl.Series(list(counts), dtype=pl.Int64),
                "count": pl.Series(list(counts.values()), dtype=pl.Int64),
            }
        )

    def of(self, part: Part, key_type: Type) -> pl.Series:
        """The count for each decision of a part; null where it is not known."""
        key = values_of_signal(part.frame, self.velocity.key, key_type)
        none = key == "" if key_type is Type.STR else pl.Series([False]).new_from_index(0, part.height)
        table = pl.DataFrame([part.frame["signup"], none.fill_null(False).alias("none")])
        found = table.join(self._counts, on="signup", how="left", maintain_order="left")
        return found.select(pl.when("none").then(0).otherwise("count").cast(pl.Int64).alias("count")).to_series()


def asked_counts(compiled: CompiledRuleset) -> dict[str, Velocity]:
    """The counts that live and shadow rules read, by the text that they are known by."""
    rules = (*compiled.live, *compiled.shadow)
    return {ref.name: ref.derived for rule in rules for ref in rule.signals if isinstance(ref.derived, Velocity)}


async def take_counts(
    history: DecisionHistory, velocity: Velocity, since: datetime | None, until: datetime | None
) -> Counting:
    """A count over the stored signups; unknown for facts that are not kept of every signup, as too few may be there."""
    if not {velocity.key, velocity.counted or velocity.key} <= ALWAYS:
        return Counting(velocity, {})
    window = velocity.window // _MICROSECOND
    retained = await history.retained_from("facts")
    begin = max(0, micros(since) - 2 * window) if since is not None else 0
    known_from = max(begin, micros(retained) if retained is not None else 0)
    end = micros(until) + _GRACE if until is not None else 2**62
    facts = await history.counted_facts(velocity.key, begin, end)
    others: dict[int, bytes] | None = None
    if velocity.counted:
        counted = await history.counted_facts(velocity.counted, begin, end)
        others = {each.signup: each.digest for each in counted}
    whole = 0 if known_from == 0 else known_from + window
    return Counting(velocity, _counted(facts, window, others, whole))


def _counted(
    facts: Sequence[CountedFact], window: int, others: Mapping[int, bytes] | None, whole: int
) -> dict[int, int]:
    """By signup, how many facts of the same value were registered before, within the window up to its moment.

    `facts` come as they were registered. With `others` the different values are counted that those signups have there.
    Signups before the moment `whole` are left out: their windows are not stored as a whole.
    """
    seen: dict[bytes, list[tuple[int, bytes]]] = {}
    found: dict[int, int] = {}
    for fact in facts:
        before = seen.setdefault(fact.digest, [])
        if fact.at >= whole:
            first = bisect_left(before, (fact.at - window, b""))
            last = bisect_right(before, (fact.at + _GRACE, b"\xff" * 17))
            found[fact.signup] = (
                last - first if others is None else len({other for _, other in before[first:last] if other})
            )
        entry = (fact.at, b"" if others is None else others.get(fact.signup, b""))
        if not before or entry >= before[-1]:
            before.append(entry)
        else:
            insort(before, entry)
    return found
