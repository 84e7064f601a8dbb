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


class Planner:
    """The questions of a site over one ruleset. Safe to share."""

    def __init__(
        self, compiled: CompiledRuleset, inquiries: Sequence[AnyInquiry], summaries: Sequence[Summary]
    ) -> None:
        self.compiled, self.inquiries = compiled, tuple(inquiries)
        self._by_signal = {name: inquiry for inquiry in inquiries for name in inquiry.answers}
        self._through = _through(compiled, summaries)
        live = {rule.id: rule.signal_names for rule in compiled.live}
        self._asks = {id_: any(True for _ in self._bases(names, ())) for id_, names in live.items()}
        rules = (*compiled.live, *compiled.shadow)
        names = {name for rule in rules for name in rule.signal_names}
        read = {base for name in names for base in self._traced(name)}
        #: The summaries' signals that rules read.
        self.summed = tuple(signal.name for each in summaries for signal in each.signals if signal.name in names)
        #: The signals that rules read and inquiries answer, by inquiry.
        self.read: Mapping[str, tuple[str, ...]] = MappingProxyType(
            {inquiry.name: tuple(sorted(inquiry.answers & read)) for inquiry in inquiries}
        )

    def wanted(
        self, verdict: Verdict, known: Mapping[str, Value], tried: Collection[str], *, complete: bool = False
    ) -> list[AnyInquiry]:
        """The inquiries, not tried yet, that could still change the outcome and can be asked with what is known.

        `tried` are names of inquiries. With `complete` every inquiry is wanted, settled or not.
        """
        if complete:
            left = [inquiry for inquiry in self.inquiries if inquiry.name not in tried]
        elif verdict.settled:
            return []
        else:
            by_id, asks = self.compiled.by_id, self._asks
            open_rules = [by_id[rule] for rule in verdict.unknown if asks[rule]]
            names = (name for rule in open_rules for name in open_signals(rule.condition, known))
            left = list(dict.fromkeys(self._bases(names, tried)))
        return list(dict.fromkeys(first for each in left for first in self._first(each, known, tried)))

    def _bases(self, names: Iterable[str], tried: Collection[str]) -> Iterator[AnyInquiry]:
        """The inquiries, not tried yet, that answer signals, also those that are computed from others."""
        for name in names:
            for base in self._traced(name):
                inquiry = self._by_signal.get(base)
                if inquiry is not None and inquiry.name not in tried:
                    yield inquiry

    def _traced(self, name: str) -> Iterator[str]:
        if name in self._through:
            for base in self._through[name]:
                yield from self._traced(base)
        else:
            yield name

    def _first(self, inquiry: AnyInquiry, known: Mapping[str, Value], tried: Collection[str]) -> Iterator[AnyInquiry]:
        """The inquiry itself, or those that find out first what its question is made of."""
        before = list(self._bases((name for name in inquiry.needs if name not in known), tried))
        if not before:
            yield inquiry
        for each in before:
            yield from self._first(each, known, (*tried, inquiry.name))


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
