"""iDenfy: sessions by token, results by signed webhooks (documentation.idenfy.com, read 2026-11).

Nothing of the signature covers time or headers, so whoever saw a webhook can send it again: the key of an event is the
same then, and the inbox refuses it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

from kycrisk.lookups.http import Http
from kycrisk.lookups.http_request import HttpAnswer, HttpRequest
from kycrisk.lookups.secrets import Secret
from kycrisk.screening.desk import now_utc
from kycrisk.verification.documents.kinds import DocumentKind
from kycrisk.verification.providers.exchange import MAX_ANSWER, answered, basic, exchange, text_of
from kycrisk.verification.providers.idenfy_words import (
    EVENT_TYPES,
    LOCALES,
    OTHER_EVENT,
    SETTLED,
    judged,
    mismatches,
    reasons_of,
)
from kycrisk.verification.providers.provider import (
    MAX_WEBHOOK,
    WITHIN,
    Attempt,
    Event,
    NewAttempt,
    Outcome,
    Refusal,
    UnknownAttempt,
    WebhookRefused,
    header,
)

NAME = "idenfy"
ENDPOINT = "https://ivs.idenfy.com"
LONGEST = timedelta(seconds=2_592_000)  # of a token
_DOCUMENTS: Mapping[DocumentKind, str] = MappingProxyType(
    {
        DocumentKind.PASSPORT: "PASSPORT",
        DocumentKind.ID_CARD: "ID_CARD",
        DocumentKind.RESIDENCE_PERMIT: "RESIDENCE_PERMIT",
        DocumentKind.DRIVING_LICENCE: "DRIVER_LICENSE",
    }
)
_COMPARED = {"first_name": "firstName", "last_name": "lastName", "date_of_birth": "dateOfBirth"}


@dataclass(frozen=True, slots=True, kw_only=True)
class IdenfySettings:
    """`signing_keys`: of the notification in iDenfy's dashboard; two while the key is changed. `dummy_status` only for
    accounts under development: `APPROVED`, `DENIED`, … without anybody being verified."""

    api_key: Secret
    api_secret: Secret
    signing_keys: tuple[Secret, ...]
    endpoint: str = ENDPOINT
    dummy_status: str = ""

    def __post_init__(self) -> None:
        if not self.signing_keys:
            raise ValueError("without a signing key no webhook can be believed")


class Idenfy:
    """iDenfy as a provider. `http` is shared, and closed by its owner."""

    name = NAME

    def __init__(self, http: Http, settings: IdenfySettings, now: Callable[[], datetime] = now_utc) -> None:
        self._http, self._settings, self._now = http, settings, now

    async def create_attempt(self, new: NewAttempt, *, within: float = WITHIN) -> Attempt:
        """Make a token. The address is for one customer, now; what is sent to customers is a link of ours."""
        asked = _asked(new, self._settings.dummy_status)
        found = answered(await self._post("token", asked, within), NAME)
        ref, token = text_of(found, "scanRef", NAME), text_of(found, "authToken", NAME)
        seconds = found.get("expiryTime")
        if not isinstance(seconds, int) or isinstance(seconds, bool) or seconds <= 0:
            seconds = asked["expiryTime"]  # not said: it is what was asked for
        return Attempt(
            ref=ref,
            url=f"{self._settings.endpoint}/api/v2/redirect?{urlencode({'authToken': token})}",
            expires_at=self._now() + timedelta(seconds=min(seconds, LONGEST.total_seconds())),
        )

    async def reopen(self, ref: str, *, within: float = WITHIN) -> Attempt | None:
        """None: a token is not given twice; a new attempt is made instead."""
        return None

    def parse_webhook(self, raw: bytes, headers: Mapping[str, str]) -> Event:
        """What a webhook says. Raises `WebhookRefused`."""
        if len(raw) > MAX_WEBHOOK:
            raise WebhookRefused(Refusal.TOO_LARGE, f"idenfy: a webhook of {len(raw)} bytes")
        self._verify(raw, header(headers, "Idenfy-Signature"))
        given = header(headers, "Idenfy-Event-Type")
        # The header is not signed: a replay must not become new by a word that somebody made up.
        kind = given if given in EVENT_TYPES else OTHER_EVENT
        try:
            told = json.loads(raw)
        except (ValueError, RecursionError):
            raise WebhookRefused(Refusal.MALFORMED, "idenfy: signed, but not JSON") from None
        if not isinstance(told, dict):
            raise WebhookRefused(Refusal.MALFORMED, "idenfy: signed, but not a JSON object")
        ref, status = told.get("scanRef"), told.get("status")
        if not isinstance(ref, str) or not 0 < len(ref) <= 100:
            raise WebhookRefused(Refusal.MALFORMED, "idenfy: a webhook without `scanRef`")
        if not isinstance(status, dict) or not isinstance(status.get("overall"), str):
            raise WebhookRefused(Refusal.IRRELEVANT, f"idenfy: an event `{kind}` without a status")
        key = f"{ref}:{kind}:{hashlib.sha256(raw).hexdigest()}"
        event = _event(key, ref, status, told, final=told.get("final") is True)
        if event is None:
            raise WebhookRefused(Refusal.IRRELEVANT, "idenfy: the customer is not done, or the status is unknown")
        return event

    async def fetch(self, ref: str, *, within: float = WITHIN) -> Event | None:
        """The status of a session now; None when the customer is not done."""
        found = answered(await self._post("status", {"scanRef": ref}, within, repeatable=True), NAME)
        overall = found.get("status")
        if not isinstance(overall, str):
            raise UnknownAttempt(f"{NAME}: the answer has no status")
        # The status does not always say whether it is final. A session that a person still looks at is REVIEWING.
        final = found["final"] is True if isinstance(found.get("final"), bool) else overall in SETTLED
        digest = hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()
        return _event(f"{ref}:fetched:{digest}", ref, {**found, "overall": overall}, found, final=final)

    async def delete(self, ref: str, *, within: float = WITHIN) -> None:
        """Have iDenfy delete what it holds about a session."""
        try:
            await self._post("delete", {"scanRef": ref}, within, repeatable=True)
        except UnknownAttempt:
            return

    def _verify(self, raw: bytes, signature: str) -> None:
        given = signature.strip().lower()
        if not given:
            raise WebhookRefused(Refusal.UNSIGNED, "idenfy: a webhook without `Idenfy-Signature`")
        right = [hmac.new(key.reveal().encode(), raw, "sha256").hexdigest() for key in self._settings.signing_keys]
        agrees = [hmac.compare_digest(each.encode(), given.encode()) for each in right]  # all: no time tells which
        if not any(agrees):
            raise WebhookRefused(Refusal.WRONG_SIGNATURE, "idenfy: a webhook with a wrong signature")

    async def _post(self, path: str, body: object, within: float, *, repeatable: bool = False) -> HttpAnswer:
        request = HttpRequest(
            url=f"{self._settings.endpoint}/api/v2/{path}",
            method="POST",
            headers={"Authorization": basic(self._settings.api_key, self._settings.api_secret)},
            json=body,
            max_bytes=MAX_ANSWER,
            repeatable=repeatable,
        )
        return await exchange(self._http, request, provider=NAME, within=within)


def _asked(new: NewAttempt, dummy_status: str) -> dict[str, Any]:
    asked: dict[str, Any] = {
        "clientId": new.subject,
        "externalRef": new.reference,
        "tokenType": "IDENTIFICATION",
        "expiryTime": max(1, int(min(new.lifetime, LONGEST).total_seconds())),
        "locale": new.locale if new.locale in LOCALES else "en",
    }
    texts = {
        "country": new.country.upper(),
        "successUrl": new.success_url,
        "errorUrl": new.error_url,
        "unverifiedUrl": new.unverified_url,
        "callbackUrl": new.webhook_url,
        "dummyStatus": dummy_status,
        **{name: new.compare.get(field, "") for field, name in _COMPARED.items()},
    }
    documents = [_DOCUMENTS[kind] for kind in new.documents if kind in _DOCUMENTS]
    return (
        asked | {name: text for name, text in texts.items() if text} | ({"documents": documents} if documents else {})
    )


def _event(key: str, ref: str, status: Mapping[str, Any], told: Mapping[str, Any], *, final: bool) -> Event | None:
    """None for a session that the customer has not finished, and for statuses that are not known here."""
    reasons = reasons_of(status)
    outcome = judged(str(status["overall"]), reasons, status)
    if outcome is None:
        return None
    reference = told.get("externalRef")
    data = told.get("data")
    expiry = data.get("docExpiry") if isinstance(data, Mapping) else None
    return Event(
        key=key,
        ref=ref,
        outcome=outcome,
        final=final,
        reasons=() if outcome is Outcome.APPROVED else reasons,
        reference=reference if isinstance(reference, str) and len(reference) <= 40 else "",
        document_expiry=_day(expiry),
        matched=MappingProxyType(dict.fromkeys(mismatches(status), False)),
    )


def _day(text: object) -> date | None:
    try:
        return date.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
