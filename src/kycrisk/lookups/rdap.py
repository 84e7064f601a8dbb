"""How old a domain is, by the registry's own word: RDAP (RFC 9082, RFC 9083)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from kycrisk.lookups.asked import Asked, Client, LookupFailure
from kycrisk.lookups.http import Http, json_object
from kycrisk.lookups.http_request import HttpRequest
from kycrisk.lookups.rdap_bootstrap import Bootstrap
from kycrisk.lookups.source import SourceTerms
from kycrisk.personal_data import Personal
from kycrisk.signals import FactError, Signal, Subject, Type, Unknown, Why, fact_value

NAME = "domain_age"  # as settings call it

SIGNALS = (
    Signal("domain.registered", Type.DATETIME, "When was the e-mail domain registered?", Subject.DOMAIN),
    Signal(
        "domain.age",
        Type.DURATION,
        "How long has the e-mail domain been registered?",
        Subject.DOMAIN,
        advice="use an address at a domain that has existed for longer",
    ),
)
TERMS = SourceTerms(keep=timedelta(days=30), across_restarts=True, linger=timedelta(seconds=5))

_NAME = re.compile(r"(?=.{4,253}\Z)[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})+", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class RdapSettings:
    """`bootstrap` says which server knows which top-level domain."""

    bootstrap: Bootstrap


class Rdap(Client[str]):
    """RDAP's client. The key is a registrable domain in lower-case A-labels; `now` is the wall clock."""

    name = NAME

    def __init__(self, http: Http, settings: RdapSettings, now: Callable[[], datetime]) -> None:
        self.redactor = http.redactor
        self._http, self._bootstrap, self._now = http, settings.bootstrap, now
        self.signals = SIGNALS
        self.sends = frozenset({Personal.EMAIL_DOMAIN.value})

    def cache_key(self, key: str) -> str:
        return key

    def aged(self, asked: Asked, now: datetime) -> Asked:
        """The answer with the age that the domain has at `now`: what is kept is the date."""
        registered = asked.known.get("domain.registered")
        if not isinstance(registered, datetime):
            return asked
        return asked._replace(known={**asked.known, "domain.age": max(now - registered, timedelta(0))})

    async def _query(self, key: str, deadline: float) -> Asked:
        """Ask the registry about a domain. Raises `LookupFailure`.

        A registry that has no such domain, or publishes no date, is unknown (`not_published`): neither says anything
        about how old it is.
        """
        if not _NAME.fullmatch(key):
            raise LookupFailure(Why.SKIPPED, "this is no domain to ask about", against_source=False, reached=False)
        server = self._bootstrap.server(key)
        if server is None:
            return _not_published(f"no registry of `.{key.rpartition('.')[2]}` is known to answer")
        request = HttpRequest(
            url=f"{server}domain/{key}",
            headers={"Accept": "application/rdap+json"},
            max_bytes=262_144,
            redirects=3,  # registries send their askers on (RFC 7480 section 5.2)
        )
        answer = await self._http.fetch(request, deadline)
        if answer.status == 404:
            return _not_published("the registry has no such domain")
        if answer.status != 200:
            raise self._http.refusal(answer)
        return self.aged(_read(json_object(answer), key), self._now())


def _not_published(detail: str) -> Asked:
    unknown = Unknown(Why.NOT_PUBLISHED, detail)
    return Asked({}, {signal.name: unknown for signal in SIGNALS})


def _read(answer: Mapping[str, Any], domain: str) -> Asked:
    """The first registration among the events (RFC 9083 section 4.5)."""
    if answer.get("objectClassName") != "domain":
        raise LookupFailure(Why.MALFORMED_ANSWER, "the answer is not about a domain")
    name = answer.get("ldhName", domain)
    if not isinstance(name, str) or name.rstrip(".").lower() != domain:
        raise LookupFailure(Why.MALFORMED_ANSWER, "the answer is about another domain")
    events = answer.get("events", [])
    dates = [
        event.get("eventDate")
        for event in (events if isinstance(events, list) else [])
        if isinstance(event, Mapping) and event.get("eventAction") == "registration"
    ]
    if not dates:
        return _not_published("the registry publishes no registration date")
    try:
        moments = [fact_value(Type.DATETIME, date) for date in dates]
    except FactError as error:
        raise LookupFailure(Why.MALFORMED_ANSWER, f"the registration date: {error}") from None
    registered = min(moment for moment in moments if isinstance(moment, datetime))
    return Asked({"domain.registered": registered})
