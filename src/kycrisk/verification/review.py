"""People decide: document by document, then the case. A dispute goes to another person, and where the procedure has
four eyes it takes two to end a case."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, select, update

from kycrisk.store.case_schema import CASE_DOCUMENTS, CASE_REVIEWS
from kycrisk.store.failure import NotFound
from kycrisk.store.moments import moment
from kycrisk.store.rulesets import SecondPersonNeeded
from kycrisk.store.sealing import SiteKey
from kycrisk.store.transaction import Transaction
from kycrisk.verification.account import opened, sealed
from kycrisk.verification.attempt import Attempt, Told, attempt_by, attempt_with_people, hear, told_of
from kycrisk.verification.case import Case, find_case
from kycrisk.verification.ledger import record
from kycrisk.verification.move import changed, happen
from kycrisk.verification.progress import papers_of
from kycrisk.verification.providers.manual import NAME as PEOPLE
from kycrisk.verification.providers.manual import Said, Word, event_of
from kycrisk.verification.refusal import NotNow
from kycrisk.verification.site import Site
from kycrisk.verification.state import Happening
from kycrisk.verification.verdict import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A reviewer's word. The customer sees `reasons` and `comment`, colleagues `note` as well."""

    verdict: Verdict
    by: str
    reasons: tuple[str, ...] = ()
    comment: str = ""
    note: str = ""
    document_expires: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A word as it was written down; `document` is empty where it is about the case."""

    id: int
    document: str
    verdict: Verdict
    by: str
    reasons: tuple[str, ...]
    comment: str
    note: str
    round: int
    at: datetime


def reviews_of(connection: Connection, site: SiteKey, case: Case) -> tuple[Review, ...]:
    """All words about a case, the oldest first. Raises `Erased`."""
    rows = connection.execute(select(CASE_REVIEWS).where(CASE_REVIEWS.c.case == case.id).order_by(CASE_REVIEWS.c.id))
    return tuple(_review(connection, site, case, row) for row in rows)


def _review(connection: Connection, site: SiteKey, case: Case, row: Any) -> Review:
    return Review(
        id=row.id,
        document=row.document,
        verdict=Verdict(row.verdict),
        by=row.by,
        reasons=tuple(json.loads(row.reasons)),
        comment=opened(connection, site, case, "comment", row.sealed_comment),
        note=opened(connection, site, case, "note", row.sealed_note),
        round=row.round,
        at=moment(row.at),
    )


def judge_document(tx: Transaction, site: Site, case_id: str, document: str, judged: Judged) -> Case:
    """Accept or reject one document. Raises `NotFound`, `NotNow`."""
    case = find_case(tx.connection, case_id)
    _check_turn(case)
    if document not in {each.id for each in papers_of(tx.connection, case)}:
        raise NotFound(f"there is no document `{document[:60]}` in this case")
    where = CASE_DOCUMENTS.c.id == document
    tx.connection.execute(update(CASE_DOCUMENTS).where(where).values(state=judged.verdict.value))
    _write(tx, site, case, document, judged)
    policy = site.policy_of(case)
    move = changed(case, policy, actor=judged.by, said=f"document.{judged.verdict}")
    record(tx, [move])
    return move.after


def judge_case(tx: Transaction, site: Site, case_id: str, judged: Judged) -> Case:
    """Approve, send back or deny. Raises `NotNow`, and `SecondPersonNeeded` where another person has to do it.

    With four eyes the first approval or denial is written down, and the case stays in review for the second.
    """
    case = find_case(tx.connection, case_id)
    _check_turn(case)
    policy = site.policy_of(case)
    before = _words(tx.connection, case)
    _check_person(before, judged)
    papers = papers_of(tx.connection, case)
    if judged.verdict is Verdict.APPROVE and any(each.state == "rejected" for each in papers):
        raise NotNow("a document was rejected", "send the case back, or accept the document")
    attempt = attempt_with_people(tx, case, judged.by)
    if policy.review.four_eyes and judged.verdict is not Verdict.RETRY:
        first = [each for each in _said(before, case, attempt) if each.verdict is judged.verdict]
        if any(each.by == judged.by for each in first):
            raise SecondPersonNeeded("a second person has to say the same")
    _write(tx, site, case, "", judged)
    told = _told(said_of(tx.connection, site, case, attempt), attempt, judged)
    heard = hear(tx, site, told)
    if heard.effect == "moved" and heard.case is not None:
        return heard.case
    assert not told.final, "what waits for a person can be decided"
    move = changed(case, policy, actor=judged.by, said="case.first_word")
    record(tx, [move])
    return move.after


def _told(said: Said, attempt: Attempt, judged: Judged) -> Told:
    """What reviewers said so far, as cases hear it; with what only the last of them knows."""
    event = event_of(attempt.reference, said)
    assert event is not None, "there is a word at least"
    expires = judged.document_expires
    return replace(
        told_of(PEOPLE, event),
        by=judged.by,
        reasons=judged.reasons if event.final else (),
        document_expiry=None if expires is None else expires.astimezone(UTC).date(),
    )


def said_of(connection: Connection, site: Site, case: Case, attempt: Attempt) -> Said:
    """What reviewers said in an attempt with people, and how many of them it takes."""
    words = _said(_words(connection, case), case, attempt)
    return Said(words, 2 if site.policy_of(case).review.four_eyes else 1)


def said_by_reference(connection: Connection, site: Site, reference: str) -> Said:
    """The same by our reference of the attempt: nothing where there is none. Raises `NotFound`."""
    attempt = attempt_by(connection, PEOPLE, reference)
    return Said(()) if attempt is None else said_of(connection, site, find_case(connection, attempt.case), attempt)


def _said(words: Sequence[Any], case: Case, attempt: Attempt) -> tuple[Word, ...]:
    since = _since_dispute(words, words)
    mine = [row for row in since if row.round == case.attempts and moment(row.at) >= attempt.begun_at]
    return tuple(
        Word(Verdict(row.verdict), row.by, tuple(json.loads(row.reasons)))
        for row in mine
        if row.verdict != Verdict.DISPUTE
    )


def dispute(tx: Transaction, site: Site, case_id: str, words: str, actor: str) -> Case:
    """The customer is sure to be right: another person looks at it. Raises `NotNow`."""
    case = find_case(tx.connection, case_id)
    move = happen(case, Happening.DISPUTE, site.policy_of(case), tx.now, actor=actor, reasons=case.reasons)
    if move is None:
        raise NotNow(f"a case that is `{case.state}` cannot be disputed", "only a rejected one can")
    record(tx, [move])
    _write(tx, site, case, "", Judged(verdict=Verdict.DISPUTE, by=actor, comment=words))
    return move.after


def _check_turn(case: Case) -> None:
    if not case.state.is_reviewers_turn:
        raise NotNow(f"the case is `{case.state}`, and not to be reviewed now")


def _words(connection: Connection, case: Case) -> Sequence[Any]:
    """The words about the case itself, the oldest first."""
    table = CASE_REVIEWS.c
    wanted = select(CASE_REVIEWS).where(table.case == case.id, table.document == "")
    return connection.execute(wanted.order_by(table.id)).all()


def _since_dispute(words: Sequence[Any], chosen: Sequence[Any]) -> list[Any]:
    last = max((row.id for row in words if row.verdict == Verdict.DISPUTE), default=0)
    return [row for row in chosen if row.id > last]


def _check_person(words: Sequence[Any], judged: Judged) -> None:
    """After a dispute, nobody decides who decided before it."""
    disputes = [row.id for row in words if row.verdict == Verdict.DISPUTE]
    if disputes:
        deciders = {row.by for row in words if row.id < disputes[-1] and row.verdict != Verdict.DISPUTE}
        if judged.by in deciders:
            raise SecondPersonNeeded("the case was disputed: somebody else than before has to decide")


def _write(tx: Transaction, site: Site, case: Case, document: str, judged: Judged) -> None:
    def kept(what: str, text: str) -> bytes | None:
        return sealed(tx.connection, site.key, case, what, text) if text else None

    row = {
        "case": case.id, "document": document, "verdict": judged.verdict.value,
        "reasons": json.dumps(list(judged.reasons)), "sealed_comment": kept("comment", judged.comment),
        "sealed_note": kept("note", judged.note), "by": judged.by, "round": case.attempts, "at": tx.at,
    }  # fmt: skip
    tx.insert(CASE_REVIEWS, [row])
