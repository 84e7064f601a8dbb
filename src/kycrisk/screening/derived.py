"""Signals that are computed from others: velocity over the history, membership in the operator's lists."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from kycrisk.ruleset.condition import Membership, SignalRef, Velocity
from kycrisk.ruleset.model import ListKind, Ruleset
from kycrisk.screening.analyst_lists import Entries
from kycrisk.screening.history import History
from kycrisk.signals import NOTHING, Origin, Unknown, Value, Why

_NO_HISTORY = Unknown(Why.NOT_CONFIGURED, "no history of earlier signups")
Known = dict[str, Value]
Missing = dict[str, Unknown]


def derived_signals(ruleset: Ruleset) -> tuple[SignalRef, ...]:
    """The derived signals that live and shadow rules read, each once."""
    rules = (*ruleset.live, *ruleset.shadow)
    return tuple(dict.fromkeys(ref for rule in rules for ref in rule.signals if ref.derived))


def velocities(ruleset: Ruleset) -> tuple[Velocity, ...]:
    """The velocity signals among them."""
    return tuple(ref.derived for ref in derived_signals(ruleset) if isinstance(ref.derived, Velocity))


@dataclass(frozen=True, slots=True)
class DerivedSignals:
    """How each derived signal of a ruleset is answered."""

    answers: tuple[tuple[str, str, Callable[[Known, datetime], Value]], ...]
    origins: Mapping[str, Origin]
    unanswered: Mapping[str, Unknown] = field(default_factory=lambda: NOTHING)
    unshared: tuple[tuple[str, str], ...] = ()  # counts that need no history where their key was not given

    def answer(self, known: Known, unknown: Missing, at: datetime) -> None:
        """Add the derived facts to the facts of one signup."""
        unknown.update(self.unanswered)
        for name, key in self.unshared:
            if known.get(key) == "":
                known[name] = 0
                del unknown[name]
        for name, base, ask in self.answers:
            if base in known:
                known[name] = ask(known, at)
            else:
                unknown[name] = unknown.get(base, Unknown(Why.SKIPPED, f"{base} was not asked"))


def prepare_derived(
    refs: Iterable[SignalRef], lists: Mapping[str, Entries | Unknown], history: History | None
) -> DerivedSignals:
    """The derived signals of a ruleset, ready to be answered from these lists and this history."""
    answers: list[tuple[str, str, Callable[[Known, datetime], Value]]] = []
    unanswered: dict[str, Unknown] = {}
    unshared: list[tuple[str, str]] = []
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
                    unshared.append((ref.name, velocity.key))
                else:
                    answers.append((ref.name, velocity.key, _count(velocity, history)))
                origins[ref.name] = Origin(history.source if history else "history")
    return DerivedSignals(tuple(answers), origins, unanswered, tuple(unshared))


def read_instead(signal: str, entries: Entries) -> str:
    """A list of mailboxes holds canonical addresses, so the canonical form that is known already is looked up."""
    return "email.canonical" if entries.kind is ListKind.EMAIL and signal == "email.address" else signal


def _membership(signal: str, entries: Entries) -> Callable[[Known, datetime], Value]:
    if not entries.count:
        return lambda known, at: False
    if signal == "email.canonical":
        exactly = entries.exactly
        return lambda known, at: known[signal] in exactly
    holds = entries.holds
    return lambda known, at: holds(known[signal])


def _count(velocity: Velocity, history: History) -> Callable[[Known, datetime], Value]:
    return lambda known, at: history.count(velocity, known, at)
