"""Idempotency keys: the same key and the same body give the same answer; with another body it is a conflict."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from kycrisk.store.failure import IdempotencyConflict
from kycrisk.store.schema import IDEMPOTENCY
from kycrisk.store.sealing import SiteKey, seal, unseal
from kycrisk.store.transaction import Transaction
from kycrisk.store.writer import Writer


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A caller's key. `scope` keeps callers apart (the id of the API key, and the route)."""

    scope: str
    key: str
    body: bytes  # SHA-256 of the request's body

    @classmethod
    def of(cls, scope: str, key: str, body: bytes) -> IdempotencyKey:
        """The key of a request with this body."""
        return cls(scope, key, hashlib.sha256(body).digest())

    def digest(self, site: SiteKey) -> bytes:
        return site.pseudonym("idempotency", f"{self.scope}\0{self.key}")

    def conflict(self) -> IdempotencyConflict:
        return IdempotencyConflict(
            f"idempotency key `{self.key[:100]}` came with another body before", "use a new key for a new request"
        )

    def agrees(self, body: bytes) -> bool:
        return hmac.compare_digest(self.body, body)


@dataclass(frozen=True, slots=True)
class Once:
    """A change that is made once under a key. Its answer is kept, and given again."""

    key: IdempotencyKey
    change: Callable[[Transaction], bytes]


class Idempotency:
    """Keys of requests other than screenings, which `decisions.add` takes together with the decision."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def once(self, key: IdempotencyKey, change: Callable[[Transaction], bytes]) -> tuple[bytes, bool]:
        """The answer of a change, and whether it was given before. Raises `IdempotencyConflict`."""
        return await self._writer.write(_once, Once(key, change))


def _once(tx: Transaction, asked: Sequence[Once]) -> list[tuple[bytes, bool]]:
    return [_one(tx, each) for each in asked]


def _one(tx: Transaction, asked: Once) -> tuple[bytes, bool]:
    digest = asked.key.digest(tx.site)
    row = next(iter(found(tx.connection, [digest])), None)
    if row is None:
        answer = asked.change(tx)
        sealed = seal(tx.site.own_key, answer, "idempotency")
        tx.insert(IDEMPOTENCY, [{"digest": digest, "body": asked.key.body, "created_at": tx.at, "sealed": sealed}])
        return answer, False
    if row.sealed is None or not asked.key.agrees(bytes(row.body)):
        raise asked.key.conflict()
    return unseal(tx.site.own_key, bytes(row.sealed), "idempotency"), True


def found(connection: Connection, digests: Sequence[bytes]) -> Sequence[Row[Any]]:
    """The rows of these keys, in any order."""
    return connection.execute(select(IDEMPOTENCY).where(IDEMPOTENCY.c.digest.in_(digests))).all()
