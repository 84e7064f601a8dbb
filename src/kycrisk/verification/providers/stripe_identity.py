"""Stripe Identity: one session for all tries of a customer, with addresses that live for a moment.

Where others close an attempt that failed and want a new one, a session of Stripe's returns to `requires_input`, and
retrieving it gives a fresh address (docs.stripe.com/identity/how-sessions-work, read 2026-11). Webhooks are signed
together with their time (docs.stripe.com/webhooks/signature), so that old ones are refused.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, cast
from urllib.parse import quote

from kycrisk.lookups.http import Http
from kycrisk.lookups.http_request import HttpAnswer, HttpRequest
from kycrisk.lookups.secrets import Secret
from kycrisk.screening.desk import now_utc
from kycrisk.verification.documents.kinds import DocumentKind
from kycrisk.verification.providers.exchange import MAX_ANSWER, answered, basic, exchange, text_of
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
from kycrisk.verification.reasons import Code, Reason

NAME = "stripe"
ENDPOINT = "https://api.stripe.com"
TOLERANCE = timedelta(minutes=5)
_SESSIONS = "identity/verification_sessions"
_EVENT = "identity.verification_session."
_DOCUMENTS: Mapping[DocumentKind, str] = MappingProxyType(
    {
        DocumentKind.PASSPORT: "passport",
        DocumentKind.ID_CARD: "id_card",
        DocumentKind.RESIDENCE_PERMIT: "id_card",
        DocumentKind.DRIVING_LICENCE: "driving_license",
    }
)
_CODES: Mapping[str, Code] = MappingProxyType(
    {
        "abandoned": Code.ABANDONED,
        "consent_declined": Code.CONSENT_DECLINED,
        "country_not_supported": Code.DOC_COUNTRY,
        "device_not_supported": Code.OTHER,
        "document_expired": Code.DOC_EXPIRED,
        "document_type_not_supported": Code.DOC_TYPE,
        "document_unverified_other": Code.UNREADABLE,
        "id_number_insufficient_document_data": Code.UNREADABLE,
        "id_number_mismatch": Code.DATA_MISMATCH,
        "id_number_unverified_other": Code.DATA_MISMATCH,
        "selfie_document_missing_photo": Code.DOC_TYPE,
        "selfie_face_mismatch": Code.FACE_FAILED,
        "selfie_manipulated": Code.FACE_FAILED,
        "selfie_unverified_other": Code.FACE_FAILED,
        "under_supported_age": Code.UNDER_AGE,
    }
)
#: Another try with the same person and document would end the same way.
_GRAVE = frozenset({"selfie_manipulated", "under_supported_age"})


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeIdentitySettings:
    """`signing_keys`: of the endpoint in Stripe's dashboard (`whsec_…`); two while the key is rolled."""

    api_key: Secret
    signing_keys: tuple[Secret, ...]
    endpoint: str = ENDPOINT
    tolerance: timedelta = TOLERANCE
    selfie: bool = True

    def __post_init__(self) -> None:
        if not self.signing_keys:
            raise ValueError("without a signing key no webhook can be believed")


