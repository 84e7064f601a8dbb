"""Everything about one person: exported with a proof, or erased with one."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select, update

from kycrisk.decision_json import decision_from_json, moment_text
from kycrisk.signals import Value
from kycrisk.store.accounts import WITH_KEYS, find_row, open_account_id
from kycrisk.store.audit import AuditEntry, audit_entry
from kycrisk.store.bodies import Bodies
from kycrisk.store.case_records import case_ids, cases_dict, disclosures_dict, erase_cases
from kycrisk.store.database import Database
from kycrisk.store.decisions import StoredDecision, stored_decision
from kycrisk.store.decisions import rows_of as decision_rows
from kycrisk.store.erased_decision import erased_json
from kycrisk.store.exemptions import StoredExemption, exemptions_of, forget
from kycrisk.store.failure import Conflict, NotFound
from kycrisk.store.labels import StoredLabel, labels_of
from kycrisk.store.list_entries import StoredEntry, entries_of
from kycrisk.store.moments import moment
from kycrisk.store.reader import Reader
from kycrisk.store.rechecks import take_off
from kycrisk.store.schema import ACCOUNT_KEYS, ACCOUNTS, AUDIT, ERASED_DECISIONS, FACTS, SIGNUPS
from kycrisk.store.sealing import SiteKey
from kycrisk.store.signups import StoredSignup, stored_signup
from kycrisk.store.signups import rows_of as signup_rows
from kycrisk.store.transaction import Transaction
from kycrisk.store.velocity import digest
from kycrisk.store.writer import Writer

EXPORT_FORMAT = "kycrisk.export/1"
ERASURE_FORMAT = "kycrisk.erasure/1"
_NAMED = ("email.canonical", "phone.e164")


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalFile:
    """All that the store knows about one account."""

    number: int
    account_id: str
    pseudonym: str
    created_at: datetime
    signups: tuple[StoredSignup, ...]
    decisions: tuple[StoredDecision, ...]
    exemptions: tuple[StoredExemption, ...]
    list_entries: tuple[StoredEntry, ...]
    labels: tuple[StoredLabel, ...]
    audit: tuple[AuditEntry, ...]


@dataclass(frozen=True, slots=True)
class Proven:
    """A document (one line of JSON) and its seal under the site key; `PersonalData.proves` checks it years later."""

    document: str
    proof: str

    def text(self) -> str:
        """Both, as one JSON object on one line."""
        return f'{{"document":{self.document},"proof":"{self.proof}"}}'


@dataclass(frozen=True, slots=True)
class _Erasure:
    """What is asked for: see `PersonalData.erase`."""

    account_id: str
    by: str
    why: str
    left: tuple[str, ...]
    leave: bool


class PersonalData:
    """Exports and erasures. An account is named by its id; people by what they gave are found by `accounts_of`."""

    def __init__(self, writer: Writer, reader: Reader, site: SiteKey, bodies: Bodies, database: Database) -> None:
        self._writer, self._reader, self._site, self._bodies = writer, reader, site, bodies
        self._database = database

    async def accounts_of(self, signal: str, value: Value) -> tuple[str, ...]:
        """The accounts that ever signed up with a value of a counted signal (`email.canonical`); the oldest first.

        Found by the pseudonym of the value, so only within the time that facts are kept.
        """
        return await self._reader.read(_accounts_of, self._site, signal, value)

    async def export(self, account_id: str, by: str) -> Proven:
        """Everything about an account, with a proof. That it was exported is audited. Raises `NotFound`."""
        return await self._writer.write(self._export, (account_id, by))

    async def erase(
        self, account_id: str, by: str, why: str, *, left: Sequence[str] = (), leave: bool = False
    ) -> Proven:
        """Erase what is personal about an account; what stays is in docs/store.md. Raises `NotFound`, `Conflict`.

        `left` is what is left at others, for the document to name; `leave`: also what a panel holds back stays so.

        The document says what was erased and what the operator's lists still hold. On PostgreSQL the pages that held
        the key are overwritten by VACUUM, which this asks for; backups hold the key until they end.
        """
        erased = await self._writer.write(self._erase, _Erasure(account_id, by, why, tuple(left), leave))
        await asyncio.to_thread(self._database.scrub)
        return erased

    def proves(self, proven: Proven) -> bool:
        """Whether a document is one of this site's, unchanged."""
        return self._site.proves(proven.document.encode(), proven.proof)

    def _export(self, tx: Transaction, asked: Sequence[tuple[str, str]]) -> list[Proven]:
        return [self._export_one(tx, account_id, by) for account_id, by in asked]

    def _export_one(self, tx: Transaction, account_id: str, by: str) -> Proven:
        file = self._file(tx.connection, account_id)
        seq = tx.audit(by, "account.exported", f"account {file.pseudonym}")
        told = _export_dict(file, tx.now)
        told["cases"] = cases_dict(tx.connection, self._site, file.number)
        told["disclosures"] = disclosures_dict(tx.connection, file.number)
        told["audit_row"] = seq
        return self._proven(told)

    def _erase(self, tx: Transaction, asked: Sequence[_Erasure]) -> list[Proven]:
        return [self._erase_one(tx, each) for each in asked]

    def _erase_one(self, tx: Transaction, asked: _Erasure) -> Proven:
        by = asked.by
        file = self._file(tx.connection, asked.account_id)
        readable = [each for each in file.decisions if each.body is not None]
        kept = [
            {"seq": each.seq, "erased_at": tx.at, "text": erased_json(decision_from_json(each.body or b""), tx.site)}
            for each in readable
        ]
        tx.insert(ERASED_DECISIONS, kept)
        tx.connection.execute(update(SIGNUPS).where(SIGNUPS.c.account == file.number).values(sealed=None))
        forget(tx, file.exemptions, by)
        cases = erase_cases(tx, file.number, leave=asked.leave)
        take_off(tx, file.number)
        tx.connection.execute(delete(ACCOUNT_KEYS).where(ACCOUNT_KEYS.c.account == file.number))
        gone = update(ACCOUNTS).where(ACCOUNTS.c.id == file.number).values(key=None, erased_at=tx.at)
        tx.connection.execute(gone)
        told = _erasure_dict(file, readable, tx.now, by, asked.why)
        told["cases"] = cases
        told["left"] = list(asked.left)
        sealed = hashlib.sha256(_json(told).encode()).hexdigest()
        told["audit_row"] = tx.audit(by, "account.erased", f"account {file.pseudonym}", {"document": sealed})
        return self._proven(told)

    def _proven(self, told: dict[str, Any]) -> Proven:
        document = _json(told)
        return Proven(document, self._site.proof(document.encode()))

    def _file(self, connection: Connection, account_id: str) -> PersonalFile:
        site = self._site
        row = find_row(connection, site, account_id)
        if row is None:
            raise NotFound(f"there is no account `{account_id}`")
        if row.key is None:
            raise Conflict(f"account `{account_id}` was erased on {moment(row.erased_at).date()}")
        decisions = tuple(
            stored_decision(connection, each, site, self._bodies) for each in decision_rows(connection, row.id)
        )
        given = _given(decisions)
        subjects = [("account", account_id), *(("email", each) for each in given["email.canonical"])]
        pseudonym = bytes(row.pseudonym).hex()
        about = [f"account {pseudonym}", *(each.id for each in decisions), *case_ids(connection, row.id)]
        return PersonalFile(
            number=row.id,
            account_id=account_id,
            pseudonym=pseudonym,
            created_at=moment(row.created_at),
            signups=tuple(stored_signup(each, site) for each in signup_rows(connection, row.id)),
            decisions=decisions,
            exemptions=tuple(exemptions_of(connection, subjects)),
            list_entries=tuple(entries_of(connection, [account_id, *(v for values in given.values() for v in values)])),
            labels=tuple(labels_of(connection, site, row.id)),
            audit=_audit_about(connection, about),
        )


