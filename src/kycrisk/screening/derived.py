"""Signals that are computed from others: velocity over the history, membership in the operator's lists."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter
from types import MappingProxyType

from kycrisk.ruleset.condition import Membership, SignalRef, Velocity
from kycrisk.ruleset.model import ListKind, Ruleset
from kycrisk.screening.analyst_lists import Entries
from kycrisk.screening.history import History
from kycrisk.signals import NOTHING, Origin, Unknown, Value, Why

_NO_HISTORY = Unknown(Why.NOT_CONFIGURED, "no history of earlier signups")
Known = dict[str, Value]
#: What is left open: keys of counts that were not given, and derived signals whose base is unknown, with that base.
Open = tuple[tuple[str, ...], tuple[tuple[str, str], ...]]
_NOTHING_OPEN: Open = ((), ())


def derived_signals(ruleset: Ruleset) -> tuple[SignalRef, ...]:
    """The derived signals that live and shadow rules read, each once."""
    rules = (*ruleset.live, *ruleset.shadow)
    return tuple(dict.fromkeys(ref for rule in rules for ref in rule.signals if ref.derived))


def velocities(ruleset: Ruleset) -> tuple[Velocity, ...]:
    """The velocity signals among them."""
    return tuple(ref.derived for ref in derived_signals(ruleset) if isinstance(ref.derived, Velocity))


Holds = Callable[[Value], bool]


@dataclass(frozen=True, slots=True)
class Count:
    """What is counted over which history."""

    velocity: Velocity
    history: History


@dataclass(frozen=True, slots=True)
class DerivedSignals:
    """How each derived signal of a ruleset is answered."""

    answers: tuple[tuple[str, str, Holds | Count], ...]
    origins: Mapping[str, Origin]
    unanswered: Mapping[str, Unknown] = field(default_factory=lambda: NOTHING)
    #: Counts that need no history where their key was not given: what is not given is shared with nobody.
    unshared: Mapping[str, Mapping[str, Value]] = field(default_factory=lambda: MappingProxyType({}))
    #: Answers a signup that leaves nothing open, as most do. False for any other, of which nothing is answered then.
    at_once: Callable[[Known], bool] = lambda known: False

    def answer(self, known: Known, at: datetime) -> Open:
        """Add the derived facts to the known facts of one signup. What it returns tells `unknown` about the others."""
        if self.at_once(known):
            return _NOTHING_OPEN
        absent: tuple[str, ...] = ()
        baseless: tuple[tuple[str, str], ...] = ()
        for key in self.unshared:
            if not known.get(key, True) and known[key] == "":  # the first spares nearly all the second
                known |= self.unshared[key]
                absent += (key,)
        for name, base, ask in self.answers:
            if base not in known:
                baseless += ((name, base),)
            elif type(ask) is Count:
                known[name] = ask.history.count(ask.velocity, known, at)
            else:
                known[name] = ask(known[base])  # type: ignore[operator]
        return absent, baseless

    def unknown(self, before: Mapping[str, Unknown], left_open: Open) -> Mapping[str, Unknown]:
        """The unknown facts with the derived ones behind those from before."""
        absent, baseless = left_open
        counted = {name for key in absent for name in self.unshared[key]}
        unknown = {**before, **{name: why for name, why in self.unanswered.items() if name not in counted}}
        skipped = {name: unknown.get(base, Unknown(Why.SKIPPED, f"{base} was not asked")) for name, base in baseless}
        return MappingProxyType(unknown | skipped)

    def answer_late(self, known: Known, unknown: dict[str, Unknown], at: datetime) -> None:
        """Add the derived facts whose base has become known since; what was answered stays as it is."""
        for name, base, ask in self.answers:
            if name not in known and base in known:
                known[name] = ask.history.count(ask.velocity, known, at) if isinstance(ask, Count) else ask(known[base])
                unknown.pop(name, None)


def prepare_derived(
    refs: Iterable[SignalRef], lists: Mapping[str, Entries | Unknown], history: History | None
) -> DerivedSignals:
    """The derived signals of a ruleset, ready to be answered from these lists and this history."""
    answers: list[tuple[str, str, Holds | Count]] = []
    unanswered: dict[str, Unknown] = {}
    unshared: dict[str, dict[str, Value]] = {}
    origins: dict[str, Origin] = {}
    for ref in refs:
        match ref.derived:
            case Membership(signal, name):
                entries = lists[name]
                if isinstance(entries, Unknown):
                    unanswered[ref.name] = entries
                    origins[ref.name] = Origin(f"list {name}")
                else:
                    read = read_instead(signal, entries)
                    answers.append((ref.name, read, _membership(read, entries)))
                    origins[ref.name] = entries.origin
            case Velocity() as velocity:
                if history is None:
                    unanswered[ref.name] = _NO_HISTORY
                    unshared.setdefault(velocity.key, {})[ref.name] = 0
                else:
                    answers.append((ref.name, velocity.key, Count(velocity, history)))
                origins[ref.name] = Origin(history.source if history else "history")
    return DerivedSignals(tuple(answers), origins, unanswered, unshared, _at_once(answers, tuple(unshared)))


def _at_once(answers: Sequence[tuple[str, str, Holds | Count]], keys: tuple[str, ...]) -> Callable[[Known], bool]:
    """The quick way for signups that give all keys of counts, and whose bases are all known: they are read together."""
    asked = [(name, ask) for name, _, ask in answers if not isinstance(ask, Count)]
    reads = (*keys, *(base for _, base, _ in answers))
    if len(asked) < len(answers) or len(reads) < 2:  # itemgetter gives a bare value for one name
        return lambda known: False
    values_of, count = itemgetter(*reads), len(keys)

    def answer(known: Known) -> bool:
        try:
            values = values_of(known)
        except KeyError:
            return False
        if not all(values[:count]):
            return False
        for (name, holds), value in zip(asked, values[count:], strict=True):
            known[name] = holds(value)
        return True

    return answer


def read_instead(signal: str, entries: Entries) -> str:
    """A list of mailboxes holds canonical addresses, so the canonical form that is known already is looked up."""
    return "email.canonical" if entries.kind is ListKind.EMAIL and signal == "email.address" else signal


def _membership(signal: str, entries: Entries) -> Holds:
    if not entries.count:
        return lambda value: False
    return entries.exactly.__contains__ if signal == "email.canonical" else entries.holds
