"""Engines other than the default one: what they make of evidence, before it is put into words."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple, Protocol

from kycrisk.decision import MadeBy, Shadow
from kycrisk.ruleset.verdict import Verdict
from kycrisk.signals import Value


class Judged(NamedTuple):
    """What an engine found: the verdict, what the shadow rules say (silenced ones too), and which engine it was (None:
    the default one, with nothing to say about it)."""

    verdict: Verdict
    shadow: tuple[Shadow, ...]
    made_by: MadeBy | None = None


class Engine(Protocol):
    """Judges evidence by one ruleset, as `reference.verdict` does; always answers. Safe to share between threads."""

    def judge(self, known: Mapping[str, Value], exempt: Collection[str] = (), gaps: Collection[str] = ()) -> Judged:
        """What follows from what is known; `exempt` names silenced rules, `gaps` may name signals that are unknown."""
        ...

    def close(self) -> None:
        """Give back what the engine holds. May be called twice."""
        ...
