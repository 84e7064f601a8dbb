"""Proofs of a phone or a mailbox: a code goes out, and comes back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from kycrisk.store.transaction import Transaction
from kycrisk.verification.case import find_case
from kycrisk.verification.codes import Channel, Checked, NewCode, NotYet, Try, check, issue
from kycrisk.verification.entry import read_email, read_phone
from kycrisk.verification.filling import proved
from kycrisk.verification.letter import Words
from kycrisk.verification.outside import Letter, Outside
from kycrisk.verification.policy import StepKind
from kycrisk.verification.progress import progress_of
from kycrisk.verification.refusal import NotPossible
from kycrisk.verification.site import Site

_STEP = {Channel.PHONE: StepKind.PHONE, Channel.EMAIL: StepKind.EMAIL}


@dataclass(frozen=True, slots=True)
class Sent:
    """A code went to a number or address in its normal form, and is good until a moment."""

    to: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Proofs:
    """The codes of a site."""

    site: Site
    outside: Outside

    async def send(self, case_id: str, channel: Channel, given: str) -> Sent | NotYet:
        """Send a code. Raises `Problems` for what is no number or address, `NotPossible`, `OutsideFailure`."""
        if (self.outside.sms if channel is Channel.PHONE else self.outside.mail) is None:
            raise NotPossible(f"nothing is set up that reaches a customer by {channel.value}")
        to, made = await self.site.store.write(lambda tx: self._issue(tx, case_id, channel, given))
        if isinstance(made, NotYet):
            return made
        await self._deliver(case_id, channel, to, made.text)
        return Sent(to, made.expires_at)

    async def enter(self, case_id: str, channel: Channel, given: str, code: str) -> Try:
        """Judge what the customer entered; a right code does the step. Raises `Problems`."""

        def change(tx: Transaction) -> Try:
            to = self._normal(tx, case_id, channel, given)
            tried = check(tx, case_id, channel, to, code)
            if tried.checked is Checked.RIGHT:
                proved(tx, self.site, case_id, _STEP[channel], to)
            return tried

        return await self.site.store.write(change)

    def _issue(self, tx: Transaction, case_id: str, channel: Channel, given: str) -> tuple[str, NewCode | NotYet]:
        to = self._normal(tx, case_id, channel, given)
        return to, issue(tx, case_id, channel, to)

    def _normal(self, tx: Transaction, case_id: str, channel: Channel, given: str) -> str:
        case = find_case(tx.connection, case_id)
        step = progress_of(tx.connection, case, self.site.policy_of(case)).find(_STEP[channel])
        return read_phone(given, mobile=step.step.mobile) if channel is Channel.PHONE else read_email(given)

    async def _deliver(self, case_id: str, channel: Channel, to: str, code: str) -> None:
        text = f"Your code is {code}. It is good for ten minutes. Tell it to nobody."
        if channel is Channel.PHONE and self.outside.sms is not None:
            await self.outside.sms.send(to, text)
        elif self.outside.mail is not None:
            words = Words("Your code", (text,))
            key = f"{case_id}-code-{self.site.clock().timestamp():.0f}"
            await self.outside.mail.send(
                Letter(to=to, subject=words.subject, text=words.text, html=words.html, key=key)
            )  # fmt: skip
