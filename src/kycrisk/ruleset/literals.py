"""Constants in conditions: numbers, texts, and the texts that mean durations, times, addresses and networks."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network

import re2

from kycrisk.durations import format_duration, parse_duration
from kycrisk.ruleset.condition import Literal, Network, Operand
from kycrisk.signals import MAX_DURATION, MAX_INT, Type

MAX_PATTERN = 1000
MAX_WINDOW = timedelta(days=366)
_QUIET = re2.Options()
_QUIET.log_errors = False  # RE2 would write to stderr beside the message that we give


class WrongLiteral(ValueError):
    """A constant that cannot mean what its place asks for."""

    def __init__(self, message: str, help_: str = "") -> None:
        super().__init__(message)
        self.message, self.help = message, help_


def literal(value: object) -> Literal:
    """A constant as Python's parser gives it. Raises `WrongLiteral` for kinds that conditions do not have."""
    match value:
        case bool():
            return Literal(value, Type.BOOL)
        case int():
            if abs(value) > MAX_INT:
                raise WrongLiteral("the number is beyond ±2^53")
            return Literal(value, Type.INT)
        case float():
            if not math.isfinite(value):
                raise WrongLiteral("the number is not finite")
            return Literal(value, Type.FLOAT)
        case str():
            try:
                value.encode()
            except UnicodeEncodeError:
                raise WrongLiteral("the text holds a lone surrogate, which is not a character") from None
            return Literal(value, Type.STR)
        case None:
            raise WrongLiteral("`None` is not a value", "there is no test for unknown; say `if_unknown:` on the rule")
    raise WrongLiteral(f"`{value!r}` is not a constant that conditions know")


def coerce(operand: Operand, wanted: Type) -> Operand:
    """A text constant as the duration, time or address that its neighbour's type asks for."""
    if not isinstance(operand, Literal) or operand.type is not Type.STR or not isinstance(operand.value, str):
        return operand
    text = operand.value
    match wanted:
        case Type.DURATION:
            try:
                duration = parse_duration(text)
            except ValueError as error:
                raise WrongLiteral(str(error)) from None
            if abs(duration) > MAX_DURATION:
                raise WrongLiteral(f"`{text}` is beyond ±10,000 years")
            return Literal(duration, Type.DURATION)
        case Type.DATETIME:
            return Literal(_moment(text), Type.DATETIME)
        case Type.IP:
            try:
                return Literal(ip_address(text), Type.IP)
            except ValueError:
                raise WrongLiteral(
                    f"`{text}` is not an IP address", 'for a network write `in "192.0.2.0/24"`'
                ) from None
    return operand


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise WrongLiteral(f"`{text}` is not a time", "write `2026-01-31` or `2026-01-31T10:00:00Z`") from None
    if found.tzinfo is None and len(text) > len("2026-01-31"):
        raise WrongLiteral(f"`{text}` has no time zone", "write `Z` or an offset behind it")
    try:
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except OverflowError:  # the first or last day of the calendar, with an offset
        raise WrongLiteral(f"`{text}` is beyond the times that can be computed with") from None


def read_network(text: str) -> Network:
    """`10.0.0.0/8`, or one address. Host bits are refused: they usually mean a typing error."""
    try:
        return ip_network(text)
    except ValueError:
        pass
    try:
        wider = ip_network(text, strict=False)
    except ValueError:
        raise WrongLiteral(f"`{text}` is not a network", 'write one such as `"192.0.2.0/24"`') from None
    raise WrongLiteral(f"`{text}` has bits set behind its prefix", f"did you mean `{wider}`?")


def read_pattern(text: str) -> str:
    """An RE2 pattern that compiles. Raises `WrongLiteral` with RE2's reason."""
    if len(text) > MAX_PATTERN:
        raise WrongLiteral(f"the pattern has {len(text)} characters, at most {MAX_PATTERN} are read")
    try:
        re2.compile(text, options=_QUIET)
    except re2.error as error:
        reason = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error.args[0])
        help_ = "RE2 has no look-around and no back-references" if "invalid perl operator" in reason else ""
        raise WrongLiteral(f"the pattern cannot be read: {reason}", help_) from None
    return text


def read_window(text: str) -> tuple[timedelta, str]:
    """The window of a velocity signal, and its canonical text."""
    try:
        window = parse_duration(text)
    except ValueError as error:
        raise WrongLiteral(str(error)) from None
    if not timedelta(0) < window <= MAX_WINDOW:
        raise WrongLiteral(f"a window of `{text}` is not between 0 and {format_duration(MAX_WINDOW)}")
    hours = window / timedelta(hours=1)
    return window, f"{int(hours)}h" if hours.is_integer() and hours <= 72 else format_duration(window)
