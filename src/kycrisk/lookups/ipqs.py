"""IPQualityScore: fraud scores of IP addresses, e-mail addresses and phone numbers.

The key is part of the path, so the URL is a secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import quote

from kycrisk.lookups.answer_field import sorted_out, value_of
from kycrisk.lookups.asked import Asked, Client, LookupFailure
from kycrisk.lookups.http import Http, short
from kycrisk.lookups.http_request import HttpRequest
from kycrisk.lookups.secrets import Secret
from kycrisk.lookups.source import SourceTerms
from kycrisk.money import FREE, Money
from kycrisk.personal_data import Personal
from kycrisk.signals import Signal, Subject, Type, Why

NAME = "ipqs"
ENDPOINT = "https://ipqualityscore.com/api/json"

IP_SIGNALS = (
    Signal(
        "ipqs.ip_score",
        Type.INT,
        "How fraudulent does IPQualityScore find the IP address, from 0 to 100 (75 is suspicious)?",
        Subject.IP,
        advice="sign up from another Internet connection",
    ),
)
EMAIL_SIGNALS = (
    Signal(
        "ipqs.email_score",
        Type.INT,
        "How fraudulent does IPQualityScore find the e-mail address, from 0 to 100 (80 to 90 is suspicious)?",
        Subject.EMAIL,
        advice="use an address at a permanent mail provider",
    ),
)
PHONE_SIGNALS = (
    Signal(
        "ipqs.phone_score",
        Type.INT,
        "How fraudulent does IPQualityScore find the phone number, from 0 to 100?",
        Subject.PHONE,
    ),
)
SIGNALS = IP_SIGNALS + EMAIL_SIGNALS + PHONE_SIGNALS
TERMS = SourceTerms(keep=timedelta(days=1), linger=timedelta(seconds=3))


class _Kind(NamedTuple):
    signals: tuple[Signal, ...]
    sends: Personal


KINDS: Mapping[str, _Kind] = MappingProxyType(
    {
        "ip": _Kind(IP_SIGNALS, Personal.IP),
        "email": _Kind(EMAIL_SIGNALS, Personal.EMAIL),
        "phone": _Kind(PHONE_SIGNALS, Personal.PHONE),
    }
)
OPTIONS = frozenset({"strictness", "allow_public_access_points", "fast", "timeout", "abuse_strictness"})


@dataclass(frozen=True, slots=True, kw_only=True)
class IpqsSettings:
    """`kind` is one of `KINDS`, `options` are the query's parameters (`OPTIONS`), `price` is what an answer costs."""

    key: Secret
    kind: str
    options: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    endpoint: str = ENDPOINT
    price: Money = FREE

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"IPQualityScore is asked about ip, email or phone, not about `{self.kind}`")
        if unknown := sorted(self.options.keys() - OPTIONS):
            raise ValueError(f"IPQualityScore has no option `{unknown[0]}`; known: {', '.join(sorted(OPTIONS))}")


class Ipqs(Client[str]):
    """IPQualityScore's client for one kind of key: an IP address, an e-mail address or a phone number as text."""

    name = NAME

    def __init__(self, http: Http, settings: IpqsSettings) -> None:
        self.redactor = http.redactor
        self._http, self._settings = http, settings
        self.signals, sends = KINDS[settings.kind]
        self.sends = frozenset({sends.value})
        self.price = settings.price

    def cache_key(self, key: str) -> str:
        return f"{self._settings.kind} {key}"

    async def _query(self, key: str, deadline: float) -> Asked:
        if not key:
            raise LookupFailure(Why.SKIPPED, "there is nothing to ask about", against_source=False, reached=False)
        settings = self._settings
        secret = quote(settings.key.reveal(), safe="")
        request = HttpRequest(
            url=f"{settings.endpoint}/{settings.kind}/{secret}/{quote(key, safe='')}",
            params=settings.options,
            repeatable=not settings.price.amount,
        )
        answer = await self._http.json(request, deadline)
        if answer.get("success") is not True:
            said = short(str(answer.get("message", "without a reason")))
            raise LookupFailure(Why.REFUSED, f"ipqualityscore refuses: {said}", against_source=False)
        (signal,) = self.signals
        score = value_of(Type.INT, answer.get("fraud_score"), "fraud_score")
        if isinstance(score, int) and not 0 <= score <= 100:
            raise LookupFailure(Why.MALFORMED_ANSWER, f"a fraud score of {score} is none", cost=settings.price)
        return sorted_out({signal.name: score}, settings.price)