def _given(decisions: Sequence[StoredDecision]) -> dict[str, list[str]]:
    """What the person gave that lists and exemptions may name."""
    known = [each.decision().evidence.known for each in decisions if each.body is not None]
    return {
        name: list(dict.fromkeys(str(facts[name]) for facts in known if facts.get(name, "") != "")) for name in _NAMED
    }


def _audit_about(connection: Connection, subjects: list[str]) -> tuple[AuditEntry, ...]:
    found: list[AuditEntry] = []
    for start in range(0, len(subjects), 500):
        wanted = select(AUDIT).where(AUDIT.c.subject.in_(subjects[start : start + 500]))
        found += [audit_entry(row) for row in connection.execute(wanted)]
    return tuple(sorted(found, key=lambda each: each.seq))


def _accounts_of(connection: Connection, site: SiteKey, signal: str, value: Value) -> tuple[str, ...]:
    wanted = (
        WITH_KEYS.join(SIGNUPS, SIGNUPS.c.account == ACCOUNTS.c.id)
        .join(FACTS, FACTS.c.signup == SIGNUPS.c.id)
        .where(FACTS.c.digest == digest(site, signal, value))
        .order_by(ACCOUNTS.c.id)
        .distinct()
    )
    found = [open_account_id(row, site) for row in connection.execute(wanted)]
    return tuple(each for each in found if each is not None)


