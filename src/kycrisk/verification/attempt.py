"""Attempts with an identity provider, and the inbox of what providers say about them.

An event is heard once, by its key. A final result beats one that is not, in whatever order they arrive, and a session
that expires ends the attempt and not the case.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select, update

from kycrisk.store.case_schema import CASE_ATTEMPTS, CASE_INBOX
from kycrisk.store.moments import micros, moment, optional_moment
from kycrisk.store.transaction import Transaction
from kycrisk.verification.case import Case, find_case
from kycrisk.verification.feedback import give
from kycrisk.verification.filling import add_result, reset_steps
from kycrisk.verification.ledger import record
from kycrisk.verification.move import happen
from kycrisk.verification.policy import Policy
from kycrisk.verification.providers.manual import NAME as PEOPLE
from kycrisk.verification.providers.provider import Event
from kycrisk.verification.refusal import NotNow
from kycrisk.verification.site import Site
from kycrisk.verification.state import Happening, State

#: When nothing was heard of an attempt for so long, the provider is asked, once.
STALE_AFTER = timedelta(hours=2)

_HAPPENS: Mapping[str, Happening] = {
    "submitted": Happening.SUBMIT,
    "reviewing": Happening.UNDECIDED,
    "needs_review": Happening.UNDECIDED,
    "approved": Happening.APPROVED,
    "retry": Happening.SENT_BACK,
    "denied": Happening.SENT_BACK,
    "revoked": Happening.REVOKED,
}
_ONLY_FINAL = ("approved", "retry", "denied", "revoked")
_SETTLED = ("approved", "retry", "denied", "revoked", "session_expired")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a provider says of an attempt. `key` is the same for what is said twice; `reference` is the provider's."""

    provider: str
    key: str
    reference: str
    outcome: str
    final: bool
    reasons: tuple[str, ...] = ()
    document_expiry: date | None = None
    matched: Mapping[str, bool] = field(default_factory=dict)
    by: str = ""  # the person on our side who said it


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of it: `moved`, `noted`, `repeated`, `unknown`, `late` or `superseded`; and the case it was about."""

    effect: str
    case: Case | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """An attempt with a provider, in the words of the provider port."""

    id: int
    case: str
    provider: str
    reference: str
    state: str
    final: bool
    reasons: tuple[str, ...]
    begun_at: datetime
    heard_at: datetime
    ask_at: datetime | None
    ended_at: datetime | None


def attempt_of(row: Row[Any]) -> Attempt:
    return Attempt(
        id=row.id,
        case=row.case,
        provider=row.provider,
        reference=row.reference,
        state=row.state,
        final=row.final,
        reasons=tuple(json.loads(row.reasons)),
        begun_at=moment(row.begun_at),
        heard_at=moment(row.heard_at),
        ask_at=optional_moment(row.ask_at),
        ended_at=optional_moment(row.ended_at),
    )


def attempts_of(connection: Connection, case_id: str) -> tuple[Attempt, ...]:
    """The attempts of a case, the oldest first."""
    wanted = select(CASE_ATTEMPTS).where(CASE_ATTEMPTS.c.case == case_id).order_by(CASE_ATTEMPTS.c.id)
    return tuple(map(attempt_of, connection.execute(wanted)))


def attempt_by(connection: Connection, provider: str, reference: str) -> Attempt | None:
    """The attempt that a provider knows by a reference."""
    table = CASE_ATTEMPTS.c
    wanted = select(CASE_ATTEMPTS).where(table.provider == provider, table.reference == reference)
    row = connection.execute(wanted).first()
    return None if row is None else attempt_of(row)


def stale_attempts(connection: Connection, now: datetime, limit: int) -> tuple[Attempt, ...]:
    """Attempts whose provider is to be asked, as nothing was heard of them."""
    wanted = select(CASE_ATTEMPTS).where(CASE_ATTEMPTS.c.ask_at <= micros(now)).order_by(CASE_ATTEMPTS.c.ask_at)
    return tuple(map(attempt_of, connection.execute(wanted.limit(limit))))


def begin_attempt(tx: Transaction, case_id: str, provider: str, reference: str) -> Attempt:
    """Write down an attempt that was made at a provider. Raises `NotNow`."""
    case = find_case(tx.connection, case_id)
    if not case.state.takes_entries:
        raise NotNow(f"the case is `{case.state}`, and takes no attempt now")
    return _begun(tx, case, provider, reference, "customer")


def attempt_with_people(tx: Transaction, case: Case, by: str) -> Attempt:
    """The attempt that people on our side decide now: the one that is open, or a new one, as when a provider has found
    something suspicious, or the customer disputes."""
    made = attempts_of(tx.connection, case.id)
    for each in reversed(made):
        if each.provider == PEOPLE and each.ended_at is None:
            return each
    return _begun(tx, case, PEOPLE, reference_of(case.id, made), by)


def reference_of(case_id: str, made: Sequence[Attempt]) -> str:
    """Our own reference of the next attempt of a case."""
    return f"{case_id}-{len(made) + 1}"


def _begun(tx: Transaction, case: Case, provider: str, reference: str, actor: str) -> Attempt:
    added = CASE_ATTEMPTS.insert().values(
        case=case.id, provider=provider, reference=reference, state="created", final=False, reasons="[]",
        begun_at=tx.at, heard_at=tx.at, ask_at=micros(tx.now + STALE_AFTER),
    )  # fmt: skip
    row = tx.connection.execute(added.returning(CASE_ATTEMPTS)).one()
    tx.audit(actor, "attempt.begun", case.id, {"provider": provider, "attempt": row.id})
    return attempt_of(row)


def asked(tx: Transaction, attempt_id: int) -> None:
    """The provider was asked about a stale attempt: it is asked once."""
    tx.connection.execute(update(CASE_ATTEMPTS).where(CASE_ATTEMPTS.c.id == attempt_id).values(ask_at=None))


def hear(tx: Transaction, site: Site, told: Told) -> Heard:
    """Follow what a provider says, once. What is unknown, late or about an erased case changes nothing."""
    digest = hashlib.sha256(told.key.encode()).digest()
    where = (CASE_INBOX.c.provider == told.provider) & (CASE_INBOX.c.event == digest)
    if tx.connection.execute(select(CASE_INBOX.c.effect).where(where)).first() is not None:
        return Heard("repeated")
    heard = _heard(tx, site, told)
    row = {
        "provider": told.provider,
        "event": digest,
        "received_at": tx.at,
        "outcome": told.outcome,
        "effect": heard.effect,
    }
    tx.insert(CASE_INBOX, [row])
    return heard


def _heard(tx: Transaction, site: Site, told: Told) -> Heard:
    attempt = attempt_by(tx.connection, told.provider, told.reference)
    if attempt is None:
        return Heard("unknown")
    case = find_case(tx.connection, attempt.case)
    if case.state is State.CLOSED:  # nothing more is written down about whoever withdrew or was erased
        return Heard("noted", case)
    if attempt.final and told.outcome != "revoked":
        return Heard("late", case)
    if not told.final and told.outcome in _ONLY_FINAL:
        return Heard("noted", case)
    _note(tx, attempt, told)
    newest = attempts_of(tx.connection, case.id)[-1]
    if newest.id != attempt.id and told.outcome not in ("approved", "revoked"):
        return Heard("superseded", case)
    for name, agrees in told.matched.items():
        add_result(tx, case, f"match.{name}", "passed" if agrees else "failed", "", told.provider)
    return _followed(tx, site, case, told)


def _abandoned(tx: Transaction, case: Case, policy: Policy) -> Heard:
    """A session that ended after the case was handed in: nothing will come of it, so the customer has to try again."""
    move = happen(case, Happening.SENT_BACK, policy, tx.now, actor="clock", reasons=("ABANDONED",))
    assert move is not None, "what is submitted can be sent back"
    record(tx, [move])
    return Heard("moved", move.after)


def _note(tx: Transaction, attempt: Attempt, told: Told) -> None:
    settled = told.final and told.outcome in _SETTLED
    values: dict[str, object] = {
        "state": told.outcome,
        "final": attempt.final or (settled and told.outcome != "session_expired"),
        "reasons": json.dumps(list(told.reasons)),
        "heard_at": tx.at,
        "ask_at": None if settled else micros(tx.now + STALE_AFTER),
    }
    if settled or told.outcome == "session_expired":
        values |= {"ended_at": tx.at, "ask_at": None}
    tx.connection.execute(update(CASE_ATTEMPTS).where(CASE_ATTEMPTS.c.id == attempt.id).values(**values))


def _followed(tx: Transaction, site: Site, case: Case, told: Told) -> Heard:
    happening = _HAPPENS.get(told.outcome)
    policy = site.policy_of(case)
    if told.outcome == "session_expired" and case.state is State.SUBMITTED:
        return _abandoned(tx, case, policy)
    denied_by_people = told.outcome == "denied" and told.provider == PEOPLE
    if happening is Happening.SENT_BACK and (denied_by_people or case.attempts >= policy.attempts):
        happening = Happening.REFUSED  # what a person denies is not tried again
    if happening is None:
        return Heard("noted", case)
    expires = None
    if told.document_expiry is not None:
        expires = datetime.combine(told.document_expiry, time(), UTC)
    move = happen(
        case,
        happening,
        policy,
        tx.now,
        actor=told.by or f"provider {told.provider}",
        reasons=told.reasons,
        document_expires=expires,
    )
    if move is None:
        return Heard("noted", case)
    record(tx, [move])
    if move.after.state is State.NEEDS_RESUBMISSION:
        reset_steps(tx, move.after, policy)
    give(tx, site, move.after, policy)
    return Heard("moved", move.after)


def told_of(provider: str, event: Event) -> Told:
    """What a provider says, as cases hear it."""
    return Told(
        provider=provider,
        key=event.key,
        reference=event.ref,
        outcome=event.outcome.value,
        final=event.final,
        reasons=tuple(map(str, event.reasons)),
        document_expiry=event.document_expiry,
        matched=event.matched,
    )
