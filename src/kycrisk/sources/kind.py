"""What kinds of sources have in common: how the settings of one are judged, and how it is opened."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from kycrisk.documents import At, Document
from kycrisk.lookups.secrets import Secret
from kycrisk.money import FREE, Money
from kycrisk.problems import Problem, Problems
from kycrisk.signals import NOTHING, Signal, Unknown
from kycrisk.sources.connections import Connections
from kycrisk.sources.form import Form, SourceForm, Surroundings
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

    `answers` are its signals. `price` is what its dearest question costs. `counted` names what quotas may be set for:
    the source, or each of its zones. `keeps` says that its answers outlive the process, as those do that were paid for
    or left a trace; `by_dns` that the resolver is asked. `details` are lines for people. `open` makes its inquiries, in
    an event loop.
    """

    name: str
    answers: frozenset[str]
    timeout: timedelta
    sends: frozenset[str]
    open: Callable[[Connections], Awaitable[Opened]]
    price: Money = FREE
    counted: frozenset[str] = frozenset()
    keeps: bool = False
    by_dns: bool = False
    details: tuple[str, ...] = ()
    secrets: tuple[Secret, ...] = field(default=(), repr=False)


class Judged(NamedTuple):
    """What settings make of a source: it is in use, or not, and what is wrong with them.

    `unusable` are signals of parts that are out of use, each with the reason; `declared` the signals that only this
    site has.
    """

    in_use: InUse | None
    problems: tuple[Problem, ...] = ()
    unusable: Mapping[str, Unknown] = NOTHING
    declared: Mapping[str, Signal] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The settings of one source. `timeout` is what it may take when it does not say; `signals` are those that there
    are without the site's own."""

    document: Document
    at: At
    around: Surroundings
    timeout: timedelta
    signals: Mapping[str, Signal]

    def read(self, form: type[AnyForm]) -> AnyForm:
        """The part as a form has it. Raises `Problems`."""
        return self.document.read(form, self.at, context=self.around)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of source, by the name that settings call it by. `signals` are all that it can ever answer. `zones`
    are what is counted and limited where that is not the kind as a whole."""

    name: str
    title: str
    form: type[SourceForm]
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
