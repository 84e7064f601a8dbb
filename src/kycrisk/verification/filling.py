"""Filling a case: consent and start, entries, documents, codes, confirmation, submission. Each is one transaction.

An edit after the confirmation takes it back: what is confirmed is a snapshot, by its hash.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import delete, func, select, update

from kycrisk.problems import Problem, Problems
from kycrisk.randomness import random_bytes
from kycrisk.store.case_schema import CASE_CONSENTS, CASE_DATA, CASE_DOCUMENTS, CASE_RESULTS, CASE_STEPS
from kycrisk.store.transaction import Transaction
from kycrisk.verification.account import sealed
from kycrisk.verification.case import Case, find_case
from kycrisk.verification.ledger import record
from kycrisk.verification.move import Move, changed, happen
from kycrisk.verification.policy import Policy, Step, StepKind
from kycrisk.verification.progress import (
    SELFIE,
    STANDING,
    Progress,
    StepState,
    gaps,
    has_consented,
    progress_of,
    snapshot_of,
)
from kycrisk.verification.refusal import ConsentMissing, Incomplete, NotNow
from kycrisk.verification.site import Site
from kycrisk.verification.state import Happening, State


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPaper:
    """A side of a document that the vault has taken. `side` of a selfie is the pose."""

    category: str
    type: str
    side: str
    country: str
    source: str
    file: str


def start(tx: Transaction, site: Site, case_id: str, *, text_version: str, address: str, actor: str) -> Case:
    """Consent and start, or start again after something was sent back. Raises `ConsentMissing`, `NotNow`.

    `text_version` is of the consent that was shown; empty where the customer has agreed before. `address` is the
    customer's, of which a pseudonym is kept.
    """
    case = find_case(tx.connection, case_id)
    if not text_version and not has_consented(tx.connection, case):
        raise ConsentMissing("the customer has not agreed", "send the version of the consent that was shown")
    if text_version:
        _consent(tx, case, "consent", text_version, address)
    if case.state is State.COLLECTING:
        return case
    policy = site.policy_of(case)
    return _moved(tx, happen(case, Happening.START, policy, tx.now, actor=actor), case, Happening.START)


def attest(tx: Transaction, site: Site, case_id: str, *, text_version: str, address: str) -> Case:
    """The customer says that the data is complete, legitimate and up to date."""
    case, policy, progress = _open(tx, site, case_id)
    step = progress.find(StepKind.ATTESTATION)
    _consent(tx, case, "attestation", text_version, address)
    return _done(tx, case, policy, step)


def enter(tx: Transaction, site: Site, case_id: str, kind: StepKind, values: Mapping[str, str]) -> Case:
    """Keep what was entered, already in its normal form (entry.py), sealed."""
    case, policy, progress = _open(tx, site, case_id)
    step = progress.find(kind)
    _keep(tx, site, case, kind.value, values)
    return _done(tx, case, policy, step)


def choose_document(tx: Transaction, site: Site, case_id: str, category: str, type_: str, country: str) -> Case:
    """Choose the type of document, for a provider that takes the pictures itself. Raises `Problems`."""
    case, policy, progress = _open(tx, site, case_id)
    step = progress.find(StepKind.DOCUMENT, category)
    _check_type(step.step, type_, country)
    _keep(tx, site, case, f"document:{category}", {"type": type_, "country": country})
    return _done(tx, case, policy, step)


def keep_paper(tx: Transaction, site: Site, case_id: str, paper: NewPaper) -> str:
    """Take a side of a document, or a picture of the face, for an earlier one; its id. Raises `Problems`."""
    case, policy, progress = _open(tx, site, case_id)
    if paper.category == SELFIE:
        step = progress.find(StepKind.SELFIE)
    else:
        step = progress.find(StepKind.DOCUMENT, paper.category)
        _check_type(step.step, paper.type, paper.country)
        if paper.side not in step.step.sides.get(paper.type, ()):
            sides = ", ".join(step.step.sides.get(paper.type, ()))
            raise Problems([Problem("side", f"`{paper.side[:20]}` is not asked for", f"the sides are: {sides}")])
    table = CASE_DOCUMENTS.c
    same = (table.case == case.id) & (table.category == paper.category)
    tx.connection.execute(
        update(CASE_DOCUMENTS)
        .where(same, (table.side == paper.side) | (table.type != paper.type), table.state != "purged")
        .values(state="replaced")
    )
    id_ = f"doc_{random_bytes(10).hex()}"
    row = {
        "id": id_, "case": case.id, "category": paper.category, "type": paper.type, "side": paper.side,
        "country": paper.country, "source": paper.source, "file": paper.file, "state": "uploaded", "at": tx.at,
    }  # fmt: skip
    tx.insert(CASE_DOCUMENTS, [row])
    case = _done(tx, case, policy, step) if _is_whole(tx, site, case, step.step, paper) else _edited(tx, case, policy)
    return id_


def proved(tx: Transaction, site: Site, case_id: str, kind: StepKind, value: str) -> Case:
    """A code that was sent to a phone or a mailbox came back: the step is done."""
    case, policy, progress = _open(tx, site, case_id)
    step = progress.find(kind)
    _keep(tx, site, case, kind.value, {kind.value: value})
    add_result(tx, case, f"code.{kind}", "passed", "", "customer")
    return _done(tx, case, policy, step)


def confirm(tx: Transaction, site: Site, case_id: str) -> Case:
    """The customer confirms all that was entered and uploaded."""
    case, policy, progress = _open(tx, site, case_id)
    step = progress.find(StepKind.CONFIRM)
    _mark(tx, case, step, done=True)
    snapshot = snapshot_of(tx.connection, site.key, case)
    move = changed(case, policy, actor="customer", said="case.confirmed", snapshot=snapshot)
    record(tx, [move])
    return move.after


def submit(tx: Transaction, site: Site, case_id: str, *, actor: str) -> Case:
    """Hand the case in. Raises `Incomplete` with every gap, `ConsentMissing`, `NotNow`."""
    case, policy, progress = _open(tx, site, case_id)
    if not progress.consented:
        raise ConsentMissing("the customer has not agreed yet")
    missing = gaps(progress, policy, snapshot_of(tx.connection, site.key, case))
    if missing:
        raise Incomplete("the case is not complete", missing)
    return _moved(tx, happen(case, Happening.SUBMIT, policy, tx.now, actor=actor), case, Happening.SUBMIT)


def add_result(tx: Transaction, case: Case, check: str, result: str, reason: str, by: str) -> None:
    """What a check found; `result` is `passed`, `failed` or `unknown`."""
    row = {"case": case.id, "check": check, "result": result, "reason": reason, "by": by, "at": tx.at}
    tx.insert(CASE_RESULTS, [row])


def ask_for_help(tx: Transaction, site: Site, case_id: str, channels: Sequence[str], message: str) -> Case:
    """Keep a customer's question, sealed, until it has gone out by ticket, by mail or both."""
    case = find_case(tx.connection, case_id)
    if case.state is State.CLOSED:
        raise NotNow("the case is closed")
    policy = site.policy_of(case)
    _keep(tx, site, case, f"help:{case.version + 1}", {"message": message})
    actions = tuple(f"{'mail' if each == 'email' else each}.help" for each in dict.fromkeys(channels))
    move = changed(case, policy, actor="customer", said="case.help", actions=actions)
    record(tx, [move])
    return move.after


