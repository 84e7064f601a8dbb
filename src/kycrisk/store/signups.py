"""Signups: what came in, sealed; registered before they are judged, so that others count them from then on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection, Row, select

from kycrisk.quickly_made import quickly_made
from kycrisk.ruleset.condition import Velocity
from kycrisk.store.accounts import OpenAccount, open_account_id, take
from kycrisk.store.counting import count_registered
from kycrisk.store.failure import NotFound
from kycrisk.store.moments import micros, moment
from kycrisk.store.reader import Reader
from kycrisk.store.schema import ACCOUNT_KEYS, ACCOUNTS, FACTS, SIGNUPS
from kycrisk.store.sealing import SiteKey, seal, unseal
from kycrisk.store.transaction import Transaction
from kycrisk.store.velocity import (
    FACT_COLUMNS,
    NO_COUNTS,
    Asked,
    Counts,
    FactRow,
    Facts,
    Signals,
    count_all,
    digests_of,
    fact_rows,
)
from kycrisk.store.writer import Writer


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class NewSignup:
    """A signup that came in. `raw` is its JSON, kept so that it can be screened again.

    `facts` are those that velocity counts (`velocity.countable`), `velocities` what is asked about the past.
    """

    account_id: str
    submitted_at: datetime
    raw: bytes
    facts: Facts = field(default_factory=dict)
    velocities: Sequence[Velocity] = ()


@quickly_made
@dataclass(frozen=True, slots=True)
class Registered:
    """A signup in the store, and what it counted when it came."""

    id: int
    account: OpenAccount
    counts: Counts = field(default_factory=lambda: NO_COUNTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSignup:
    """A signup as it came. `account_id` and `raw` are None when they were erased, or their time was over."""

    id: int
    account_id: str | None
    submitted_at: datetime
    registered_at: datetime
    raw: bytes | None


class Signups:
    """The signups of the store."""

    def __init__(self, writer: Writer, reader: Reader, site: SiteKey, signals: Signals) -> None:
        self._writer, self._reader, self._site, self._signals = writer, reader, site, signals

    async def register(self, signup: NewSignup) -> Registered:
        """Store a signup and count its past, for a screening that asks the network before it decides.

        What is decided at once needs no registration: `decisions.add` takes the signup itself.
        """
        return await self._writer.write(self._register, signup)

    async def get(self, id: int) -> StoredSignup:
        """Raises `NotFound`."""
        return await self._reader.read(_get, self._site, id)

    async def again(self, id: int, facts: Facts, velocities: Sequence[Velocity]) -> Registered:
        """A stored signup to be screened again, with the past that it saw when it came.

        Raises `NotFound`, also when it was erased.
        """
        return await self._reader.read(_again, self._site, self._signals, id, facts, velocities)

    def _register(self, tx: Transaction, signups: Sequence[NewSignup]) -> list[Registered]:
        return register(tx, self._signals, signups)


_by_digest: Callable[[FactRow], bytes] = itemgetter(2)


def register(tx: Transaction, signals: Signals, signups: Sequence[NewSignup]) -> list[Registered]:
    """Store signups and count: each sees those of other accounts before it, in this batch too."""
    of_account = Counter(each.account_id for each in signups)
    accounts = take(tx, of_account)
    ids = tx.ids("signup", len(signups))
    rows: list[tuple[Any, ...]] = []
    facts: list[FactRow] = []
    asked: list[Asked] = []
    for id_, each in zip(ids, signups, strict=True):
        account, at = accounts[each.account_id], micros(each.submitted_at)
        sealed = seal(account.cipher, each.raw, f"signup {id_}")
        rows.append((id_, account.number, account.key_number, at, tx.at, sealed))
        digests = digests_of(tx.site, each.facts)
        facts += fact_rows(tx, signals, id_, digests, at)
        alone = account.is_new and of_account[each.account_id] == 1  # most are: nothing of their own to leave out
        asked.append(Asked(digests, each.velocities, each.submitted_at, id_, None if alone else account.number))
    tx.add(SIGNUPS, ("id", "account", "key", "submitted_at", "registered_at", "sealed"), rows)
    facts.sort(key=_by_digest)  # in the order of their index they go in in two thirds of the time
    tx.add(FACTS, FACT_COLUMNS, facts)
    counts = count_registered(tx.connection, tx.driver, signals, asked, facts)
    return [
        Registered(id_, accounts[each.account_id], told) for id_, each, told in zip(ids, signups, counts, strict=True)
    ]


_WITH_KEYS = (
    select(SIGNUPS, ACCOUNTS.c.pseudonym, ACCOUNT_KEYS.c.salt, ACCOUNT_KEYS.c.sealed_account_id)
    .join(ACCOUNTS, ACCOUNTS.c.id == SIGNUPS.c.account)
    .outerjoin(ACCOUNT_KEYS, ACCOUNT_KEYS.c.id == SIGNUPS.c.key)
)


def rows_of(connection: Connection, account: int) -> Sequence[Row[Any]]:
    """The rows of an account's signups, each with its key."""
    return connection.execute(_WITH_KEYS.where(SIGNUPS.c.account == account).order_by(SIGNUPS.c.id)).all()


def stored_signup(row: Row[Any], site: SiteKey) -> StoredSignup:
    """The signup of such a row."""
    readable = row.salt is not None and row.sealed is not None
    return StoredSignup(
        id=row.id,
        account_id=open_account_id(row, site),
        submitted_at=moment(row.submitted_at),
        registered_at=moment(row.registered_at),
        raw=unseal(site.account_key(bytes(row.salt)), bytes(row.sealed), f"signup {row.id}") if readable else None,
    )


def _row(connection: Connection, id_: int) -> Row[Any]:
    row = connection.execute(_WITH_KEYS.where(SIGNUPS.c.id == id_)).first()
    if row is None:
        raise NotFound(f"there is no signup {id_}")
    return row


def _get(connection: Connection, site: SiteKey, id_: int) -> StoredSignup:
    return stored_signup(_row(connection, id_), site)


def _again(
    connection: Connection, site: SiteKey, signals: Signals, id_: int, facts: Facts, velocities: Sequence[Velocity]
) -> Registered:
    row = _row(connection, id_)
    if row.salt is None:
        raise NotFound(f"signup {id_} was erased")
    cipher = AESGCM(site.account_key(bytes(row.salt)))
    account = OpenAccount(row.account, row.key, cipher, bytes(row.pseudonym).hex(), is_new=False)
    asked = Asked(digests_of(site, facts), velocities, moment(row.submitted_at), id_, row.account)
    [counts] = count_all(connection, signals, [asked])
    return Registered(id_, account, counts)
