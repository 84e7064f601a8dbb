"""AbuseIPDB: how many hosts have reported an IP address, and how sure that makes it (docs.abuseipdb.com)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from typing import Any

from kycrisk.lookups.answer_field import object_in, sorted_out, value_of
from kycrisk.lookups.asked import Asked, Client, LookupFailure
from kycrisk.lookups.http import Http, json_object
from kycrisk.lookups.http_request import HttpAnswer, HttpRequest
from kycrisk.lookups.secrets import Secret
from kycrisk.lookups.source import SourceTerms
from kycrisk.normal.ip import ip_text
from kycrisk.personal_data import Personal
from kycrisk.signals import IP, Signal, Subject, Type, Why

NAME = "abuseipdb"
ENDPOINT = "https://api.abuseipdb.com/api/v2"


def _signal(name: str, type_: Type, question: str, advice: str = "") -> Signal:
    return Signal(f"abuseipdb.{name}", type_, question, Subject.IP, advice=advice)


SIGNALS = (
    _signal(
        "score",
        Type.INT,
        "How sure is AbuseIPDB that the IP address is abusive, from 0 to 100?",
        "sign up from another Internet connection",
    ),
    _signal("reports", Type.INT, "How many reports about the IP address does AbuseIPDB have?"),
    _signal("reporters", Type.INT, "How many different users have reported the IP address to AbuseIPDB?"),
    _signal("whitelisted", Type.BOOL, "Is the IP address on AbuseIPDB's whitelist?"),
    _signal("tor", Type.BOOL, "Does AbuseIPDB know the IP address as a Tor exit?"),
    _signal("usage_type", Type.STR, "What does AbuseIPDB say the IP address is used for?"),
)
_FIELDS = {
    "score": "abuseConfidenceScore",
    "reports": "totalReports",
    "reporters": "numDistinctUsers",
    "whitelisted": "isWhitelisted",
    "tor": "isTor",
    "usage_type": "usageType",
}
TERMS = SourceTerms(keep=timedelta(hours=12))


@dataclass(frozen=True, slots=True, kw_only=True)
class AbuseIpdbSettings:
    """`max_age_days` is how old a report may be to count, at most 365."""

    key: Secret
    endpoint: str = ENDPOINT
    max_age_days: int = 30

    def __post_init__(self) -> None:
        if not 1 <= self.max_age_days <= 365:
            raise ValueError(f"AbuseIPDB looks back 1 to 365 days, not {self.max_age_days}")


class AbuseIpdb(Client[IP]):
    """AbuseIPDB's client. The key is sent in a header."""

    name = NAME

    def __init__(self, http: Http, settings: AbuseIpdbSettings) -> None:
        self.redactor = http.redactor
        self._http, self._settings = http, settings
        self.signals = SIGNALS
        self.sends = frozenset({Personal.IP.value})

    def cache_key(self, key: IP) -> str:
        return ip_text(key)

    async def _query(self, key: IP, deadline: float) -> Asked:
        request = HttpRequest(
            url=f"{self._settings.endpoint}/check",
            params={"ipAddress": str(key), "maxAgeInDays": str(self._settings.max_age_days)},
            headers={"Key": self._settings.key.reveal(), "Accept": "application/json"},
        )
        answer = await self._http.fetch(request, deadline)
        if answer.status != 200:
            raise self._http.refusal(answer, _said(answer))
        data = object_in(json_object(answer), ("data",))
        if not _is(data.get("ipAddress"), key):
            raise LookupFailure(Why.MALFORMED_ANSWER, "the answer is about another address")
        types = {signal.name: signal.type for signal in SIGNALS}
        return sorted_out(
            {
                f"abuseipdb.{name}": value_of(types[f"abuseipdb.{name}"], data.get(field), field)
                for name, field in _FIELDS.items()
            }
        )


def _is(raw: Any, ip: IP) -> bool:
    try:
        return isinstance(raw, str) and ip_address(raw) == ip
    except ValueError:
        return False


def _said(answer: HttpAnswer) -> str:
    """The detail of `{"errors":[{"detail":…,"status":…}]}`, empty when there is none."""
    try:
        errors = json_object(answer).get("errors")
    except LookupFailure:
        return ""
    match errors:
        case [{"detail": str(detail)}, *_]:
            return detail
    return ""
