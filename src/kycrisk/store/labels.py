"""Labels of accounts: what became known about them later. Append-only: a later label corrects an earlier one.

A label never takes part in a decision; it judges rules afterwards. Of an account's labels the one counts that became
known last, and of two that became known at once the one that was written down last.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, ForeignKey, Index, LargeBinary, Row, Table, Text, delete, select

from kycrisk.store.accounts import KIND, find_row
from kycrisk.store.failure import Conflict, NotFound, StoreError
from kycrisk.store.moments import micros, moment
from kycrisk.store.reader import Reader
from kycrisk.store.schema import ACCOUNT_KEYS, ACCOUNTS, ID, METADATA
from kycrisk.store.sealing import SiteKey, seal, unseal
from kycrisk.store.transaction import Transaction
from kycrisk.store.writer import Writer

#: What an account can turn out to be, and `WITHDRAWN`: that nothing is known after all.
LABELS = ("fraud", "legitimate")
WITHDRAWN = "withdrawn"
#: Where labels come from. Others are taken too: a site has systems of its own.
SOURCES = ("verification", "chargeback", "analyst", "import", "api")
_MOST_TEXT = 2000
_AT_ONCE = 500

#: The reason is sealed under the account's key, so that an erasure takes it away without changing a row.
ACCOUNT_LABELS = Table(
    "account_labels",
    METADATA,
    Column("id", ID, primary_key=True),
    Column("account", BigInteger, ForeignKey("accounts.id"), nullable=False),
    Column("key", BigInteger, nullable=False),
    Column("label", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("at", BigInteger, nullable=False),  # when it became known
    Column("recorded_at", BigInteger, nullable=False),
    Column("recorded_by", Text, nullable=False),
    Column("sealed_why", LargeBinary, nullable=False),
    Index("ix_account_labels_account_at", "account", "at"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLabel:
    """A label to be written down. `at` is when it became known."""

    account_id: str
    label: str  # one of LABELS, or WITHDRAWN
    source: str
    at: datetime
    by: str
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredLabel:
    """A label as it was written down. `why` is None when it was erased."""

    id: int
    label: str
    source: str
    at: datetime
    recorded_at: datetime
    by: str
    why: str | None


class Labels:
    """The labels of the store."""

    def __init__(self, writer: Writer, reader: Reader, site: SiteKey) -> None:
        self._writer, self._reader, self._site = writer, reader, site

    async def put(self, label: NewLabel) -> StoredLabel:
        """Raises `NotFound` for an account that was never screened, `Conflict` for an erased one, and `StoreError`."""
        return await self._writer.write(_put_all, label)

    async def of(self, account_id: str) -> tuple[StoredLabel, ...]:
        """All labels that an account ever had, the latest first; the first one counts. Raises `NotFound`."""
        return await self._reader.read(_of, self._site, account_id)

    async def in_force(self, until: datetime) -> tuple[dict[str, str], int]:
        """The label of each account as it was known at a moment, by pseudonym (hexadecimal); and how many labels
        became known only later."""
        return await self._reader.read(in_force, until)

    async def known(self, account_ids: Collection[str]) -> dict[str, str]:
        """Those of the accounts that were ever screened, with their pseudonyms (hexadecimal)."""
        return await self._reader.read(_known, self._site, list(account_ids))


def put(
    transaction: Transaction, account_id: str, label: str, source: str, at: datetime, *, by: str = "", why: str = ""
) -> StoredLabel:
    """Write a label down in a transaction, with a row of the audit log. `by` is the source where nobody is named.

    Raises `NotFound` for an account that was never screened, `Conflict` for an erased one, and `StoreError` for a
    label that is none or became known in the future.
    """
    tx, by = transaction, by or source
    if label not in (*LABELS, WITHDRAWN):
        raise StoreError(f"`{label[:100]}` is no label", f"one of: {', '.join((*LABELS, WITHDRAWN))}")
    if not source or len(source) > 100 or len(why) > _MOST_TEXT:
        raise StoreError(f"a label has a source of 1 to 100 characters, and a reason of at most {_MOST_TEXT}")
    if micros(at) > tx.at:
        raise StoreError(f"the label would become known on {at.isoformat()}", "`at` is when it became known")
    account = find_row(tx.connection, tx.site, account_id)
    if account is None:
        raise NotFound(f"there is no account `{account_id[:100]}`")
    if account.key is None:
        raise Conflict(f"account `{account_id[:100]}` was erased on {moment(account.erased_at).date()}")
    context = _context(account.pseudonym)
    row = tx.connection.execute(
        ACCOUNT_LABELS.insert()
        .values(
            account=account.id,
            key=account.key,
            label=label,
            source=source,
            at=micros(at),
            recorded_at=tx.at,
            recorded_by=by,
            sealed_why=seal(tx.site.account_key(bytes(account.salt)), why.encode(), context),
        )
        .returning(ACCOUNT_LABELS)
    ).one()
    told = {"label": label, "source": source, "at": row.at}
    tx.audit(by, "label.put", f"account {bytes(account.pseudonym).hex()}", told)
    return _stored(row, why)


def _put_all(tx: Transaction, labels: Sequence[NewLabel]) -> list[StoredLabel]:
    return [put(tx, each.account_id, each.label, each.source, each.at, by=each.by, why=each.why) for each in labels]


def _context(pseudonym: bytes) -> str:
    return f"label of account {bytes(pseudonym).hex()}"


def _stored(row: Row[Any], why: str | None) -> StoredLabel:
    return StoredLabel(
        id=row.id,
        label=row.label,
        source=row.source,
        at=moment(row.at),
        recorded_at=moment(row.recorded_at),
        by=row.recorded_by,
        why=why,
    )


def _of(connection: Connection, site: SiteKey, account_id: str) -> tuple[StoredLabel, ...]:
    account = find_row(connection, site, account_id)
    if account is None:
        raise NotFound(f"there is no account `{account_id[:100]}`")
    return tuple(labels_of(connection, site, account.id))


def labels_of(connection: Connection, site: SiteKey, account: int) -> Iterator[StoredLabel]:
    """The labels of an account (by its number), the latest first."""
    wanted = (
        select(ACCOUNT_LABELS, ACCOUNTS.c.pseudonym, ACCOUNT_KEYS.c.salt)
        .join(ACCOUNTS, ACCOUNTS.c.id == ACCOUNT_LABELS.c.account)
        .outerjoin(ACCOUNT_KEYS, ACCOUNT_KEYS.c.id == ACCOUNT_LABELS.c.key)
        .where(ACCOUNT_LABELS.c.account == account)
        .order_by(ACCOUNT_LABELS.c.at.desc(), ACCOUNT_LABELS.c.id.desc())
    )
    for row in connection.execute(wanted):
        yield _stored(row, _why(row, site))


def _why(row: Row[Any], site: SiteKey) -> str | None:
    if row.salt is None:
        return None
    return unseal(site.account_key(bytes(row.salt)), bytes(row.sealed_why), _context(row.pseudonym)).decode()


def in_force(connection: Connection, until: datetime) -> tuple[dict[str, str], int]:
    """The label of each account (by pseudonym, hexadecimal) as it was known at a moment; and how many came later."""
    table = ACCOUNT_LABELS.c
    wanted = (
        select(ACCOUNTS.c.pseudonym, table.label, table.at)
        .join(ACCOUNTS, ACCOUNTS.c.id == table.account)
        .order_by(table.at, table.id)
    )
    found: dict[str, str] = {}
    later, latest = 0, micros(until)
    for pseudonym, label, at in connection.execute(wanted):
        if at > latest:
            later += 1
        else:
            found[bytes(pseudonym).hex()] = label
    return {account: label for account, label in found.items() if label != WITHDRAWN}, later


def _known(connection: Connection, site: SiteKey, account_ids: Sequence[str]) -> dict[str, str]:
    names = {site.pseudonym(KIND, account_id): account_id for account_id in account_ids}
    pseudonyms, found = list(names), dict[str, str]()
    for start in range(0, len(pseudonyms), _AT_ONCE):
        part = pseudonyms[start : start + _AT_ONCE]
        for pseudonym in connection.execute(
            select(ACCOUNTS.c.pseudonym).where(ACCOUNTS.c.pseudonym.in_(part))
        ).scalars():
            found[names[bytes(pseudonym)]] = bytes(pseudonym).hex()
    return found


def forget_labels(tx: Transaction, accounts: Sequence[int]) -> None:
    """Delete the labels of accounts of which nothing else is left."""
    tx.connection.execute(delete(ACCOUNT_LABELS).where(ACCOUNT_LABELS.c.account.in_(list(accounts))))
