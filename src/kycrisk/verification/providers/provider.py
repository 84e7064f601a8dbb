"""The port of identity providers: attempts are made, told of, asked about and deleted, in our own words.

A provider keeps the documents and faces; what is kept here is its reference, codes, whether fields matched, and when
the document expires. What comes from outside is judged in one place, `parse_webhook`, and never quoted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Protocol

from kycrisk.verification.documents.kinds import DocumentKind
from kycrisk.verification.reasons import Reason

#: How long a provider may take to answer, in seconds, where nothing else is said.
WITHIN = 10.0
MAX_REFERENCE = 40
MAX_WEBHOOK = 1_000_000  # bytes
_NOTHING: Mapping[str, bool] = MappingProxyType({})
_NO_TEXTS: Mapping[str, str] = MappingProxyType({})


class Outcome(StrEnum):
    """What is known of an attempt. Who decides on it is the case, by its policy."""

    SUBMITTED = "submitted"  # the customer has done their part
    REVIEWING = "reviewing"  # a person at the provider looks at it
    APPROVED = "approved"
    RETRY = "retry"  # something the customer can do better: another picture, another document
    DENIED = "denied"
    NEEDS_REVIEW = "needs_review"  # suspicious: a person on our side decides
    SESSION_EXPIRED = "session_expired"  # closes the attempt, not the case
    REVOKED = "revoked"  # what was approved is taken back, or its evidence is gone


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAttempt:
    """An attempt to be made. `reference` is ours (at most 40 letters of ASCII); `subject` stands for the account.

    `documents` empty: any kind. `country`: ISO 3166 alpha-2 or empty. `lifetime`: how long the session may be used.
    `compare`: what the customer entered (`first_name`, `last_name`, `date_of_birth`), for the provider to compare; to
    disclose it is for the policy to decide. Addresses are whole URLs, empty where there is none. Raises `ValueError`.
    """

    reference: str
    subject: str
    country: str = ""
    documents: tuple[DocumentKind, ...] = ()
    locale: str = "en"
    lifetime: timedelta = timedelta(hours=1)
    compare: Mapping[str, str] = field(default_factory=lambda: _NO_TEXTS, repr=False)
    success_url: str = ""
    error_url: str = ""
    unverified_url: str = ""
    webhook_url: str = ""

    def __post_init__(self) -> None:
        if not self.reference.isascii() or not 1 <= len(self.reference) <= MAX_REFERENCE:
            raise ValueError(f"`{self.reference[:60]}` is not 1 to {MAX_REFERENCE} letters of ASCII")
        if not self.subject.isascii() or not 1 <= len(self.subject) <= 100:
            raise ValueError("the subject is not 1 to 100 letters of ASCII")
        if self.lifetime <= timedelta(0):
            raise ValueError("the lifetime of an attempt is not longer than nothing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """An attempt that the provider knows. `ref` is the provider's. `url` is where the customer goes: it is a secret,
    may die within the hour, and is never stored or sent. `expires_at`: None when the provider does not say."""

    ref: str
    url: str = field(repr=False)
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What a provider says about an attempt, by webhook or when asked.

    `key` is the same for what was said twice, and another for anything else. `ref` is the provider's reference,
    `reference` ours (empty when it was not told). What is not `final` is for information only: nothing follows from it.
    `matched`: fields that the provider compared, and whether they agreed. `said_at`: the provider's own time, where it
    tells one, so that what came late can be told from what is newer.
    """

    key: str
    ref: str
    outcome: Outcome
    final: bool
    reasons: tuple[Reason, ...] = ()
    reference: str = ""
    document_expiry: date | None = None
    said_at: datetime | None = None
    matched: Mapping[str, bool] = field(default_factory=lambda: _NOTHING)


class Refusal(StrEnum):
    """Why a webhook is not believed."""

    UNSIGNED = "unsigned"
    WRONG_SIGNATURE = "wrong_signature"
    OUT_OF_TIME = "out_of_time"  # signed at another time than ours: a replay, or a clock that is off
    TOO_LARGE = "too_large"
    MALFORMED = "malformed"  # signed, but not what the provider sends
    IRRELEVANT = "irrelevant"  # signed and well-formed, about something else: answer 2xx and do nothing


class WebhookRefused(Exception):
    """A webhook that nothing follows from. Its words are for the operator's log, and quote nothing that came."""

    def __init__(self, why: Refusal, detail: str) -> None:
        super().__init__(detail)
        self.why, self.detail = why, detail

    @property
    def status(self) -> int:
        """What the provider is answered, as a status of HTTP."""
        return {Refusal.IRRELEVANT: 200, Refusal.TOO_LARGE: 413, Refusal.MALFORMED: 400}.get(self.why, 401)


class ProviderError(Exception):
    """A provider did not do what was asked. Its words hold no secret and no personal data."""

    def __init__(self, detail: str, help_: str = "") -> None:
        super().__init__(detail)
        self.detail, self.help = detail, help_


class ProviderUnavailable(ProviderError):
    """It may work later: the provider is away, slow, or has had too much. `retry_after` in seconds, 0 if not said."""

    def __init__(self, detail: str, retry_after: float = 0.0) -> None:
        super().__init__(detail, "this is tried again by itself")
        self.retry_after = retry_after


class ProviderRefused(ProviderError):
    """It will not work by itself: a wrong key, a contract that is over, a request that is not understood."""


class UnknownAttempt(ProviderError):
    """The provider knows no such attempt (any more)."""


class Provider(Protocol):
    """An identity provider. Methods that ask it raise `ProviderError`, and answer within `within` seconds."""

    @property
    def name(self) -> str:
        """As policies and settings name it; part of the key of the inbox."""

    async def create_attempt(self, new: NewAttempt, *, within: float = WITHIN) -> Attempt:
        """Make an attempt, when the customer is about to begin."""

    async def reopen(self, ref: str, *, within: float = WITHIN) -> Attempt | None:
        """The same attempt with an address that works now; None when this provider has no such thing, or no more."""

    def parse_webhook(self, raw: bytes, headers: Mapping[str, str]) -> Event:
        """What a webhook says, once its signature is found right. Raises `WebhookRefused`, and nothing else.

        `raw` is the body to the byte; names of headers are in any case.
        """

    async def fetch(self, ref: str, *, within: float = WITHIN) -> Event | None:
        """What the provider knows of an attempt now, for a webhook that never came; None: the customer is not done.

        Raises also `UnknownAttempt`.
        """

    async def delete(self, ref: str, *, within: float = WITHIN) -> None:
        """Have the provider delete what it holds. Returns also when there was nothing any more."""


def header(headers: Mapping[str, str], name: str) -> str:
    """A header by its name in any case; empty when it is not there."""
    wanted = name.lower()
    return next((text for given, text in headers.items() if given.lower() == wanted), "")
