"""The vault: pictures at rest, each sealed (AES-256-GCM) under a key of its own, which a master key wraps.

The file lies on the disk, its wrapped key in the database, the master key in a file of its own: who has one or two of
them sees nothing. A picture opens only as what it was put in as: case, file and media type are part of the seal. To
destroy a key erases the picture, in every copy of the disk; to delete the file then only makes room.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, select, update

from kycrisk.randomness import random_bytes
from kycrisk.store.failure import Conflict, Erased, NotFound, WrongSiteKey
from kycrisk.store.moments import moment, optional_moment
from kycrisk.store.sealing import KEY_BYTES, seal, unseal
from kycrisk.store.secrets_schema import VAULT_FILES
from kycrisk.store.store import Store
from kycrisk.store.transaction import Transaction
from kycrisk.verification.master_keys import MasterKeys
from kycrisk.verification.vault_folder import FileMissing, VaultFolder

_C = VAULT_FILES.c
_AT_ONCE = 200
_LEAST = 28  # bytes of a nonce and a seal
#: A file without a row may be one whose transaction is still under way; after so long it is one that failed.
ORPHAN_AFTER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class SealedFile:
    """A picture that is on the disk and not in the database yet. `keep` makes it count; else it is swept away."""

    id: str
    case: str
    media_type: str
    size: int
    master: str
    wrapped: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class VaultFile:
    """What is known of a picture without opening it."""

    id: str
    case: str
    media_type: str
    size: int
    created_at: datetime
    destroyed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Picture:
    """An opened picture."""

    media_type: str
    content: bytes = field(repr=False)


class Vault:
    """The pictures of a site. Sealing and the disk happen in threads."""

    def __init__(
        self,
        store: Store,
        folder: VaultFolder,
        masters: MasterKeys,
        random: Callable[[int], bytes] = random_bytes,
    ) -> None:
        self._store, self._folder, self._masters, self._random = store, folder, masters, random

    async def seal(self, case: str, content: bytes, media_type: str) -> SealedFile:
        """Seal a picture and write it to the disk. Raises `OSError` when the disk does not take it."""
        return await asyncio.to_thread(self._seal, case, content, media_type)

    async def put(self, case: str, content: bytes, media_type: str) -> VaultFile:
        """Seal, write and keep a picture, all at once."""
        file = await self.seal(case, content, media_type)
        return await self._store.write(lambda tx: keep(tx, file))

    async def view(self, id_: str, *, case: str, by: str, why: str) -> Picture:
        """Open a picture of a case for somebody. That they looked is in the audit log before they see anything.

        Raises `NotFound`, `Erased`, and `VaultDamaged` when the file is missing, changed, or another's.
        """
        row = await self._store.write(lambda tx: _noted(tx, id_, case, by, why))
        return await asyncio.to_thread(self._open, row)

    async def contents(self, case: str, ids: Sequence[str]) -> tuple[bytes, ...]:
        """Pictures of a case for the program to compare: nobody sees them, so it is written down nowhere. Those that
        were erased, or do not open, are left out."""
        rows = await self._store.read(_present, case, ids) if ids else ()
        return await asyncio.to_thread(lambda: tuple(found for row in rows for found in self._tried(row)))

    async def files(self, case: str) -> tuple[VaultFile, ...]:
        """The pictures of a case, the oldest first, destroyed ones too while their files are there."""
        return await self._store.read(_files, case)

    async def erase(self, case: str, *, by: str) -> int:
        """Destroy the keys of a case now, and delete its files; how many."""
        count = await self._store.write(lambda tx: destroy(tx, case, by=by))
        await asyncio.to_thread(self._store.database.scrub)
        await self.sweep()
        return count

    async def sweep(self) -> int:
        """Delete files whose keys are destroyed, and files that never came into the database; how many."""
        deleted = 0
        while ids := await self._store.read(_destroyed):
            await asyncio.to_thread(self._folder.delete, ids)
            await self._store.write(lambda tx, ids=ids: _forget(tx, ids))  # type: ignore[misc]
            deleted += len(ids)
        now = await self._store.write(lambda tx: tx.now)
        strays = await asyncio.to_thread(self._folder.older_than, now - ORPHAN_AFTER)
        for start in range(0, len(strays), _AT_ONCE):
            some = strays[start : start + _AT_ONCE]
            known = await self._store.read(_known, some)
            unknown = [each for each in some if each not in known]
            await asyncio.to_thread(self._folder.delete, unknown)
            deleted += len(unknown)
        return deleted

    async def rewrap(self) -> int:
        """Wrap every key by the current master key, so that older ones can be taken away; how many. Files stay."""
        total = 0
        while count := await self._store.write(self._rewrap):
            total += count
        return total

    def _seal(self, case: str, content: bytes, media_type: str) -> SealedFile:
        id_, key = f"file_{self._random(16).hex()}", self._random(KEY_BYTES)
        self._folder.write(id_, seal(key, content, _context(id_, case, media_type)))
        wrapped = self._masters.wrap(key, _context(id_, case, "key"))
        return SealedFile(id_, case, media_type, len(content), self._masters.current, wrapped)

    def _open(self, row: Row[Any]) -> Picture:
        try:
            key = self._masters.unwrap(row.master, bytes(row.wrapped), _context(row.id, row.case, "key"))
            sealed = self._folder.read(row.id)
            if len(sealed) < _LEAST:
                raise WrongSiteKey("cut off")
            content = unseal(key, sealed, _context(row.id, row.case, row.media_type))
        except FileMissing:
            raise VaultDamaged(f"the file `{row.id}` is missing", "restore the folder of the vault") from None
        except WrongSiteKey:
            help_ = "restore the folder of the vault, or the master key that it was written with"
            raise VaultDamaged(f"the file `{row.id}` does not open", help_) from None
        return Picture(row.media_type, content)

    def _tried(self, row: Row[Any]) -> Iterator[bytes]:
        with suppress(VaultDamaged):
            yield self._open(row).content

    def _rewrap(self, tx: Transaction) -> int:
        old = (_C.master != self._masters.current) & _C.wrapped.is_not(None)
        rows = tx.connection.execute(select(VAULT_FILES).where(old).limit(_AT_ONCE)).all()
        for row in rows:
            context = _context(row.id, row.case, "key")
            key = self._masters.unwrap(row.master, bytes(row.wrapped), context)
            values = {"master": self._masters.current, "wrapped": self._masters.wrap(key, context)}
            tx.connection.execute(update(VAULT_FILES).where(_C.id == row.id).values(**values))
        if rows:
            tx.audit("vault", "vault.rewrapped", f"master key {self._masters.current}", {"count": len(rows)})
        return len(rows)


class VaultDamaged(Conflict):
    """A picture that should be there cannot be opened."""


def keep(tx: Transaction, file: SealedFile) -> VaultFile:
    """Make a sealed file count, in a transaction of the caller's."""
    row = {
        "id": file.id,
        "case": file.case,
        "media_type": file.media_type,
        "size": file.size,
        "created_at": tx.at,
        "master": file.master,
        "wrapped": file.wrapped,
    }
    tx.insert(VAULT_FILES, [row])
    return VaultFile(file.id, file.case, file.media_type, file.size, moment(tx.at), None)