class StripeIdentity:
    """Stripe Identity as a provider. `http` is shared, and closed by its owner."""

    name = NAME

    def __init__(self, http: Http, settings: StripeIdentitySettings, now: Callable[[], datetime] = now_utc) -> None:
        self._http, self._settings, self._now = http, settings, now

    async def create_attempt(self, new: NewAttempt, *, within: float = WITHIN) -> Attempt:
        """Make a session. Asked twice with the same reference it is the same session (idempotency key)."""
        form = {
            "type": "document",
            "client_reference_id": new.subject,
            "metadata[reference]": new.reference,
            "options[document][require_matching_selfie]": "true" if self._settings.selfie else "false",
            **({"return_url": new.success_url} if new.success_url else {}),
        }
        allowed = list(dict.fromkeys(_DOCUMENTS[kind] for kind in new.documents if kind in _DOCUMENTS))
        form |= {f"options[document][allowed_types][{place}]": kind for place, kind in enumerate(allowed)}
        headers = {"Idempotency-Key": f"kycrisk-{new.reference}"}
        found = answered(await self._ask("POST", _SESSIONS, within, form=form, headers=headers), NAME)
        return _attempt(found)

    async def reopen(self, ref: str, *, within: float = WITHIN) -> Attempt | None:
        """The session with a fresh address; None once there is nothing to enter any more."""
        found = answered(await self._ask("GET", f"{_SESSIONS}/{quote(ref, safe='')}", within), NAME)
        return _attempt(found) if found.get("status") == "requires_input" and found.get("url") else None

    def parse_webhook(self, raw: bytes, headers: Mapping[str, str]) -> Event:
        """What a webhook says. Raises `WebhookRefused`; where the clocks differ, its words say by how much."""
        if len(raw) > MAX_WEBHOOK:
            raise WebhookRefused(Refusal.TOO_LARGE, f"stripe: a webhook of {len(raw)} bytes")
        self._verify(raw, header(headers, "Stripe-Signature"))
        try:
            told = json.loads(raw)
        except (ValueError, RecursionError):
            raise WebhookRefused(Refusal.MALFORMED, "stripe: signed, but not JSON") from None
        if not isinstance(told, dict):
            raise WebhookRefused(Refusal.MALFORMED, "stripe: signed, but not a JSON object")
        kind, key, data = told.get("type"), told.get("id"), told.get("data")
        session = data.get("object") if isinstance(data, dict) else None
        if not isinstance(kind, str) or not isinstance(key, str) or not 0 < len(key) <= 255:
            raise WebhookRefused(Refusal.MALFORMED, "stripe: an event without `id` or `type`")
        if not kind.startswith(_EVENT):
            raise WebhookRefused(Refusal.IRRELEVANT, "stripe: an event about something else")
        if not isinstance(session, dict) or not isinstance(session.get("id"), str) or not 0 < len(session["id"]) <= 255:
            raise WebhookRefused(Refusal.MALFORMED, "stripe: an event without a session")
        event = _event(key, session, _moment(told.get("created")))
        if event is None:
            raise WebhookRefused(Refusal.IRRELEVANT, "stripe: the customer is not done, or the status is unknown")
        return event

    async def fetch(self, ref: str, *, within: float = WITHIN) -> Event | None:
        """The session now; None when the customer is not done."""
        found = answered(await self._ask("GET", f"{_SESSIONS}/{quote(ref, safe='')}", within), NAME)
        error = found.get("last_error")
        code = error.get("code") if isinstance(error, Mapping) else ""
        report = found.get("last_verification_report")
        told = f"{text_of(found, 'status', NAME)}:{code}:{report if isinstance(report, str) else ''}"
        return _event(f"{ref}:fetched:{told}", {**found, "id": ref})

    async def delete(self, ref: str, *, within: float = WITHIN) -> None:
        """Have Stripe redact a session, whether it was verified, canceled or never finished.

        Raises `ProviderRefused` while Stripe is still at work on it (`processing`).
        """
        try:
            await self._ask("POST", f"{_SESSIONS}/{quote(ref, safe='')}/redact", within, form={})
        except UnknownAttempt:
            return

    def _verify(self, raw: bytes, signature: str) -> None:
        parts = [part.strip().partition("=") for part in signature.split(",")[:20]]
        times = [text for name, _, text in parts if name == "t"]
        given = [text.lower() for name, _, text in parts if name == "v1"]
        if len(times) != 1 or not given or not (times[0].isascii() and times[0].isdigit() and len(times[0]) <= 12):
            raise WebhookRefused(Refusal.UNSIGNED, "stripe: a webhook without a usable `Stripe-Signature`")
        signed = f"{times[0]}.".encode() + raw
        right = [hmac.new(key.reveal().encode(), signed, "sha256").hexdigest() for key in self._settings.signing_keys]
        agrees = [hmac.compare_digest(a.encode(), b.encode("utf-8", "replace")) for a in right for b in given]
        if not any(agrees):
            raise WebhookRefused(Refusal.WRONG_SIGNATURE, "stripe: a webhook with a wrong signature")
        # Judged after the signature: whoever cannot sign learns nothing about our clock.
        off = int(times[0]) - int(self._now().timestamp())
        if abs(off) > self._settings.tolerance.total_seconds():
            side = "behind" if off > 0 else "ahead of"
            allowed = int(self._settings.tolerance.total_seconds())
            raise WebhookRefused(
                Refusal.OUT_OF_TIME,
                f"stripe: a webhook signed {abs(off)} s {'after' if off > 0 else 'before'} now, of which {allowed} s "
                f"are allowed: an old one sent again, or this machine's clock is {side} the right time",
            )

    async def _ask(
        self,
        method: str,
        path: str,
        within: float,
        *,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> HttpAnswer:
        request = HttpRequest(
            url=f"{self._settings.endpoint}/v1/{path}",
            method=method,
            headers={"Authorization": basic(self._settings.api_key), **headers},
            form=form,
            max_bytes=MAX_ANSWER,
            repeatable=method == "GET" or bool(headers),
        )
        return await exchange(self._http, request, provider=NAME, within=within)


def _attempt(found: Mapping[str, Any]) -> Attempt:
    return Attempt(ref=text_of(found, "id", NAME), url=text_of(found, "url", NAME))


def _moment(seconds: object) -> datetime | None:
    in_time = isinstance(seconds, int) and 0 < seconds < 10**11
    return datetime.fromtimestamp(cast(int, seconds), UTC) if in_time else None


def _event(key: str, session: Mapping[str, Any], said_at: datetime | None = None) -> Event | None:
    error = session.get("last_error")
    code = error.get("code") if isinstance(error, Mapping) else None
    code = code if isinstance(code, str) else ""
    outcome = _judged(session.get("status"), code)
    if outcome is None:
        return None
    metadata = session.get("metadata")
    reference = metadata.get("reference") if isinstance(metadata, Mapping) else None
    failed = outcome in (Outcome.RETRY, Outcome.DENIED)
    return Event(
        key=key,
        ref=session["id"],
        outcome=outcome,
        final=outcome is not Outcome.SUBMITTED,
        reasons=(Reason(_CODES.get(code, Code.OTHER)),) if failed else (),
        reference=reference if isinstance(reference, str) and len(reference) <= 40 else "",
        said_at=said_at,
    )


def _judged(status: object, code: str) -> Outcome | None:
    match status:
        case "processing":
            return Outcome.SUBMITTED
        case "verified":
            return Outcome.APPROVED
        case "canceled" | "redacted":
            return Outcome.SESSION_EXPIRED
        case "requires_input" if code in _GRAVE:
            return Outcome.DENIED
        case "requires_input" if code:
            return Outcome.RETRY
    return None  # `requires_input` without an error: a new session
