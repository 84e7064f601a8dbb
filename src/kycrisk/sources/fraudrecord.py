"""FraudRecord as a source. A question is stored there and shown to others, so it is scarce, and asked once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from kycrisk.checks.listing import nowhere
from kycrisk.lookups.asked import LookupFailure
from kycrisk.lookups.fraudrecord import ENDPOINT, FIELDS, NAME, SIGNALS, TERMS, FraudRecord, FraudRecordSettings, Person
from kycrisk.lookups.fraudrecord_hash import Hasher
from kycrisk.lookups.fraudrecord_v2 import REFUSAL, V2Words
from kycrisk.lookups.secrets import Secret
from kycrisk.signals import Unknown, Value, Why
from kycrisk.signup import Signup
from kycrisk.sources.connections import Connections
from kycrisk.sources.form import Endpoint, Form, SecretText, SourceForm, one_of
from kycrisk.sources.inquiry import Foregone, inquiry_of
from kycrisk.sources.kind import InUse, Kind, Opened, judged, names_of


class WordsForm(Form):
    """The words of API 2, which only members can read."""

    query: str = Field(min_length=1, description="the name of the action that asks")
    value: str = Field(min_length=1, description="the field of the reply with the sum of the reports' values")
    reports: str = Field(min_length=1, description="the field with the number of reports")
    reliability: str = Field(min_length=1, description="the field with their reliability")
    code: str = Field(min_length=1, description="the field with the code of the page that shows them")


class FraudRecordForm(SourceForm):
    """FraudRecord."""

    key: SecretText = Field(description="the key of your reporter profile")
    fields: list[Annotated[str, one_of(FIELDS, "field that FraudRecord is asked about")]] = Field(
        default=["name", "email", "ip"], min_length=1, description="what is asked about, hashed"
    )
    api: int = Field(default=1, description="the version of the API; 2 needs `words`")
    words: WordsForm | None = Field(default=None, description="the words of API 2, which its members can read")
    endpoint: Endpoint = Field(default=ENDPOINT, description="where to ask")

    @field_validator("key")
    @classmethod
    def _shape(cls, key: Secret) -> Secret:
        FraudRecordSettings(key=key)
        return key

    @field_validator("api")
    @classmethod
    def _version(cls, api: int) -> int:
        if api not in (1, 2):
            raise ValueError(f"FraudRecord's API has no version {api}\nknown: 1, 2")
        return api

    @model_validator(mode="after")
    def _worded(self) -> FraudRecordForm:
        if self.api == 2 and self.words is None:
            raise ValueError(REFUSAL)
        return self

    def settings(self) -> FraudRecordSettings:
        """The client's settings."""
        return FraudRecordSettings(
            key=self.key,
            fields=tuple(dict.fromkeys(self.fields)),
            endpoint=self.endpoint,
            api=self.api,
            words=V2Words(**self.words.model_dump()) if self.words else None,
        )


def person_of(signup: Signup) -> Person:
    """A signup by FraudRecord's fields, as the customer wrote them: hashes agree on exactly the same text only."""
    address = signup.address
    lines = (address.lines, address.city, address.region, address.postal_code, address.country)
    return Person.of(
        name=f"{signup.first_name} {signup.last_name}".strip(),
        email=signup.email.raw if signup.email.address else "",
        ip="" if nowhere(signup.ip) else str(signup.ip),
        phone=signup.phone.raw,
        company=signup.company,
        address=" ".join(" ".join(filter(None, lines)).split()) if address.lines else "",
    )


def _key(asked: frozenset[str], signup: Signup, known: Mapping[str, Value]) -> Person | Unknown | Foregone:
    person = person_of(signup)
    if not any(name in asked for name, _ in person.fields):
        return Unknown(Why.SKIPPED, "the signup says nothing that FraudRecord is asked about")
    return person


def _in_use(form: FraudRecordForm, timeout: timedelta) -> InUse:
    settings = form.settings()
    return InUse(
        name=NAME,
        answers=names_of(SIGNALS),
        timeout=timeout,
        settings=settings,
        sends=frozenset(FIELDS[name].value for name in settings.fields),
        counted=frozenset({NAME}),
        keeps=True,
        details=(f"about {', '.join(settings.fields)}; questions are stored there and shown to others",),
        secrets=(settings.key,),
        open=partial(_open, settings, timeout),
    )


async def _open(settings: FraudRecordSettings, timeout: timedelta, connections: Connections) -> Opened:
    """The inquiry, unless values are hashed differently here: then nothing would ever be found."""
    hasher = open_hasher(connections)
    try:
        holds = await hasher.vector_holds()
    except LookupFailure as failure:
        return Opened(unusable=failure.unknown)
    if not holds:
        return Opened(unusable=Unknown(Why.MALFORMED_ANSWER, "a published value is hashed differently here"))
    source = connections.source(FraudRecord(connections.http, hasher, settings), TERMS)
    key = partial(_key, frozenset(settings.fields))
    return Opened((inquiry_of(source, key, timeout=timeout.total_seconds(), scarce=True),))


def open_hasher(connections: Connections) -> Hasher:
    """The process that hashes. It ends with the connections."""
    clock = connections.resolver.loop.time
    hasher = Hasher(connections.kept, pepper=connections.pepper, clock=clock)
    connections.closing.push_async_callback(hasher.aclose)
    return hasher


KIND = Kind(
    name=NAME,
    title="FraudRecord",
    form=FraudRecordForm,
    signals=lambda: SIGNALS,
    judge=judged(FraudRecordForm, _in_use),
)
