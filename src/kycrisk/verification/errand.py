"""Does outgoing work: reads how things stand now, acts on that, and writes down what was done."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection, delete, select, update

from kycrisk.store.case_schema import CASE_DATA, CASE_DOCUMENTS, CASE_HOLDS, CASES
from kycrisk.store.failure import Erased, NotFound
from kycrisk.store.transaction import Transaction
from kycrisk.verification.account import Contact, contact_of, opened, sealed
from kycrisk.verification.action import Action, ActionState, claim, settle
from kycrisk.verification.case import Case, find_case
from kycrisk.verification.hold import Hold, holds_of
from kycrisk.verification.letter import ReasonText, Words, words_for, words_for_operators
from kycrisk.verification.outside import HeldBack, Letter, Outside, OutsideFailure, Person, TicketMessage
from kycrisk.verification.progress import entries_of
from kycrisk.verification.site import Site
from kycrisk.verification.state import State

_log = logging.getLogger(__name__)

_TURN = (State.OPEN, State.COLLECTING, State.NEEDS_RESUBMISSION)
#: In which states a message is still wished for. What happened since makes it moot.
_WISHED: Mapping[str, Sequence[State]] = {
    "open": tuple(each for each in State if each is not State.CLOSED),
    "opened": (*_TURN, State.OVERDUE),
    "submitted": tuple(State),
    "verified": (State.VERIFIED,),
    "failed": (State.NEEDS_RESUBMISSION, State.COLLECTING, State.OVERDUE, State.SUBMITTED),
    "rejected": (State.REJECTED,),
    "reminder": _TURN,
    "overdue": (State.OVERDUE,),
    "disputed": tuple(State),
    "escalated": (State.SUBMITTED, State.IN_REVIEW),
    "help": tuple(State),
}


def _code(code: str) -> str:
    return code


@dataclass(frozen=True, slots=True)
class _Seen:
    """How things stand when an action's turn has come."""

    case: Case
    contact: Contact
    holds: tuple[Hold, ...]
    message: str

    @property
    def person(self) -> Person:
        return Person(account_id=self.contact.account_id, email=self.contact.email, name=self.contact.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Errands:
    """Does the outgoing work of a site. Any number of processes may."""

    site: Site
    outside: Outside
    reason_text: ReasonText = field(default=_code)

    async def run(self, limit: int = 50, account: int | None = None) -> int:
        """Do what is due now, in all or for an account; how many actions there were."""
        taken = await self.site.store.write(lambda tx: claim(tx, limit, account))
        for each in taken:
            await self.do(each)
        return len(taken)

    async def run_all(self) -> int:
        """Go on while there is something due."""
        total = 0
        while done := await self.run():
            total += done
        return total

    async def do(self, action: Action) -> ActionState:
        """One try of an action that was claimed."""
        error = ""
        try:
            if action.lane == "purge":
                state = await self._purge(action)
            else:
                state = await self._done(action, await self.site.store.read(self._see, action))
        except (Erased, NotFound):  # whoever it was about is gone, or the procedure is
            state = ActionState.MOOT
        except OutsideFailure as failure:
            state, error = ActionState.WAITING, str(failure)
            _log.warning("%s is tried again: %s", action.action, failure, extra={"case": action.case})
        await self.site.store.write(lambda tx: settle(tx, action, state, error))
        return state

    async def _done(self, action: Action, seen: _Seen) -> ActionState:
        if action.lane == "holds":
            return await self._reconcile(seen)
        if seen.case.state not in _WISHED[action.topic]:
            return ActionState.MOOT
        return await (self._ticket(action, seen) if action.lane == "ticket" else self._mail(action, seen))

    async def _purge(self, action: Action) -> ActionState:
        await self.outside.purge(action.case)
        await self.site.store.write(lambda tx: _purged(tx, action.case))
        return ActionState.DONE

    def _see(self, connection: Connection, action: Action) -> _Seen:
        case = find_case(connection, action.case)
        contact = contact_of(connection, self.site.key, case)
        message = ""
        if action.topic == "help":
            message = entries_of(connection, self.site.key, case).get(f"help:{action.version}", {}).get("message", "")
        return _Seen(case, contact, holds_of(connection, case.account), message)

    async def _words(self, topic: str, case: Case) -> Words:
        policy = self.site.policy_of(case)
        link = await self.outside.link(case.id)
        return words_for(topic, case, policy, link=link, reason_text=self.reason_text)

    async def _ticket(self, action: Action, seen: _Seen) -> ActionState:
        tickets, case = self.outside.tickets, seen.case
        if tickets is None:
            return ActionState.MOOT
        if action.topic == "open" and case.sealed_ticket is not None:
            return ActionState.MOOT
        if action.topic == "help":
            text = seen.message
        else:
            text = (await self._words("opened" if action.topic == "open" else action.topic, case)).text
        mark = f"[{action.key}]"
        subject = self.site.policy_of(case).ticket_subject
        message = TicketMessage(
            person=seen.person, subject=subject, text=f"{text}\n{mark}", mark=mark, key=action.key
        )  # fmt: skip
        reference = await self.site.store.read(
            lambda c: opened(c, self.site.key, case, "ticket", case.sealed_ticket) if case.sealed_ticket else ""
        )
        if reference:
            await tickets.reply(reference, message, again=action.tries > 1)
        else:  # also where the ticket could not be opened: the message itself opens one
            reference = await tickets.open(message, again=action.tries > 1)
            await self.site.store.write(lambda tx: self._keep_ticket(tx, case, reference))
        return ActionState.DONE

    def _keep_ticket(self, tx: Transaction, case: Case, reference: str) -> None:
        kept = sealed(tx.connection, self.site.key, case, "ticket", reference)
        tx.connection.execute(update(CASES).where(CASES.c.id == case.id).values(sealed_ticket=kept))
        tx.audit("verification", "ticket.opened", case.id)

    async def _mail(self, action: Action, seen: _Seen) -> ActionState:
        mail, case = self.outside.mail, seen.case
        if mail is None:
            return ActionState.MOOT
        if action.topic in ("escalated", "help"):
            if action.topic == "escalated" and case.escalated_at is None:
                return ActionState.MOOT
            words = words_for_operators(action.topic, case, seen.message)
            receivers: tuple[str, ...] = self.outside.operators
        else:
            words = await self._words(action.topic, case)
            receivers = (seen.contact.email,) if seen.contact.email else ()
        for place, to in enumerate(receivers):
            key = f"{action.key}-{place}" if place else action.key
            await mail.send(Letter(to=to, subject=words.subject, text=words.text, html=words.html, key=key))
        return ActionState.DONE if receivers else ActionState.MOOT

    async def _reconcile(self, seen: _Seen) -> ActionState:
        """Bring the panel into line with what is held back now, kind by kind."""
        panel = self.outside.panel
        if panel is None:
            return ActionState.MOOT
        acted = False
        for kind in dict.fromkeys(each.kind for each in seen.holds):
            mine = [each for each in seen.holds if each.kind == kind]
            active = [each for each in mine if each.lifted_at is None]
            applied = [each for each in mine if each.applied is not None and each.released_at is None]
            if active and not applied:
                first = active[0]
                changed = await panel.hold(_held(seen.person, first, "hold"))
                await self.site.store.write(lambda tx, id_=first.id, changed=changed: _applied(tx, id_, changed))  # type: ignore[misc]
                acted = True
            for each in applied if not active else ():
                await panel.release(_held(seen.person, each, "release"), each.applied or "")
                await self.site.store.write(lambda tx, id_=each.id: _released(tx, id_))  # type: ignore[misc]
                acted = True
        return ActionState.DONE if acted else ActionState.MOOT


def _held(person: Person, hold: Hold, what: str) -> HeldBack:
    return HeldBack(person=person, kind=hold.kind, cause=hold.cause, case=hold.case, key=f"hold-{hold.id}-{what}")


def _applied(tx: Transaction, id_: int, changed: str) -> None:
    tx.connection.execute(update(CASE_HOLDS).where(CASE_HOLDS.c.id == id_).values(applied=changed))


def _released(tx: Transaction, id_: int) -> None:
    tx.connection.execute(update(CASE_HOLDS).where(CASE_HOLDS.c.id == id_).values(released_at=tx.at))


def _purged(tx: Transaction, case_id: str) -> None:
    """Documents are gone from the vault; questions to the operators went out long ago."""
    where = (CASE_DOCUMENTS.c.case == case_id) & (CASE_DOCUMENTS.c.state != "purged")
    gone = tx.connection.execute(select(CASE_DOCUMENTS.c.id).where(where)).scalars().all()
    tx.connection.execute(update(CASE_DOCUMENTS).where(where).values(state="purged", file=""))
    tx.connection.execute(delete(CASE_DATA).where(CASE_DATA.c.case == case_id, CASE_DATA.c.kind.like("help:%")))
    tx.audit("verification", "case.documents_purged", case_id, {"documents": len(gone)})
