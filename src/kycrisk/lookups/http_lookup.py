"""A source that an analyst declares: a URL to ask, and where in the JSON answer the values of signals stand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from kycrisk.lookups.answer_field import sorted_out, value_of
from kycrisk.lookups.asked import Asked, Client, LookupFailure
from kycrisk.lookups.http import Http, json_value
from kycrisk.lookups.http_lookup_path import JsonPath
from kycrisk.lookups.http_lookup_template import Template, climbs, text_of
from kycrisk.lookups.http_request import HttpRequest
from kycrisk.lookups.secrets import Secret
from kycrisk.lookups.source import SourceTerms
from kycrisk.money import Money
from kycrisk.signals import Signal, Unknown, Value, Why


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpLookup:
    """What an analyst declared, checked. `timeout` is its own deadline, `hosts` are where redirects may lead."""

    name: str
    url: Template
    headers: Mapping[str, Template]
    timeout: timedelta
    keep: timedelta
    price: Money
    sends: frozenset[str]
    signals: Mapping[str, tuple[Signal, JsonPath]]
    hosts: frozenset[str]

    @property
    def needs(self) -> tuple[str, ...]:
        """The signals that the URL is filled with."""
        return self.url.signals

    @property
    def secrets(self) -> frozenset[str]:
        """The names of the secrets that URL and headers are filled with."""
        return frozenset(self.url.secrets).union(*(template.secrets for template in self.headers.values()))

    @property
    def terms(self) -> SourceTerms:
        """How its answers are kept; those that were paid for outlive the process."""
        paid = bool(self.price.amount)
        linger = timedelta(seconds=3) if paid else timedelta(0)
        return SourceTerms(keep=self.keep, across_restarts=paid, linger=linger)


class HttpLookupClient(Client[tuple[str, ...]]):
    """The client of a declared source. Its key is the values of `lookup.needs` as text (`key_of`)."""

    def __init__(self, http: Http, lookup: HttpLookup, secrets: Mapping[str, Secret]) -> None:
        self.redactor = http.redactor
        self._http, self._lookup, self._secrets = http, lookup, secrets
        self.name = lookup.name
        self.signals = tuple(signal for signal, _ in lookup.signals.values())
        self.price, self.sends = lookup.price, lookup.sends
        self._missing = sorted(lookup.secrets - secrets.keys())

    def key_of(self, known: Mapping[str, Value]) -> tuple[str, ...] | Unknown:
        """The key that the facts so far give, or why there is none."""
        absent = [name for name in self._lookup.needs if name not in known]
        if absent:
            return Unknown(Why.SKIPPED, f"`{absent[0]}` is not known, and is part of the question")
        try:
            return tuple(text_of(known[name]) for name in self._lookup.needs)
        except LookupFailure as failure:
            return failure.unknown

    def cache_key(self, key: tuple[str, ...]) -> str:
        return repr(key)

    async def _query(self, key: tuple[str, ...], deadline: float) -> Asked:
        lookup = self._lookup
        if self._missing:
            detail = f"the secret `{self._missing[0]}` of {self.name} is not set"
            raise LookupFailure(Why.NOT_CONFIGURED, detail, against_source=False, reached=False)
        url = lookup.url.filled(dict(zip(lookup.needs, key, strict=True)), self._secrets, encode=True)
        if climbs(url):
            detail = "the value would be read as a step in the URL's path"
            raise LookupFailure(Why.SKIPPED, detail, against_source=False, reached=False)
        headers = {name: each.filled({}, self._secrets, encode=False) for name, each in lookup.headers.items()}
        request = HttpRequest(
            url=url,
            headers={"Accept": "application/json", **headers},
            redirects=3,
            hosts=lookup.hosts,
            repeatable=not lookup.price.amount,
        )
        answer = await self._http.fetch(request, deadline)
        if answer.status == 404:
            unknown = Unknown(Why.NOT_PUBLISHED, f"{self.name} knows nothing there")
            return Asked({}, {signal.name: unknown for signal in self.signals}, lookup.price)
        if answer.status != 200:
            raise self._http.refusal(answer)
        found = json_value(answer)
        return sorted_out(
            {name: value_of(signal.type, path.find(found), name) for name, (signal, path) in lookup.signals.items()},
            lookup.price,
        )
