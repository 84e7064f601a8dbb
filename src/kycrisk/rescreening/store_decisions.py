"""Decisions about accounts of the store whose outcome is news: made by the scalar engine, which says why.

Where `--ask` allows it, the network is asked about accounts that are not settled, within the budgets.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from kycrisk.decision import Decision, Exemption, Lookup
from kycrisk.outcome import Outcome
from kycrisk.rescreening.kernel import Kernel
from kycrisk.rescreening.store_tables import Screenable, Shape, exempt_rules
from kycrisk.ruleset.columns.values import values_of
from kycrisk.ruleset.decide import decide
from kycrisk.screening.derived import DerivedSignals
from kycrisk.screening.desk import Gathered, time_ordered_id
from kycrisk.screening.network import Consulted
from kycrisk.service.standing import Standing
from kycrisk.signals import Evidence, Origin, Unknown, Value, Why

_NEVER = Unknown(Why.SKIPPED, "was never asked about this account")
_UNCOUNTED = Unknown(Why.SKIPPED, "was not counted when the account signed up")


@dataclass(frozen=True, slots=True)
class Decided:
    """The new decision about an account: its row in the chunk, counted from 0, and whether the network was asked."""

    row: int
    decision: Decision
    asked: bool


class Decider:
    """Makes decisions about accounts by one standing. Belongs to the event loop of the standing's sources."""

    def __init__(self, standing: Standing, kernel: Kernel, shape: Shape) -> None:
        self._standing, self._kernel, self._shape = standing, kernel, shape

    async def decide(self, ready: Screenable, now: datetime, *, ask: bool) -> list[Decided]:
        """The decisions about those whose outcome is news, and with `ask` about all who are not settled.

        Raises `RuntimeError` where the engines disagree: then nothing of the chunk is to be written.
        """
        wanted = pl.col("news") | pl.col("before").is_null()
        if ask and self._standing.network is not None:
            wanted |= ~pl.col("settled")
        chosen = ready.result.filter(wanted).select("row", "outcome", "score", "settled").rows()
        known = self._known(ready)
        found = []
        for number, outcome, score, settled in chosen:
            row = number - 1
            asks = ask and not settled and row in ready.from_signup
            decided = await self._one(ready, row, known, now, asks)
            told = (str(decided.decision.outcome), decided.decision.score)
            if not decided.asked and told != (outcome, score):
                account = ready.chunk.accounts["account"][row]
                raise RuntimeError(f"account {account}: columns say {outcome}, {score}, one by one it is {told}")
            found.append(decided)
            if not len(found) % 50:
                await asyncio.sleep(0)  # the lease is renewed beside
        return found

    def _known(self, ready: Screenable) -> Mapping[str, Sequence[Value | None]]:
        return {name: values_of(ready.facts[name], type_) for name, type_ in self._shape.wanted.items()}

    async def _one(
        self, ready: Screenable, row: int, known: Mapping[str, Sequence[Value | None]], now: datetime, asks: bool
    ) -> Decided:
        facts = {name: value for name, values in known.items() if (value := values[row]) is not None}
        if row not in ready.from_signup:
            return Decided(row, self._by_evidence(ready, row, facts, now), False)
        gathered, derived = self._gathered(ready, row, facts, now)
        consulted: Consulted | None = None
        network = self._standing.network
        if asks and network is not None:
            [consulted] = await network.consult([gathered.asked_about], derived, within=None, complete=False)
        return Decided(row, self._standing.desk.decide(gathered, consulted, now, 0.0), consulted is not None)

    def _gathered(
        self, ready: Screenable, row: int, facts: Mapping[str, Value], now: datetime
    ) -> tuple[Gathered, DerivedSignals]:
        """What is known from the signup, from this machine's lists, and from what the network said before; and how
        signals follow from what the network may still say."""
        desk, raw = self._standing.desk, dict(ready.chunk.signups[row] or {})
        given = raw.get("attributes") or {}
        raw["attributes"] = {name: each for name, each in given.items() if f"signup.{name}" in self._shape.attributes}
        signup = desk.signup(raw)
        [begun] = desk.begin([signup], now)
        begun.gatherer.add_attributes(begun.gathering)
        found = begun.uncounted.derive(begun.gathering)
        known, unknown = dict(found.known), dict(found.unknown)
        for name in (*self._shape.network, *self._shape.velocities):
            if name in facts:
                known[name] = facts[name]
                unknown.pop(name, None)
            else:
                known.pop(name, None)
                why = _NEVER if name in self._shape.network else _UNCOUNTED
                unknown[name] = ready.expired.get(row, {}).get(name) or unknown.get(name, why)
        derived = begun.uncounted.derived
        derived.answer_late(known, unknown, signup.submitted_at)
        origins = {**begun.gatherer.origins, **self._said(ready, row, facts)}
        lookups = begun.gathering.lookups + self._kept(ready, row, facts)
        return Gathered(signup, Evidence(known, unknown, origins), lookups, begun.exemptions), derived

    def _by_evidence(self, ready: Screenable, row: int, facts: Mapping[str, Value], now: datetime) -> Decision:
        """A decision about an account whose signup cannot be read any more."""
        names = [name for name in self._shape.facts if name in ready.facts.columns]
        table = ready.facts.select(names)[[row]].with_columns(ready.chunk.accounts["account_id"].gather([row]))
        complete = self._kernel.screener.screen(table, facts=True).verdicts
        known = {**facts, **next(self._kernel.screener.rules.known(complete))}
        origins = {**self._standing.desk.gatherer.origins, **self._said(ready, row, facts)}
        never = {**dict.fromkeys(self._shape.network, _NEVER), **dict.fromkeys(self._shape.velocities, _UNCOUNTED)}
        unknown = {**never, **ready.expired.get(row, {})}
        [silenced] = exempt_rules(self._kernel, table)
        return decide(
            self._kernel.screener.rules.compiled,
            Evidence(known, {name: why for name, why in unknown.items() if name not in known}, origins),
            id=time_ordered_id(now),
            account_id=str(ready.chunk.accounts["account_id"][row]),
            decided_at=now,
            exemptions=tuple(self._exemption(rule) for rule in silenced),
            lookups=self._kept(ready, row, facts),
        )

    def _exemption(self, rule: str) -> Exemption:
        found = [each.exemption for each in self._kernel.pinned.exempted if each.exemption.rule == rule]
        return max(found, key=lambda each: each.until)

    def _said(self, ready: Screenable, row: int, facts: Mapping[str, Value]) -> dict[str, Origin]:
        """Who said what the network said, and when."""
        ages, sources = ready.chunk.ages, ready.chunk.sources
        return {
            name: Origin(sources[name][row], ages[name][row])
            for name in self._shape.network
            if name in facts and sources[name][row] is not None
        }

    def _kept(self, ready: Screenable, row: int, facts: Mapping[str, Value]) -> tuple[Lookup, ...]:
        """The sources whose earlier answers count."""
        said = {origin.source: origin.as_of for origin in self._said(ready, row, facts).values()}
        return tuple(
            Lookup(source, asked=False, why=f"kept since {as_of.isoformat()[:19]}Z" if as_of else "kept")
            for source, as_of in said.items()
        )


def changed(before: str | None, decision: Decision) -> bool:
    """Whether a decision is news."""
    return before is None or Outcome.from_word(before) is not decision.outcome
