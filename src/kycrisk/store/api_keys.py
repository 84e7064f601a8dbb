"""API keys: 256 random bits, shown once, stored hashed; with scopes, an end, and a successor.

A token is `kyc_<id>_<secret>`. The id finds the row; the secret is compared in constant time, also when there is no
such row. Plain SHA-256 is enough, as there is nothing to guess in 256 random bits.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, select, update

from kycrisk.store.failure import Conflict, NotFound
from kycrisk.store.moments import micros, moment, optional_micros, optional_moment
from kycrisk.store.reader import Reader
from kycrisk.store.schema import API_KEYS
from kycrisk.store.transaction import Transaction
from kycrisk.store.writer import Writer

SECRET_BYTES = 32
_TOKEN = re.compile(r"kyc_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")
_NOBODY = bytes(32)
#: How long a check is remembered: so long at most a key works on after another process revoked it.
REMEMBERED = timedelta(seconds=5)
_MOST_REMEMBERED = 10_000


class Refusal(StrEnum):
    """Why a token opens nothing."""

    UNKNOWN = "unknown"  # malformed, no such key, or another secret
    EXPIRED = "expired"
    REVOKED = "revoked"
    SCOPE = "scope"  # the key is good, but not for this


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key, without its secret."""

    id: str
    name: str
    scopes: frozenset[str]
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None
    follows: str | None  # the key that it was rotated from


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new key and its token, which is shown this once."""

    key: ApiKey
    token: str

    def __repr__(self) -> str:
        return f"IssuedKey({self.key!r}, [redacted])"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key to be issued. `expires_at` None: it does not end by itself."""

    name: str
    scopes: Collection[str]
    by: str
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Rotation:
    id: str
    by: str
    overlap: timedelta
    expires_at: datetime | None


class ApiKeys:
    """The keys of the HTTP API."""

    def __init__(self, writer: Writer, reader: Reader, clock: Callable[[], datetime]) -> None:
        self._writer, self._reader, self._clock = writer, reader, clock
        self._remembered: dict[bytes, tuple[datetime, ApiKey]] = {}

    async def issue(self, key: NewKey) -> IssuedKey:
        """A new key. The token is nowhere but in the answer."""
        return await self._writer.write(_issue, key)

    async def rotate(self, id: str, by: str, *, overlap: timedelta, expires_at: datetime | None = None) -> IssuedKey:
        """A successor with the same name and scopes; the old key ends after `overlap`, if not before.

        Raises `NotFound`, and `Conflict` for a key that has ended.
        """
        issued = await self._writer.write(_rotate, _Rotation(id, by, overlap, expires_at))
        self._remembered.clear()
        return issued

    async def revoke(self, id: str, by: str) -> ApiKey:
        """End a key now. Raises `NotFound`, and `Conflict` when it was revoked before."""
        revoked = await self._writer.write(_revoke, (id, by))
        self._remembered.clear()
        return revoked

    async def check(self, token: str, scope: str) -> ApiKey | Refusal:
        """The key that a token stands for, when it is in force and holds the scope; or why it opens nothing."""
        now, digest = self._clock(), _hash(token)
        remembered = self._remembered.get(digest)
        if remembered is None or remembered[0] <= now:
            match = _TOKEN.fullmatch(token)
            found = await self._reader.read(_find, match[1] if match else "", match[2] if match else "")
            if found is None:
                return Refusal.UNKNOWN
            if len(self._remembered) >= _MOST_REMEMBERED:
                self._remembered.clear()
            remembered = self._remembered[digest] = (now + REMEMBERED, found)
        return _judged(remembered[1], scope, now)

    async def all(self) -> tuple[ApiKey, ...]:
        """Every key there ever was, the newest first."""
        return await self._reader.read(_all)


