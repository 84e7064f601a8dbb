"""A practice server that speaks iDenfy's protocol. Nobody is verified by it: whoever opens its page chooses the result.

Also from a program: `result` makes a webhook, which is then sent, sent twice, sent late, spoilt, or never sent.
"""

from __future__ import annotations

import base64
import hmac
import html
import json
import secrets
import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

from kycrisk.verification.practice.server import Answer, Asked, PracticeServer, Webhook

_LONGEST = 2_592_000
_DEFAULT_LIFETIME = 3600
_PARTS = ("autoFace", "manualFace", "autoDocument", "manualDocument")
_UNDECIDED = ("ACTIVE", "REVIEWING")
RESULTS = {
    "APPROVED": {"autoFace": "FACE_MATCH", "autoDocument": "DOC_VALIDATED"},
    "DENIED": {"autoFace": "FACE_MATCH", "autoDocument": "DOC_TOO_BLURRY"},
    "SUSPECTED": {"autoFace": "FACE_MATCH", "autoDocument": "DOC_VALIDATED"},
    "REVIEWING": {"autoFace": "FACE_MATCH", "autoDocument": "AUTO_UNVERIFIABLE"},
    "EXPIRED": {},
}


@dataclass(slots=True)
class Session:
    """A session as the server keeps it."""

    asked: dict[str, Any]
    token: str = field(repr=False)
    ref: str
    expires_at: datetime
    overall: str = "ACTIVE"
    status: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)


