"""The sources of a site, opened in an event loop: ready to be asked until they are closed."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from random import Random
from types import MappingProxyType

from kycrisk.lookups.budget import Budget
from kycrisk.lookups.cache import KeptResults, MemoryResults
from kycrisk.lookups.cache_file import FileResults
from kycrisk.lookups.http import Http
from kycrisk.lookups.resolver import Resolver, ResolverOptions
from kycrisk.lookups.resolver_trust import Trust
from kycrisk.lookups.secrets import Redactor, guard_logs, unguard_logs
from kycrisk.problems import Problem, Problems
from kycrisk.signals import Unknown, Why
from kycrisk.sources.catalogue import unanswered
from kycrisk.sources.choice import LOOKUPS, Choice
from kycrisk.sources.connections import Connections
from kycrisk.sources.inquiry import AnyInquiry, Stage
from kycrisk.sources.kind import InUse, Opened
from kycrisk.sources.summary import Summary

RESULTS, PEPPER = "results.jsonl", "pepper"
PEPPER_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What can be asked. Belongs to the event loop it was opened in; close it with `aclose`.

    `unusable` holds every signal of a source that no inquiry and no summary here answers, with the reason. `problems`
    are what turned up only when the sources were opened. `opened` is each of them by its name, and `redactor` blots
    their keys out of texts.
    """

    inquiries: tuple[AnyInquiry, ...]
    summaries: tuple[Summary, ...]
    unusable: Mapping[str, Unknown]
    connections: Connections
    redactor: Redactor
    opened: Mapping[str, Opened]
    problems: tuple[Problem, ...] = ()

    async def aclose(self) -> None:
        """End everything: questions under way, the watch over blocklists, processes, threads, connections, files."""
        await self.connections.aclose()


async def open_sources(
    choice: Choice,
    *,
    state: Path,
    now: Callable[[], datetime],
    random: Random,
    kept: tuple[KeptResults, bytes] | None = None,
) -> Sources:
    """Open the sources that a site has chosen.

    `kept` is where results and budgets are kept across restarts, and the pepper of their names. Without it that is a
    file in the folder `state`; where it cannot be used, the sources whose answers or budgets have to be kept are out of
    use. Nothing is raised for it.
    """
    redactor = Redactor(choice.secrets)
    results = _Results(*kept) if kept else await asyncio.to_thread(_opened_results, choice, state, now)
    resolver = Resolver(choice.resolver, options=ResolverOptions(random_case=choice.random_case), random=random)
    connections = Connections(
        resolver=resolver,
        trust=Trust(resolver),
        http=Http(version=version("kycrisk"), allowed=choice.allowed, redactor=redactor, now=now),
        budget=Budget(choice.limits, results.results, now),
        kept=results.results,
        now=now,
        random=random,
        pepper=results.pepper,
    )
    async with AsyncExitStack() as unfinished:
        unfinished.push_async_callback(connections.aclose)
        connections.closing.callback(results.close)
        connections.closing.callback(unguard_logs, guard_logs(redactor))
        opened = {
            name: await _open(each, choice, results.problem, connections) for name, each in choice.sources.items()
        }
        unfinished.pop_all()
    return _sources(choice, opened, connections, redactor, (results.problem,) if results.problem else ())


@asynccontextmanager
async def with_lookups(sources: Sources, choice: Choice) -> AsyncIterator[Sources]:
    """The sources with the lookups of another choice of the same settings; all else is shared, and closed by either.

    Where the block is left by an error, the lookups that were opened for it are closed.
    """
    sources.redactor.add(choice.secrets)
    async with AsyncExitStack() as own:
        unkept = sources.problems[0] if sources.problems else None
        connections = replace(sources.connections, closing=own)
        opened = {
            name: await _open(each, choice, unkept, connections) if name == LOOKUPS else sources.opened[name]
            for name, each in choice.sources.items()
        }
        yield _sources(choice, opened, sources.connections, sources.redactor, sources.problems)
        sources.connections.closing.push_async_callback(own.pop_all().aclose)


def _sources(
    choice: Choice,
    opened: Mapping[str, Opened],
    connections: Connections,
    redactor: Redactor,
    problems: tuple[Problem, ...],
) -> Sources:
    silent = {
        signal: found.unusable
        for name, found in opened.items()
        if found.unusable is not None
        for signal in choice.sources[name].answers
    }
    return Sources(
        inquiries=tuple(_counted(each, choice) for found in opened.values() for each in found.inquiries),
        summaries=tuple(summary for found in opened.values() for summary in found.summaries),
        unusable=MappingProxyType({**unanswered(choice), **silent}),
        connections=connections,
        redactor=redactor,
        opened=MappingProxyType({**opened}),
        problems=problems,
    )


async def _open(source: InUse, choice: Choice, unkept: Problem | None, connections: Connections) -> Opened:
    counted = not source.counted.isdisjoint(choice.limits.questions)
    if unkept is not None and (source.keeps or source.price.amount or counted):
        detail = f"{source.name} is out of use: what it answered and cost cannot be kept: {unkept}"
        return Opened(unusable=Unknown(Why.NOT_CONFIGURED, detail))
    return await source.open(connections)


def _counted(inquiry: AnyInquiry, choice: Choice) -> AnyInquiry:
    """The inquiry; one whose questions are counted is scarce, whatever else it is."""
    scarce = inquiry.name in choice.limits.questions
    return replace(inquiry, stage=max(inquiry.stage, Stage.SCARCE)) if scarce else inquiry


@dataclass(frozen=True, slots=True)
class _Results:
    """Where results are kept: in a file that no other process writes to, or in memory for the reason given."""

    results: KeptResults
    pepper: bytes = b""
    problem: Problem | None = None
    close: Callable[[], None] = field(default=lambda: None)


def _opened_results(choice: Choice, state: Path, now: Callable[[], datetime]) -> _Results:
    return _open_results(state, now) if choice.sources else _Results(MemoryResults())


def _open_results(state: Path, now: Callable[[], datetime]) -> _Results:
    try:
        lock = _lock(state)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        return _Results(MemoryResults(), os.urandom(PEPPER_BYTES), Problem(str(state), f"cannot be used: {reason}"))
    except Problems as wrong:
        return _Results(MemoryResults(), os.urandom(PEPPER_BYTES), wrong.problems[0])
    try:
        results = FileResults.open(state / RESULTS, now)
        pepper = _pepper(state / PEPPER)
    except (Problems, OSError) as error:
        os.close(lock)
        problem = error.problems[0] if isinstance(error, Problems) else Problem(str(state), f"cannot be used: {error}")
        return _Results(MemoryResults(), os.urandom(PEPPER_BYTES), problem)

    def close() -> None:
        results.close()
        os.close(lock)

    return _Results(results, pepper, None, close)


def _lock(state: Path) -> int:
    """The right to write the results of a site, which one process has: two would spend each budget twice.

    Raises `Problems` while another one has it, and `OSError`.
    """
    state.mkdir(parents=True, exist_ok=True)
    lock = os.open(state / f"{RESULTS}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise Problems([Problem(str(state / RESULTS), "another kycrisk process is using it")]) from None
    return lock


def _pepper(path: Path) -> bytes:
    """The site's own secret, made when there is none. Only whoever holds the lock comes here."""
    with suppress(FileNotFoundError):
        found = path.read_bytes()
        if len(found) == PEPPER_BYTES:
            return found
        path.unlink()  # cut off when it was written: nothing can have been kept under it
    made = os.urandom(PEPPER_BYTES)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "wb") as stream:
        stream.write(made)
    return made