def _json(told: dict[str, Any]) -> str:
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def _export_dict(file: PersonalFile, now: datetime) -> dict[str, Any]:
    return {
        "format": EXPORT_FORMAT,
        "exported_at": moment_text(now),
        "account_id": file.account_id,
        "pseudonym": file.pseudonym,
        "created_at": moment_text(file.created_at),
        "signups": [
            {
                "id": each.id,
                "submitted_at": moment_text(each.submitted_at),
                "registered_at": moment_text(each.registered_at),
                "signup": None if each.raw is None else _parsed(each.raw),
            }
            for each in file.signups
        ],
        "decisions": [
            json.loads(each.body) if each.body is not None else json.loads(each.erased or "null")
            for each in file.decisions
        ],
        "exemptions": [_exemption_dict(each) for each in file.exemptions],
        "list_entries": [_entry_dict(each) for each in file.list_entries],
        "labels": [_label_dict(each) for each in file.labels],
        "audit": [_audit_dict(each) for each in file.audit],
    }


def _parsed(raw: bytes) -> object:
    try:
        return json.loads(raw)
    except ValueError:  # it came as something else than JSON
        return raw.decode("utf-8", "backslashreplace")


def _erasure_dict(
    file: PersonalFile, readable: Sequence[StoredDecision], now: datetime, by: str, why: str
) -> dict[str, Any]:
    return {
        "format": ERASURE_FORMAT,
        "erased_at": moment_text(now),
        "by": by,
        "why": why,
        "pseudonym": file.pseudonym,
        "signups": [each.id for each in file.signups],
        "decisions": {each.id: hashlib.sha256(each.body or b"").hexdigest() for each in readable},
        "exemptions": [each.id for each in file.exemptions],
        "labels": [{"id": each.id, "label": each.label, "source": each.source} for each in file.labels],
        "still_in_lists": [{"id": each.id, "list": each.list} for each in file.list_entries if not each.ended_at],
    }


def _exemption_dict(each: StoredExemption) -> dict[str, Any]:
    return {
        "id": each.id,
        "rule": each.rule,
        "subject": f"{each.kind} {each.subject}",
        "until": moment_text(each.until),
        "by": each.by,
        "why": each.why,
        "added_at": moment_text(each.added_at),
        "ended_at": moment_text(each.ended_at) if each.ended_at else None,
    }


def _entry_dict(each: StoredEntry) -> dict[str, Any]:
    return {
        "id": each.id,
        "list": each.list,
        "value": each.value,
        "by": each.by,
        "why": each.why,
        "added_at": moment_text(each.added_at),
        "until": moment_text(each.until) if each.until else None,
        "ended_at": moment_text(each.ended_at) if each.ended_at else None,
    }


def _label_dict(each: StoredLabel) -> dict[str, Any]:
    return {
        "id": each.id,
        "label": each.label,
        "source": each.source,
        "at": moment_text(each.at),
        "recorded_at": moment_text(each.recorded_at),
        "by": each.by,
        "why": each.why,
    }


def _audit_dict(each: AuditEntry) -> dict[str, Any]:
    return {
        "seq": each.seq,
        "at": moment_text(each.at),
        "actor": each.actor,
        "action": each.action,
        "subject": each.subject,
        "details": dict(each.details),
        "hash": each.hash,
    }
