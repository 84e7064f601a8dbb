"""Codes that are sent to a phone or a mailbox: six digits, ten minutes, five tries, and not too many of them.

What is kept is a keyed digest: who has the database, and not the site key, cannot try the million codes there are. The
functions are parts of a transaction of the caller's; a wrong try is an answer, not an error, so that it counts.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, delete, select, update

from kycrisk.randomness import random_bytes
from kycrisk.store.moments import micros, moment
from kycrisk.store.sealing import SiteKey
from kycrisk.store.secrets_schema import CODES
from kycrisk.store.transaction import Transaction

Random = Callable[[int], bytes]
_C = CODES.c


class Channel(StrEnum):
    """What a code proves that somebody has."""

    PHONE = "phone"
    EMAIL = "email"


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeTerms:
    """How codes are handed out. `hourly` is for one case, `daily` for one number or address whichever case asks."""

    lifetime: timedelta = timedelta(minutes=10)
    tries: int = 5
    pause: timedelta = timedelta(seconds=60)
    hourly: int = 5
    daily: int = 10


TERMS = CodeTerms()


@dataclass(frozen=True, slots=True)
class NewCode:
    """A code to be sent now, and shown nowhere else."""

    text: str = field(repr=False)
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class NotYet:
    """No code is sent: there were too many, or the last is too young. `until`: when the next one may be asked for."""

    until: datetime


class Checked(StrEnum):
    """What came of entering a code."""

    RIGHT = "right"
    WRONG = "wrong"
    EXPIRED = "expired"
    TOO_OFTEN = "too_often"  # tried too often: a new code must be sent
    NONE = "none"  # no code was sent there, or it was used


@dataclass(frozen=True, slots=True)
class Try:
    """`left`: how many tries this code has still."""

    checked: Checked
    left: int = 0


def issue(
    tx: Transaction,
    subject: str,
    channel: Channel,
    destination: str,
    terms: CodeTerms = TERMS,
    random: Random = random_bytes,
) -> NewCode | NotYet:
    """Make a code for a case (`subject`) and a number or address in its normal form. An earlier code ends by it."""
    where = _where(tx.site, channel, destination)
    mine = (_C.subject == subject) & (_C.channel == channel.value)
    waits = [
        _room(tx, mine, terms.pause, 1),
        _room(tx, mine, timedelta(hours=1), terms.hourly),
        _room(tx, _C.destination == where, timedelta(days=1), terms.daily),
    ]
    until = max((each for each in waits if each is not None), default=None)
    if until is not None:
        return NotYet(until)
    text, salt = six_digits(random), random(16)
    expires = tx.now + terms.lifetime
    tx.connection.execute(update(CODES).where(mine, _C.ended_at.is_(None)).values(ended_at=tx.at))
    row = {
        "subject": subject,
        "channel": channel.value,
        "destination": where,
        "salt": salt,
        "digest": _digest(tx.site, salt, text),
        "sent_at": tx.at,
        "expires_at": micros(expires),
        "tries": 0,
    }
    tx.connection.execute(CODES.insert().values(**row))
    return NewCode(text, expires)


def check(
    tx: Transaction, subject: str, channel: Channel, destination: str, entered: str, terms: CodeTerms = TERMS
) -> Try:
    """Judge what somebody entered; blanks and hyphens do not count. A right code is used up."""
    row = _last(tx.connection, tx.site, subject, channel, destination)
    if row is None or (row.ended_at is not None and row.tries < terms.tries):
        return Try(Checked.NONE)
    if row.tries >= terms.tries:
        return Try(Checked.TOO_OFTEN)
    if tx.at >= row.expires_at:
        return Try(Checked.EXPIRED)
    given = "".join(letter for letter in entered[:40] if letter not in " -\u00a0\u2009\u202f")
    right = hmac.compare_digest(_digest(tx.site, bytes(row.salt), given), bytes(row.digest))
    tries = row.tries + 1
    over = right or tries >= terms.tries
    values: dict[str, Any] = {"tries": tries, "ended_at": tx.at if over else None, "right_at": tx.at if right else None}
    if right:  # what it was tried before does not make a right code one that was tried too often
        values["tries"] = min(tries, terms.tries - 1)
    tx.connection.execute(update(CODES).where(_C.id == row.id).values(**values))
    if right:
        return Try(Checked.RIGHT)
    return Try(Checked.WRONG, terms.tries - tries) if tries < terms.tries else Try(Checked.TOO_OFTEN)


def forget_codes(tx: Transaction, before: datetime) -> int:
    """Delete codes that were over before a moment, a day ago or more (limits count a day); how many."""
    if tx.now - before < timedelta(days=1):
        raise ValueError("codes of the last day count for the limits")
    return tx.connection.execute(delete(CODES).where(_C.expires_at < micros(before))).rowcount


def erase_codes(tx: Transaction, subject: str) -> None:
    """Delete all codes of a case."""
    tx.connection.execute(delete(CODES).where(_C.subject == subject))


def six_digits(random: Random) -> str:
    """A number from 000000 to 999999, each as likely as any other."""
    while True:
        drawn = int.from_bytes(random(4), "big")
        if drawn < 4_294_000_000:  # the largest multiple of a million: above it, low numbers would come more often
            return f"{drawn % 1_000_000:06d}"


def _last(connection: Connection, site: SiteKey, subject: str, channel: Channel, destination: str) -> Row[Any] | None:
    """The last code of a case and channel, where it went to this destination: an older one is over."""
    mine = (_C.subject == subject) & (_C.channel == channel.value)
    row = connection.execute(select(CODES).where(mine).order_by(_C.id.desc()).limit(1)).first()
    return row if row is not None and bytes(row.destination) == _where(site, channel, destination) else None


def _room(tx: Transaction, which: Any, span: timedelta, most: int) -> datetime | None:
    """When one more fits into a span of time; None: now."""
    since = micros(tx.now - span)
    wanted = select(_C.sent_at).where(which, _C.sent_at > since).order_by(_C.sent_at.desc()).offset(most - 1).limit(1)
    found = tx.connection.execute(wanted).scalar()
    return None if found is None else moment(found) + span


def _where(site: SiteKey, channel: Channel, destination: str) -> bytes:
    return site.pseudonym(f"code {channel.value}", destination)


def _digest(site: SiteKey, salt: bytes, text: str) -> bytes:
    return site.pseudonym(f"code digits {salt.hex()}", text)
