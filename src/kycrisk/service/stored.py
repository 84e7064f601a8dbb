"""Screening through the store: each signup counted, decided and on the disk before anybody is answered.

Where nobody is asked over the network, signup and decision take one transaction. Where somebody is, the signup is
registered first, so that the signups of the meantime count it, and the decision follows when the answers are there.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from kycrisk.decision import Decision
from kycrisk.quickly_made import quickly_made
from kycrisk.ruleset.condition import Velocity
from kycrisk.screening.consultation import Findings
from kycrisk.screening.desk import Begun, Gathered
from kycrisk.screening.network import Consulted, Network
from kycrisk.service.standing import Standing
from kycrisk.signals import Evidence, Value
from kycrisk.signup import Signup
from kycrisk.store.idempotency import IdempotencyKey, found
from kycrisk.store.screenings import Also, Screening, Stored
from kycrisk.store.sealing import SiteKey
from kycrisk.store.signups import NewSignup, Registered
from kycrisk.store.store import Store
from kycrisk.store.velocity import Counts, countable


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A screening that is wanted. `raw` is the signup's JSON, to be kept; `by` a moment of the monotonic clock.

    `by` None: the policy's deadline counts for the sources, and nothing for the rest.
    """

    signup: Signup
    raw: bytes
    actor: str
    by: float | None = None
    complete: bool = False
    idempotency: IdempotencyKey | None = None


class Stages(Protocol):
    """Who is told how long the stages of a screening took, in seconds."""

    def checked(self, seconds: float) -> None: ...

    def consulted(self, seconds: float) -> None: ...

    def stored(self, seconds: float) -> None: ...

    def decided(self, decision: Decision) -> None: ...