class PracticeIdenfy(PracticeServer):
    """`with PracticeIdenfy(…) as idenfy:`, then `idenfy.url` is the endpoint."""

    def __init__(
        self,
        *,
        api_key: str,
        api_secret: str,
        signing_key: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__()
        self._keys, self._signing_key, self._now = f"{api_key}:{api_secret}", signing_key, now
        self.sessions: dict[str, Session] = {}

    def __enter__(self) -> PracticeIdenfy:
        super().__enter__()
        return self

    def answer(self, asked: Asked) -> Answer:
        """One request of the published API, or of the customer's page."""
        if (asked.method, asked.path) == ("GET", "/api/v2/redirect"):
            return self._page(parse_qs(asked.query).get("authToken", [""])[0])
        if asked.method == "POST" and asked.path == "/practice/decide":
            return self._decided(parse_qs(asked.body.decode("ascii", "replace")))
        given = base64.b64encode(self._keys.encode()).decode()
        if not hmac.compare_digest(asked.headers.get("authorization", "").encode(), f"Basic {given}".encode()):
            return _error(401, "UNAUTHORIZED", "Invalid or missing API credentials.")
        known = {"/api/v2/token": self._token, "/api/v2/status": self._status, "/api/v2/delete": self._delete}
        if asked.path not in known:
            return _error(404, "NOT_FOUND", "There is no such resource.")
        if asked.method != "POST":
            return _error(405, "METHOD_NOT_ALLOWED", f"{asked.method} is not supported.")
        try:
            body = json.loads(asked.body)
        except ValueError:
            return _error(400, "JSON_ERROR", "The request body is not valid JSON.")
        if not isinstance(body, dict):
            return _error(400, "JSON_ERROR", "The request body is not a JSON object.")
        return known[asked.path](body)

    def result(
        self,
        ref: str,
        overall: str = "APPROVED",
        *,
        final: bool | None = None,
        event_type: str = "IDENTIFICATION_AUTO_FINISHED",
        tags: Sequence[str] = (),
        mismatches: Sequence[str] = (),
        data: dict[str, Any] | None = None,
        **parts: str,
    ) -> Webhook:
        """Decide a session, and make the webhook that tells of it. `parts`: such as `autoDocument="DOC_GLARED"`."""
        with self._lock:
            session = self.sessions[ref]
            session.overall = overall
            words = {**dict.fromkeys(_PARTS), **RESULTS.get(overall, {}), **parts}
            session.status = {"overall": overall, "fraudTags": [*tags], "mismatchTags": [*mismatches], **words}
            session.data = data or {"docExpiry": "2031-05-17", "docType": "PASSPORT", "docIssuingCountry": "UTO"}
        return self.webhook(ref, final=overall not in _UNDECIDED if final is None else final, event_type=event_type)

    def webhook(self, ref: str, *, final: bool, event_type: str, signing_key: str | None = None) -> Webhook:
        """What the server would send about a session as it is; with another key its signature is wrong."""
        with self._lock:
            session = self.sessions[ref]
            told = {
                "final": final,
                "platform": "PC",
                "status": session.status,
                "data": session.data,
                "fileUrls": {},
                "scanRef": ref,
                "clientId": session.asked["clientId"],
                "externalRef": session.asked.get("externalRef"),
            }
        body = json.dumps(told, separators=(",", ":")).encode()
        key = self._signing_key if signing_key is None else signing_key
        headers = {
            "Content-Type": "application/json",
            "Idenfy-Event-Type": event_type,
            "Idenfy-Signature": hmac.new(key.encode(), body, "sha256").hexdigest(),
        }
        return Webhook(session.asked.get("callbackUrl", ""), body, headers)

    def expire(self, ref: str) -> Webhook:
        """Let a session end unused."""
        return self.result(ref, "EXPIRED", event_type="IDENTIFICATION_EXPIRED", data={})

    def _token(self, body: dict[str, Any]) -> Answer:
        wrong = _wrong(body)
        if wrong:
            return wrong
        seconds = body.get("expiryTime", _DEFAULT_LIFETIME)
        session = Session(
            asked=body,
            token=secrets.token_urlsafe(30),
            ref=str(uuid.uuid4()),
            expires_at=self._now() + timedelta(seconds=seconds),
        )
        self.sessions[session.ref] = session
        told = {name: body.get(name) for name in ("clientId", "externalRef", "country", "successUrl", "errorUrl")}
        made = {"message": "Token created successfully", "authToken": session.token, "scanRef": session.ref}
        return Answer(201, {**told, **made, "expiryTime": seconds, "sessionLength": 600, "tokenType": "IDENTIFICATION"})

    def _status(self, body: dict[str, Any]) -> Answer:
        session = self.sessions.get(str(body.get("scanRef")))
        if session is None:
            return _error(404, "NOT_FOUND", "There is no such verification.")
        self._end(session)
        words = {name: text for name, text in session.status.items() if name != "overall"}
        told = {**dict.fromkeys(_PARTS), "fraudTags": [], "mismatchTags": [], **words}
        return Answer(200, {**told, "status": session.overall, "scanRef": session.ref, **_known(session.asked)})

    def _delete(self, body: dict[str, Any]) -> Answer:
        session = self.sessions.pop(str(body.get("scanRef")), None)
        return Answer(200, {}) if session else _error(404, "NOT_FOUND", "There is no such verification.")

    def _end(self, session: Session) -> None:
        if session.overall == "ACTIVE" and self._now() >= session.expires_at:
            session.overall = "EXPIRED"

    def _page(self, token: str) -> Answer:
        session = next((each for each in self.sessions.values() if hmac.compare_digest(each.token, token)), None)
        if session is None:
            return Answer(404, _HTML.format(inside="<p>This link is not known.</p>"))
        self._end(session)
        if session.overall != "ACTIVE":
            return Answer(410, _HTML.format(inside="<p>This link has expired, or was used.</p>"))
        buttons = "".join(
            f'<button name="overall" value="{each}">{each.capitalize()}</button> '
            for each in RESULTS
            if each != "EXPIRED"
        )
        form = f'<form method="post" action="/practice/decide"><input type="hidden" name="token" value="{token}">'
        return Answer(200, _HTML.format(inside=f"{form}{buttons}</form>"))

    def _decided(self, form: dict[str, list[str]]) -> Answer:
        """A result that was chosen on the page: the webhook goes out, and the customer goes back."""
        token, overall = form.get("token", [""])[0], form.get("overall", [""])[0]
        session = next((each for each in self.sessions.values() if hmac.compare_digest(each.token, token)), None)
        if session is None or session.overall != "ACTIVE" or overall not in RESULTS:
            return Answer(410, _HTML.format(inside="<p>This link has expired, or was used.</p>"))
        webhook = self.result(session.ref, overall)
        if webhook.url:
            threading.Thread(target=_sent, args=(webhook,), daemon=True).start()
        back = session.asked.get("successUrl" if overall in ("APPROVED", "REVIEWING", "SUSPECTED") else "errorUrl")
        return Answer(303, _HTML.format(inside="<p>Thank you.</p>"), {"Location": back} if back else {})


def _sent(webhook: Webhook) -> None:
    try:
        webhook.send()
    except OSError:
        return  # lost, as webhooks are


def _known(asked: dict[str, Any]) -> dict[str, Any]:
    return {"clientId": asked["clientId"], "externalRef": asked.get("externalRef")}


def _error(status: int, identifier: str, message: str) -> Answer:
    return Answer(status, {"identifier": identifier, "message": message})


def _wrong(body: dict[str, Any]) -> Answer | None:
    client, external = body.get("clientId"), body.get("externalRef")
    seconds, kind = body.get("expiryTime", _DEFAULT_LIFETIME), body.get("tokenType", "IDENTIFICATION")
    if client is None:
        return _error(400, "MISSING_VALUE", "Field 'clientId' is required.")
    if not isinstance(client, str) or not 1 <= len(client) <= 100 or not client.isascii():
        return _error(400, "BAD_VALUE", "Field 'clientId' must be up to 100 ASCII characters.")
    if external is not None and (not isinstance(external, str) or len(external) > 40):
        return _error(
            400, "BAD_VALUE", f"Field 'externalRef' must be up to 40 characters: {html.escape(str(external))}"
        )
    if type(seconds) is not int or not 1 <= seconds <= _LONGEST:
        return _error(400, "BAD_VALUE", f"Field 'expiryTime' must be between 1 and {_LONGEST}.")
    if kind not in ("IDENTIFICATION", "DOCUMENT"):
        return _error(400, "BAD_VALUE", "Field 'tokenType' is not known.")
    return None


_HTML = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>Practice identity provider</title>'
    "<h1>Practice identity provider</h1><p>Nobody is verified here. Choose what comes of it.</p>{inside}</html>"
)