def purge_entries(tx: Transaction, case: Case) -> None:
    """Delete what was entered. Documents go with their keys, which the vault destroys."""
    tx.connection.execute(delete(CASE_DATA).where(CASE_DATA.c.case == case.id))


def reset_steps(tx: Transaction, case: Case, policy: Policy) -> None:
    """What has to be done again after a case was sent back: what was not accepted, and the confirmation."""
    progress = progress_of(tx.connection, case, policy)
    refused = {each.category for each in progress.papers if each.state == "rejected"}
    for each in progress.steps:
        category = SELFIE if each.step.kind is StepKind.SELFIE else each.step.category
        if each.step.kind is StepKind.CONFIRM or category in refused:
            _mark(tx, case, each, done=False)
    if SELFIE in refused:  # other poses are asked for then, and what is compared is one series
        faces = (CASE_DOCUMENTS.c.case == case.id) & (CASE_DOCUMENTS.c.category == SELFIE)
        standing = CASE_DOCUMENTS.c.state.in_(STANDING)
        tx.connection.execute(update(CASE_DOCUMENTS).where(faces, standing).values(state="replaced"))


def _open(tx: Transaction, site: Site, case_id: str) -> tuple[Case, Policy, Progress]:
    case = find_case(tx.connection, case_id)
    policy = site.policy_of(case)
    progress = progress_of(tx.connection, case, policy)
    if not case.state.takes_entries:
        if case.state is State.OPEN and not progress.consented:
            raise ConsentMissing("the customer has not agreed yet", "nothing is asked or kept before")
        raise NotNow(f"the case is `{case.state}`, and takes no entries now")
    return case, policy, progress


