"""Tickets in WHMCS: OpenTicket and AddTicketReply. WHMCS knows no idempotency keys, so a message that may have arrived
before is looked for by its mark."""

from __future__ import annotations

from dataclasses import dataclass

from kycrisk.verification.outside import TicketMessage
from kycrisk.verification.whmcs import Whmcs, rows


@dataclass(frozen=True, slots=True, kw_only=True)
class WhmcsTickets:
    """Tickets in a department; replies carry the name of an administrator."""

    whmcs: Whmcs
    department: int
    admin: str

    async def open(self, message: TicketMessage, *, again: bool) -> str:
        """The id of the ticket."""
        client = await self.whmcs.client_of(message.person)
        if again and (found := await self._find(client, message)):
            return found
        opened = await self.whmcs.call(
            "OpenTicket",
            deptid=self.department,
            clientid=client,
            subject=message.subject,
            message=message.text,
            priority="Medium",
            admin="true",
            markdown="true",
        )
        return str(opened.get("id", ""))

    async def reply(self, reference: str, message: TicketMessage, *, again: bool) -> None:
        """Added once: what stands there already is left alone."""
        if again and await self._stands(reference, message.mark):
            return
        named = {"adminusername": self.admin} if self.admin else {}
        await self.whmcs.call("AddTicketReply", ticketid=reference, message=message.text, markdown="true", **named)

    async def _find(self, client: int, message: TicketMessage) -> str:
        found = await self.whmcs.call("GetTickets", clientid=client, subject=message.subject, limitnum=100)
        for each in rows(found, "tickets", "ticket"):
            reference = str(each.get("id", ""))
            if each.get("subject") == message.subject and await self._stands(reference, message.mark):
                return reference
        return ""

    async def _stands(self, reference: str, mark: str) -> bool:
        found = await self.whmcs.call("GetTicket", ticketid=reference)
        return any(mark in str(each.get("message", "")) for each in rows(found, "replies", "reply"))