class StoredScreener:
    """Screens signups into a store. It belongs to one event loop."""

    def __init__(
        self, store: Store, site_key: SiteKey, stages: Stages, *, commit_reserve: float, also: Also | None = None
    ) -> None:
        self.store, self._site_key, self._stages, self._also = store, site_key, stages, also
        self._reserve = commit_reserve
        self._to_look_at: list[tuple[Standing, Signup, asyncio.Future[_Looked]]] = []
        self._under_way: dict[bytes, asyncio.Event] = {}  # idempotency keys of screenings that ask the network

    async def screen(self, standing: Standing, wanted: Wanted) -> Stored:
        """The stored decision, its bytes as they are answered. Raises what `Decisions.add` raises."""
        with standing.use:
            looked = await self._look(standing, wanted.signup)
            case = _Case(standing, wanted, looked.begun, looked.now, looked.took * 1000)
            if standing.network is None:
                return await self._at_once(case)
            return await self._asking(case, standing.network)

    async def again(self, standing: Standing, wanted: Wanted, signup: int) -> Stored:
        """A signup of the store screened once more, with the past that it saw when it came. Raises `NotFound`."""
        with standing.use:
            return await self._again(standing, wanted, signup)

    async def _again(self, standing: Standing, wanted: Wanted, signup: int) -> Stored:
        looked = await self._look(standing, wanted.signup)
        case = _Case(standing, wanted, looked.begun, looked.now, looked.took * 1000)
        if standing.network is None:
            facts, asked = case.countable(looked.begun.gathering.known)
            return await self._add(case, await self.store.signups.again(signup, facts, asked), case.decided)
        if standing.desk.counts_late:
            consulted = await self._consult(case, standing.network, case.evidence_without_counts())
            facts, asked = case.countable(consulted.findings.evidence.known)
            registered = await self.store.signups.again(signup, facts, asked)
            return await self._add(case, registered, lambda counts: case.decided_late(consulted, counts))
        facts, asked = case.countable(looked.begun.gathering.known)
        registered = await self.store.signups.again(signup, facts, asked)
        return await self._registered(case, standing.network, registered)

    def _look(self, standing: Standing, signup: Signup) -> asyncio.Future[_Looked]:
        """What the checks say. Signups that arrive in the same turn of the loop are looked at together, which takes
        little more than half of the time (gather.py says why)."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[_Looked] = loop.create_future()
        if not self._to_look_at:
            loop.call_soon(self._look_at_all)
        self._to_look_at.append((standing, signup, future))
        return future

    def _look_at_all(self) -> None:
        waiting, self._to_look_at = self._to_look_at, []
        for standing in dict.fromkeys(each[0] for each in waiting):
            together = [each for each in waiting if each[0] is standing and not each[2].done()]
            try:
                started, now = time.perf_counter(), standing.desk.now()
                all_begun = standing.desk.begin([signup for _, signup, _ in together], now)
                for begun in all_begun:
                    begun.gatherer.add_attributes(begun.gathering)
                took = (time.perf_counter() - started) / max(1, len(together))
            except Exception as error:  # noqa: BLE001 - whatever it is, those who wait must hear of it
                for _, _, future in together:
                    future.set_exception(error)
                continue
            for (_, _, future), begun in zip(together, all_begun, strict=True):
                self._stages.checked(took)
                future.set_result(_Looked(begun, now, took))

    async def _at_once(self, case: _Case) -> Stored:
        return await self._add(case, case.new_signup(case.begun.gathering.known), case.decided)

    async def _asking(self, case: _Case, network: Network) -> Stored:
        """Ask the sources; not again for a request that was answered before, or is being answered now."""
        key = case.wanted.idempotency
        if key is None:
            return await self._asked(case, network)
        digest = key.digest(self._site_key)
        while (running := self._under_way.get(digest)) is not None:
            await running.wait()
        self._under_way[digest] = done = asyncio.Event()
        try:
            if await self.store.read(lambda connection: bool(found(connection, [digest]))):
                return await self._at_once(case)  # the store knows the answer
            return await self._asked(case, network)
        finally:
            del self._under_way[digest]
            done.set()

    async def _asked(self, case: _Case, network: Network) -> Stored:
        evidence = case.evidence_without_counts()
        if case.standing.desk.counts_late or not case.asks(network, evidence):
            consulted = await self._consult(case, network, evidence)
            signup = case.new_signup(consulted.findings.evidence.known)
            return await self._add(case, signup, lambda counts: case.decided_late(consulted, counts))
        new = case.new_signup(case.begun.gathering.known)
        return await self._registered(case, network, await self.store.signups.register(new))

    async def _registered(self, case: _Case, network: Network, registered: Registered) -> Stored:
        evidence = case.evidence(registered.counts)
        consulted = await self._consult(case, network, evidence)
        return await self._add(case, registered, lambda counts: case.decide(evidence, consulted))

    async def _consult(self, case: _Case, network: Network, evidence: Evidence) -> Consulted:
        started = time.perf_counter()
        by, gathered = case.wanted.by, case.begun.gathered(evidence)
        within = None if by is None else max(0.0, by - self._reserve - time.monotonic())
        if within is not None:  # the policy's deadline holds for callers with more patience, too
            within = min(within, case.standing.ruleset.policy.deadline.total_seconds())
        late = case.standing.desk.counts_late
        derived = (case.begun.uncounted if late else case.begun.gatherer).derived
        [consulted] = await network.consult(
            [gathered.asked_about], derived, within=within, complete=case.wanted.complete
        )
        self._stages.consulted(time.perf_counter() - started)
        return consulted

    async def _add(self, case: _Case, signup: NewSignup | Registered, decide: Callable[[Counts], Decision]) -> Stored:
        started = time.perf_counter()
        made: list[Decision] = []

        def decided(counts: Counts) -> Decision:
            made[:] = [decide(counts)]
            return made[0]

        stored = await self.store.decisions.add(
            Screening(
                signup=signup,
                decide=decided,
                idempotency=case.wanted.idempotency,
                also=self._also,
                actor=case.wanted.actor,
            )
        )
        self._stages.stored(time.perf_counter() - started)
        if made and not stored.repeated:
            self._stages.decided(made[0])
        return stored


class _Looked(NamedTuple):
    """A signup as the checks see it, when they did, and its share of the seconds that took."""

    begun: Begun
    now: datetime
    took: float


@quickly_made
@dataclass(frozen=True, slots=True)
class _Case:
    """One screening under way, by one standing from beginning to end."""

    standing: Standing
    wanted: Wanted
    begun: Begun
    now: datetime
    took_ms: float

    def countable(self, known: Mapping[str, Value]) -> tuple[dict[str, Value], tuple[Velocity, ...]]:
        asked = self.standing.velocities
        return countable(known, asked), asked

    def new_signup(self, known: Mapping[str, Value]) -> NewSignup:
        signup, asked = self.wanted.signup, self.standing.velocities
        return NewSignup(
            account_id=signup.account_id,
            submitted_at=signup.submitted_at,
            raw=self.wanted.raw,
            facts=countable(known, asked),
            velocities=asked,
        )

    def evidence(self, counts: Counts) -> Evidence:
        """What is known without the network, earlier signups among it."""
        with self.standing.history.seeing(counts):
            return self.begun.gatherer.derive(self.begun.gathering)

    def evidence_without_counts(self) -> Evidence:
        """What is known without the network and without earlier signups."""
        found = self.begun.uncounted.derive(self.begun.gathering)
        return Evidence(dict(found.known), found.unknown, found.origins)

    def asks(self, network: Network, evidence: Evidence) -> bool:
        """Whether there is anything to ask the network, whatever is counted."""
        silenced = frozenset(exemption.rule for exemption in self.begun.exemptions)
        verdict = self.standing.desk.compiled.verdict(evidence.known, silenced, evidence.unknown)
        return bool(network.planner.considered(verdict, evidence.known, (), complete=self.wanted.complete))

    def decided(self, counts: Counts) -> Decision:
        """The decision where nobody is asked. Called by the store, perhaps twice."""
        return self.decide(self.evidence(counts), None)

    def decided_late(self, consulted: Consulted, counts: Counts) -> Decision:
        """The decision where what is counted became known only with the sources' answers."""
        findings, desk = consulted.findings, self.standing.desk
        known, derived = dict(findings.evidence.known), self.begun.gatherer.derived
        with self.standing.history.seeing(counts):
            left_open = derived.answer(known, self.wanted.signup.submitted_at)
        unknown = derived.unknown(findings.evidence.unknown, left_open)
        evidence = Evidence(known, unknown, findings.evidence.origins)
        silenced = frozenset(exemption.rule for exemption in self.begun.exemptions)
        verdict = desk.compiled.verdict(known, silenced, unknown)
        return self.decide(evidence, consulted._replace(findings=Findings(evidence, findings.lookups, verdict)))

    def decide(self, evidence: Evidence, consulted: Consulted | None) -> Decision:
        gathered: Gathered = self.begun.gathered(evidence)
        return self.standing.desk.decide(gathered, consulted, self.now, self.took_ms)
