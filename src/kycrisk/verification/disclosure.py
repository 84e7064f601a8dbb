"""The disclosure log: to whom personal data was given, on which basis, which fields, and by whom."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from kycrisk.store.case_schema import CASE_ACCESSES, CASE_DISCLOSURES
from kycrisk.store.moments import moment
from kycrisk.store.sealing import SiteKey
from kycrisk.store.transaction import Transaction
from kycrisk.verification.account import find_account


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDisclosure:
    """What is to be written down. `recipient` and `basis` name authorities and laws, not the customer."""

    recipient: str
    basis: str
    fields: tuple[str, ...]
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    """A row of the log."""

    id: int
    recipient: str
    basis: str
    fields: tuple[str, ...]
    by: str
    at: datetime


def disclose(tx: Transaction, site: SiteKey, account_id: str, new: NewDisclosure) -> int:
    """Write it down, in the log and in the audit. Raises `NotFound`."""
    account = find_account(tx.connection, site, account_id)
    added = CASE_DISCLOSURES.insert().values(
        account=account,
        recipient=new.recipient,
        basis=new.basis,
        fields=json.dumps(list(new.fields)),
        by=new.by,
        at=tx.at,
    )
    number = tx.connection.execute(added.returning(CASE_DISCLOSURES.c.id)).scalar_one()
    tx.audit(new.by, "account.disclosed", f"account {site.pseudonym('account', account_id).hex()}", {"row": number})
    return int(number)


def disclosures_of(connection: Connection, account: int) -> tuple[Disclosure, ...]:
    """What was disclosed about an account, the oldest first."""
    wanted = select(CASE_DISCLOSURES).where(CASE_DISCLOSURES.c.account == account).order_by(CASE_DISCLOSURES.c.id)
    return tuple(
        Disclosure(
            id=row.id,
            recipient=row.recipient,
            basis=row.basis,
            fields=tuple(json.loads(row.fields)),
            by=row.by,
            at=moment(row.at),
        )
        for row in connection.execute(wanted)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Somebody looked: at `data`, or at a document by its id."""

    what: str
    by: str
    at: datetime


def accesses_of(connection: Connection, case_id: str) -> tuple[Access, ...]:
    """Who looked at a case, the oldest first."""
    wanted = select(CASE_ACCESSES).where(CASE_ACCESSES.c.case == case_id).order_by(CASE_ACCESSES.c.id)
    return tuple(Access(what=row.what, by=row.by, at=moment(row.at)) for row in connection.execute(wanted))


def note_access(tx: Transaction, case_id: str, what: str, by: str) -> None:
    """A person looked at a document, or at the data of a case."""
    tx.insert(CASE_ACCESSES, [{"case": case_id, "what": what, "by": by, "at": tx.at}])
