"""Signals, facts and evidence: what can be known about a signup, and what is known about one.

A fact is a value or unknown with a reason; there is no third state and no null. See docs/semantics.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from ipaddress import IPv4Address, IPv6Address, ip_address
from types import MappingProxyType

from kycrisk.durations import parse_duration
from kycrisk.quickly_made import maker_of, quickly_made

IP = IPv4Address | IPv6Address
Scalar = bool | int | float | str | timedelta | datetime | IPv4Address | IPv6Address
Value = Scalar | frozenset[Scalar]

#: Integers in facts are exact as IEEE doubles, so that the scalar and the columnar engine agree.
MAX_INT = 2**53
#: Durations end here for the same reason: sums of two are exact as 64-bit microseconds.
MAX_DURATION = timedelta(days=365 * 10_000)
MAX_TEXT = 65_536
MAX_SET = 10_000


class Type(Enum):
    """The type of a signal."""

    BOOL = "bool"
    INT = "int"
    FLOAT = "float"
    STR = "str"
    DURATION = "duration"
    DATETIME = "datetime"
    IP = "ip"
    BOOL_SET = "set of bool"
    INT_SET = "set of int"
    FLOAT_SET = "set of float"
    STR_SET = "set of str"
    DURATION_SET = "set of duration"
    DATETIME_SET = "set of datetime"
    IP_SET = "set of ip"

    @property
    def is_set(self) -> bool:
        return self.value.startswith("set of ")

    @property
    def item(self) -> Type:
        """The type of a set's members."""
        return Type(self.value.removeprefix("set of "))


class Subject(Enum):
    """What a signal is asked about."""

    EMAIL = "e-mail address"
    DOMAIN = "e-mail domain"
    IP = "IP address"
    PHONE = "phone number"
    PERSON = "person"
    ADDRESS = "postal address"
    ACCOUNT = "account"
    SIGNUP = "signup"


class Why(Enum):
    """Why something could not be found out."""

    TIMEOUT = "timeout"
    REFUSED = "refused"
    NOT_CONFIGURED = "not_configured"
    STALE_LIST = "stale_list"
    CIRCUIT_OPEN = "circuit_open"
    OVER_BUDGET = "over_budget"
    SKIPPED = "skipped"
    NOT_PUBLISHED = "not_published"
    MALFORMED_ANSWER = "malformed_answer"


@dataclass(frozen=True, slots=True)
class Unknown:
    """Could not be found out: the reason, and a detail for people (`tor-bulk is 9 days old, at most 2`)."""

    why: Why
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.why.value} ({self.detail})" if self.detail else self.why.value


@dataclass(frozen=True, slots=True)
class Signal:
    """Something that can be known about a signup.

    `question` is one sentence that asks it. `advice` is what a customer could change about it, for the redacted
    counterfactual ("use an address at a permanent mail provider"); empty where there is nothing to advise. It leads
    a yes-or-no signal to the answer `welcome`, and a number downwards.
    """

    name: str
    type: Type
    question: str
    subject: Subject
    check: str = ""
    advice: str = ""
    welcome: bool = False

    def advises(self, now: Value, instead: Value) -> bool:
        """Whether the advice leads from one value to the other."""
        if not self.advice:
            return False
        if self.type is Type.BOOL:
            return instead is self.welcome
        if isinstance(now, (int, float)) and isinstance(instead, (int, float)):
            return instead < now
        return True


@quickly_made
@dataclass(frozen=True, slots=True)
class Origin:
    """Where a fact came from: the source's name, the time it speaks of, and the list snapshots it was read from.

    `as_of` is None for what is read off the signup itself. A snapshot is written `name@sha256:<hex>`.
    """

    source: str
    as_of: datetime | None = None
    snapshots: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fact:
    """The answer to one signal's question."""

    signal: str
    value: Value | Unknown
    origin: Origin


NO_ORIGIN = Origin("given")
NOTHING: Mapping[str, Unknown] = MappingProxyType({})


