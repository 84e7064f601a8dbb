"""Lookups that an analyst declares in YAML: read, and every problem with its place.

lookups:
  acme:
    url: https://risk.example.com/v1/ip/{ip.address}
    headers: {Authorization: "Bearer {secret:acme_key}"}
    timeout: 250ms
    keep: 6h
    cost: 0.002 EUR
    sends: [ip]
    signals:
      acme.score: {type: int, path: data.score, question: How risky does Acme find the IP address?}
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, cast

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo

from kycrisk.documents import read_document
from kycrisk.durations import format_duration, parse_duration
from kycrisk.lookups.http_lookup import HttpLookup
from kycrisk.lookups.http_lookup_path import JsonPath, parse_path
from kycrisk.lookups.http_lookup_template import Template, parse_template, url_host
from kycrisk.money import FREE, Money, parse_money
from kycrisk.personal_data import Personal
from kycrisk.problems import Problem, Problems, did_you_mean
from kycrisk.signals import Signal, Subject, Type

MAX_TIMEOUT = timedelta(seconds=30)
MAX_KEEP = timedelta(days=365)

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)
_SIGNAL = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)+", re.ASCII)
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}", re.ASCII)  # RFC 9110 section 5.6.2
_NOT_HEADERS = frozenset({"host", "content-length", "transfer-encoding", "connection", "accept-encoding"})
_SUBJECTS = {subject.name.lower(): subject for subject in Subject}
_TYPES = {type_.value: type_ for type_ in Type}

#: What a question about a subject carries out of the house: one of these has to stand in `sends:`.
_CARRIES: Mapping[Subject, frozenset[Personal]] = {
    Subject.EMAIL: frozenset({Personal.EMAIL, Personal.EMAIL_HASH, Personal.EMAIL_DOMAIN}),
    Subject.DOMAIN: frozenset({Personal.EMAIL, Personal.EMAIL_DOMAIN}),
    Subject.IP: frozenset({Personal.IP, Personal.IP_HASH}),
    Subject.PHONE: frozenset({Personal.PHONE, Personal.PHONE_HASH}),
    Subject.PERSON: frozenset({Personal.NAME, Personal.NAME_HASH}),
    Subject.ADDRESS: frozenset({Personal.ADDRESS, Personal.ADDRESS_HASH}),
    Subject.ACCOUNT: frozenset({Personal.ACCOUNT}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What declarations are checked against: the signals there are, the hosts that may be asked (the operator's list),
    and the names of the secrets that are set; None leaves a missing one to be found out when it is needed."""

    signals: Mapping[str, Signal]
    hosts: frozenset[str]
    secrets: frozenset[str] | None = None


def read_lookups(path: Path, surroundings: Surroundings) -> tuple[HttpLookup, ...]:
    """The lookups that a file declares. Raises `Problems` with everything that is wrong with it."""
    form = read_document(path, LookupsForm, context=surroundings)
    taken: dict[str, str] = {}
    problems: list[Problem] = []
    for name, lookup in form.lookups.items():
        for signal in lookup.signals:
            if signal in taken:
                problems.append(Problem(str(path), f"`{signal}` is answered by both `{taken[signal]}` and `{name}`"))
            taken[signal] = name
    if problems:
        raise Problems(problems)
    return tuple(lookup.built(name, surroundings.hosts) for name, lookup in form.lookups.items())


def _near(word: str, known: Any) -> str:
    hint = did_you_mean(word, known)
    return f"\n{hint}" if hint else ""


def _around(info: ValidationInfo) -> Surroundings:
    return cast(Surroundings, info.context)


def _template(text: str, info: ValidationInfo) -> Template:
    """A template whose placeholders all exist, told about together."""
    template, around = parse_template(text), _around(info)
    wrong = [name for name in template.signals if name not in around.signals]
    if wrong:
        raise ValueError(f"there is no signal {_listed(wrong)}{_near(wrong[0], around.signals)}")
    sets = [name for name in template.signals if around.signals[name].type.is_set]
    if sets:
        raise ValueError(f"{_listed(sets)} is a set, and cannot stand in a URL")
    if around.secrets is not None and (unset := [name for name in template.secrets if name not in around.secrets]):
        raise ValueError(f"the secret {_listed(unset)} is not set\nset it where the site's secrets are")
    return template


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _url(text: str, info: ValidationInfo) -> Template:
    """A template whose host may be asked. `plain_http` stands before it in the form, so it is read already."""
    template, around = _template(text, info), _around(info)
    host = url_host(template, plain_http=bool(info.data.get("plain_http")))
    if host not in around.hosts:
        help_ = did_you_mean(host, around.hosts) or "ask the operator to allow it in the settings"
        raise ValueError(f"`{host}` is not among the hosts that lookups may ask\n{help_}")
    return template


def _all_said(sends: list[Personal], info: ValidationInfo) -> list[Personal]:
    """What goes out, with all that the URL carries among it."""
    template = info.data.get("url")
    for name in template.signals if isinstance(template, Template) else ():
        carried = _CARRIES.get(_around(info).signals[name].subject, frozenset())
        if carried and not carried.intersection(sends):
            words = " or ".join(f"`{each.value}`" for each in sorted(carried))
            raise ValueError(f"`{name}` goes out, and `sends` does not say so\nadd {words}")
    return sends


