"""The store: opened once, used by everything that keeps something, closed at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy import Connection, select, update

from kycrisk.store.accounts import Accounts
from kycrisk.store.api_keys import ApiKeys
from kycrisk.store.audit import Audit
from kycrisk.store.bodies import Bodies
from kycrisk.store.database import Database, open_database
from kycrisk.store.decision_history import DecisionHistory
from kycrisk.store.decisions import Decisions
from kycrisk.store.deliveries import Deliveries
from kycrisk.store.exemptions import ExemptionRecords
from kycrisk.store.failure import WrongSiteKey, border
from kycrisk.store.idempotency import Idempotency
from kycrisk.store.kept_results import StoredResults
from kycrisk.store.labels import Labels
from kycrisk.store.list_entries import ListEntries
from kycrisk.store.personal_data import PersonalData
from kycrisk.store.reader import Reader
from kycrisk.store.rechecks import Rechecks
from kycrisk.store.rescreenings import Rescreenings
from kycrisk.store.retention import Retention
from kycrisk.store.rulesets import Rulesets
from kycrisk.store.schema import HEAD
from kycrisk.store.sealing import SiteKey
from kycrisk.store.signups import Signups
from kycrisk.store.transaction import Transaction
from kycrisk.store.upgrade import check, upgrade
from kycrisk.store.velocity import Signals, VelocityCounts
from kycrisk.store.writer import Writer

Result = TypeVar("Result")
Given = ParamSpec("Given")


def now_utc() -> datetime:
    """The present moment."""
    return datetime.now(UTC)


class Store:
    """A site's store. Everything is asynchronous; a change is on the disk when its call returns.

    Safe to share between tasks and between event loops of several threads. Each noun is one attribute.
    """

    def __init__(self, database: Database, site: SiteKey, clock: Callable[[], datetime] = now_utc) -> None:
        self.database = database
        self.writer, self.reader = Writer(database, site, clock), Reader(database)
        signals, bodies = Signals(), Bodies()
        self.accounts = Accounts(self.reader, site)
        self.signups = Signups(self.writer, self.reader, site, signals)
        self.decisions = Decisions(self.writer, self.reader, site, signals, bodies)
        self.decision_history = DecisionHistory(self.reader, site, bodies)
        self.velocity = VelocityCounts(self.reader, site, signals)
        self.deliveries = Deliveries(self.writer, self.reader, site, bodies)
        self.rechecks = Rechecks(self.writer, self.reader)
        self.rescreenings = Rescreenings(self.writer, self.reader)
        self.list_entries = ListEntries(self.writer, self.reader)
        self.exemptions = ExemptionRecords(self.writer, self.reader, site)
        self.labels = Labels(self.writer, self.reader, site)
        self.rulesets = Rulesets(self.writer, self.reader)
        self.kept_results = StoredResults(self.writer, self.reader, site)
        self.api_keys = ApiKeys(self.writer, self.reader, clock)
        self.idempotency = Idempotency(self.writer)
        self.audit = Audit(self.reader, site)
        self.personal_data = PersonalData(self.writer, self.reader, site, bodies, database)
        self.retention = Retention(self.writer)

    @classmethod
    async def open(
        cls, url: str, *, site_key: SiteKey, clock: Callable[[], datetime] = now_utc, upgrade_tables: bool = False
    ) -> Store:
        """The store behind a URL (`sqlite:///site/store.db`, `postgresql://user@host/name`).

        On SQLite the tables are made and upgraded; on PostgreSQL, where other processes may be at work, only with
        `upgrade_tables`. Raises `WrongSchema`, `WrongSiteKey`, `StoreUnavailable` and `Problems`.
        """
        return await asyncio.to_thread(cls._open, url, site_key, clock, upgrade_tables)

    @classmethod
    def _open(cls, url: str, site_key: SiteKey, clock: Callable[[], datetime], upgrade_tables: bool) -> Store:
        database = open_database(url)
        try:
            if upgrade_tables or database.is_sqlite:
                upgrade(url)
            check(database)
            with border(), database.writing.begin() as connection:
                _recognise(connection, site_key, database)
        except BaseException:
            database.close()
            raise
        return cls(database, site_key, clock)

    async def close(self) -> None:
        """Make the changes that wait, then close the database."""
        await asyncio.to_thread(self.writer.close)
        await asyncio.to_thread(self.reader.close)
        self.database.close()

    async def __aenter__(self) -> Store:
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self.close()

    async def write(self, change: Callable[[Transaction], Result]) -> Result:
        """Make any change, in the transaction that is shared with others. What it raises takes it back, and only it."""
        return await self.writer.write(_make, change)

    async def read(
        self, question: Callable[Concatenate[Connection, Given], Result], *args: Given.args, **kwargs: Given.kwargs
    ) -> Result:
        """Ask anything, beside the writer."""
        return await self.reader.read(question, *args, **kwargs)

    async def ready(self) -> None:
        """Returns when the store can be read and written. Raises `StoreUnavailable`."""
        await self.write(lambda tx: tx.connection.execute(update(HEAD).values(id=1)).rowcount)
        await self.read(lambda connection: connection.execute(select(HEAD.c.id)).scalar_one())


def _make(tx: Transaction, changes: Sequence[Callable[[Transaction], Result]]) -> list[Result]:
    return [change(tx) for change in changes]


def _recognise(connection: Connection, site_key: SiteKey, database: Database) -> None:
    """A database belongs to one site key, which it remembers by a proof."""
    mine = bytes.fromhex(site_key.proof(b"kycrisk store"))
    [kept] = connection.execute(select(HEAD.c.site).with_for_update()).one()
    if kept is None:
        connection.execute(update(HEAD).values(site=mine))
    elif bytes(kept) != mine:
        raise WrongSiteKey(
            f"{database} was written with another site key", "restore the key file that belongs to this database"
        )
