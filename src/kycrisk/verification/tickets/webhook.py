"""Tickets in any other system, by signed messages. It answers `{"reference": "…"}`, or the key is the reference."""

from __future__ import annotations

import json
from dataclasses import dataclass

from kycrisk.verification.outside import TicketMessage
from kycrisk.verification.signed import SignedPost


@dataclass(frozen=True, slots=True)
class WebhookTickets:
    """`ticket.opened` and `ticket.replied`, each under a key by which the receiver tells doubles."""

    post: SignedPost

    async def open(self, message: TicketMessage, *, again: bool) -> str:
        answer = await self.post.send("ticket.opened", message.key, _data(message))
        try:
            told = json.loads(answer or "{}")
        except ValueError:
            told = {}
        reference = told.get("reference") if isinstance(told, dict) else None
        return str(reference)[:200] if reference else message.key

    async def reply(self, reference: str, message: TicketMessage, *, again: bool) -> None:
        await self.post.send("ticket.replied", message.key, {**_data(message), "reference": reference})


def _data(message: TicketMessage) -> dict[str, object]:
    person = message.person
    return {
        "account_id": person.account_id,
        "email": person.email,
        "subject": message.subject,
        "text": message.text,
    }
