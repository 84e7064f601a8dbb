"""What kinds of sources have in common: how the settings of one are judged, and how it is opened."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from pydantic import RootModel

from kycrisk.documents import At, Document
from kycrisk.lookups.budget import Limits
from kycrisk.lookups.secrets import Secret
from kycrisk.money import FREE, Money
from kycrisk.problems import Place, Problem, Problems, did_you_mean
from kycrisk.signals import NOTHING, Signal, Unknown
from kycrisk.sources.connections import Connections
from kycrisk.sources.form import Form, SecretText, SourceForm, Surroundings
from kycrisk.sources.inquiry import AnyInquiry
from kycrisk.sources.summary import Summary

AnyForm = TypeVar("AnyForm", bound=Form)
OwnForm = TypeVar("OwnForm", bound=SourceForm)


class Opened(NamedTuple):
    """A source that can be asked, or the reason that turned up only now why its signals cannot be answered."""

    inquiries: tuple[AnyInquiry, ...] = ()
    summaries: tuple[Summary, ...] = ()
    unusable: Unknown | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InUse:
    """A source as a site has set it up: what it will be asked for and send, before anything is opened.

    `answers` are its signals, `settings` those of its client. `price` is what its dearest question costs. `counted`
    names what quotas may be set for: the source, or each of its zones. `keeps` says that its answers outlive the
    process, as those do that were paid for or left a trace; `by_dns` that the resolver is asked. `details` are lines
    for people. `open` makes its inquiries, in an event loop.
    """

    name: str
    answers: frozenset[str]
    timeout: timedelta
    sends: frozenset[str]
    open: Callable[[Connections], Awaitable[Opened]]
    settings: object = None
    price: Money = FREE
    counted: frozenset[str] = frozenset()
    keeps: bool = False
    by_dns: bool = False
    details: tuple[str, ...] = ()
    secrets: tuple[Secret, ...] = field(default=(), repr=False)


class Judged(NamedTuple):
    """What settings make of a source: it is in use, or not, and what is wrong with them.

    `unusable` are signals of parts that are out of use, each with the reason; `declared` the signals that only this
    site has, and `undeclared` what is wrong where there may be more of them that cannot be read. `file` is where they
    are declared.
    """

    in_use: InUse | None
    problems: tuple[Problem, ...] = ()
    unusable: Mapping[str, Unknown] = NOTHING
    declared: Mapping[str, Signal] = MappingProxyType({})
    undeclared: tuple[Problem, ...] = ()
    file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """The daily budget, as far as it is understood: with `doubt` no money is spent, and what has one of the
    `quotas_in_doubt` is not asked."""

    limits: Limits
    doubt: bool = False
    quotas_in_doubt: frozenset[str] = frozenset()

    def refusal(self, name: str, price: Money) -> tuple[str, str]:
        """Why something with this price cannot be asked, and what to do about it; empty texts when it can."""
        if price.amount and self.doubt:
            return f"`{name}` costs money, and the `budget` is not understood", "correct the budget"
        if price.amount and self.limits.money and price.currency not in self.limits.money:
            return (
                f"`{name}` costs {price.currency}, and `budget.money` has no {price.currency}",
                f"add an amount in {price.currency} to the budget",
            )
        return "", ""


class _SecretForm(RootModel[SecretText]):
    """One secret."""


class Secrets(NamedTuple):
    """Secrets by their names, what is wrong with others, and why these cannot be had."""

    known: dict[str, Secret]
    problems: list[Problem]
    missing: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The settings of one source. `timeout` is what it may take when it does not say; `signals` are those that there
    are without the site's own, `names` those of sources and zones that are taken; `spending` is what may be spent."""

    document: Document
    at: At
    around: Surroundings
    timeout: timedelta
    signals: Mapping[str, Signal]
    names: frozenset[str]
    spending: Spending

    def read(self, form: type[AnyForm], *, but: tuple[str, ...] = ()) -> AnyForm:
        """The part as a form has it, without some of its keys. Raises `Problems`."""
        others = [(*self.at, key) for key in but]
        return self.document.read(form, self.at, context=self.around, but=others)

    def place(self, *at: str | int) -> Place | str:
        """Where a value of the part stands."""
        return self.document.place(*self.at, *at)

    def secrets(self, key: str, names: Iterable[str] | None = None) -> Secrets:
        """The secrets that stand below a key by their names, each judged for itself; `names` are those there may be."""
        given = self.document.at(*self.at, key)
        if given is not None and not isinstance(given, Mapping):
            return Secrets({}, [Problem(self.place(key), f"`{key}` is not a mapping of `key: value`")], {})
        found = Secrets({}, [], {})
        known = None if names is None else sorted(names)
        for name in given or {}:
            at = (*self.at, key, name)
            if known is not None and name not in known:
                help_ = did_you_mean(name, known) or "known: " + ", ".join(known)
                found.problems.append(Problem(self.document.key_place(*at), f"nothing takes a key `{name}`", help_))
                continue
            try:
                found.known[name] = self.document.read(_SecretForm, at, context=self.around).root
            except Problems as wrong:
                found.problems.extend(wrong.problems)
                found.missing[name] = wrong.problems[0].message
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of source, by the name that settings call it by. `signals` are all that it can ever answer. `zones`
    are what is counted and limited where that is not the kind as a whole."""

    name: str
    title: str
    form: type[Form]
    signals: Callable[[], tuple[Signal, ...]]
    judge: Callable[[Part], Judged]
    zones: Callable[[], tuple[str, ...]] | None = None

    def counted(self) -> tuple[str, ...]:
        """What quotas can be set for."""
        return self.zones() if self.zones else (self.name,)


def judged(form: type[OwnForm], build: Callable[[OwnForm, timedelta], InUse]) -> Callable[[Part], Judged]:
    """The judgement on a source that is in use as a whole or not at all. `build` gets the form and the timeout."""

    def judge(part: Part) -> Judged:
        try:
            read = part.read(form)
        except Problems as wrong:
            return Judged(None, wrong.problems)
        return Judged(build(read, read.timeout or part.timeout))

    return judge


def names_of(signals: tuple[Signal, ...]) -> frozenset[str]:
    """The names of signals."""
    return frozenset(signal.name for signal in signals)
