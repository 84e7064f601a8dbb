"""Accounts: known by the pseudonym of their id, each with a key of its own that its texts are sealed under."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection, select, update

from kycrisk.store.failure import NotFound
from kycrisk.store.moments import moment, optional_moment
from kycrisk.store.pages import Page, page_of
from kycrisk.store.reader import Reader
from kycrisk.store.schema import ACCOUNT_KEYS, ACCOUNTS
from kycrisk.store.sealing import SiteKey, new_salt, seal, unseal
from kycrisk.store.transaction import Transaction

KIND = "account"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """An account. `account_id` is None when its personal data was erased."""

    number: int
    account_id: str | None
    pseudonym: str  # hexadecimal
    created_at: datetime
    erased_at: datetime | None


class OpenAccount(NamedTuple):
    """An account that texts can be sealed for."""

    number: int
    key_number: int
    cipher: AESGCM
    pseudonym: str
    is_new: bool


WITH_KEYS = select(
    ACCOUNTS.c.id,
    ACCOUNTS.c.pseudonym,
    ACCOUNTS.c.key,
    ACCOUNTS.c.created_at,
    ACCOUNTS.c.erased_at,
    ACCOUNT_KEYS.c.salt,
    ACCOUNT_KEYS.c.sealed_account_id,
).outerjoin(ACCOUNT_KEYS, ACCOUNT_KEYS.c.id == ACCOUNTS.c.key)


class Accounts:
    """The accounts that signups were screened for."""

    def __init__(self, reader: Reader, site: SiteKey) -> None:
        self._reader, self._site = reader, site

    async def get(self, account_id: str) -> Account:
        """Raises `NotFound`. An erased account is still found by its id, through the pseudonym."""
        return await self._reader.read(_get, self._site, account_id)

    async def page(self, *, after: str = "", limit: int = 100) -> Page[Account]:
        """Accounts, the newest first."""
        return await self._reader.read(_page, self._site, after, limit)


def _get(connection: Connection, site: SiteKey, account_id: str) -> Account:
    row = find_row(connection, site, account_id)
    if row is None:
        raise NotFound(f"there is no account `{account_id}`")
    return _account(row, site)


def _page(connection: Connection, site: SiteKey, after: str, limit: int) -> Page[Account]:
    wanted = WITH_KEYS.order_by(ACCOUNTS.c.id.desc())
    return page_of(connection, wanted, ACCOUNTS.c.id, after, limit, lambda row: _account(row, site), newest_first=True)


def find_row(connection: Connection, site: SiteKey, account_id: str) -> Any:
    """The row of an account, with its key; None when there is none."""
    return connection.execute(WITH_KEYS.where(ACCOUNTS.c.pseudonym == site.pseudonym(KIND, account_id))).first()


def _account(row: Any, site: SiteKey) -> Account:
    return Account(
        number=row.id,
        account_id=open_account_id(row, site),
        pseudonym=bytes(row.pseudonym).hex(),
        created_at=moment(row.created_at),
        erased_at=optional_moment(row.erased_at),
    )


def open_account_id(row: Any, site: SiteKey) -> str | None:
    """The account id of a row with `pseudonym`, `salt` and `sealed_account_id`; None when it was erased."""
    if row.salt is None:
        return None
    context = f"account {bytes(row.pseudonym).hex()}"
    return unseal(site.account_key(bytes(row.salt)), bytes(row.sealed_account_id), context).decode()


def take(tx: Transaction, account_ids: Collection[str]) -> Mapping[str, OpenAccount]:
    """The accounts of these ids, made where they are new. An erased one gets a new key: what was erased stays so."""
    site = tx.site
    names = {site.pseudonym(KIND, account_id): account_id for account_id in account_ids}
    found: dict[str, OpenAccount] = {}
    erased: dict[str, int] = {}
    for pseudonym, number, key, salt in _known(tx, names):
        if key is None:
            erased[names[pseudonym]] = number
        else:
            cipher = AESGCM(site.account_key(salt))
            found[names[pseudonym]] = OpenAccount(number, key, cipher, pseudonym.hex(), False)
    missing = [(pseudonym, id_) for pseudonym, id_ in names.items() if id_ not in found]
    if not missing:
        return found
    keys = tx.ids("key", len(missing))
    numbers = iter(tx.ids("account", len(missing) - len(erased)))
    accounts, sealed = [], []
    for key, (pseudonym, account_id) in zip(keys, missing, strict=True):
        number = erased[account_id] if account_id in erased else next(numbers)
        salt, name = new_salt(), pseudonym.hex()
        cipher = AESGCM(site.account_key(salt))
        if account_id in erased:
            tx.connection.execute(update(ACCOUNTS).where(ACCOUNTS.c.id == number).values(key=key))
        else:
            accounts.append((number, pseudonym, key, tx.at))
        sealed.append((key, number, salt, seal(cipher, account_id.encode(), f"account {name}")))
        found[account_id] = OpenAccount(number, key, cipher, name, account_id not in erased)
    tx.add(ACCOUNTS, ("id", "pseudonym", "key", "created_at"), accounts)
    tx.add(ACCOUNT_KEYS, ("id", "account", "salt", "sealed_account_id"), sealed)
    return found


def _known(tx: Transaction, pseudonyms: Collection[bytes]) -> list[tuple[bytes, int, int | None, bytes]]:
    """Pseudonym, number, key and salt of the accounts that are there; without a key where it was erased."""
    return tx.driver.ask(
        lambda place: (
            f"""
        SELECT accounts.pseudonym, accounts.id, accounts.key, account_keys.salt
        FROM accounts LEFT JOIN account_keys ON account_keys.id = accounts.key
        WHERE accounts.pseudonym IN (SELECT * FROM {place})
        """
        ),
        ("bytea",),
        [(each,) for each in pseudonyms],
        (b"",),
    )
