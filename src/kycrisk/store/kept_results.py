"""Lookups' answers and quotas across restarts: `KeptResults` over the database. Keys are pseudonyms, texts sealed."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select, tuple_
from sqlalchemy import delete as delete_rows

from kycrisk.lookups.cache import Change, Kept
from kycrisk.store.moments import optional_micros, optional_moment
from kycrisk.store.reader import Reader
from kycrisk.store.schema import KEPT_RESULTS
from kycrisk.store.sealing import SiteKey, seal, unseal
from kycrisk.store.transaction import Transaction
from kycrisk.store.writer import Writer


class StoredResults:
    """`kycrisk.lookups.cache.KeptResults`. Each raises `StoreUnavailable`."""

    def __init__(self, writer: Writer, reader: Reader, site: SiteKey) -> None:
        self._writer, self._reader, self._site = writer, reader, site

    async def get(self, space: str, key: str) -> Kept | None:
        """What is kept, None when nothing is. What is past its `until` may still be given."""
        return await self._reader.read(_get, self._site, space, key)

    async def put(self, space: str, key: str, kept: Kept) -> None:
        """Keep a text in place of what was there."""
        await self._writer.write(_put, (space, key, kept))

    async def alter(self, space: str, key: str, change: Change) -> None:
        """Keep what `change` makes of what is kept: writers of all processes come one after the other."""
        await self._writer.write(_alter, (space, key, change))


def _get(connection: Connection, site: SiteKey, space: str, key: str) -> Kept | None:
    table = KEPT_RESULTS.c
    wanted = select(table.sealed, table.until).where(table.space == space, table.digest == _digest(site, space, key))
    row = connection.execute(wanted).first()
    if row is None:
        return None
    return Kept(unseal(site.own_key, bytes(row.sealed), f"kept {space}").decode(), optional_moment(row.until))


def _put(tx: Transaction, asked: Sequence[tuple[str, str, Kept]]) -> list[None]:
    """The last of a batch stands."""
    rows = {
        (space, _digest(tx.site, space, key)): {
            "space": space,
            "digest": _digest(tx.site, space, key),
            "sealed": seal(tx.site.own_key, kept.text.encode(), f"kept {space}"),
            "until": optional_micros(kept.until),
        }
        for space, key, kept in asked
    }
    same = tuple_(KEPT_RESULTS.c.space, KEPT_RESULTS.c.digest).in_(list(rows))
    tx.connection.execute(delete_rows(KEPT_RESULTS).where(same))
    tx.insert(KEPT_RESULTS, list(rows.values()))
    return [None] * len(asked)


def _alter(tx: Transaction, asked: Sequence[tuple[str, str, Change]]) -> list[None]:
    for space, key, change in asked:
        made = change(_get(tx.connection, tx.site, space, key))
        if made is not None:
            _put(tx, [(space, key, made)])
    return [None] * len(asked)


def _digest(site: SiteKey, space: str, key: str) -> bytes:
    return site.pseudonym(f"kept {space}", key)
