"""What the store knows of verification cases when an account is exported or erased, or cases are past their time.

An export opens what is sealed under the account's key; pictures are named in it, and handed out by the vault. An
erasure closes cases, lifts what they hold back, deletes what was entered and said, and destroys the keys of the
pictures. What stays is a stub: that there was a case, when, under which procedure, and how it ended.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, Table, delete, select, update

from kycrisk.decision_json import moment_text
from kycrisk.store.case_schema import (
    CASE_ACCESSES,
    CASE_ACTIONS,
    CASE_ATTEMPTS,
    CASE_CONSENTS,
    CASE_DATA,
    CASE_DISCLOSURES,
    CASE_DOCUMENTS,
    CASE_HOLDS,
    CASE_RESULTS,
    CASE_REVIEWS,
    CASE_STEPS,
    CASE_TRIGGERS,
    CASES,
)
from kycrisk.store.failure import Conflict
from kycrisk.store.moments import moment
from kycrisk.store.schema import ACCOUNT_KEYS
from kycrisk.store.sealing import SiteKey, unseal
from kycrisk.store.secrets_schema import CODES, TOKENS, VAULT_FILES
from kycrisk.store.transaction import Transaction

#: Tables of what hangs on a case, children first.
_BELOW: tuple[Table, ...] = (
    CASE_ACCESSES, CASE_ACTIONS, CASE_ATTEMPTS, CASE_CONSENTS, CASE_DATA, CASE_DOCUMENTS, CASE_HOLDS, CASE_RESULTS,
    CASE_REVIEWS, CASE_STEPS, CASE_TRIGGERS,
)  # fmt: skip
#: What is deleted of an erased account's cases: what the person entered, showed and heard.
_PERSONAL: tuple[Table, ...] = (CASE_DATA, CASE_REVIEWS, CASE_RESULTS, CASE_DOCUMENTS)
#: What operators can do when an erasure would leave something behind that only the account's name leads to.
LET_GO = (
    "try again when it answers: what is held back is let go first, where `verification.panel` is set. "
    "Or see to it there by hand, and erase with `--leave`, over HTTP with `leave: true`"
)
_ENDED = ("verified", "rejected", "closed")
_MOMENTS = frozenset({"opened_at", "deadline_at", "submitted_at", "decided_at", "verified_until", "document_expires"})
_TOLD = ("policy", "policy_version", "level", "subject_type", "mode", "opened_for", "state", "version", "attempts")


def case_ids(connection: Connection, account: int) -> list[str]:
    """The cases of an account, the oldest first: also what audit rows about them name."""
    wanted = select(CASES.c.id).where(CASES.c.account == account).order_by(CASES.c.opened_at, CASES.c.id)
    return list(connection.execute(wanted).scalars())


def cases_dict(connection: Connection, site: SiteKey, account: int) -> list[dict[str, Any]]:
    """All that is known of an account's cases, for its export."""
    wanted = select(CASES, ACCOUNT_KEYS.c.salt).outerjoin(ACCOUNT_KEYS, ACCOUNT_KEYS.c.id == CASES.c.key)
    rows = connection.execute(wanted.where(CASES.c.account == account).order_by(CASES.c.opened_at, CASES.c.id)).all()
    return [_case_dict(connection, site, row) for row in rows]


def disclosures_dict(connection: Connection, account: int) -> list[dict[str, Any]]:
    """To whom data of an account was given."""
    wanted = select(CASE_DISCLOSURES).where(CASE_DISCLOSURES.c.account == account).order_by(CASE_DISCLOSURES.c.id)
    return [
        {
            "at": moment_text(moment(row.at)),
            "recipient": row.recipient,
            "basis": row.basis,
            "fields": json.loads(row.fields),
            "by": row.by,
        }
        for row in connection.execute(wanted)
    ]


def held_at_panel(connection: Connection, account: int) -> tuple[str, ...]:
    """What the panel holds back of an account now, as far as it has told us."""
    at_panel = CASE_HOLDS.c.applied.is_not(None) & CASE_HOLDS.c.released_at.is_(None)
    held = select(CASE_HOLDS.c.kind).where(CASE_HOLDS.c.account == account, at_panel)
    return tuple(sorted(set(connection.execute(held).scalars())))


