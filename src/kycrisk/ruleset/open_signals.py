"""Which unknown facts could still change what a condition says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kycrisk.ruleset.condition import All, AnyOf, Condition, Not, signal_refs
from kycrisk.ruleset.reference import truth
from kycrisk.signals import Value


def open_signals(condition: Condition, known: Mapping[str, Value]) -> Iterator[str]:
    """The unknown signals that a condition's truth still depends on; some may come twice, none when it is decided.

    A part that is decided depends on nothing, and neither does anything beside a part that decides the whole:
    in `a and b` with `a` false, nobody needs to ask for `b`.
    """
    if truth(condition, known) is not None:
        return
    match condition:
        case Not(item):
            yield from open_signals(item, known)
        case All(items) | AnyOf(items):
            for item in items:
                yield from open_signals(item, known)
        case _:
            yield from (ref.name for ref in signal_refs(condition) if ref.name not in known)
