"""The account of a case in the store: its key to seal and open texts with, and how to reach the person."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from kycrisk.store.accounts import OpenAccount, find_row, open_account_id, take
from kycrisk.store.case_schema import CASE_DATA
from kycrisk.store.failure import Erased, NotFound
from kycrisk.store.moments import moment
from kycrisk.store.schema import ACCOUNT_KEYS, ACCOUNTS, SIGNUPS
from kycrisk.store.sealing import SiteKey, seal, unseal
from kycrisk.store.transaction import Transaction
from kycrisk.verification.case import Case


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """How to reach the person: what was entered in the case goes before what the signup said."""

    account_id: str
    email: str
    phone: str
    name: str


def number_of(connection: Connection, site: SiteKey, account_id: str) -> int | None:
    """The store's number of an account; None when nobody has heard of it."""
    row = find_row(connection, site, account_id)
    return None if row is None else int(row.id)


def taken(tx: Transaction, account_id: str) -> OpenAccount:
    """The account, made where it is new."""
    return take(tx, [account_id])[account_id]


def registered_at(connection: Connection, account: int) -> datetime | None:
    """When the account signed up first."""
    row = connection.execute(
        select(SIGNUPS.c.submitted_at).where(SIGNUPS.c.account == account).order_by(SIGNUPS.c.submitted_at).limit(1)
    ).scalar()
    return None if row is None else moment(row)


def _row(connection: Connection, case: Case) -> Any:
    wanted = (
        select(ACCOUNTS.c.pseudonym, ACCOUNT_KEYS.c.salt, ACCOUNT_KEYS.c.sealed_account_id)
        .join(ACCOUNTS, ACCOUNTS.c.id == ACCOUNT_KEYS.c.account)
        .where(ACCOUNT_KEYS.c.id == case.key)
    )
    row = connection.execute(wanted).first()
    if row is None:
        raise Erased(f"the personal data of case `{case.id}` was erased")
    return row


def key_of(connection: Connection, site: SiteKey, case: Case) -> bytes:
    """The key that texts of a case are sealed under. Raises `Erased`."""
    return site.account_key(bytes(_row(connection, case).salt))


def account_id_of(connection: Connection, site: SiteKey, case: Case) -> str:
    """The operator's own name of the account. Raises `Erased`."""
    found = open_account_id(_row(connection, case), site)
    if found is None:
        raise Erased(f"the personal data of case `{case.id}` was erased")
    return found


def sealed(connection: Connection, site: SiteKey, case: Case, what: str, text: str) -> bytes:
    return seal(key_of(connection, site, case), text.encode(), f"{case.id} {what}")


def opened(connection: Connection, site: SiteKey, case: Case, what: str, text: bytes | None) -> str:
    """A sealed text; empty where there is none. Raises `Erased`."""
    return "" if text is None else unseal(key_of(connection, site, case), bytes(text), f"{case.id} {what}").decode()


def contact_of(connection: Connection, site: SiteKey, case: Case) -> Contact:
    """Raises `Erased`."""
    key, entered = key_of(connection, site, case), _entered(connection, site, case)
    row = connection.execute(
        select(SIGNUPS.c.id, SIGNUPS.c.sealed)
        .where(SIGNUPS.c.account == case.account, SIGNUPS.c.key == case.key, SIGNUPS.c.sealed.is_not(None))
        .order_by(SIGNUPS.c.id.desc())
        .limit(1)
    ).first()
    signup: dict[str, Any] = {} if row is None else _parsed(unseal(key, bytes(row.sealed), f"signup {row.id}"))
    names = [str(entered.get(name) or signup.get(name) or "") for name in ("first_name", "last_name")]
    return Contact(
        account_id=account_id_of(connection, site, case),
        email=str(entered.get("email") or signup.get("email") or ""),
        phone=str(entered.get("phone") or signup.get("phone") or ""),
        name=" ".join(filter(None, names)),
    )


def _entered(connection: Connection, site: SiteKey, case: Case) -> dict[str, Any]:
    kinds = ("personal_data", "email", "phone")
    rows = connection.execute(select(CASE_DATA).where(CASE_DATA.c.case == case.id, CASE_DATA.c.kind.in_(kinds)))
    found: dict[str, Any] = {}
    for row in rows:
        found |= _parsed(opened(connection, site, case, row.kind, row.sealed).encode())
    return found


def _parsed(raw: bytes) -> dict[str, Any]:
    try:
        told = json.loads(raw)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def find_account(connection: Connection, site: SiteKey, account_id: str) -> int:
    """Raises `NotFound`."""
    number = number_of(connection, site, account_id)
    if number is None:
        raise NotFound(f"there is no account `{account_id}`")
    return number
