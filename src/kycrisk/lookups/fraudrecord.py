"""FraudRecord: what other providers have reported about a person, and reporting one after a confirmed fraud.

Every question is stored there and visible to others (docs/api: "NEVER use realistic values" in tests), so answers are
kept for long and nothing is asked twice.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from kycrisk.lookups import fraudrecord_v1 as v1
from kycrisk.lookups import fraudrecord_v2 as v2
from kycrisk.lookups.asked import Asked, Client, LookupFailure
from kycrisk.lookups.fraudrecord_hash import Hasher, prepared
from kycrisk.lookups.http import Http
from kycrisk.lookups.http_request import HttpRequest
from kycrisk.lookups.secrets import Secret
from kycrisk.lookups.source import SourceTerms
from kycrisk.personal_data import Personal
from kycrisk.signals import Signal, Subject, Type, Why

NAME = "fraudrecord"
ENDPOINT = "https://www.fraudrecord.com/api/"
VALUES = range(1, 11)  # of a report, by how bad it was

SIGNALS = (
    Signal(
        "fraudrecord.reports",
        Type.INT,
        "How many reports about this person do other providers have at FraudRecord?",
        Subject.PERSON,
    ),
    Signal(
        "fraudrecord.value",
        Type.INT,
        "How much do the values of those reports add up to (1 to 10 each)?",
        Subject.PERSON,
    ),
    Signal(
        "fraudrecord.reliability",
        Type.FLOAT,
        "How reliable are those reports, from 1 to 10 (0 without reports)?",
        Subject.PERSON,
    ),
    Signal(
        "fraudrecord.report_url",
        Type.STR,
        "Which page shows those reports to an analyst?",
        Subject.PERSON,
    ),
)

#: How its answers are kept. A question whose asker could not wait is ended all the same: it is on record there anyway.
TERMS = SourceTerms(keep=timedelta(days=90), across_restarts=True, linger=timedelta(seconds=5), entries=50_000)

_API_KEY = re.compile(r"[0-9a-fA-F]{16}", re.ASCII)

#: The fields that can be asked about, and what each carries out of the house.
FIELDS: Mapping[str, Personal] = {
    "email": Personal.EMAIL_HASH,
    "ip": Personal.IP_HASH,
    "phone": Personal.PHONE_HASH,
    "name": Personal.NAME_HASH,
    "company": Personal.NAME_HASH,
    "address": Personal.ADDRESS_HASH,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FraudRecordSettings:
    """The key of the reporter profile, the fields that are sent (hashed), and the API's version.

    Version 2 needs its `words`, which only members can read.
    """

    key: Secret
    fields: tuple[str, ...] = ("name", "email", "ip")
    endpoint: str = ENDPOINT
    api: int = 1
    words: v2.V2Words | None = None

    def __post_init__(self) -> None:
        if not _API_KEY.fullmatch(self.key.reveal()):
            raise ValueError("the key of a FraudRecord profile has 16 hexadecimal digits")
        if self.api not in (1, 2):
            raise ValueError(f"FraudRecord's API has no version {self.api}")
        if self.api == 2 and self.words is None:
            raise ValueError(v2.REFUSAL)
        unknown = [name for name in self.fields if name not in FIELDS]
        if unknown or not self.fields:
            raise ValueError(f"`{', '.join(unknown)}` is no field to ask FraudRecord about; known: {', '.join(FIELDS)}")


@dataclass(frozen=True, slots=True)
class Person:
    """Who is asked about: the fields by FraudRecord's names (`FIELDS`), as they were given."""

    fields: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, **fields: str) -> Person:
        """A person by the fields that are given; empty ones are left out."""
        return cls(tuple(sorted((name, value) for name, value in fields.items() if value)))


class FraudRecord(Client[Person]):
    """FraudRecord's client. `hasher` is shared with nobody who has another key."""

    name = NAME

    def __init__(self, http: Http, hasher: Hasher, settings: FraudRecordSettings) -> None:
        self.redactor = http.redactor
        self._http, self._hasher, self._settings = http, hasher, settings
        self.signals = SIGNALS
        self.sends = frozenset(FIELDS[name].value for name in settings.fields)

    def cache_key(self, key: Person) -> str:
        """The fields that would be sent, prepared: what is written differently and hashed alike is one question."""
        return repr(sorted(self._values(key).items()))

    async def _query(self, key: Person, deadline: float) -> Asked:
        values = self._values(key)
        if not values:
            raise LookupFailure(Why.SKIPPED, "there is nothing to ask about", against_source=False, reached=False)
        hashes = await self._hasher.hashes(values, deadline)
        settings = self._settings
        if settings.api == 2 and settings.words is not None:
            reply = await self._http.json(v2.query(settings.endpoint, settings.key, hashes, settings.words), deadline)
            found = v2.read_query(reply, settings.words)
        else:
            found = v1.read_query(await self._text(v1.query(settings.endpoint, settings.key, hashes), deadline))
        return Asked(
            {
                "fraudrecord.reports": found.reports,
                "fraudrecord.value": found.value,
                "fraudrecord.reliability": found.reliability,
                "fraudrecord.report_url": self.report_url(found.code),
            }
        )

    async def report(self, person: Mapping[str, str], *, kind: str, text: str, value: int, deadline: float) -> str:
        """Report a person after a confirmed fraud; returns the report's code, with which it can be taken back.

        `kind` is a word such as `chargeback`, `value` says how bad it was. Every field of `person` is sent, hashed;
        `text` is sent as it is, for other providers to read. Raises `ValueError` and `LookupFailure`; after a
        `LookupFailure` with `reached` the report may have been made.
        """
        if value not in VALUES:
            raise ValueError(f"a report's value is between 1 and 10, not {value}")
        if not kind.strip() or not text.strip():
            raise ValueError("a report needs a type and a text")
        values = prepared(person)
        if not values:
            raise ValueError("a report needs at least one field of the person")
        self._only_v1("report")
        hashes = await self._hasher.hashes(values, deadline)
        settings = self._settings
        request = v1.report(settings.endpoint, settings.key, hashes, kind=kind.strip(), text=text.strip(), value=value)
        return v1.read_report(await self._text(request, deadline))

    async def delete(self, code: str, *, deadline: float) -> None:
        """Take a report back by its code. Raises `ValueError` for what is no code, and `LookupFailure`."""
        if not v1.CODE.fullmatch(code):
            raise ValueError(f"`{code[:40]}` is not the code of a report")
        self._only_v1("delete")
        v1.read_delete(await self._text(v1.delete(self._settings.endpoint, self._settings.key, code), deadline))

    def report_url(self, code: str) -> str:
        """The page that shows a report; integrations must show its link (fraudrecord.com/developers)."""
        return f"{self._settings.endpoint}?showreport={code}"

    def _values(self, person: Person) -> dict[str, bytes]:
        return prepared({name: value for name, value in person.fields if name in self._settings.fields})

    def _only_v1(self, action: str) -> None:
        if self._settings.api != 1:
            raise LookupFailure(
                Why.NOT_CONFIGURED,
                f"`{action}` is not public in API v2: use `api: 1`",
                against_source=False,
                reached=False,
            )

    async def _text(self, request: HttpRequest, deadline: float) -> str:
        answer = await self._http.fetch(request, deadline)
        if answer.status != 200:
            raise self._http.refusal(answer)
        return answer.text
