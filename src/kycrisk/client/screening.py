"""What a caller gets for a signup: the server's decision, or the fallback when there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from kycrisk.outcome import Outcome

NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """A rule that hit. `text` names what the customer gave, so it is not shown in `repr`."""

    rule: str
    title: str
    contribution: str  # `+45`, `at least verify`, `at most review`
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Screening:
    """A decision about a signup. When none was to be had, `failed` says so, `why` says why, and the outcome is the
    fallback that the caller chose."""

    outcome: Outcome
    id: str = ""  # `dec_…`; empty when failed
    score: int | None = None  # None when failed: there is no such number then
    settled: bool = False  # whether nothing that is still unknown could change the outcome
    reasons: tuple[Reason, ...] = ()
    failed: bool = False
    why: str = ""
    #: The decision as docs/decision.md has it; empty when failed.
    raw: Mapping[str, Any] = field(default_factory=lambda: NOTHING, repr=False, hash=False)

    @property
    def flagged(self) -> bool:
        """Whether the account must verify its identity."""
        return self.outcome is Outcome.VERIFY
