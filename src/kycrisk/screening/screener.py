"""The screener: opened once on a working folder, it screens signups until it is closed.

screener = Screener.open("site")
decision = screener.screen({"account_id": "a-1", "email": "jane@example.com", "ip": "192.0.2.7"})
if decision.flagged: ...
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import SystemRandom
from types import TracebackType

from kycrisk.decision import Decision
from kycrisk.ruleset.evaluate import CompiledRuleset
from kycrisk.ruleset.model import Ruleset
from kycrisk.screening.derived import velocities
from kycrisk.screening.desk import Clock, Desk, Gathered, NewId, now_utc, share_of, time_ordered_id
from kycrisk.screening.history import History, RunHistory
from kycrisk.screening.loop_thread import LoopThread
from kycrisk.screening.network import Consulted, Network
from kycrisk.screening.recheck import RECHECK_FILE, RecheckFile
from kycrisk.screening.site import Site, read_site
from kycrisk.settings import read_settings
from kycrisk.signup import Signup
from kycrisk.sources.catalogue import unanswered
from kycrisk.sources.opening import Sources, open_sources


class Screener:
    """Screens signups with one ruleset. Safe to share between threads, but for a run's history.

    Where the site asks sources, they are asked in a thread of the screener's own: close it with `close`, or use it in
    a `with` block.
    """

    def __init__(
        self, site: Site, *, history: History | None = None, clock: Clock = now_utc, new_id: NewId = time_ordered_id
    ) -> None:
        self._loop = LoopThread() if site.settings.sources.sources else None
        sources = self._loop.run(_opened(site, clock)) if self._loop else None
        self.desk = _desk(site, sources, history=history, clock=clock, new_id=new_id)
        self._network = Network(sources, self.desk.compiled) if sources else None

    @classmethod
    def open(
        cls,
        folder: str | Path = ".",
        *,
        history: History | None = None,
        remember: bool = False,
        clock: Clock = now_utc,
        new_id: NewId = time_ordered_id,
    ) -> Screener:
        """The screener of a working folder (or of a settings file). Raises `Problems` with all that is wrong in it.

        `history` answers the velocity signals; with `remember` the screener counts what it screened itself.
        """
        site = read_site(read_settings(Path(folder)))
        if remember and history is None:
            history = RunHistory(velocities(site.ruleset))
        return cls(site, history=history, clock=clock, new_id=new_id)

    @property
    def site(self) -> Site:
        return self.desk.site

    @property
    def ruleset(self) -> Ruleset:
        return self.desk.ruleset

    @property
    def compiled(self) -> CompiledRuleset:
        """The ruleset, ready to judge."""
        return self.desk.compiled

    def reload_lists(self) -> None:
        """Read the lists again: after an update, or when one has gone past its maximum age."""
        self.desk.reload_lists()

    def signup(self, raw: Mapping[str, object]) -> Signup:
        """A raw signup in its normal form. Raises `Problems` naming every field that cannot be."""
        return self.desk.signup(raw)

    def screen(
        self, signup: Signup | Mapping[str, object], *, within: float | None = None, complete: bool = False
    ) -> Decision:
        """The decision about a signup. Raises `Problems` for a raw signup that cannot be one.

        The sources have `within` seconds to answer (None: the policy's deadline); with `complete` all of them are
        asked, whether their answers can change the outcome or not.
        """
        started, desk = time.perf_counter(), self.desk
        read = signup if isinstance(signup, Signup) else desk.signup(signup)
        if self._network is not None:
            return self._decided((read,), started, within, complete)[0]
        now = desk.now()
        (gathered,) = desk.gather((read,), now)
        return desk.decide(gathered, None, now, share_of(started, 1))

    def screen_many(
        self, signups: Sequence[Signup], *, within: float | None = None, complete: bool = False
    ) -> list[Decision]:
        """The decisions about signups, in their order. Each counts those before it, as if screened one by one.

        Some hundreds at a time are screened a third quicker than one by one; `took_ms` is then each one's share.
        """
        return self._decided(signups, time.perf_counter(), within, complete)

    def _decided(
        self, signups: Sequence[Signup], started: float, within: float | None, complete: bool
    ) -> list[Decision]:
        desk, now = self.desk, self.desk.now()
        gathered = desk.gather(signups, now)
        took_ms = share_of(started, len(gathered))
        consulted: Sequence[Consulted | None] = [None] * len(gathered)
        if self._network is not None and self._loop is not None:
            consulted = self._loop.run(_consult(self._network, desk, gathered, within, complete))
        return [desk.decide(each, said, now, took_ms) for each, said in zip(gathered, consulted, strict=True)]

    def replay(self, decision: Decision) -> Decision:
        """A stored decision made again from its evidence with this screener's rules.

        It is the same decision, to the byte, when these rules are those that it names (`decision.ruleset`).
        """
        return self.desk.replay(decision)

    def close(self) -> None:
        """Close the sources and the engine. Nothing is screened afterwards."""
        self.desk.close()
        if self._network is not None and self._loop is not None:
            self._loop.run(self._network.aclose())
            self._loop.close()
            self._network = self._loop = None

    def __enter__(self) -> Screener:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncScreener:
    """The same for asyncio programs: local checks are quick, so they run in the loop's own thread, and the sources are
    asked in the loop. Close it with `aclose`, or use it in an `async with` block."""

    def __init__(self, desk: Desk, network: Network | None) -> None:
        self.desk, self._network = desk, network

    @classmethod
    async def open(
        cls,
        folder: str | Path = ".",
        *,
        history: History | None = None,
        remember: bool = False,
        clock: Clock = now_utc,
        new_id: NewId = time_ordered_id,
    ) -> AsyncScreener:
        """The screener of a working folder; reading it is done in a thread, so the loop goes on. Raises `Problems`."""
        site = await asyncio.to_thread(lambda: read_site(read_settings(Path(folder))))
        if remember and history is None:
            history = RunHistory(velocities(site.ruleset))
        sources = await _opened(site, clock) if site.settings.sources.sources else None
        desk = await asyncio.to_thread(_desk, site, sources, history=history, clock=clock, new_id=new_id)
        return cls(desk, Network(sources, desk.compiled) if sources else None)

    @property
    def ruleset(self) -> Ruleset:
        return self.desk.ruleset

    async def screen(
        self, signup: Signup | Mapping[str, object], *, within: float | None = None, complete: bool = False
    ) -> Decision:
        """The decision about a signup. Raises `Problems` for a raw signup that cannot be one.

        The sources have `within` seconds to answer (None: the policy's deadline); with `complete` all are asked.
        """
        started, desk = time.perf_counter(), self.desk
        now = desk.now()
        signups = (signup if isinstance(signup, Signup) else desk.signup(signup),)
        (gathered,) = desk.gather(signups, now)
        took_ms = share_of(started, 1)
        consulted = None
        if self._network is not None:
            (consulted,) = await _consult(self._network, desk, (gathered,), within, complete)
        return desk.decide(gathered, consulted, now, took_ms)

    async def replay(self, decision: Decision) -> Decision:
        """A stored decision made again from its evidence."""
        return self.desk.replay(decision)

    async def aclose(self) -> None:
        """Close the sources and the engine. Nothing is screened afterwards."""
        self.desk.close()
        if self._network is not None:
            await self._network.aclose()
            self._network = None

    async def __aenter__(self) -> AsyncScreener:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


async def _opened(site: Site, now: Clock) -> Sources:
    """The sources that a site's settings name, opened in the running event loop."""
    return await open_sources(site.settings.sources, state=site.settings.state, now=now, random=SystemRandom())


def _desk(site: Site, sources: Sources | None, *, history: History | None, clock: Clock, new_id: NewId) -> Desk:
    """The desk of a site. Only accounts of a site that asks sources can wait for one."""
    return Desk(
        site,
        history=history,
        recheck=RecheckFile(site.settings.state / RECHECK_FILE) if sources else None,
        unusable=sources.unusable if sources else unanswered(site.settings.sources),
        clock=clock,
        new_id=new_id,
    )


async def _consult(
    network: Network, desk: Desk, gathered: Sequence[Gathered], within: float | None, complete: bool
) -> list[Consulted]:
    signups = [each.asked_about for each in gathered]
    return await network.consult(signups, desk.gatherer.derived, within=within, complete=complete)
