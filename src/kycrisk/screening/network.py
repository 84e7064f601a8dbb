"""A site's sources as screenings use them: many signups asked about together, each under its own deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from kycrisk.ruleset.evaluate import CompiledRuleset
from kycrisk.screening.consultation import Consultant, Findings
from kycrisk.screening.derived import DerivedSignals
from kycrisk.screening.planner import Planner
from kycrisk.signals import Evidence
from kycrisk.signup import Signup
from kycrisk.sources.opening import Sources

#: Signups that are asked about at the same time; more would meet the resolver's and the sources' own limits.
AT_ONCE = 64


class AskedAbout(NamedTuple):
    """A signup to be asked about: what is known without the network, and which rules are silenced for it."""

    signup: Signup
    evidence: Evidence
    silenced: frozenset[str] = frozenset()


class Consulted(NamedTuple):
    """What came of it, and how long it took in milliseconds."""

    findings: Findings
    took_ms: float


class Network:
    """The sources of a site over one ruleset. It is used and closed in the event loop of its sources."""

    def __init__(self, sources: Sources, compiled: CompiledRuleset) -> None:
        self.sources = sources
        self.planner = Planner(compiled, sources.inquiries, sources.summaries)
        policy = compiled.ruleset.policy
        self._consultant = Consultant(planner=self.planner, summaries=sources.summaries, policy=policy)
        self._within = policy.deadline.total_seconds()
        self._open = asyncio.Semaphore(AT_ONCE)

    async def consult(
        self, signups: Sequence[AskedAbout], derived: DerivedSignals, *, within: float | None, complete: bool
    ) -> list[Consulted]:
        """What the sources say about signups, each `within` that many seconds (None: the policy's deadline)."""
        seconds = self._within if within is None else within
        if len(signups) == 1:  # the signup that waits at the door pays for no task of its own
            return [await self._consulted(signups[0], derived, seconds, complete)]
        answers = (self._consulted(signup, derived, seconds, complete) for signup in signups)
        return list(await asyncio.gather(*answers))

    async def _consulted(
        self, signup: AskedAbout, derived: DerivedSignals, seconds: float, complete: bool
    ) -> Consulted:
        loop = asyncio.get_running_loop()
        async with self._open:
            started = loop.time()
            findings = await self._consultant.consult(
                signup.signup,
                signup.evidence,
                derived=derived,
                deadline=started + seconds,
                silenced=signup.silenced,
                complete=complete,
            )
            return Consulted(findings, (loop.time() - started) * 1000)

    async def aclose(self) -> None:
        """Close every source."""
        await self.sources.aclose()
