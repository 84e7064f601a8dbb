"""Every signal that sources can answer, and why those that a site's do not answer are unknown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from types import MappingProxyType

from kycrisk.checks.catalogue import SIGNALS
from kycrisk.signals import Signal, Unknown, Why
from kycrisk.sources.choice import OFFLINE, Choice
from kycrisk.sources.kinds import KINDS


@cache
def network_signals() -> Mapping[str, Signal]:
    """The signals of all kinds of sources by name, set up or not, each saying which source answers it.

    Raises `ValueError` for one that is answered twice.
    """
    found: dict[str, Signal] = {}
    for kind in KINDS.values():
        for signal in kind.signals():
            if signal.name in found or signal.name in SIGNALS:
                raise ValueError(f"`{signal.name}` is answered twice")
            found[signal.name] = replace(signal, check=kind.name)
    return MappingProxyType(found)


@cache
def shipped_signals() -> Mapping[str, Signal]:
    """The signals that there are without a site's own: those of the local checks, and those of the sources."""
    return MappingProxyType({**SIGNALS, **network_signals()})


def signals_of_site(choice: Choice) -> Mapping[str, Signal]:
    """Every signal that the rules of a site may read, whether its source is set up or not."""
    return MappingProxyType({**shipped_signals(), **choice.declared}) if choice.declared else shipped_signals()


def unanswered(choice: Choice) -> Mapping[str, Unknown]:
    """The signals of sources that nobody answers at this site, each with the reason (`not_configured`)."""
    answered = frozenset().union(*(source.answers for source in choice.sources.values()))
    every = {**network_signals(), **choice.declared}
    return MappingProxyType({name: _why(signal, choice) for name, signal in every.items() if name not in answered})


def _why(signal: Signal, choice: Choice) -> Unknown:
    name = signal.check
    if choice.offline:
        return OFFLINE
    if found := choice.unusable.get(signal.name) or choice.out_of_use.get(name):
        return found
    if name in choice.sources:
        return Unknown(Why.NOT_CONFIGURED, f"{name} is set up without it")
    return Unknown(Why.NOT_CONFIGURED, f"{name} is not set up")
