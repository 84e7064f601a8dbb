"""A decision: what was decided about a signup, why, from which evidence, and how far it could still move."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from kycrisk.outcome import Finding, Outcome
from kycrisk.quickly_made import maker_of, quickly_made
from kycrisk.signals import Evidence, Unknown, Value

#: The version of a decision's JSON. It changes only when a field changes its meaning or goes away.
FORMAT = "kycrisk.decision/1"


@quickly_made
@dataclass(frozen=True, slots=True)
class Reason:
    """A rule that hit: what it contributed, in words, and the facts its condition read."""

    rule: str
    title: str
    finding: Finding
    contribution: str  # "+45", "at least verify", "at most review"
    text: str
    facts: Mapping[str, Value | Unknown]


@quickly_made
@dataclass(frozen=True, slots=True)
class Undetermined:
    """A rule that could not be judged, and the facts that were missing."""

    rule: str
    title: str
    contribution: str
    why: Mapping[str, Unknown]


@dataclass(frozen=True, slots=True)
class Shadow:
    """What a shadow rule would have said; never counted."""

    rule: str
    finding: Finding
    contribution: str


@dataclass(frozen=True, slots=True)
class Exemption:
    """A rule that is silenced for one subject until a date, by a named person."""

    rule: str
    subject: str  # "account acme-123", "domain example.net", "ip 192.0.2.0/24"
    until: datetime
    by: str
    reason: str = ""


@quickly_made
@dataclass(frozen=True, slots=True)
class Lookup:
    """A check that was asked, or skipped and why; milliseconds taken and money spent."""

    check: str
    asked: bool
    why: str = ""  # why it was skipped, or why (part of) its answer is unknown
    ms: float = 0.0
    cost: str = ""  # "0.002 EUR"; empty: free


@dataclass(frozen=True, slots=True)
class MadeBy:
    """The engine that made a decision, where it is worth saying: `durable`, or `generated` after `durable crashed`."""

    engine: str
    after: str = ""  # why another engine than the chosen one; empty: it is the chosen one


@quickly_made
@dataclass(frozen=True, slots=True)
class Decision:
    """The decision about one signup. `bounds` are the ends of the interval: no completion of the evidence leaves it.

    `outcome` lies within `lowest` … `highest`, unless the policy's floor for unsettled decisions raised it.
    """

    id: str
    account_id: str
    outcome: Outcome
    score: int
    settled: bool
    lowest: Outcome
    highest: Outcome
    lowest_score: int
    highest_score: int
    reasons: tuple[Reason, ...]
    undetermined: tuple[Undetermined, ...]
    exempt: tuple[Exemption, ...]
    shadow: tuple[Shadow, ...]
    evidence: Evidence
    ruleset: str
    decided_at: datetime
    lookups: tuple[Lookup, ...] = field(default=())
    took_ms: float = 0.0
    made_by: MadeBy | None = None  # None: the default engine, which was asked for

    @property
    def flagged(self) -> bool:
        """Whether the account must verify its identity before anything else happens."""
        return self.outcome is Outcome.VERIFY


# Every screening makes one decision and some reasons. Without names for their arguments these are quicker.
new_reason = maker_of(Reason)
new_undetermined = maker_of(Undetermined)
new_decision = maker_of(Decision)
