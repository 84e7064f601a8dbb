"""Reason templates: `{ip.address} was a Tor exit on {ip.tor_exit.as_of}`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from kycrisk.durations import format_duration
from kycrisk.signals import Evidence, Value

MAX_LENGTH = 1000


@dataclass(frozen=True, slots=True)
class Hole:
    """A place where a fact's value is filled in; with `as_of`, the date of the fact instead."""

    signal: str
    as_of: bool = False


@dataclass(frozen=True, slots=True)
class Template:
    """A text with holes. What is not known is filled in as `unknown`."""

    parts: tuple[str | Hole, ...]

    @property
    def signals(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(part.signal for part in self.parts if isinstance(part, Hole)))

    def fill(self, evidence: Evidence) -> str:
        """The text for one signup's evidence."""
        return "".join([part if isinstance(part, str) else _filled(part, evidence) for part in self.parts])


def show_value(value: Value) -> str:
    """A fact's value as people read it."""
    match value:
        case bool():
            return "yes" if value else "no"
        case frozenset():
            return ", ".join(sorted(map(show_value, value)))
        case datetime():
            return f"{value:%Y-%m-%d %H:%M} UTC"
        case timedelta():
            return format_duration(value)
        case float() if value.is_integer() and abs(value) < 1e15:
            return str(int(value))
        case _:
            return str(value)


def _filled(hole: Hole, evidence: Evidence) -> str:
    if hole.as_of:
        origin = evidence.origins.get(hole.signal)
        return f"{origin.as_of:%Y-%m-%d}" if origin and origin.as_of else "an unknown date"
    return show_value(evidence.known[hole.signal]) if hole.signal in evidence.known else "unknown"


class TemplateError(ValueError):
    """What is wrong with a template, and at which character."""

    def __init__(self, offset: int, message: str, help_: str = "") -> None:
        super().__init__(message)
        self.offset, self.message, self.help = offset, message, help_


def read_template(text: str, signal_of: Callable[[str, int], str]) -> Template:
    """Text to template. `signal_of(expression, offset)` gives the full name of the signal that a hole reads, or
    raises `TemplateError`; `{signal.as_of}` asks for the date of a fact. `{{` and `}}` are braces."""
    parts: list[str | Hole] = []
    literal, at = "", 0
    while at < len(text):
        here = text[at]
        if text.startswith(("{{", "}}"), at):
            literal, at = literal + here, at + 2
        elif here == "{":
            end = _hole_end(text, at)
            parts += [literal] if literal else []
            parts.append(_hole(text[at + 1 : end], at + 1, signal_of))
            literal, at = "", end + 1
        elif here == "}":
            raise TemplateError(at, "`}` without a `{` before it", "write `}}` for a brace")
        else:
            literal, at = literal + here, at + 1
    return Template(tuple(parts + ([literal] if literal else [])))


def _hole_end(text: str, start: int) -> int:
    quoted = False
    for at in range(start + 1, len(text)):
        if text[at] == '"':
            quoted = not quoted
        elif text[at] == "}" and not quoted:
            return at
        elif text[at] == "{" and not quoted:
            break
    raise TemplateError(start, "`{` is not closed by `}`", "write `{{` for a brace")


def _hole(expression: str, offset: int, signal_of: Callable[[str, int], str]) -> Hole:
    inner = expression.strip()
    if not inner:
        raise TemplateError(offset, "`{}` names no signal", "write a signal's name between the braces")
    if inner.endswith(".as_of"):
        return Hole(signal_of(inner.removesuffix(".as_of"), offset), as_of=True)
    return Hole(signal_of(inner, offset))
