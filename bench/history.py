"""A long history out of a short one: stored decisions again, of other accounts at later moments.

What the store writes of a screening is written of each copy (account, key, signup, facts, decision, audit row), sealed
anew under a key of its own; judging and packing, which were done before, are saved. So a million decisions take minutes
and not an hour, and who reads them cannot tell them from others.
"""

from __future__ import annotations

import gc
import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Connection, Row, func, select

from kycrisk.store.accounts import KIND, open_account_id
from kycrisk.store.audit import DECISION_ADDED
from kycrisk.store.decisions import WITH_KEYS
from kycrisk.store.moments import micros, moment
from kycrisk.store.schema import ACCOUNT_KEYS, ACCOUNTS, DECISIONS, FACTS, SIGNUPS
from kycrisk.store.sealing import SiteKey, new_salt, seal, unseal
from kycrisk.store.store import Store
from kycrisk.store.transaction import Transaction
from kycrisk.value_json import moment_text

AT_ONCE = 20_000
EVERY = timedelta(seconds=10)

_COLUMNS = tuple(column.name for column in DECISIONS.columns)
_KEPT = _COLUMNS[_COLUMNS.index("outcome") : -1]  # the same in a copy: all but what names it, and what is sealed
_INDEX = next(each for each in FACTS.indexes if each.name == "ix_facts_digest_at_signup")


@dataclass(frozen=True, slots=True)
class _Original:
    """A stored decision: its packed JSON, the three texts in it that a copy has others for, and the columns."""

    id: str
    packed: bytes
    own: tuple[bytes, bytes, bytes]  # id, account, moment
    kept: tuple[Any, ...]
    facts: tuple[tuple[int, bytes], ...]

    def packed_for(self, id_: str, account_id: str, at: datetime) -> bytes:
        packed = self.packed
        for old, new in zip(self.own, (f'"{id_}"', f'"{account_id}"', moment_text(at)), strict=True):
            packed = packed.replace(old, new.encode())
        return packed


async def prolong(store: Store, site: SiteKey, count: int) -> Counter[str]:
    """Add `count` copies behind what is stored; how often each decision was copied, by its id.

    Decisions that were deflated, as the first ones of a shape are, are copied nowhere.
    """
    originals = await store.read(_originals, site)
    number, last = await store.read(_newest)
    copied: Counter[str] = Counter()
    await store.write(lambda tx: _INDEX.drop(tx.connection))
    with _uncollected():
        for start in range(0, count, AT_ONCE):
            chosen = [originals[each % len(originals)] for each in range(start, min(start + AT_ONCE, count))]
            await store.write(
                lambda tx, chosen=chosen, start=start: _copy(tx, chosen, number + start, last + EVERY * (start + 1))  # type: ignore[misc]
            )
            copied.update(each.id for each in chosen)
    await store.write(lambda tx: _INDEX.create(tx.connection))
    return copied


def name_of(number: int) -> tuple[str, str]:
    """The ids of the decision with a number, and of its account."""
    return f"dec_{number:032x}", f"bench-{number}"


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without the collector of cycles, which would look at everything for every few thousand rows."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _originals(connection: Connection, site: SiteKey) -> list[_Original]:
    facts: dict[int, list[tuple[int, bytes]]] = {}
    for row in connection.execute(select(FACTS)):
        facts.setdefault(row.signup, []).append((row.signal, bytes(row.digest)))
    found = [_original(row, site, facts.get(row.signup, [])) for row in connection.execute(WITH_KEYS)]
    return [each for each in found if all(each.packed.count(text) == 1 for text in each.own)]


def _original(row: Row[Any], site: SiteKey, facts: Sequence[tuple[int, bytes]]) -> _Original:
    account_id = open_account_id(row, site)
    assert account_id is not None
    return _Original(
        id=row.id,
        packed=unseal(site.account_key(bytes(row.salt)), bytes(row.sealed), f"decision {row.id}"),
        own=(f'"{row.id}"'.encode(), f'"{account_id}"'.encode(), moment_text(moment(row.decided_at)).encode()),
        kept=tuple(getattr(row, name) for name in _KEPT),
        facts=tuple(facts),
    )


def _newest(connection: Connection) -> tuple[int, datetime]:
    seq, at = connection.execute(select(func.max(DECISIONS.c.seq), func.max(DECISIONS.c.decided_at))).one()
    return int(seq), moment(at)


def _copy(tx: Transaction, originals: Sequence[_Original], first: int, begun: datetime) -> None:
    accounts, keys, signups, facts, decisions = [], [], [], [], []
    count = len(originals)
    ids = zip(*(tx.ids(name, count) for name in ("account", "key", "signup", "decision")), strict=True)
    for index, (each, (account, key, signup, seq)) in enumerate(zip(originals, ids, strict=True)):
        (id_, account_id), at = name_of(first + index), begun + EVERY * index
        pseudonym, salt, when = tx.site.pseudonym(KIND, account_id), new_salt(), micros(at)
        cipher, known_as = AESGCM(tx.site.account_key(salt)), pseudonym.hex()
        accounts.append((account, pseudonym, key, when))
        keys.append((key, account, salt, seal(cipher, account_id.encode(), f"account {known_as}")))
        signups.append((signup, account, key, when, when, seal(cipher, b"{}", f"signup {signup}")))
        facts += [(signup, signal, digest, when) for signal, digest in each.facts]
        sealed = seal(cipher, each.packed_for(id_, account_id, at), f"decision {id_}")
        decisions.append((seq, id_, account, key, signup, when, *each.kept, sealed))
        digest = hashlib.sha256(sealed).hexdigest()
        told = f'{{"account":"{known_as}","decided_at":{when},"sha256":"{digest}"}}'
        tx.audit_told("signup", DECISION_ADDED, id_, told)
    tx.add(ACCOUNTS, ("id", "pseudonym", "key", "created_at"), accounts)
    tx.add(ACCOUNT_KEYS, ("id", "account", "salt", "sealed_account_id"), keys)
    tx.add(SIGNUPS, ("id", "account", "key", "submitted_at", "registered_at", "sealed"), signups)
    tx.add(FACTS, ("signup", "signal", "digest", "at"), facts)
    tx.add(DECISIONS, _COLUMNS, decisions)