def destroy(tx: Transaction, case: str, *, by: str) -> int:
    """Destroy the keys of a case's pictures: from the commit on nobody can open them. How many.

    The files are deleted by the next `sweep`.
    """
    mine = (_C.case == case) & _C.wrapped.is_not(None)
    count = tx.connection.execute(update(VAULT_FILES).where(mine).values(wrapped=None, destroyed_at=tx.at)).rowcount
    if count:
        tx.audit(by, "vault.destroyed", f"case {case}", {"count": count})
    return count


def _noted(tx: Transaction, id_: str, case: str, by: str, why: str) -> Row[Any]:
    row = tx.connection.execute(select(VAULT_FILES).where(_C.id == id_, _C.case == case)).first()
    if row is None:
        raise NotFound(f"case `{case}` has no picture `{id_}`")
    if row.wrapped is None:
        raise Erased(f"the picture `{id_}` was erased")
    tx.audit(by, "vault.viewed", f"case {case}", {"file": id_, "why": why})
    return row


def _present(connection: Connection, case: str, ids: Sequence[str]) -> Sequence[Row[Any]]:
    wanted = select(VAULT_FILES).where(_C.case == case, _C.id.in_(ids), _C.wrapped.is_not(None))
    return connection.execute(wanted).all()


def _files(connection: Connection, case: str) -> tuple[VaultFile, ...]:
    rows = connection.execute(select(VAULT_FILES).where(_C.case == case).order_by(_C.created_at, _C.id))
    return tuple(
        VaultFile(
            row.id,
            row.case,
            row.media_type,
            row.size,
            moment(row.created_at),
            optional_moment(row.destroyed_at),
        )
        for row in rows
    )


def _destroyed(connection: Connection) -> list[str]:
    return list(connection.execute(select(_C.id).where(_C.wrapped.is_(None)).limit(_AT_ONCE)).scalars())


def _known(connection: Connection, ids: Sequence[str]) -> frozenset[str]:
    return frozenset(connection.execute(select(_C.id).where(_C.id.in_(ids))).scalars())


def _forget(tx: Transaction, ids: Sequence[str]) -> None:
    tx.connection.execute(delete(VAULT_FILES).where(_C.id.in_(ids), _C.wrapped.is_(None)))


def _context(id_: str, case: str, what: str) -> str:
    return json.dumps(["kycrisk vault", case, id_, what])