@quickly_made
@dataclass(frozen=True, slots=True)
class Evidence:
    """The facts of one screening.

    `known` maps a signal to its value, `unknown` a signal to its reason; a signal in neither was not asked, which
    evaluation treats as unknown (`skipped`). `origins` may name more signals than were answered.
    """

    known: Mapping[str, Value]
    unknown: Mapping[str, Unknown] = field(default_factory=lambda: NOTHING)
    origins: Mapping[str, Origin] = field(default_factory=lambda: MappingProxyType({}))

    def fact(self, signal: str) -> Fact:
        """The fact about a signal; `skipped` when it was not asked."""
        origin = self.origins.get(signal, NO_ORIGIN)
        if signal in self.known:
            return Fact(signal, self.known[signal], origin)
        return Fact(signal, self.unknown.get(signal, Unknown(Why.SKIPPED)), origin)

    def facts(self) -> Iterable[Fact]:
        """Every fact that was answered, known or not, in the order of the signals' names."""
        return (self.fact(name) for name in sorted(self.known.keys() | self.unknown.keys()))


new_evidence = maker_of(Evidence)  # quicker, without names for its arguments


class FactError(ValueError):
    """A value that cannot be a fact of its signal."""


def fact_value(type_: Type, raw: object) -> Value:
    """A raw value (from JSON, YAML or Python) as a value of the signal's type.

    Durations and datetimes are also accepted as text (`24h`, `2026-11-23T10:00:00Z`), addresses as text, sets as
    lists. Raises `FactError` for anything else, and for NaN, infinities, naive datetimes and over-long values.
    """
    if type_.is_set:
        if not isinstance(raw, (list, tuple, set, frozenset)):
            raise FactError(f"expected a list of {type_.item.value}, got {_shown(raw)}")
        if len(raw) > MAX_SET:
            raise FactError(f"a set of {len(raw)} is over the limit of {MAX_SET}")
        return frozenset(_scalar(type_.item, item) for item in raw)
    return _scalar(type_, raw)


def _shown(raw: object) -> str:
    text = repr(raw)
    return f"`{text if len(text) <= 60 else text[:57] + '...'}`"


def _scalar(type_: Type, raw: object) -> Scalar:
    match type_, raw:
        case (Type.BOOL, bool()):
            return raw
        case (Type.INT, int()) if not isinstance(raw, bool):
            if abs(raw) > MAX_INT:
                raise FactError(f"{_shown(raw)} is beyond ±2^53")
            return raw
        case (Type.FLOAT, int() | float()) if not isinstance(raw, bool):
            if isinstance(raw, int) and abs(raw) > MAX_INT:
                raise FactError(f"{_shown(raw)} is beyond ±2^53")
            if not math.isfinite(raw):
                raise FactError(f"{_shown(raw)} is not a finite number")
            return float(raw)
        case (Type.STR, str()):
            return _text(raw)
        case (Type.DURATION, timedelta()):
            return _duration(raw)
        case (Type.DURATION, str()):
            try:
                return _duration(parse_duration(raw))
            except FactError:
                raise
            except ValueError as error:
                raise FactError(str(error)) from None
        case (Type.DATETIME, datetime()):
            return _moment(raw)
        case (Type.DATETIME, str()):
            try:
                moment = datetime.fromisoformat(raw)
            except ValueError:
                raise FactError(f"{_shown(raw)} is not a time such as `2026-11-23T10:00:00Z`") from None
            return _moment(moment)
        case (Type.IP, IPv4Address() | IPv6Address()):
            return raw
        case (Type.IP, str()):
            try:
                return ip_address(raw)
            except ValueError:
                raise FactError(f"{_shown(raw)} is not an IP address") from None
        case _:
            raise FactError(f"expected {type_.value}, got {_shown(raw)}")


def _text(raw: str) -> str:
    if len(raw) > MAX_TEXT:
        raise FactError(f"a text of {len(raw)} characters is over the limit of {MAX_TEXT}")
    try:
        raw.encode()
    except UnicodeEncodeError:
        raise FactError("the text holds a lone surrogate, which is not a character") from None
    return raw


def _duration(raw: timedelta) -> timedelta:
    if abs(raw) > MAX_DURATION:
        raise FactError(f"{_shown(str(raw))} is beyond ±10,000 years")
    return raw


def _moment(raw: datetime) -> datetime:
    if raw.tzinfo is None:
        raise FactError(f"{_shown(raw.isoformat())} has no time zone; write `Z` or an offset behind it")
    try:
        return raw.astimezone(UTC)
    except OverflowError:  # 0001-01-01 or 9999-12-31 with an offset
        raise FactError(f"{_shown(raw.isoformat())} is beyond the times that can be computed with") from None
