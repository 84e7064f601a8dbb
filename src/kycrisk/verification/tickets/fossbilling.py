"""Tickets in FOSSBilling: `support/ticket_create` and `ticket_reply` of its admin API, as of 2026-11."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kycrisk.lookups.http import Http
from kycrisk.lookups.http_request import HttpRequest
from kycrisk.lookups.secrets import Secret
from kycrisk.verification.exchange import MOST_BYTES, json_of
from kycrisk.verification.outside import OutsideFailure, Person, TicketMessage


@dataclass(frozen=True, slots=True, kw_only=True)
class FossBillingTickets:
    """Tickets at a helpdesk, with the API key of an administrator."""

    http: Http
    url: str
    key: Secret
    helpdesk: int

    async def open(self, message: TicketMessage, *, again: bool) -> str:
        """The id of the ticket."""
        client = await self._client(message.person)
        if again and (found := await self._find(client, message)):
            return found
        wanted = {
            "client_id": client,
            "support_helpdesk_id": self.helpdesk,
            "subject": message.subject,
            "content": message.text,
        }
        return str(await self._call("support/ticket_create", wanted))

    async def reply(self, reference: str, message: TicketMessage, *, again: bool) -> None:
        """Added once: what stands there already is left alone."""
        if again and _stands(await self._call("support/ticket_get", {"id": reference}), message.mark):
            return
        await self._call("support/ticket_reply", {"id": reference, "content": message.text})

    async def _find(self, client: str, message: TicketMessage) -> str:
        found = await self._call("support/ticket_get_list", {"client_id": client, "per_page": 100})
        listed = found.get("list") if isinstance(found, Mapping) else None
        for each in listed if isinstance(listed, list) else ():
            if isinstance(each, Mapping) and each.get("subject") == message.subject and _stands(each, message.mark):
                return str(each.get("id", ""))
        return ""

    async def _client(self, person: Person) -> str:
        if person.account_id.isascii() and person.account_id.isdigit():
            return person.account_id
        if not person.email:
            raise OutsideFailure("fossbilling: the account has no e-mail address to find its client by")
        found = await self._call("client/get", {"email": person.email})
        if not isinstance(found, Mapping) or not found.get("id"):
            raise OutsideFailure("fossbilling client/get: the answer names no client")
        return str(found["id"])

    async def _call(self, method: str, given: Mapping[str, object]) -> Any:
        request = HttpRequest(
            url=f"{self.url}/api/admin/{method}",
            method="POST",
            headers={"Authorization": "Basic " + base64.b64encode(f"admin:{self.key.reveal()}".encode()).decode()},
            json=given,
            max_bytes=MOST_BYTES,
            repeatable=False,
        )
        found = await json_of(self.http, request, f"fossbilling {method}")
        if found.get("error"):
            raise OutsideFailure(f"fossbilling {method}: it was refused")
        return found.get("result")


def _stands(ticket: Any, mark: str) -> bool:
    messages = ticket.get("messages") if isinstance(ticket, Mapping) else None
    return isinstance(messages, list) and any(
        mark in str(each.get("content", "")) for each in messages if isinstance(each, Mapping)
    )