def _judged(key: ApiKey, scope: str, now: datetime) -> ApiKey | Refusal:
    if key.revoked_at is not None:
        return Refusal.REVOKED
    if key.expires_at is not None and key.expires_at <= now:
        return Refusal.EXPIRED
    return key if scope in key.scopes else Refusal.SCOPE


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _find(connection: Connection, id_: str, secret: str) -> ApiKey | None:
    row = connection.execute(select(API_KEYS).where(API_KEYS.c.id == id_)).first()
    same = hmac.compare_digest(_hash(secret), bytes(row.hash) if row else _NOBODY)
    return _key(row) if row is not None and same else None


def _issue(tx: Transaction, asked: Sequence[NewKey]) -> list[IssuedKey]:
    return [_issue_one(tx, each, None) for each in asked]


def _issue_one(tx: Transaction, new: NewKey, follows: str | None) -> IssuedKey:
    secret = base64.urlsafe_b64encode(secrets.token_bytes(SECRET_BYTES)).decode().rstrip("=")
    id_, scopes = secrets.token_hex(8), sorted(set(new.scopes))
    added = API_KEYS.insert().values(
        id=id_,
        name=new.name,
        hash=_hash(secret),
        scopes=json.dumps(scopes),
        created_at=tx.at,
        created_by=new.by,
        expires_at=optional_micros(new.expires_at),
        follows=follows,
    )
    row = tx.connection.execute(added.returning(API_KEYS)).one()
    tx.audit(new.by, "api_key.issued", f"api_key {id_}", {"scopes": scopes, "follows": follows})
    return IssuedKey(_key(row), f"kyc_{id_}_{secret}")


def _rotate(tx: Transaction, asked: Sequence[_Rotation]) -> list[IssuedKey]:
    return [_rotate_one(tx, each) for each in asked]


def _rotate_one(tx: Transaction, asked: _Rotation) -> IssuedKey:
    old = _in_force(tx, asked.id)
    new = NewKey(name=old.name, scopes=old.scopes, by=asked.by, expires_at=asked.expires_at)
    issued = _issue_one(tx, new, asked.id)
    ends = min(tx.now + asked.overlap, old.expires_at or tx.now + asked.overlap)
    tx.connection.execute(update(API_KEYS).where(API_KEYS.c.id == asked.id).values(expires_at=micros(ends)))
    tx.audit(asked.by, "api_key.rotated", f"api_key {asked.id}", {"to": issued.key.id, "ends": micros(ends)})
    return issued


def _revoke(tx: Transaction, asked: Sequence[tuple[str, str]]) -> list[ApiKey]:
    return [_revoke_one(tx, id_, by) for id_, by in asked]


def _revoke_one(tx: Transaction, id_: str, by: str) -> ApiKey:
    _in_force(tx, id_, expired_too=True)
    ended = update(API_KEYS).where(API_KEYS.c.id == id_).values(revoked_at=tx.at).returning(API_KEYS)
    row = tx.connection.execute(ended).one()
    tx.audit(by, "api_key.revoked", f"api_key {id_}")
    return _key(row)


def _in_force(tx: Transaction, id_: str, *, expired_too: bool = False) -> ApiKey:
    row = tx.connection.execute(select(API_KEYS).where(API_KEYS.c.id == id_)).first()
    if row is None:
        raise NotFound(f"there is no API key `{id_[:100]}`")
    key = _key(row)
    if key.revoked_at is not None:
        raise Conflict(f"API key `{id_}` was revoked already")
    if key.expires_at is not None and key.expires_at <= tx.now and not expired_too:
        raise Conflict(f"API key `{id_}` has expired already", "issue a new one")
    return key


def _all(connection: Connection) -> tuple[ApiKey, ...]:
    wanted = select(API_KEYS).order_by(API_KEYS.c.created_at.desc(), API_KEYS.c.id)
    return tuple(_key(row) for row in connection.execute(wanted))


def _key(row: Row[Any]) -> ApiKey:
    return ApiKey(
        id=row.id,
        name=row.name,
        scopes=frozenset(json.loads(row.scopes)),
        created_at=moment(row.created_at),
        created_by=row.created_by,
        expires_at=optional_moment(row.expires_at),
        revoked_at=optional_moment(row.revoked_at),
        follows=row.follows,
    )
