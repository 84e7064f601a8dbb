"""Texts to phones: by any service that takes JSON over HTTP, or into the log where one only tries things out."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

from kycrisk.lookups.http import Http
from kycrisk.lookups.http_request import ANY_TEXT, HttpRequest
from kycrisk.lookups.secrets import Secret
from kycrisk.verification.exchange import fetched

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSms:
    """A service that is posted `{to: …, text: …}`, by whatever names it has for them."""

    http: Http
    url: str
    secret: Secret | None = None
    to_field: str = "to"
    text_field: str = "text"
    more: Mapping[str, str] = field(default_factory=dict)

    async def send(self, to: str, text: str) -> None:
        """A code that comes twice does no harm, one that never comes does: so it is sent again when a connection
        breaks."""
        headers = {"Authorization": f"Bearer {self.secret.reveal()}"} if self.secret else {}
        body = {**self.more, self.to_field: to, self.text_field: text}
        request = HttpRequest(url=self.url, method="POST", headers=headers, json=body, accepts=ANY_TEXT)
        await fetched(self.http, request, "sms")


@dataclass(frozen=True, slots=True)
class LoggedSms:
    """Writes texts into the log, codes and all: for trying out, never for customers."""

    async def send(self, to: str, text: str) -> None:
        _log.warning("a text to %s that is not sent: %s", to, text)