def erase_cases(tx: Transaction, account: int, *, leave: bool = False) -> list[str]:
    """Erase what is personal about an account's cases, and close them; their ids.

    Raises `Conflict` while the panel holds something back, unless it is to be left there: without the account's name
    nobody could let it go.
    """
    ids = case_ids(tx.connection, account)
    if not ids:
        return ids
    kinds = held_at_panel(tx.connection, account)
    if kinds and not leave:
        message = f"the panel holds back {', '.join(kinds)} of this account, and knows it by its name only"
        raise Conflict(message, LET_GO)
    for table in _PERSONAL:
        tx.connection.execute(delete(table).where(table.c["case"].in_(ids)))
    _forget_secrets(tx, ids)
    tx.connection.execute(update(CASE_CONSENTS).where(CASE_CONSENTS.c.case.in_(ids)).values(address=None))
    open_ = (CASE_HOLDS.c.account == account) & CASE_HOLDS.c.lifted_at.is_(None)
    tx.connection.execute(update(CASE_HOLDS).where(open_).values(lifted_at=tx.at, lifted_by="erasure"))
    gone = {
        "state": "closed", "version": CASES.c.version + 1, "current_for": None, "entered_at": tx.at,
        "sealed_ticket": None, "snapshot": None, "due_at": None, "review_by": None, "verified_until": None,
    }  # fmt: skip
    tx.connection.execute(update(CASES).where(CASES.c.id.in_(ids)).values(**gone))
    for id_ in ids:
        tx.audit("erasure", "case.erased", id_)
    return ids


def delete_cases(tx: Transaction, before: int, limit: int) -> int:
    """Delete cases that ended before a moment, with all that hangs on them; how many. What still holds back stays."""
    held = select(CASE_HOLDS.c.case).where(CASE_HOLDS.c.lifted_at.is_(None))
    table = CASES.c
    old = table.state.in_(_ENDED) & (table.entered_at < before) & table.due_at.is_(None) & table.id.not_in(held)
    ids = list(tx.connection.execute(select(table.id).where(old).order_by(table.entered_at).limit(limit)).scalars())
    if ids:
        delete_with_all(tx, ids)
    return len(ids)


def delete_with_all(tx: Transaction, ids: Sequence[str]) -> None:
    """Delete cases and all that hangs on them."""
    _forget_secrets(tx, ids)
    for below in _BELOW:
        tx.connection.execute(delete(below).where(below.c["case"].in_(ids)))
    tx.connection.execute(delete(CASES).where(CASES.c.id.in_(ids)))


def _forget_secrets(tx: Transaction, ids: Sequence[str]) -> None:
    tx.connection.execute(delete(TOKENS).where(TOKENS.c.subject.in_(ids)))
    tx.connection.execute(delete(CODES).where(CODES.c.subject.in_(ids)))
    mine = VAULT_FILES.c.case.in_(ids) & VAULT_FILES.c.wrapped.is_not(None)
    tx.connection.execute(update(VAULT_FILES).where(mine).values(wrapped=None, destroyed_at=tx.at))


def _case_dict(connection: Connection, site: SiteKey, row: Row[Any]) -> dict[str, Any]:
    key = None if row.salt is None else site.account_key(bytes(row.salt))

    def opened(what: str, sealed: Any) -> str:
        return "" if key is None or sealed is None else unseal(key, bytes(sealed), f"{row.id} {what}").decode()

    def below(table: Table) -> list[Any]:
        return list(connection.execute(select(table).where(table.c["case"] == row.id)))

    return {
        "id": row.id,
        **{name: getattr(row, name) for name in _TOLD},
        **{name: _moment(getattr(row, name)) for name in sorted(_MOMENTS)},
        "reasons": json.loads(row.reasons),
        "ticket": opened("ticket", row.sealed_ticket),
        "triggers": [{"trigger": each.trigger, "at": _moment(each.at)} for each in below(CASE_TRIGGERS)],
        "consents": [
            {
                "kind": each.kind,
                "text_version": each.text_version,
                "given_at": _moment(each.given_at),
                "withdrawn_at": _moment(each.withdrawn_at),
            }
            for each in below(CASE_CONSENTS)
        ],
        "entries": {each.kind: json.loads(opened(each.kind, each.sealed) or "null") for each in below(CASE_DATA)},
        "documents": [
            {name: getattr(each, name) for name in ("category", "type", "side", "state")} | {"at": _moment(each.at)}
            for each in below(CASE_DOCUMENTS)
        ],
        "attempts_made": [
            {"provider": each.provider, "reference": each.reference, "state": each.state, "at": _moment(each.begun_at)}
            for each in below(CASE_ATTEMPTS)
        ],
        "results": [{"check": each.check, "result": each.result} for each in below(CASE_RESULTS)],
        "reviews": [
            {
                "verdict": each.verdict,
                "reasons": json.loads(each.reasons),
                "comment": opened("comment", each.sealed_comment),
                "at": _moment(each.at),
            }
            for each in below(CASE_REVIEWS)
        ],
        "holds": [
            {"kind": each.kind, "cause": each.cause, "since": _moment(each.since), "lifted_at": _moment(each.lifted_at)}
            for each in below(CASE_HOLDS)
        ],
        "accesses": [{"what": each.what, "by": each.by, "at": _moment(each.at)} for each in below(CASE_ACCESSES)],
    }


def _moment(at: int | None) -> str | None:
    return None if at is None else moment_text(moment(at))
