"""Tickets by mail: letters to the customer, as one thread."""

from __future__ import annotations

import html
from dataclasses import dataclass

from kycrisk.verification.outside import Letter, Mail, OutsideFailure, TicketMessage


@dataclass(frozen=True, slots=True)
class MailTickets:
    """The first mail's Message-ID is the ticket; what follows answers it."""

    mail: Mail

    async def open(self, message: TicketMessage, *, again: bool) -> str:
        return await self.mail.send(_letter(message, ""))

    async def reply(self, reference: str, message: TicketMessage, *, again: bool) -> None:
        await self.mail.send(_letter(message, reference))


def _letter(message: TicketMessage, in_reply_to: str) -> Letter:
    if not message.person.email:
        raise OutsideFailure("mail: the account has no e-mail address")
    subject = f"Re: {message.subject}" if in_reply_to else message.subject
    shown = html.escape(message.text).replace("\n", "<br>\n")
    return Letter(
        to=message.person.email,
        subject=subject,
        text=message.text,
        html=f'<!doctype html>\n<html lang="en"><body><p>{shown}</p></body></html>\n',
        key=message.key,
        in_reply_to=in_reply_to,
    )
