"""Tokens in links and cookies: for one purpose, for one case, for a time, and kept as digests only.

A link in a letter or ticket (`link`) lives as long as its case and can be opened again and again; opening it gives a
`page` token, which the browser keeps for hours. To go on at a second device, the first shows a `hand_off` token, which
works once. Opening a page must not use a token up: mail scanners and previews open links, too. So a GET only looks
(`look`), and what the visitor then does redeems (`redeem`).
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from sqlalchemy import Connection, delete, func, select, update

from kycrisk.randomness import random_bytes
from kycrisk.store.moments import micros, moment
from kycrisk.store.secrets_schema import TOKENS
from kycrisk.store.transaction import Transaction

Random = Callable[[int], bytes]
_C = TOKENS.c
_BYTES = 32
_TEXT = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


class Kind(StrEnum):
    """What a token is for; it is good for nothing else."""

    LINK = "link"  # in tickets and letters: begins a visit
    PAGE = "page"  # in the browser: is a visit
    HAND_OFF = "hand_off"  # as QR, e-mail, SMS or copied: goes on at another device
    MAILBOX = "mailbox"  # in a letter: proves a mailbox


@dataclass(frozen=True, slots=True)
class KindTerms:
    """How long a token lives where nothing else is said, at the most, and whether it works once only."""

    lifetime: timedelta
    longest: timedelta
    once: bool


KINDS: Mapping[Kind, KindTerms] = MappingProxyType(
    {
        Kind.LINK: KindTerms(timedelta(days=7), timedelta(days=400), once=False),
        Kind.PAGE: KindTerms(timedelta(hours=2), timedelta(hours=24), once=False),
        Kind.HAND_OFF: KindTerms(timedelta(minutes=15), timedelta(hours=1), once=True),
        Kind.MAILBOX: KindTerms(timedelta(hours=24), timedelta(days=7), once=True),
    }
)


class Refused(StrEnum):
    """Why a token is not taken."""

    UNKNOWN = "unknown"  # never issued, for another purpose, or forgotten
    EXPIRED = "expired"
    USED = "used"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Pass:
    """A token that is good: what it is for, and for which case."""

    kind: Kind
    subject: str
    expires_at: datetime


def issue_token(
    tx: Transaction,
    kind: Kind,
    subject: str,
    lifetime: timedelta | None = None,
    random: Random = random_bytes,
) -> str:
    """A new token for a case (`subject`): 43 letters that fit into an address. Raises `ValueError`."""
    terms = KINDS[kind]
    span = terms.lifetime if lifetime is None else lifetime
    if not timedelta(0) < span <= terms.longest:
        raise ValueError(f"a {kind.value} token lives longer than nothing and at most {terms.longest}")
    text = base64.urlsafe_b64encode(random(_BYTES)).rstrip(b"=").decode()
    row = {
        "digest": digest_of(text),
        "kind": kind.value,
        "subject": subject,
        "created_at": tx.at,
        "expires_at": micros(tx.now + span),
        "uses": 0,
    }
    tx.connection.execute(TOKENS.insert().values(**row))
    return text


def look(connection: Connection, kind: Kind, text: str, now: datetime) -> Pass | Refused:
    """Whether a token is good, without using it."""
    # The index compares digests of 256 random bits: what its time tells about one helps nobody to find another.
    row = connection.execute(select(TOKENS).where(_C.digest == digest_of(text))).first()
    if row is None or row.kind != kind.value or not _TEXT.fullmatch(text):
        return Refused.UNKNOWN
    if row.revoked_at is not None:
        return Refused.REVOKED
    if KINDS[kind].once and row.uses:
        return Refused.USED
    if micros(now) >= row.expires_at:
        return Refused.EXPIRED
    return Pass(kind, row.subject, moment(row.expires_at))


def redeem(tx: Transaction, kind: Kind, text: str) -> Pass | Refused:
    """Use a token: once, where its kind works once. Two who redeem at the same time come one after the other."""
    found = look(tx.connection, kind, text, tx.now)
    if isinstance(found, Pass):
        used = update(TOKENS).where(_C.digest == digest_of(text)).values(uses=_C.uses + 1, used_at=tx.at)
        tx.connection.execute(used)
    return found


def go_on(tx: Transaction, kind: Kind, text: str, random: Random = random_bytes) -> tuple[Pass, str] | Refused:
    """Redeem a link or a hand-off for a page token: a visit begins, or goes on at this device, of the same case."""
    found = redeem(tx, kind, text)
    return found if isinstance(found, Refused) else (found, issue_token(tx, Kind.PAGE, found.subject, random=random))


def revoke(tx: Transaction, subject: str, *kinds: Kind, but: str = "") -> int:
    """End the tokens of a case, of some kinds or all, but one of them; how many were in force."""
    mine = (_C.subject == subject) & _C.revoked_at.is_(None) & (_C.expires_at > tx.at)
    which = mine & _C.kind.in_([kind.value for kind in kinds]) if kinds else mine
    if but:
        which &= _C.digest != digest_of(but)
    return tx.connection.execute(update(TOKENS).where(which).values(revoked_at=tx.at)).rowcount


def revoke_token(tx: Transaction, text: str) -> bool:
    """End one token: somebody signs out. Whether it was in force."""
    mine = (_C.digest == digest_of(text)) & _C.revoked_at.is_(None)
    return tx.connection.execute(update(TOKENS).where(mine).values(revoked_at=tx.at)).rowcount > 0


def issued_since(connection: Connection, kind: Kind, subject: str, since: datetime) -> int:
    """How many tokens of a kind a case was given since a moment."""
    mine = (_C.subject == subject) & (_C.kind == kind.value) & (_C.created_at >= micros(since))
    return connection.execute(select(func.count()).select_from(TOKENS).where(mine)).scalar_one()


def forget_tokens(tx: Transaction, before: datetime) -> int:
    """Delete tokens that were over before a moment; how many. Whoever comes with one hears that it is unknown."""
    return tx.connection.execute(delete(TOKENS).where(_C.expires_at < micros(before))).rowcount


def digest_of(text: str) -> bytes:
    """What is kept of a token. There are 256 random bits in one, so nobody finds it by trying."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
