"""What to ask next: the questions whose answers could still change the outcome, and of those the cheapest first.

Pure: no network, no clock. The semantics are docs/semantics.md's "The planner": leaving a question out is sound,
because no answer to it could move the outcome out of an interval that is closed already.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from kycrisk.ruleset.condition import Membership, Velocity
from kycrisk.ruleset.evaluate import CompiledRuleset
from kycrisk.ruleset.open_signals import open_signals
from kycrisk.ruleset.verdict import Verdict
from kycrisk.signals import Value
from kycrisk.sources.inquiry import AnyInquiry, Stage
from kycrisk.sources.summary import Summary

_PAID = Stage.PAID
_MOST_KEPT = 1024


class Planner:
    """The questions of a site over one ruleset. Safe to share."""

    def __init__(
        self, compiled: CompiledRuleset, inquiries: Sequence[AnyInquiry], summaries: Sequence[Summary]
    ) -> None:
        self.compiled, self.inquiries = compiled, tuple(inquiries)
        self._by_signal = {name: inquiry for inquiry in inquiries for name in inquiry.answers}
        self._through = _through(compiled, summaries)
        self._by_rule = {rule.id: self._bases(rule.signal_names) for rule in compiled.live}
        self._of_rules: dict[tuple[str, ...], tuple[AnyInquiry, ...]] = {}
        self._needy = frozenset(inquiry for inquiry in inquiries if inquiry.needs)
        rules = (*compiled.live, *compiled.shadow)
        names = {name for rule in rules for name in rule.signal_names}
        read = {base for name in names for base in self._traced(name)}
        #: The signals that rules read and nobody knows before an inquiry is answered.
        self.outside = tuple(sorted(name for name in names if self._bases((name,))))
        #: The summaries' signals that rules read.
        self.summed = tuple(signal.name for each in summaries for signal in each.signals if signal.name in names)
        #: The signals that rules read and inquiries answer, by inquiry.
        self.read: Mapping[str, tuple[str, ...]] = MappingProxyType(
            {inquiry.name: tuple(sorted(inquiry.answers & read)) for inquiry in inquiries}
        )

    def considered(
        self, verdict: Verdict, known: Mapping[str, Value], tried: Collection[str], *, complete: bool = False
    ) -> list[AnyInquiry]:
        """The inquiries, not tried yet, that the rules still to be judged read, and that the facts so far let be asked.

        `tried` are names of inquiries. With `complete` every inquiry is, settled or not.
        """
        if complete:
            return self._askable(self.inquiries, known, tried)
        if verdict.settled:
            return []
        return self._askable(self._read_by(verdict.unknown), known, tried)

    def _read_by(self, rules: tuple[str, ...]) -> tuple[AnyInquiry, ...]:
        """The inquiries that rules read. Few combinations of rules are open together, so what they read is kept."""
        found = self._of_rules.get(rules)
        if found is None:
            if len(self._of_rules) >= _MOST_KEPT:
                self._of_rules.clear()
            found = tuple(dict.fromkeys(each for rule in rules for each in self._by_rule[rule]))
            self._of_rules[rules] = found
        return found

    def wanted(self, verdict: Verdict, known: Mapping[str, Value], tried: Collection[str]) -> list[AnyInquiry]:
        """Of those, the ones that could still change what a rule says: looked at more closely, which takes longer."""
        by_id = self.compiled.by_id
        open_rules = (by_id[rule] for rule in verdict.unknown if self._by_rule[rule])
        names = (name for rule in open_rules for name in open_signals(rule.condition, known))
        return self._askable(self._bases(names), known, tried)

    def _askable(
        self, inquiries: Iterable[AnyInquiry], known: Mapping[str, Value], tried: Collection[str]
    ) -> list[AnyInquiry]:
        """The inquiries not tried yet, each once, and instead of those that need other facts first, who has these."""
        left = dict.fromkeys([inquiry for inquiry in inquiries if inquiry.name not in tried] if tried else inquiries)
        if self._needy.isdisjoint(left):
            return list(left)
        return list(dict.fromkeys(first for inquiry in left for first in self._first(inquiry, known, tried)))

    def _first(self, inquiry: AnyInquiry, known: Mapping[str, Value], tried: Collection[str]) -> Iterator[AnyInquiry]:
        """The inquiry itself, or those that find out first what its question is made of."""
        missing = (name for name in inquiry.needs if name not in known)
        before = [each for each in self._bases(missing) if each.name not in tried]
        if not before:
            yield inquiry
        for each in before:
            yield from self._first(each, known, (*tried, inquiry.name))

    def _bases(self, names: Iterable[str]) -> tuple[AnyInquiry, ...]:
        """The inquiries that answer signals, also those that are computed from others."""
        bases = (self._by_signal.get(base) for name in names for base in self._traced(name))
        return tuple(dict.fromkeys(inquiry for inquiry in bases if inquiry is not None))

    def _traced(self, name: str) -> Iterator[str]:
        """The signals that a signal is computed from, in the end; itself when it is not."""
        if name in self._through:
            for base in self._through[name]:
                yield from self._traced(base)
        else:
            yield name


def next_batch(ready: Sequence[AnyInquiry]) -> list[AnyInquiry]:
    """Those of the wanted inquiries that are asked together now: all of the first stage, of the paid ones the cheapest.

    Amounts in different currencies are compared as numbers, as nothing here converts money.
    """
    stage = min((inquiry.stage for inquiry in ready), default=_PAID)
    batch = [inquiry for inquiry in ready if inquiry.stage is stage]
    return batch if stage is not _PAID else sorted(batch, key=lambda inquiry: inquiry.price.amount)[:1]


def _through(compiled: CompiledRuleset, summaries: Sequence[Summary]) -> Mapping[str, tuple[str, ...]]:
    """The signals that each computed signal is computed from."""
    found: dict[str, tuple[str, ...]] = {signal.name: each.reads for each in summaries for signal in each.signals}
    for rule in (*compiled.live, *compiled.shadow):
        for ref in rule.signals:
            match ref.derived:
                case Membership(signal):
                    found[ref.name] = (signal,)
                case Velocity(key=key, counted=counted):
                    found[ref.name] = (key, counted) if counted else (key,)
    return MappingProxyType(found)
