"""Hot reload: a new standing taken beside the old one, and put in its place in one step, or not at all.

What is broken never reaches a signup: the last good standing stays, and says what is wrong with the newer one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from kycrisk.problems import Problems
from kycrisk.ruleset.canonical import canonical_text
from kycrisk.service.standing import Clock, RulesFrom, Standing, read_store, store_mark, take_standing
from kycrisk.settings import Settings
from kycrisk.sources.opening import Sources, with_lookups
from kycrisk.store.failure import StoreUnavailable
from kycrisk.store.rulesets import NewRuleset
from kycrisk.store.store import Store

_log = logging.getLogger(__name__)

#: How often the store and, where it is wished, the files are looked at for something new, in seconds.
LOOK_EVERY = 1.0
#: How long files must be left alone before they are taken, in seconds.
SETTLED = 0.25
_RULES_FROM_FILES = "files"  # who drafts the rules that stand in files
_LATER = timedelta(seconds=30)  # when a reload is tried again that failed for what passes by itself
Mark = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class FailedReload:
    """Why the newest rules, lists, lookups or procedures are not in force."""

    at: datetime
    problems: Problems


class Standings:
    """The standing in force, and its replacement. Belongs to one event loop."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        sources: Sources | None,
        *,
        clock: Clock,
        watch_files: bool = False,
        on_reload: Callable[[bool], None] = lambda good: None,
        beside: Callable[[], Callable[[], None]] = lambda: lambda: None,
    ) -> None:
        """`beside` reads what is in force beside rules and lists, and gives what puts it there; it raises `Problems`.
        All of it is taken, or nothing."""
        self._settings, self._store, self._sources = settings, store, sources
        self._clock, self._watch_files, self._on_reload = clock, watch_files, on_reload
        self._beside = beside
        self._standing: Standing | None = None
        self.failed: FailedReload | None = None
        self._mark: Mark = ()
        self._lock = asyncio.Lock()
        self._asked = self._begun = 0

    @property
    def current(self) -> Standing:
        """The standing in force. Only to be asked once it was taken."""
        assert self._standing is not None, "nothing was taken yet"
        return self._standing

    async def take(self) -> Standing:
        """The first standing. Raises `Problems` and `StoreUnavailable`: without any there is nothing to screen by."""
        self._mark = await self._marked()
        self._standing = await self._taken(self._settings, self._sources)
        return self._standing

    async def reload(self) -> FailedReload | None:
        """Take everything anew; None when it is in force. Whoever comes while one waits shares its reload."""
        self._asked += 1
        mine = self._asked
        async with self._lock:
            if self._begun >= mine:  # a reload that began later has seen what this one was to see
                return self.failed
            self._begun = self._asked
            return await self._reload()

    async def _reload(self) -> FailedReload | None:
        try:
            self._mark = await self._marked()
            before, self._standing = self.current, await self._taken_anew()
            before.use.retire()
        except Problems as wrong:
            told = [problem.render() for problem in wrong.problems[:20]]
            kept = "the newest rules, lists, lookups or procedures are not taken, the last good ones stay"
            _log.warning(kept, extra={"problems": told})
            self.failed = FailedReload(self._clock(), wrong)
        else:
            self.failed = None
            _log.info("rules and lists were taken anew", extra={"ruleset": self._standing.ruleset.version})
        self._on_reload(self.failed is None)
        return self.failed

    def close(self) -> None:
        """Close the standing in force; nothing is screened afterwards."""
        if self._standing is not None:
            self._standing.use.retire()

    async def watch(self) -> None:
        """Reload whenever there is something new, until it is cancelled.

        Two looks in a row must see the same: half a file may be a whole ruleset, so none is taken while it is saved.
        """
        again, before = self._clock(), self._mark
        while True:
            await asyncio.sleep(LOOK_EVERY if before == self._mark else SETTLED)
            now = self._clock()
            try:
                seen, last = await self._marked(), before
                before, changed = seen, seen != self._mark
                if changed and seen != last:
                    continue
                if changed or (now >= self.current.good_until and now >= again):
                    failed = await self.reload()
                    again = now + (_LATER if failed else timedelta(seconds=LOOK_EVERY))
            except StoreUnavailable as gone:
                _log.warning("the store cannot be looked at for new rules and lists: %s", gone.reason)

    async def _taken_anew(self) -> Standing:
        """By the lookups that their file declares now, if there is one: rules and lookups come into force together."""
        choice = await asyncio.to_thread(self._settings.sources.with_lookups_now)
        if choice is self._settings.sources:
            return await self._taken(self._settings, self._sources)
        settings = replace(self._settings, sources=choice)
        if self._sources is None:
            standing = await self._taken(settings, None)
        else:
            async with with_lookups(self._sources, choice) as sources:
                standing = await self._taken(settings, sources)
            self._sources = sources
        self._settings = settings
        return standing

    async def _taken(self, settings: Settings, sources: Sources | None) -> Standing:
        kept = await read_store(self._store, self._clock())
        put_beside = await asyncio.to_thread(self._beside)
        standing = await asyncio.to_thread(take_standing, settings, kept, sources, clock=self._clock)
        if standing.rules_from is RulesFrom.FILES:
            await self._keep(standing)
        put_beside()
        return standing

    async def _keep(self, standing: Standing) -> None:
        """Keep the rules of the files in the store: a decision that names them can be made again years later."""
        before = self._standing
        if before is not None and before.ruleset.version == standing.ruleset.version:
            return
        text = canonical_text(standing.ruleset)
        sources = await asyncio.to_thread(rule_texts, self._settings.rules)
        note = f"read from {self._settings.rules}"
        await self._store.rulesets.draft(NewRuleset(text=text, by=_RULES_FROM_FILES, sources=sources, note=note))

    async def _marked(self) -> Mark:
        files = await asyncio.to_thread(_file_marks, self._settings, self._watch_files)
        return (*await self._store.read(store_mark), *files)


def rule_texts(folder: Path) -> dict[str, str]:
    """The rule files; nothing when one has changed so far since they were loaded that it cannot be read."""
    try:
        return {path.name: path.read_text("utf-8-sig") for path in sorted(folder.glob("*.yaml"))}
    except (OSError, UnicodeDecodeError):
        return {}


def _file_marks(settings: Settings, everything: bool) -> list[object]:
    """What tells that a file changed. Compiled lists are watched always, as they are replaced whole; what people edit
    only where that is wished, as it is saved half-way, too."""
    found = [stamp(path) for path in sorted(settings.snapshots.glob("*.list"))]
    return [*found, *map(stamp, _edited(settings))] if everything else found


def _edited(settings: Settings) -> Iterator[Path]:
    yield from sorted(settings.rules.glob("*.yaml"))
    yield from sorted((settings.rules / "lists").glob("*.txt"))
    yield from sorted((settings.rules / "verification").glob("*.yaml"))
    yield settings.exemptions
    if settings.sources.lookups_file is not None:
        yield settings.sources.lookups_file
    yield from (path for path in (settings.geo_country, settings.geo_asn) if path is not None)


def stamp(path: Path) -> object:
    """What tells that a file has changed."""
    try:
        found = path.stat()
    except OSError:
        return (path.name, None)
    return (path.name, found.st_mtime_ns, found.st_size, found.st_ino)
