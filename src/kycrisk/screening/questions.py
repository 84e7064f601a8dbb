"""The checks as questions about one key each: neighbours that ask lists about the same key are asked in one go.

Lists answer the same few things again and again, so each combination of their answers is joined once and stays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import groupby
from operator import or_
from typing import Any

from kycrisk.checks.check import Answer, AnyCheck, Said
from kycrisk.checks.listing import AskNetworks, domain_of, ip_of
from kycrisk.checks.world import World
from kycrisk.decision import Lookup
from kycrisk.signals import Unknown
from kycrisk.signup import Signup

KeyOf = Callable[[Signup, Said], Any]
Ask = Callable[[Any], Answer]
_MOST_DOMAINS = 20_000
_MOST_JOINED = 4096
_MOST_WORDED = 1000


@dataclass(frozen=True, slots=True)
class Question:
    """One check, or several that ask about the same key."""

    checks: tuple[AnyCheck, ...]
    key: KeyOf
    ask: Ask
    worded: dict[int, tuple[Mapping[str, Unknown], tuple[Lookup, ...]]] = field(default_factory=dict)

    def unanswered(self, missing: Mapping[str, Unknown]) -> tuple[Lookup, ...]:
        """What the checks' silence looks like in the decision. A world's gaps are few, so they are worded once."""
        kept = self.worded.get(id(missing))
        if kept is None or kept[0] is not missing:
            kept = (missing, tuple(_unanswered(check, missing) for check in self.checks if _lacks(check, missing)))
            if len(self.worded) < _MOST_WORDED:
                self.worded[id(missing)] = kept
        return kept[1]


def questions(checks: Sequence[AnyCheck], world: World) -> Iterator[Question]:
    """The checks made ready for a world, in their order."""
    ready = [(check, check.prepare(world)) for check in checks]
    for _, neighbours in groupby(ready, key=_joins):
        several = tuple(neighbours)
        asks = [ask for _, ask in several]
        of_networks = [ask for ask in asks if isinstance(ask, AskNetworks)]
        first = several[0][0]
        if of_networks:
            ask: Ask = _networks_asked(of_networks)
        elif first.key is domain_of:
            ask = _domains_asked(asks)
        else:
            ask = asks[0]
        yield Question(tuple(check for check, _ in several), first.key, ask)


def _joins(ready: tuple[AnyCheck, Ask]) -> object:
    """What neighbours that can be asked together have in common."""
    check, ask = ready
    if check.key is ip_of and isinstance(ask, AskNetworks):
        return ask.spared
    return domain_of if check.key is domain_of else check.name


def _networks_asked(asks: Sequence[AskNetworks]) -> Ask:
    """All lists of networks, looked up once and answered by which of them hold the address."""
    index, bits = asks[0].index, reduce(or_, [each.bits for each in asks])
    spared, spares = asks[0].spared, any(each.spares for each in asks)
    unlisted = _joined([each.unlisted for each in asks])
    one_by_one = _joining([each.one_by_one for each in asks])
    kept: dict[int, Answer] = {}

    def ask(ip: Any) -> Answer:
        held = index.holding(ip)
        if held is None:
            return one_by_one(ip)
        held &= bits
        if (held or spares) and spared(ip):
            return unlisted
        found = kept.get(held)
        if found is None:
            if len(kept) >= _MOST_JOINED:
                kept.clear()
            found = kept[held] = _joined([each.by_bits(held & each.bits) for each in asks])
        return found

    return ask


def _domains_asked(asks: Sequence[Ask]) -> Ask:
    """Most signups share a few mail domains, so what is said of a domain is kept."""
    joining = _joining(asks)
    kept: dict[str, Answer] = {}

    def ask(domain: Any) -> Answer:
        found = kept.get(domain)
        if found is None:
            if len(kept) >= _MOST_DOMAINS:
                kept.clear()
            found = kept[domain] = joining(domain)
        return found

    return ask


def _joining(asks: Sequence[Ask]) -> Ask:
    """The answers about a key as one. Checks of lists keep their answers, so that a combination is known again."""
    kept: dict[tuple[int, ...], tuple[list[Answer], Answer]] = {}

    def ask(key: Any) -> Answer:
        answers = [each(key) for each in asks]
        combination = tuple(map(id, answers))
        found = kept.get(combination)
        if found is None:
            if len(kept) >= _MOST_JOINED:
                kept.clear()
            found = kept[combination] = (answers, _joined(answers))  # with the answers, whose identities stay theirs
        return found[1]

    return ask


def _joined(answers: Sequence[Answer]) -> Answer:
    known = {name: value for answer in answers for name, value in answer.known.items()}
    return Answer(known, {name: why for answer in answers for name, why in answer.unknown.items()})


def _lacks(check: AnyCheck, missing: Mapping[str, Unknown]) -> bool:
    return any(signal.name in missing for signal in check.signals)


def _unanswered(check: AnyCheck, missing: Mapping[str, Unknown]) -> Lookup:
    whys = dict.fromkeys(str(missing[signal.name]) for signal in check.signals if signal.name in missing)
    return Lookup(check.name, asked=False, why="; ".join(whys))
