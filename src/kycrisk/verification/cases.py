"""The cases of a site: everything that is done with them, each call one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, update

from kycrisk.randomness import random_bytes
from kycrisk.store.case_schema import CASE_CONSENTS, CASE_TRIGGERS
from kycrisk.store.failure import Conflict
from kycrisk.store.moments import moment
from kycrisk.store.pages import Page
from kycrisk.store.transaction import Transaction
from kycrisk.verification import by_hand, filling, review
from kycrisk.verification.account import find_account, number_of, taken
from kycrisk.verification.attempt import Attempt, Heard, Told, attempts_of, begin_attempt, hear
from kycrisk.verification.case import Case, cases_of, current_case, find_case
from kycrisk.verification.codes import erase_codes
from kycrisk.verification.disclosure import (
    Access,
    Disclosure,
    NewDisclosure,
    accesses_of,
    disclose,
    disclosures_of,
    note_access,
)
from kycrisk.verification.entry import Judging, read_country, read_personal_data
from kycrisk.verification.gate import Gate, gate_of, level_of
from kycrisk.verification.hold import Hold, active_holds
from kycrisk.verification.ledger import record
from kycrisk.verification.move import Lift, happen
from kycrisk.verification.opening import Opened, Reason, open_cases
from kycrisk.verification.policy import Label, Mode, Policy, StepKind, Subject
from kycrisk.verification.progress import Progress, entries_of, progress_of
from kycrisk.verification.queue import Figures, Waiting, figures, waiting
from kycrisk.verification.refusal import NotNow, NotPossible
from kycrisk.verification.result import CheckResult, results_of
from kycrisk.verification.review import Judged
from kycrisk.verification.site import Site
from kycrisk.verification.state import Happening, State, Trigger
from kycrisk.verification.tokens import Kind, revoke, revoke_token
from kycrisk.verification.zone import ZoneRead, read_zone


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseTrigger:
    """A reason for a case, as it was written down."""

    trigger: Trigger
    reference: str
    at: datetime
    actor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFile:
    """A case with everything around it but personal data."""

    progress: Progress
    policy: Policy
    triggers: tuple[CaseTrigger, ...]
    attempts: tuple[Attempt, ...]
    holds: tuple[Hold, ...]

    @property
    def case(self) -> Case:
        return self.progress.case

    @property
    def label(self) -> Label:
        """The state in the words of the procedure."""
        return self.policy.labels[self.case.state]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How an account stands: its level, its open case, what is held back, and what the customer is told."""

    level: str
    required: str
    label: Label
    current: Case | None
    latest: Case | None
    holds: tuple[Hold, ...]

    @property
    def banner(self) -> bool:
        """Whether the customer is to be invited."""
        return self.current is not None and not self.current.state.is_reviewers_turn


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What reviewers see beside the file: what was entered, what checks found, and what was said."""

    entries: Mapping[str, Mapping[str, Any]]
    results: tuple[CheckResult, ...]
    reviews: tuple[review.Review, ...]


class Cases:
    """The cases of a site. Methods raise what the modules that they call say, and `StoreUnavailable`."""

    def __init__(self, site: Site) -> None:
        self.site, self._store = site, site.store

    async def open(
        self,
        account_id: str,
        trigger: Trigger,
        *,
        actor: str,
        reference: str = "",
        level: str = "",
        subject: Subject = Subject.PERSON,
        registered_at: datetime | None = None,
        mode: Mode = Mode.FULL,
    ) -> Opened:
        """Open a case, or add the reason to the open one. Under the same `reference` the same is heard once.

        Raises `NotPossible` where the procedure does not open on this, or none is chosen.
        """
        policy = self._chosen(trigger)
        insists = trigger in (Trigger.TOS_VIOLATION, Trigger.REFRESH)

        def change(tx: Transaction) -> Opened:
            account = taken(tx, account_id)
            reason = Reason(
                account=account.number,
                key=account.key_number,
                trigger=trigger,
                reference=reference or f"own {random_bytes(10).hex()}",
                actor=actor,
                registered_at=registered_at,
                level=level,
                subject=subject,
                mode=mode,
                insists=insists,
            )
            [made] = open_cases(tx, self.site.policies, policy, [reason])
            return made

        return await self._store.write(change)

    async def get(self, case_id: str) -> CaseFile:
        """Raises `NotFound`."""
        return await self._store.read(self._file, case_id)

    async def of_account(self, account_id: str) -> tuple[Case, ...]:
        """All cases of an account, the oldest first. Raises `NotFound`."""
        return await self._store.read(lambda c: cases_of(c, find_account(c, self.site.key, account_id)))

    async def standing(self, account_id: str) -> Standing:
        """How an account stands; one that nobody has heard of is not verified."""
        return await self._store.read(self._standing, account_id)

    async def gate(self, account_id: str, name: str) -> Gate:
        """Whether an account may have a refund, order, or use a feature."""
        site = self.site

        def ask(connection: Connection) -> Gate:
            number = number_of(connection, site.key, account_id)
            return gate_of(connection, number, name, site.policies, site.policy, site.clock())

        return await self._store.read(ask)

    async def start(self, case_id: str, *, text_version: str = "", address: str = "", actor: str = "customer") -> Case:
        """Consent and start; or start again after something was sent back."""
        return await self._store.write(
            lambda tx: filling.start(
                tx, self.site, case_id, text_version=text_version, address=address, actor=actor
            )
        )  # fmt: skip

    async def attest(self, case_id: str, *, text_version: str, address: str = "") -> Case:
        return await self._store.write(
            lambda tx: filling.attest(tx, self.site, case_id, text_version=text_version, address=address)
        )

    async def enter_country(self, case_id: str, country: object) -> Case:
        """Raises `Problems`."""
        step = (await self.get(case_id)).progress.find(StepKind.COUNTRY).step
        values = {"country": read_country(country, step)}
        return await self._store.write(lambda tx: filling.enter(tx, self.site, case_id, StepKind.COUNTRY, values))

    async def enter_personal_data(self, case_id: str, given: Mapping[str, object]) -> tuple[Case, tuple[str, ...]]:
        """The case, and what a reviewer should know. Raises `Problems` with everything that is missing or wrong."""
        file = await self.get(case_id)
        step = file.progress.find(StepKind.PERSONAL_DATA).step
        by = Judging(self.site.clock().date(), self.site.free_mail)
        entry = read_personal_data(given, step, file.case.subject, by)

        def change(tx: Transaction) -> Case:
            case = filling.enter(tx, self.site, case_id, StepKind.PERSONAL_DATA, entry.values)
            for warning in entry.warnings:
                filling.add_result(tx, case, "email.work", "failed", warning, "verification")
            return case

        return await self._store.write(change), entry.warnings

    async def choose_document(self, case_id: str, category: str, type_: str, country: str) -> Case:
        return await self._store.write(
            lambda tx: filling.choose_document(tx, self.site, case_id, category, type_, country)
        )

    async def keep_paper(self, case_id: str, paper: filling.NewPaper) -> str:
        return await self._store.write(lambda tx: filling.keep_paper(tx, self.site, case_id, paper))

    async def proved(self, case_id: str, kind: StepKind, value: str) -> Case:
        """A code came back from a phone (`StepKind.PHONE`) or a mailbox (`StepKind.EMAIL`)."""
        return await self._store.write(lambda tx: filling.proved(tx, self.site, case_id, kind, value))

    async def confirm(self, case_id: str) -> Case:
        return await self._store.write(lambda tx: filling.confirm(tx, self.site, case_id))

    async def submit(self, case_id: str, *, actor: str = "customer") -> Case:
        return await self._store.write(lambda tx: filling.submit(tx, self.site, case_id, actor=actor))

    async def begin_attempt(self, case_id: str, provider: str, reference: str) -> Attempt:
        return await self._store.write(lambda tx: begin_attempt(tx, case_id, provider, reference))

    async def hear(self, told: Told) -> Heard:
        return await self._store.write(lambda tx: hear(tx, self.site, told))

    async def judge_document(self, case_id: str, document: str, judged: Judged) -> Case:
        return await self._store.write(lambda tx: review.judge_document(tx, self.site, case_id, document, judged))

    async def judge(self, case_id: str, judged: Judged) -> Case:
        return await self._store.write(lambda tx: review.judge_case(tx, self.site, case_id, judged))

    async def reviews(self, case_id: str) -> tuple[review.Review, ...]:
        """What reviewers said. Raises `Erased`."""
        return await self._store.read(lambda c: review.reviews_of(c, self.site.key, find_case(c, case_id)))

    async def read_zone(self, case_id: str, document: str, text: str, by: str) -> ZoneRead:
        """Hold a document's machine-readable zone, typed off, against what was entered. Raises `Problems`."""
        return await self._store.write(lambda tx: read_zone(tx, self.site, case_id, document, text, by))

    async def dispute(self, case_id: str, words: str, *, actor: str = "customer") -> Case:
        return await self._store.write(lambda tx: review.dispute(tx, self.site, case_id, words, actor))

    async def withdraw(self, case_id: str, *, actor: str = "customer") -> Case:
        """Consent is withdrawn: the case is closed, what was entered is purged, links and codes end. What is held back
        stays so."""
        return await self._store.write(lambda tx: self._closed(tx, case_id, actor, Lift.NONE))

    async def close(self, case_id: str, *, actor: str) -> Case:
        """The operator closes a case; what it holds back is lifted."""
        return await self._store.write(lambda tx: self._closed(tx, case_id, actor, Lift.ALL))

    async def hold_back(self, case_id: str, kind: str, *, by: str, why: str) -> Case:
        return await self._store.write(lambda tx: by_hand.hold_back(tx, self.site, case_id, kind, by, why))

    async def let_go(self, case_id: str, kind: str, *, by: str) -> Case:
        return await self._store.write(lambda tx: by_hand.let_go(tx, self.site, case_id, kind, by))

    async def end_links(self, case_id: str, *, actor: str, but: str = "") -> int:
        """End the links to other devices and the visits of a case, those in tickets and letters too where somebody of
        the site does it; how many. `but`: the customer's own visit goes on. Raises `NotFound`."""
        kinds = (Kind.HAND_OFF, Kind.PAGE) if but else ()

        def change(tx: Transaction) -> int:
            case = find_case(tx.connection, case_id)
            ended = revoke(tx, case.id, *kinds, but=but)
            tx.audit(actor, "case.links_ended", case.id, {"count": ended})
            return ended

        return await self._store.write(change)

    async def end_visit(self, token: str) -> bool:
        """The customer leaves this device: its visit ends. Whether it was in force."""
        return await self._store.write(lambda tx: revoke_token(tx, token))

    async def disclose(self, account_id: str, disclosure: NewDisclosure) -> int:
        """Write down that data was given to somebody; the number of the row. Raises `NotFound`."""
        return await self._store.write(lambda tx: disclose(tx, self.site.key, account_id, disclosure))

    async def disclosures(self, account_id: str) -> tuple[Disclosure, ...]:
        """The disclosure log of an account, the oldest first. Raises `NotFound`."""
        return await self._store.read(lambda c: disclosures_of(c, find_account(c, self.site.key, account_id)))

    async def queue(self, *, after: str = "", limit: int = 100, overdue: bool = False) -> Page[Waiting]:
        """What waits for a person, the most urgent first. Raises `BadCursor`."""
        site = self.site
        return await self._store.read(
            lambda c: waiting(c, site.policies, site.clock(), after=after, limit=limit, overdue=overdue)
        )

    async def figures(self) -> Figures:
        """What operators watch."""
        return await self._store.read(lambda c: figures(c, self.site.policies, self.site.clock()))

    async def look(self, case_id: str, by: str) -> Seen:
        """All that a reviewer sees; that it was looked at is written down first. Raises `Erased`."""

        def change(tx: Transaction) -> Seen:
            case = find_case(tx.connection, case_id)
            note_access(tx, case.id, "data", by)
            return Seen(
                entries=entries_of(tx.connection, self.site.key, case),
                results=results_of(tx.connection, case.id),
                reviews=review.reviews_of(tx.connection, self.site.key, case),
            )

        return await self._store.write(change)

    async def picture_looked_at(self, case_id: str, document: str, by: str) -> None:
        """Write down that somebody looks at a picture of a case, before they see it."""
        await self._store.write(lambda tx: note_access(tx, case_id, document, by))

    async def accesses(self, case_id: str) -> tuple[Access, ...]:
        """Who looked at a case and its pictures, the oldest first. Raises `NotFound`."""
        return await self._store.read(lambda c: accesses_of(c, find_case(c, case_id).id))

    async def ask_for_help(self, case_id: str, channels: Sequence[str], message: str) -> Case:
        """A customer's question goes to the operators, by ticket, by mail or both. Raises `Erased`."""
        return await self._store.write(lambda tx: filling.ask_for_help(tx, self.site, case_id, channels, message))

    async def current(self, account_id: str) -> Case | None:
        """The open case of an account."""

        def ask(connection: Connection) -> Case | None:
            number = number_of(connection, self.site.key, account_id)
            return None if number is None else current_case(connection, number)

        return await self._store.read(ask)

    def _chosen(self, trigger: Trigger) -> Policy:
        policy = self.site.policy
        if policy is None:
            raise NotPossible("no procedure is chosen", "set `verification.policy` in kycrisk.yaml")
        if trigger not in policy.opens_on and trigger is not Trigger.REFRESH:
            known = ", ".join(sorted(policy.opens_on))
            raise NotPossible(f"procedure `{policy.id}` opens no case on `{trigger}`", f"it opens on {known}")
        return policy

    def _file(self, connection: Connection, case_id: str) -> CaseFile:
        case = find_case(connection, case_id)
        policy = self.site.policy_of(case)
        rows = connection.execute(select(CASE_TRIGGERS).where(CASE_TRIGGERS.c.case == case.id))
        return CaseFile(
            progress=progress_of(connection, case, policy),
            policy=policy,
            triggers=tuple(
                CaseTrigger(
                    trigger=Trigger(row.trigger), reference=row.reference, at=moment(row.at), actor=row.actor
                )
                for row in rows
            ),
            attempts=attempts_of(connection, case.id),
            holds=active_holds(connection, case.account),
        )  # fmt: skip

    def _standing(self, connection: Connection, account_id: str) -> Standing:
        site, policy = self.site, self.site.policy
        number = number_of(connection, site.key, account_id)
        cases = cases_of(connection, number) if number is not None else ()
        current = next((each for each in cases if each.state.is_current), None)
        latest = cases[-1] if cases else None
        shown = latest if current is None else current
        if current is not None and any(each.state is State.VERIFIED for each in cases) and not current.is_overdue:
            shown = next(each for each in reversed(cases) if each.state is State.VERIFIED)
        told = site.policy_of(shown) if shown is not None else policy
        if told is None:
            raise Conflict("no procedure is chosen", "set `verification.policy` in kycrisk.yaml")
        return Standing(
            level=level_of(cases, site.policies, policy),
            required=policy.required_level if policy else "",
            label=told.labels[shown.state] if shown is not None else told.unverified,
            current=current,
            latest=latest,
            holds=active_holds(connection, number) if number is not None else (),
        )

    def _closed(self, tx: Transaction, case_id: str, actor: str, lift: str) -> Case:
        case = find_case(tx.connection, case_id)
        move = happen(case, Happening.WITHDRAWN, self.site.policy_of(case), tx.now, actor=actor, lift=lift)
        if move is None:
            raise NotNow("the case is closed already")
        record(tx, [move])
        filling.purge_entries(tx, case)
        erase_codes(tx, case.id)
        revoke(tx, case.id)
        table = CASE_CONSENTS.c
        withdrawn = update(CASE_CONSENTS).where(table.case == case.id, table.withdrawn_at.is_(None))
        tx.connection.execute(withdrawn.values(withdrawn_at=tx.at))
        return move.after
