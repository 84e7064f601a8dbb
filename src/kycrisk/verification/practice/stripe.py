"""A practice server that speaks Stripe Identity's protocol. Nobody is verified by it."""

from __future__ import annotations

import base64
import hmac
import json
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from kycrisk.verification.practice.server import Answer, Asked, PracticeServer, Webhook

_PATH = re.compile(r"/v1/identity/verification_sessions(?:/(?P<id>vs_\w+)(?:/(?P<what>redact))?)?", re.ASCII)


@dataclass(slots=True)
class Session:
    """A session as the server keeps it."""

    id: str
    reference: str
    subject: str
    status: str = "requires_input"
    error: str = ""


class PracticeStripe(PracticeServer):
    """`with PracticeStripe(…) as stripe:`, then `stripe.url` is the endpoint."""

    def __init__(
        self,
        *,
        api_key: str,
        signing_key: str,
        webhook_url: str = "",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__()
        self._api_key, self._signing_key, self._webhook_url, self._now = api_key, signing_key, webhook_url, now
        self.sessions: dict[str, Session] = {}
        self._made: dict[str, str] = {}  # by idempotency key

    def __enter__(self) -> PracticeStripe:
        super().__enter__()
        return self

    def answer(self, asked: Asked) -> Answer:
        """One request of the published API."""
        given = base64.b64encode(f"{self._api_key}:".encode()).decode()
        if not hmac.compare_digest(asked.headers.get("authorization", "").encode(), f"Basic {given}".encode()):
            return _error(401, "invalid_request_error", "")
        found = _PATH.fullmatch(asked.path)
        if found is None:
            return _error(404, "invalid_request_error", "url_invalid")
        if found["id"] is None:
            return self._create(dict(parse_qsl(asked.body.decode())), asked.headers.get("idempotency-key", ""))
        session = self.sessions.get(found["id"])
        if session is None:
            return _error(404, "invalid_request_error", "resource_missing")
        if found["what"] == "redact":
            if session.status == "processing":
                return _error(400, "invalid_request_error", "verification_session_not_redactable")
            session.status = "redacted"
        return Answer(200, self.shown(session))

    def shown(self, session: Session) -> dict[str, Any]:
        """A session as JSON, with an address that was never given before while there is something to enter."""
        fresh = f"{self.url}/start/{secrets.token_urlsafe(20)}" if session.status == "requires_input" else None
        return {
            "id": session.id,
            "object": "identity.verification_session",
            "status": session.status,
            "url": fresh,
            "client_reference_id": session.subject,
            "metadata": {"reference": session.reference},
            "last_error": {"code": session.error, "reason": "…"} if session.error else None,
            "last_verification_report": None,
        }

    def becomes(
        self, id_: str, status: str, error: str = "", *, late: timedelta = timedelta(0), signing_key: str | None = None
    ) -> Webhook:
        """Move a session on, and make the webhook of it. `late`: signed so long ago (negative: in the future)."""
        with self._lock:
            session = self.sessions[id_]
            session.status, session.error = status, error
            at = int((self._now() - late).timestamp())
            told = {
                "id": f"evt_{secrets.token_hex(8)}",
                "object": "event",
                "type": f"identity.verification_session.{status}",
                "created": at,
                "data": {"object": {**self.shown(session), "url": None}},
            }
        body = json.dumps(told).encode()
        key = self._signing_key if signing_key is None else signing_key
        signature = hmac.new(key.encode(), f"{at}.".encode() + body, "sha256").hexdigest()
        headers = {"Content-Type": "application/json", "Stripe-Signature": f"t={at},v1={signature},v0=00"}
        return Webhook(self._webhook_url, body, headers)

    def _create(self, form: dict[str, str], key: str) -> Answer:
        if form.get("type") != "document":
            return _error(400, "invalid_request_error", "parameter_invalid")
        id_ = self._made.setdefault(key, f"vs_{secrets.token_hex(12)}") if key else f"vs_{secrets.token_hex(12)}"
        session = self.sessions.setdefault(
            id_, Session(id_, form.get("metadata[reference]", ""), form.get("client_reference_id", ""))
        )
        return Answer(200, self.shown(session))


def _error(status: int, kind: str, code: str) -> Answer:
    return Answer(status, {"error": {"type": kind, "code": code, "message": "see the documentation"}})
