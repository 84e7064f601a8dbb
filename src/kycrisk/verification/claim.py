"""Claims: what the operator's own application says of a customer who is logged in there, signed and short-lived.

A claim is `base64url(JSON).base64url(HMAC-SHA256)` under the secret of `verification.portal`. The JSON has `account`,
`expires` (seconds since 1970), and may have `step_up` (true once the customer has proved who they are a second time, as
by a code), `registered_at` (seconds since 1970) and `subject` (`person` or `company`).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from kycrisk.verification.policy import Subject

#: A claim lives no longer, and may be made by a clock so much ahead of ours.
LONGEST, SKEW = timedelta(hours=1), timedelta(minutes=10)
_MOST_LETTERS = 2000
_CLOCKS = "the clock of the application or of this machine is wrong"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A customer who is logged in at the operator's application."""

    account: str
    expires: datetime
    step_up: bool = False
    registered_at: datetime | None = None
    subject: Subject = Subject.PERSON


class ClaimRefused(ValueError):
    """A claim that is not believed. Its words are for the operator's log. `timing`: only its time is wrong."""

    def __init__(self, words: str, *, timing: bool = False) -> None:
        super().__init__(words)
        self.timing = timing


def sign_claim(claim: Claim, secret: bytes) -> str:
    """The claim as text, as the operator's application makes it."""
    told: dict[str, Any] = {"account": claim.account, "expires": int(claim.expires.timestamp())}
    if claim.step_up:
        told["step_up"] = True
    if claim.registered_at is not None:
        told["registered_at"] = int(claim.registered_at.timestamp())
    if claim.subject is not Subject.PERSON:
        told["subject"] = claim.subject.value
    body = _encoded(json.dumps(told, separators=(",", ":")).encode())
    return f"{body}.{_encoded(_signature(body, secret))}"


def read_claim(text: str, secret: bytes, now: datetime) -> Claim:
    """Raises `ClaimRefused`."""
    body, _, signature = text[:_MOST_LETTERS].partition(".")
    try:
        given = _decoded(signature)
        if not hmac.compare_digest(given, _signature(body, secret)):
            raise ClaimRefused("the claim is not signed with our secret")
        claim = _claim(json.loads(_decoded(body)))
    except (binascii.Error, UnicodeError, KeyError, TypeError, OverflowError, json.JSONDecodeError):
        raise ClaimRefused("this is not a claim") from None
    if claim.expires <= now:
        late = round((now - claim.expires).total_seconds())
        raise ClaimRefused(f"it expired {late} seconds ago: it is old, or {_CLOCKS}", timing=True)
    if claim.expires > now + LONGEST + SKEW:
        early = round((claim.expires - now - LONGEST).total_seconds())
        raise ClaimRefused(f"it lives {early} seconds longer than an hour: it is made so, or {_CLOCKS}", timing=True)
    return claim


def _claim(told: dict[str, Any]) -> Claim:
    registered = told.get("registered_at")
    subject = told.get("subject", "person")
    if not isinstance(told["account"], str) or not 1 <= len(told["account"]) <= 200 or subject not in list(Subject):
        raise ClaimRefused("this is not a claim")
    return Claim(
        account=told["account"],
        expires=datetime.fromtimestamp(int(told["expires"]), UTC),
        step_up=told.get("step_up") is True,
        registered_at=None if registered is None else datetime.fromtimestamp(int(registered), UTC),
        subject=Subject(subject),
    )


def _signature(body: str, secret: bytes) -> bytes:
    return hmac.digest(secret, b"kycrisk claim " + body.encode("ascii", "replace"), hashlib.sha256)


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text.encode("ascii", "replace") + b"=" * (-len(text) % 4))
