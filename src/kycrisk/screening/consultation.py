"""One signup's questions to the network: asked in the planner's order, under one deadline, whatever hangs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from kycrisk.decision import Lookup
from kycrisk.lookups.source import Consulted
from kycrisk.ruleset.model import Policy
from kycrisk.ruleset.verdict import Verdict
from kycrisk.screening.derived import DerivedSignals
from kycrisk.screening.planner import Planner, next_batch
from kycrisk.signals import NOTHING, Evidence, Origin, Unknown, Value, Why
from kycrisk.signup import Signup
from kycrisk.sources.inquiry import AnyInquiry, Foregone
from kycrisk.sources.summary import Summary

_log = logging.getLogger(__name__)

#: Sources keep their own time; one that does not is left behind this much later, in seconds.
PATIENCE = 0.02
#: With less time than this left, nothing is asked any more, in seconds.
LEAST = 0.002

_MOST_TOLD = 50_000

_CHANGES_NOTHING = "no answer could change the outcome"
_NO_TIME = Unknown(Why.TIMEOUT, "no time was left to ask")
_SETTLED_FIRST = Unknown(Why.SKIPPED, "the outcome was settled before it answered")
_SETTLED_WITHOUT = Unknown(Why.SKIPPED, _CHANGES_NOTHING)


class Findings(NamedTuple):
    """What a consultation adds: the whole evidence, and what was asked, kept and skipped."""

    evidence: Evidence
    lookups: tuple[Lookup, ...]
    verdict: Verdict  # over that evidence


#: What a source said, and what a decision tells of it: the look-up, and where each fact comes from.
Told = tuple[Consulted, Lookup, Mapping[str, Origin]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Consultant:
    """Who asks the sources of a site about signups. It belongs to the event loop that its sources belong to."""

    planner: Planner
    summaries: Sequence[Summary]
    policy: Policy
    kept: dict[int, Told] = field(default_factory=dict)

    async def consult(
        self,
        signup: Signup,
        evidence: Evidence,
        *,
        derived: DerivedSignals,
        deadline: float,
        silenced: Collection[str] = (),
        complete: bool = False,
    ) -> Findings:
        """The evidence with what the sources say, by `deadline` (a moment of the event loop's clock).

        `evidence` is what is known without them, `derived` how signals follow from others, `silenced` names the exempt
        rules. `complete` asks everything.
        """
        return await _Consultation(self, signup, evidence, derived, deadline, silenced, complete).run()

    def told(self, name: str, said: Consulted) -> Told:
        """A kept answer with what it looks like in a decision, which is worked out once: sources give the same object
        for as long as it is good, so it is found again in `kept` by its identity."""
        if len(self.kept) >= _MOST_TOLD:
            self.kept.clear()
        origins = dict.fromkeys((*said.known, *said.unknown), Origin(name, said.as_of))
        told = self.kept[id(said)] = (said, _lookup(name, said), origins)
        return told


class _Consultation:
    """One signup while it is asked about."""

    def __init__(
        self,
        consultant: Consultant,
        signup: Signup,
        evidence: Evidence,
        derived: DerivedSignals,
        deadline: float,
        silenced: Collection[str],
        complete: bool,
    ) -> None:
        self._by, self._signup, self._deadline, self._derived = consultant, signup, deadline, derived
        self._silenced, self._complete = silenced, complete
        self._known, self._unknown = dict(evidence.known), dict(evidence.unknown)
        self._origins: dict[str, Origin] = {}
        self._here = evidence.origins
        self._lookups: list[Lookup] = []
        self._tried: set[str] = set()
        self._keys: dict[str, object] = {}  # what each is asked about, by the facts of this round
        self._spent = Decimal(0)
        self._loop = asyncio.get_running_loop()
        gaps = (*evidence.unknown, *consultant.planner.outside)  # naming them here finds the rules' function for them
        self._verdict = consultant.planner.compiled.verdict(self._known, silenced, gaps)

    async def run(self) -> Findings:
        if any(name in self._known for summary in self._by.summaries for name in summary.reads):
            self._settle_up()  # what a summary reads may be known without a question
        planner, complete = self._by.planner, self._complete
        while ready := planner.considered(self._verdict, self._known, self._tried, complete=complete):
            self._keys.clear()
            unanswered = [inquiry for inquiry in ready if not self._answered_at_once(inquiry)]
            if len(unanswered) < len(ready):
                self._settle_up()
                continue  # what came for nothing may have made the rest needless
            if not complete:
                unanswered = planner.wanted(self._verdict, self._known, self._tried)
            if not unanswered:
                break
            if self._loop.time() > self._deadline - LEAST:
                for inquiry in unanswered:
                    self._not_asked(inquiry, _NO_TIME)
                self._settle_up()
            else:
                await self._ask(next_batch(unanswered))
        self._skip_the_rest()
        origins = {**self._here, **self._origins} if self._origins else self._here
        return Findings(Evidence(self._known, self._unknown, origins), tuple(self._lookups), self._verdict)

    # what needs no question

    def _answered_at_once(self, inquiry: AnyInquiry) -> bool:
        """Whether there is nothing to ask, or nothing that may be asked, or an answer that is still good."""
        key = self._keys[inquiry.name] = inquiry.key(self._signup, self._known)
        if isinstance(key, Foregone):
            self._tried.add(inquiry.name)
            self._add(Origin(inquiry.name), key.known, key.unknown)
            return True
        if isinstance(key, Unknown):
            self._not_asked(inquiry, key)
            return True
        kept = inquiry.kept(key)
        if kept is not None:
            self._tried.add(inquiry.name)
            self._take_again(inquiry.name, kept)
            return True
        refusal = self._refusal(inquiry)
        if refusal is not None:
            self._not_asked(inquiry, refusal)
        return refusal is not None

    def _refusal(self, inquiry: AnyInquiry) -> Unknown | None:
        """Why the policy does not let this be asked, None when it does."""
        allowed = self._by.policy.personal_data
        held_back = sorted(inquiry.sends.difference(allowed)) if allowed is not None else []
        if held_back:
            return Unknown(Why.OVER_BUDGET, f"{', '.join(held_back)} may not leave the house, by the policy")
        price, most = inquiry.price, self._by.policy.money
        if not price.amount or most is None:
            return None
        if price.currency != most.currency:
            return Unknown(Why.OVER_BUDGET, f"the policy has no budget in {price.currency}")
        if self._spent + price.amount > most.amount:
            return Unknown(Why.OVER_BUDGET, f"more than the policy's {most} for a screening")
        return None

    def _not_asked(self, inquiry: AnyInquiry, why: Unknown) -> None:
        self._tried.add(inquiry.name)
        self._miss(inquiry, why)
        self._lookups.append(Lookup(inquiry.name, asked=False, why=str(why)))

    # asking

    async def _ask(self, batch: Sequence[AnyInquiry]) -> None:
        """Ask a batch together, and wait for it: until all have answered, the outcome is settled, or time is up."""
        started = self._loop.time()
        running: dict[asyncio.Task[Consulted], AnyInquiry] = {}
        for inquiry in batch:
            self._tried.add(inquiry.name)
            by = min(started + inquiry.timeout, self._deadline)
            running[self._loop.create_task(_asked(inquiry, self._keys[inquiry.name], by))] = inquiry
        longest = min(max(inquiry.timeout for inquiry in batch), self._deadline - started)
        until = started + longest + PATIENCE
        while running:
            left = max(0.0, until - self._loop.time())
            done, _ = await asyncio.wait(running, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                self._land(running.pop(task), task, started)
            if done:
                self._settle_up()
            if not done or (self._verdict.settled and not self._complete):
                break
        settled = self._verdict.settled and not self._complete
        for task, inquiry in running.items():
            task.cancel()
            late = Unknown(Why.TIMEOUT, f"{inquiry.name} did not answer in time")
            self._late(inquiry, _SETTLED_FIRST if settled else late, started)
        if running and not settled:
            self._settle_up()

    def _land(self, inquiry: AnyInquiry, task: asyncio.Task[Consulted], started: float) -> None:
        error = task.exception()
        if error is not None:  # sources never raise for the network: this is a mistake of ours, and no listing
            _log.error("the source %s failed inside", inquiry.name, exc_info=error)
            self._late(inquiry, Unknown(Why.MALFORMED_ANSWER, f"{inquiry.name} failed inside"), started)
            return
        self._take(inquiry, task.result(), self._ms(started))

    def _late(self, inquiry: AnyInquiry, why: Unknown, started: float) -> None:
        self._miss(inquiry, why)
        self._lookups.append(Lookup(inquiry.name, asked=True, why=str(why), ms=self._ms(started)))

    def _take(self, inquiry: AnyInquiry, said: Consulted, ms: float = 0.0) -> None:
        """What a source says."""
        if not said.asked:
            self._take_again(inquiry.name, said)
            return
        if said.cost.amount and said.cost.currency == getattr(self._by.policy.money, "currency", ""):
            self._spent += said.cost.amount
        self._add(Origin(inquiry.name, said.as_of), said.known, said.unknown)
        self._lookups.append(_lookup(inquiry.name, said, ms))

    def _take_again(self, name: str, said: Consulted) -> None:
        """What a source said before and still means."""
        told = self._by.kept.get(id(said))
        if told is None or told[0] is not said:
            told = self._by.told(name, said)
        self._known |= said.known
        if said.unknown:
            self._unknown |= said.unknown
        self._origins |= told[2]
        self._lookups.append(told[1])

    def _ms(self, started: float) -> float:
        return round((self._loop.time() - started) * 1000, 3)

    # facts

    def _add(self, origin: Origin, known: Mapping[str, Value], unknown: Mapping[str, Unknown] = NOTHING) -> None:
        self._known.update(known)
        self._origins.update(dict.fromkeys(known, origin))
        if unknown:
            self._unknown.update(unknown)
            self._origins.update(dict.fromkeys(unknown, origin))

    def _miss(self, inquiry: AnyInquiry, why: Unknown) -> None:
        self._add(Origin(inquiry.name), {}, dict.fromkeys(inquiry.answers, why))

    def _settle_up(self) -> None:
        """Work out what follows from the new facts, and judge again."""
        for summary in self._by.summaries:
            origin = Origin(summary.source)
            for signal, answer in summary.of(self._known, self._unknown).items():
                self._origins[signal] = origin
                if isinstance(answer, Unknown):
                    self._unknown[signal] = answer
                else:
                    self._known[signal] = answer
                    self._unknown.pop(signal, None)
        self._derived.answer_late(self._known, self._unknown, self._signup.submitted_at)
        self._verdict = self._judge()

    def _judge(self) -> Verdict:
        return self._by.planner.compiled.verdict(self._known, self._silenced, self._unknown)

    def _skip_the_rest(self) -> None:
        """What was not asked, because no answer could matter, is on record too."""
        for inquiry in self._by.planner.inquiries:
            if inquiry.name not in self._tried:
                self._lookups.append(Lookup(inquiry.name, asked=False, why=_CHANGES_NOTHING))
                for signal in self._by.planner.read[inquiry.name]:
                    self._unknown[signal] = _SETTLED_WITHOUT
        for signal in self._by.planner.summed:
            if signal not in self._known:
                self._unknown.setdefault(signal, _SETTLED_WITHOUT)


def _lookup(name: str, said: Consulted, ms: float = 0.0) -> Lookup:
    whys = "; ".join(dict.fromkeys(map(str, said.unknown.values()))) if said.unknown else ""
    kept = f"kept since {said.as_of.isoformat()[:19]}Z" if said.as_of and not said.asked else ""
    why = f"{kept}; {whys}" if kept and whys else kept or whys
    return Lookup(name, asked=said.asked, why=why, ms=ms, cost=str(said.cost))


async def _asked(inquiry: AnyInquiry, key: object, by: float) -> Consulted:
    return await inquiry.ask(key, by)
