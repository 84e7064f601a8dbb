"""Signals that sum up what several sources say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from kycrisk.signals import Signal, Unknown, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Signals computed from the facts that `reads` names; `of` answers every one of `signals` from what is known."""

    signals: tuple[Signal, ...]
    reads: tuple[str, ...]
    of: Callable[[Mapping[str, Value], Mapping[str, Unknown]], Mapping[str, Value | Unknown]]
    source: str
