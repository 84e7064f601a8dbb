"""What a backtest found: data only, from which text, JSON, pictures and pages are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from kycrisk.backtest.quality import Quality, Range
from kycrisk.outcome import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """Decisions that had one outcome, and lie between two ends under the new rules (often one and the same)."""

    before: Outcome
    lowest: Outcome
    highest: Outcome
    decisions: int
    example: str  # the id of one of them

    @property
    def certain(self) -> bool:
        return self.lowest == self.highest

    @property
    def same(self) -> bool:
        return self.certain and self.lowest == self.before

    @property
    def flips(self) -> bool:
        """Whether the outcome is surely another one, even if it is not known which."""
        return not self.lowest <= self.before <= self.highest


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleEffect:
    """A rule of the new rules over the decisions, and over labelled accounts.

    `hits` reaches from the decisions that it surely hits to those that it might; `decides` counts the decisions whose
    outcome is another one without it (of a shadow rule: if it were live). `without` is the quality of the rules
    without it (of a shadow rule: with it live).
    """

    rule: str
    title: str
    contribution: str
    shadow: bool
    hits_before: int | None  # in the decisions as they were made; None: no ruleset of then had the rule
    hits: Range
    gaps: int  # decisions in which what it reads was asked in vain
    decides: Range
    hits_fraud: Range
    hits_legitimate: Range
    instead: Quality | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LostRule:
    """A rule that hit in the decisions as they were made, and that the new rules have not."""

    rule: str
    hits_before: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Labelled:
    """The labels, and what became of them."""

    source: str  # "the store", or the file
    until: datetime  # labels that became known later are left out
    labels: int  # accounts with a label in force then
    later: int  # labels that were left out
    unknown_accounts: int  # labels of a file about accounts that were never screened
    judged: int  # labelled accounts with a decision in the period
    before: Quality
    after: Quality


@dataclass(frozen=True, slots=True, kw_only=True)
class Backtest:
    """A whole backtest."""

    source: str
    ruleset: str
    since: datetime | None
    until: datetime | None
    first: datetime | None  # the moments of the first and the last decision
    last: datetime | None
    decisions: int
    erased: int
    flag_from: Outcome
    rulesets: Mapping[str, int]  # decisions by the version that made them
    flips: tuple[Flip, ...]
    rules: tuple[RuleEffect, ...]
    lost_rules: tuple[LostRule, ...]
    never_gathered: Mapping[str, int]  # by signal: decisions in which it was not, and some rule reads it
    counted: Mapping[str, int]  # counts that were taken from stored signups, by signal: for how many decisions
    labelled: Labelled | None
    notes: tuple[str, ...]
    took_s: float

    @property
    def same(self) -> int:
        return sum(each.decisions for each in self.flips if each.same)

    @property
    def flipped(self) -> Range:
        """Decisions whose outcome is another one, from those that surely are to those that may be."""
        sure = sum(each.decisions for each in self.flips if each.flips)
        return Range(sure, sum(each.decisions for each in self.flips if not each.same))

    def flagged(self, by: Outcome) -> Range:
        """Decisions with this outcome or a harder one."""
        sure = sum(each.decisions for each in self.flips if each.lowest >= by)
        return Range(sure, sum(each.decisions for each in self.flips if each.highest >= by))

    def flagged_before(self, by: Outcome) -> int:
        return sum(each.decisions for each in self.flips if each.before >= by)
