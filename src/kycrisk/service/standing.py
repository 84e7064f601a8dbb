"""What a service screens by at one moment: rules, lists and exemptions that belong together, and are replaced together.

A standing is never changed. Whoever screens takes the present one and keeps it to the end, so a decision is made by
one version of everything. What is published in the store goes before the rules in the files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, func, select

from kycrisk.checks.catalogue import ALIASES
from kycrisk.problems import Problem, Problems
from kycrisk.ruleset.canonical import ruleset_from_canonical
from kycrisk.ruleset.condition import Velocity
from kycrisk.ruleset.load import load_ruleset_texts
from kycrisk.ruleset.model import Ruleset
from kycrisk.ruleset.parse import ConditionErrors
from kycrisk.screening.analyst_lists import Added
from kycrisk.screening.derived import velocities
from kycrisk.screening.desk import Desk
from kycrisk.screening.exemptions import Exempted, subject_key
from kycrisk.screening.network import Network
from kycrisk.screening.site import Kept, Site, read_site
from kycrisk.settings import Settings
from kycrisk.signals import Signal
from kycrisk.sources.catalogue import signals_of_site, unanswered
from kycrisk.sources.opening import Sources
from kycrisk.store.exemptions import StoredExemption
from kycrisk.store.list_entries import StoredEntry
from kycrisk.store.rulesets import StoredRuleset
from kycrisk.store.schema import EXEMPTIONS, LIST_ENTRIES, RULESET_PUBLICATIONS
from kycrisk.store.store import Store
from kycrisk.store.velocity import StoreHistory

Clock = Callable[[], datetime]


class RulesFrom(StrEnum):
    """Where the rules in force come from."""

    FILES = "files"
    STORE = "store"


class Use:
    """Who screens by a standing: `with standing.use: ...`. One that was retired ends with the last of them.

    Belongs to one event loop.
    """

    __slots__ = ("_close", "_count", "_retired")

    def __init__(self, close: Callable[[], None]) -> None:
        self._close, self._count, self._retired = close, 0, False

    def __enter__(self) -> None:
        self._count += 1

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._count -= 1
        if self._retired and not self._count:
            self._close()

    def retire(self) -> None:
        """Another standing is in force. Whoever still comes is judged by the default engine."""
        self._retired = True
        if not self._count:
            self._close()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Standing:
    """Rules, lists and exemptions of one moment, ready for signups. `network` is None where nobody is asked."""

    desk: Desk
    use: Use
    network: Network | None
    history: StoreHistory
    velocities: tuple[Velocity, ...]  # what is counted of earlier signups
    rules_from: RulesFrom
    since: datetime
    good_until: datetime  # when something in it ends: a list's age, an entry, an exemption

    @property
    def site(self) -> Site:
        return self.desk.site

    @property
    def ruleset(self) -> Ruleset:
        return self.desk.ruleset


@dataclass(frozen=True, slots=True, kw_only=True)
class InStore:
    """What the store holds that counts for screenings."""

    published: StoredRuleset | None
    entries: tuple[StoredEntry, ...]
    lists: frozenset[str]  # lists that ever had an entry: empty now, perhaps, but no longer unknown
    exemptions: tuple[StoredExemption, ...]


async def read_store(store: Store, now: datetime) -> InStore:
    """What the store holds now. Raises `StoreUnavailable`."""
    current = await store.rulesets.current()
    lists = await store.read(_lists)
    entries = [each for name in sorted(lists) for each in await store.list_entries.in_force(name, now)]
    return InStore(
        published=await store.rulesets.get(current.version) if current else None,
        entries=tuple(entries),
        lists=lists,
        exemptions=await store.exemptions.in_force(now),
    )


def _lists(connection: Connection) -> frozenset[str]:
    return frozenset(connection.execute(select(LIST_ENTRIES.c.list).distinct()).scalars())


def store_mark(connection: Connection) -> tuple[object, ...]:
    """Something that differs whenever `read_store` would find something else, but for what ends by itself."""
    published = select(func.max(RULESET_PUBLICATIONS.c.seq))
    entries, exemptions = (
        select(func.max(table.c.id), func.count(table.c.ended_at), func.max(table.c.ended_at))
        for table in (LIST_ENTRIES, EXEMPTIONS)
    )
    return tuple(value for wanted in (published, entries, exemptions) for value in connection.execute(wanted).one())


def take_standing(settings: Settings, kept: InStore, sources: Sources | None, *, clock: Clock) -> Standing:
    """Everything read and compiled. Raises `Problems` with all that is wrong. Too slow for an event loop."""
    now = clock()
    unusable = sources.unusable if sources else unanswered(settings.sources)
    site = read_site(settings, _kept(kept, signals_of_site(settings.sources), now))
    history = StoreHistory()
    desk = Desk(site, history=history, unusable=unusable, clock=clock)
    ends = [each.until for each in kept.entries if each.until is not None]
    ends += [each.until for each in kept.exemptions]
    return Standing(
        desk=desk,
        use=Use(desk.close),
        network=Network(sources, desk.compiled) if sources is not None else None,
        history=history,
        velocities=velocities(site.ruleset),
        rules_from=RulesFrom.STORE if kept.published else RulesFrom.FILES,
        since=now,
        good_until=min([desk.good_until, *ends]),
    )


def _kept(found: InStore, signals: Mapping[str, Signal], now: datetime) -> Kept:
    values = {name: [each for each in found.entries if each.list == name] for name in found.lists}
    return Kept(
        ruleset=published_ruleset(found.published, signals) if found.published else None,
        entries={
            name: Added(tuple(each.value for each in entries), max((each.added_at for each in entries), default=now))
            for name, entries in values.items()
        },
        exemptions=tuple(
            Exempted(each.exemption(), each.kind, subject_key(each.kind, each.subject)) for each in found.exemptions
        ),
    )


def published_ruleset(stored: StoredRuleset, signals: Mapping[str, Signal]) -> Ruleset:
    """The rules of a stored version: from its files where it was written in some, or else from its canonical text.

    Raises `Problems` when this program reads them otherwise than the one that stored them.
    """
    if stored.sources:
        found = load_ruleset_texts(stored.sources, signals=signals, aliases=ALIASES)
        if found.version == stored.version:
            return found
    return canonical_ruleset(stored, signals)


def canonical_ruleset(stored: StoredRuleset, signals: Mapping[str, Signal]) -> Ruleset:
    """The rules of a stored version as its decisions were made by. Raises `Problems`."""
    try:
        return ruleset_from_canonical(stored.text, signals=signals, aliases=ALIASES)
    except (ValueError, KeyError, TypeError, ConditionErrors) as error:
        message = f"cannot be read by this version of kycrisk: {error}"
        raise Problems([Problem(f"ruleset {stored.version[:23]}…", message, "publish another version")]) from None
