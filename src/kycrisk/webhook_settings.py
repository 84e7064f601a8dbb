"""The section `webhooks:` of the settings, judged endpoint by endpoint: a mistake costs that endpoint, and no other."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field

from kycrisk.documents import At, Document
from kycrisk.lookups.secrets import Secret
from kycrisk.problems import Problem, Problems
from kycrisk.sources.form import Form, SecretText, Surroundings, between, one_of

SECTION = "webhooks"
EVENTS = ("decision.created", "account.outcome_changed")
DEFAULT_TIMEOUT = timedelta(seconds=15)
_POINTERS = frozenset({"env", "file"})
_PREFIX = "whsec_"
_KEY_BYTES = range(24, 65)  # as the specification of Standard Webhooks wants it


def _url(raw: object) -> str:
    """An address of the web, with a query if need be. It may hold a token, so a wrong one is not quoted."""
    wrong = "this is not an address such as `https://shop.example.com/hooks/kycrisk`"
    if not isinstance(raw, str) or not raw.isascii() or not raw.isprintable() or " " in raw or len(raw) > 2000:
        raise ValueError(wrong)
    try:
        split = urlsplit(raw)
        host, _ = split.hostname, split.port
    except ValueError:
        raise ValueError(wrong) from None
    if split.scheme not in ("https", "http") or not host or split.fragment:
        raise ValueError(wrong)
    if "@" in split.netloc:
        raise ValueError("a user name or password stands in the address, which is not read")
    return raw


class WebhookForm(Form):
    """Where to send decisions."""

    url: Annotated[str, BeforeValidator(_url)] = Field(description="where to send; `http://` is for private networks")
    secret: SecretText = Field(description="what messages are signed with: `whsec_` and 24 to 64 bytes in base64")
    previous_secret: SecretText | None = Field(
        default=None, description="while the secret is changed: the one before, signed with as well"
    )
    events: list[Annotated[str, one_of(EVENTS, "event")]] = Field(
        default_factory=lambda: list(EVENTS), min_length=1, description="what to send; everything when left out"
    )
    allow_private: bool = Field(
        default=False, description="whether the endpoint may be at an address that is not public"
    )
    timeout: Annotated[timedelta, between(timedelta(milliseconds=100), timedelta(seconds=30))] = Field(
        default=DEFAULT_TIMEOUT, description="how long the endpoint may take to answer"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """An endpoint. Its address may hold a token, so it shows its host only."""

    url: str = field(repr=False)
    secret: Secret
    previous_secret: Secret | None = None
    events: frozenset[str] = frozenset(EVENTS)
    allow_private: bool = False
    timeout: timedelta = DEFAULT_TIMEOUT

    @property
    def host(self) -> str:
        return urlsplit(self.url).netloc

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """What messages are signed with: the secret, and the one before while that counts."""
        return (self.secret,) if self.previous_secret is None else (self.secret, self.previous_secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhooks:
    """The endpoints in use, and what is wrong with the others."""

    endpoints: tuple[Webhook, ...] = ()
    problems: tuple[Problem, ...] = ()


NO_WEBHOOKS = Webhooks()


def is_confidential(at: At) -> bool:
    """Whether a value of the settings may be a secret of an endpoint, or an address with one inside."""
    shown = {*WebhookForm.model_fields} - {"url", "secret", "previous_secret"}
    return at[:1] == (SECTION,) and len(at) > 1 and at[-1] not in _POINTERS and (len(at) < 3 or at[2] not in shown)


def read_webhooks(document: Document, around: Surroundings) -> Webhooks:
    """The endpoints that a settings document names. What is wrong is among the result, never raised."""
    given = document.at(SECTION)
    if given is None:
        return NO_WEBHOOKS
    if not isinstance(given, Sequence) or isinstance(given, str):
        problem = Problem(document.place(SECTION), "`webhooks` is not a list", "write `- {url: …, secret: …}` for each")
        return Webhooks(problems=(problem,))
    endpoints: dict[str, Webhook] = {}
    problems: list[Problem] = []
    for index in range(len(given)):
        try:
            form = document.read(WebhookForm, (SECTION, index), context=around)
        except Problems as wrong:
            problems += wrong.problems
            continue
        bad = list(_bad_secrets(document, index, form))
        if bad:
            problems += bad
        elif form.url in endpoints:
            problems.append(Problem(document.place(SECTION, index, "url"), "this endpoint stands twice", "keep one"))
        else:
            endpoints[form.url] = _webhook(form)
    return Webhooks(endpoints=tuple(endpoints.values()), problems=tuple(problems))


def _webhook(form: WebhookForm) -> Webhook:
    return Webhook(
        url=form.url,
        secret=form.secret,
        previous_secret=form.previous_secret,
        events=frozenset(form.events),
        allow_private=form.allow_private,
        timeout=form.timeout,
    )


def _bad_secrets(document: Document, index: int, form: WebhookForm) -> Iterator[Problem]:
    for name, secret in (("secret", form.secret), ("previous_secret", form.previous_secret)):
        if secret is not None and (why := _bad_secret(secret)):
            yield Problem(document.place(SECTION, index, name), why, "make one: `kycrisk deliveries secret`")


def _bad_secret(secret: Secret) -> str:
    """What is wrong with a secret. Libraries pass over letters that are not base64, and sign with something else."""
    text = secret.reveal().removeprefix(_PREFIX)
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return "the secret is not `whsec_` with base64 behind it"
    if len(key) not in _KEY_BYTES:
        return f"the secret has {len(key)} bytes, not 24 to 64"
    return ""