def _header(text: str, info: ValidationInfo) -> Template:
    template = _template(text, info)
    if template.signals:
        raise ValueError("a header cannot hold what a customer wrote\nput the signal into the URL")
    if not text.isprintable() or not text.isascii():
        raise ValueError("a header holds printable ASCII only")
    return template


def _header_name(text: str) -> str:
    if not _HEADER.fullmatch(text) or text.lower() in _NOT_HEADERS:
        raise ValueError(f"`{text[:60]}` is not a header that can be set here")
    return text


def _duration(most: timedelta) -> BeforeValidator:
    def reader(raw: object) -> timedelta:
        if not isinstance(raw, str):
            raise ValueError(f"`{raw}` is not a duration such as `250ms`")
        duration = parse_duration(raw)
        if duration <= timedelta(0):
            raise ValueError(f"`{raw}` is not longer than nothing")
        if duration > most:
            raise ValueError(f"`{raw}` is longer than {format_duration(most)}, the most that there is here")
        return duration

    return BeforeValidator(reader)


def _money(raw: object) -> Money:
    if not isinstance(raw, str):
        raise ValueError(f"`{raw}` is not an amount of money such as `0.002 EUR`")
    return parse_money(raw)


def _personal(text: str) -> Personal:
    known = [each.value for each in Personal]
    if text not in known:
        raise ValueError(f"`{text[:40]}` is no kind of personal data{_near(text, known) or chr(10) + ', '.join(known)}")
    return Personal(text)


def _type(text: str) -> Type:
    if text not in _TYPES:
        raise ValueError(f"`{text[:40]}` is not a type{_near(text, _TYPES) or chr(10) + 'known: ' + ', '.join(_TYPES)}")
    return _TYPES[text]


def _subject(text: str) -> Subject:
    if text not in _SUBJECTS:
        raise ValueError(f"`{text[:40]}` is no subject\nknown: {', '.join(_SUBJECTS)}")
    return _SUBJECTS[text]


def _new_signal(text: str, info: ValidationInfo) -> str:
    return new_signal(text, _around(info).signals)


def new_signal(text: str, taken: Container[str]) -> str:
    """The name of a signal that a lookup declares. Raises `ValueError` for what is none, or taken."""
    if not _SIGNAL.fullmatch(text):
        raise ValueError(f"`{text[:60]}` is not a signal's name such as `acme.score`")
    if text in taken:
        raise ValueError(f"`{text}` is answered by kycrisk itself\nbegin the name with the lookup's own")
    return text


def lookup_name(text: str) -> str:
    """The name of a lookup. Raises `ValueError` for what is none."""
    if not _NAME.fullmatch(text):
        raise ValueError(f"`{text[:60]}` is not a name of small letters, digits and `_`")
    return text


def _read(function: Any) -> BeforeValidator:
    """A text that a function makes a value of, before pydantic looks at its type."""

    def reader(raw: object) -> object:
        if not isinstance(raw, str):
            raise ValueError(f"`{raw}` is not a text; put quotes around it if it is meant as one")
        return function(raw)

    return BeforeValidator(reader)


def _read_around(function: Any) -> BeforeValidator:
    def reader(raw: object, info: ValidationInfo) -> object:
        if not isinstance(raw, str):
            raise ValueError(f"`{raw}` is not a text; put quotes around it if it is meant as one")
        return function(raw, info)

    return BeforeValidator(reader)


class SignalForm(BaseModel):
    """A signal that the answer gives."""

    model_config = ConfigDict(extra="forbid", strict=True, arbitrary_types_allowed=True)

    type: Annotated[Type, _read(_type)]
    path: Annotated[JsonPath, _read(parse_path)]
    question: str = Field(min_length=1, max_length=300)
    subject: Annotated[Subject, _read(_subject)] = Subject.SIGNUP
    advice: str = Field(default="", max_length=300)


class LookupForm(BaseModel):
    """One source."""

    model_config = ConfigDict(extra="forbid", strict=True, arbitrary_types_allowed=True)

    plain_http: bool = False
    url: Annotated[Template, _read_around(_url)]
    headers: dict[Annotated[str, AfterValidator(_header_name)], Annotated[Template, _read_around(_header)]] = Field(
        default_factory=dict
    )
    timeout: Annotated[timedelta, _duration(MAX_TIMEOUT)] = timedelta(milliseconds=250)
    keep: Annotated[timedelta, _duration(MAX_KEEP)] = timedelta(hours=1)
    cost: Annotated[Money, BeforeValidator(_money)] = FREE
    sends: Annotated[list[Annotated[Personal, _read(_personal)]], AfterValidator(_all_said)]
    signals: dict[Annotated[str, AfterValidator(_new_signal)], SignalForm] = Field(min_length=1, max_length=100)

    def built(self, name: str, hosts: frozenset[str]) -> HttpLookup:
        """The lookup, by its name."""
        return HttpLookup(
            name=name,
            url=self.url,
            headers=dict(self.headers),
            timeout=self.timeout,
            keep=self.keep,
            price=self.cost,
            sends=frozenset(each.value for each in self.sends),
            signals={
                signal: (Signal(signal, form.type, form.question, form.subject, advice=form.advice), form.path)
                for signal, form in self.signals.items()
            },
            hosts=hosts,
        )


class LookupsForm(BaseModel):
    """The file."""

    model_config = ConfigDict(extra="forbid", strict=True)

    lookups: dict[Annotated[str, AfterValidator(lookup_name)], LookupForm] = Field(max_length=100)