def _moved(tx: Transaction, move: Move | None, case: Case, happening: Happening) -> Case:
    if move is None:
        raise NotNow(f"`{happening}` cannot happen to a case that is `{case.state}`")
    record(tx, [move])
    return move.after


def _consent(tx: Transaction, case: Case, kind: str, text_version: str, address: str) -> None:
    row = {
        "case": case.id,
        "kind": kind,
        "text_version": text_version,
        "address": tx.site.pseudonym("consent address", address) if address else None,
        "given_at": tx.at,
    }
    tx.insert(CASE_CONSENTS, [row])
    where = (CASE_STEPS.c.case == case.id) & (CASE_STEPS.c.kind == kind)
    tx.connection.execute(update(CASE_STEPS).where(where).values(done_at=tx.at))


def _keep(tx: Transaction, site: Site, case: Case, kind: str, values: Mapping[str, str]) -> None:
    text = json.dumps(values, ensure_ascii=False, sort_keys=True)
    tx.connection.execute(delete(CASE_DATA).where(CASE_DATA.c.case == case.id, CASE_DATA.c.kind == kind))
    row = {"case": case.id, "kind": kind, "sealed": sealed(tx.connection, site.key, case, kind, text), "at": tx.at}
    tx.insert(CASE_DATA, [row])


def _check_type(step: Step, type_: str, country: str) -> None:
    allowed = step.types_in(country)
    if type_ not in allowed:
        told = f"`{type_[:40]}` is not accepted" + (f" from {country}" if country else "")
        raise Problems([Problem("type", told, "accepted: " + ", ".join(allowed))])


def _is_whole(tx: Transaction, site: Site, case: Case, step: Step, paper: NewPaper) -> bool:
    """Whether all sides, or all poses, are there."""
    table = CASE_DOCUMENTS.c
    wanted = select(table.side).where(table.case == case.id, table.category == paper.category, table.type == paper.type)
    sides = set(tx.connection.execute(wanted.where(table.state.in_(("uploaded", "accepted")))).scalars())
    return len(sides) >= step.poses if step.kind is StepKind.SELFIE else sides >= set(step.sides.get(paper.type, ()))


def _mark(tx: Transaction, case: Case, step: StepState, *, done: bool) -> None:
    where = (CASE_STEPS.c.case == case.id) & (CASE_STEPS.c.kind == step.step.name)
    at = tx.at if done else None
    if not tx.connection.execute(update(CASE_STEPS).where(where).values(done_at=at)).rowcount:
        # The procedure was changed since the case was opened, and has a step more.
        last = select(func.max(CASE_STEPS.c.position)).where(CASE_STEPS.c.case == case.id)
        place = (tx.connection.execute(last).scalar() or 0) + 1
        tx.insert(CASE_STEPS, [{"case": case.id, "position": place, "kind": step.step.name, "done_at": at}])


def _done(tx: Transaction, case: Case, policy: Policy, step: StepState) -> Case:
    _mark(tx, case, step, done=True)
    return _edited(tx, case, policy, step.step.name)


def _edited(tx: Transaction, case: Case, policy: Policy, name: str = "") -> Case:
    """The case after an edit: what was confirmed before is not confirmed any more."""
    where = (CASE_STEPS.c.case == case.id) & (CASE_STEPS.c.kind == StepKind.CONFIRM.value)
    tx.connection.execute(update(CASE_STEPS).where(where).values(done_at=None))
    move = changed(case, policy, actor="customer", said="case.edited", snapshot=None)
    record(tx, [replace(move, details={"step": name} if name else {})])
    return move.after
