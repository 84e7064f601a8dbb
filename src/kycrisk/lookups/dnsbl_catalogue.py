"""The catalogue of zones, read from YAML."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from kycrisk.documents import read_document
from kycrisk.lookups.dnsbl import Lists, Meaning, Pattern, Zone
from kycrisk.problems import Problem, Problems
from kycrisk.shipped import shipped

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
_DOMAIN = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}")
_HOLES = re.compile(r"\{[^}]*\}")
_WORD = re.compile(r"[a-z][a-z0-9_]{0,39}")
_ANY_LAST_OCTET = "127.0.0.*"


def default_zones() -> Path:
    """The catalogue that ships with kycrisk."""
    return shipped("data/dnsbl.yaml")


def read_zones(path: Path) -> tuple[Zone, ...]:
    """The zones of a catalogue, dead ones included, in its order. Raises `Problems`: everything wrong with the file."""
    form = read_document(path, _Catalogue)
    zones = tuple(_zone(name, entry) for name, entry in form.zones.items())
    names = {zone.name for zone in zones}
    problems = [
        Problem(f"{path}: zones.{zone.name}.instead", f"there is no zone `{zone.instead}`")
        for zone in zones
        if zone.instead and zone.instead not in names
    ]
    if problems:
        raise Problems(problems)
    return zones


class _Meaning(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    means: str
    text: str = Field(min_length=1, max_length=200)
    weight: int = Field(ge=-10, le=10)
    numbers: dict[str, int] = Field(default_factory=dict)

    @field_validator("means")
    @classmethod
    def _word(cls, raw: str) -> str:
        if not _WORD.fullmatch(raw):
            raise ValueError(f"`{raw}` is not a word of lower-case letters, digits and underscores")
        return raw

    @field_validator("numbers")
    @classmethod
    def _octet(cls, raw: dict[str, int]) -> dict[str, int]:
        for name, octet in raw.items():
            if octet not in (1, 2, 3, 4):
                raise ValueError(f"`{name}` is octet {octet}, but there are 1 to 4")
        return raw


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    title: str = Field(min_length=1)
    zone: str
    lists: Literal["ip", "domain", "email"]
    status: Literal["alive", "dead"]
    as_of: date
    source: str = Field(min_length=1)
    query: str = ""
    keyed_query: str = ""
    key: str = ""
    key_shape: str = ""
    ipv6: bool = False
    hash: str = ""
    registrable: bool = False
    codes: dict[str, _Meaning] = Field(default_factory=dict)
    bits: dict[str, _Meaning] = Field(default_factory=dict)
    bits_in: str = _ANY_LAST_OCTET
    refused: dict[str, str] = Field(default_factory=dict)
    refused_bits: int = Field(default=0, ge=0, le=255)
    listed: list[str] | None = None
    not_listed: list[str] | None = None
    gone: str = ""
    instead: str = ""

    @field_validator("zone")
    @classmethod
    def _domain(cls, raw: str) -> str:
        if not _DOMAIN.fullmatch(raw):
            raise ValueError(f"`{raw}` is not a zone such as `bl.example.org`")
        return raw

    @field_validator("as_of", mode="before")
    @classmethod
    def _day(cls, raw: object) -> object:
        try:
            return date.fromisoformat(raw) if isinstance(raw, str) else raw
        except ValueError:
            raise ValueError(f"`{raw}` is not a day such as `2026-11-23`") from None

    @field_validator("query", "keyed_query")
    @classmethod
    def _template(cls, raw: str, info: ValidationInfo) -> str:
        wanted = ["{subject}"] if info.field_name == "query" else ["{key}", "{subject}"]
        if sorted(_HOLES.findall(raw)) != wanted or "{subject}." not in raw:
            raise ValueError(f"`{raw}` is no template with {' and '.join(wanted)}, each once, and the zone behind")
        return raw

    @field_validator("key_shape")
    @classmethod
    def _expression(cls, raw: str) -> str:
        try:
            re.compile(raw)
        except re.error as error:
            raise ValueError(f"`{raw}` is not a regular expression: {error}") from None
        return raw

    @field_validator("hash")
    @classmethod
    def _hash(cls, raw: str) -> str:
        if raw not in ("", "sha1", "sha256", "md5"):
            raise ValueError(f"unknown hash `{raw}`\nknown: md5, sha1, sha256")
        return raw

    @field_validator("codes", "refused")
    @classmethod
    def _patterns(cls, raw: dict[str, Any]) -> dict[str, Any]:
        for code in raw:
            read_pattern(code)
        return raw

    @field_validator("bits_in")
    @classmethod
    def _pattern(cls, raw: str) -> str:
        read_pattern(raw)
        return raw

    @field_validator("bits")
    @classmethod
    def _bits(cls, raw: dict[str, _Meaning]) -> dict[str, _Meaning]:
        for bit in raw:
            if bit not in {str(1 << place) for place in range(8)}:
                raise ValueError(f"`{bit}` is not a bit: 1, 2, 4, 8, 16, 32, 64 or 128")
        return raw

    @model_validator(mode="after")
    def _whole(self) -> _Entry:
        if self.status == "dead":
            return self
        if not (self.query or self.keyed_query):
            raise ValueError("there is neither `query` nor `keyed_query`")
        if bool(self.keyed_query) != bool(self.key):
            raise ValueError("`key` and `keyed_query` go together: the one names what the other wants")
        if not (self.codes or self.bits):
            raise ValueError("there are neither `codes` nor `bits`, so no answer would mean anything")
        if (self.lists == "email") != bool(self.hash):
            raise ValueError("`hash` is for zones that list e-mail addresses, and they have one")
        return self


class _Catalogue(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    zones: dict[str, _Entry]

    @field_validator("zones")
    @classmethod
    def _names(cls, raw: dict[str, _Entry]) -> dict[str, _Entry]:
        for name in raw:
            if not _NAME.fullmatch(name):
                raise ValueError(f"`{name}` is not a name of lower-case letters, digits and dashes")
        return raw


def read_pattern(text: str) -> Pattern:
    """`127.0.0.4-7`, `127.*.*.0`. Raises `ValueError` with a message."""
    octets = text.split(".")
    if len(octets) != 4:
        raise ValueError(f"`{text}` is not an answer such as `127.0.0.2` or `127.0.0.4-7`")
    first, second, third, fourth = (_octet(octet, text) for octet in octets)
    return first, second, third, fourth


def _octet(text: str, whole: str) -> range:
    if text == "*":
        return range(256)
    low, dash, high = text.partition("-")
    if not all(part.isascii() and part.isdigit() and int(part) < 256 for part in (low, high if dash else low)):
        raise ValueError(f"`{whole}` is not an answer: an octet is a number, a range such as `4-7`, or `*`")
    return range(int(low), int(high if dash else low) + 1)


def _zone(name: str, entry: _Entry) -> Zone:
    return Zone(
        name=name,
        title=entry.title,
        zone=entry.zone,
        lists=Lists(entry.lists),
        query=entry.query,
        keyed_query=entry.keyed_query,
        key=entry.key,
        key_shape=entry.key_shape,
        ipv6=entry.ipv6,
        hash=entry.hash,
        registrable=entry.registrable,
        codes=tuple((read_pattern(code), _meaning(one)) for code, one in entry.codes.items()),
        bits=MappingProxyType({int(bit): _meaning(one) for bit, one in entry.bits.items()}),
        bits_in=read_pattern(entry.bits_in) if entry.bits else None,
        refused=tuple((read_pattern(code), text) for code, text in entry.refused.items()),
        refused_bits=entry.refused_bits,
        listed=None if entry.listed is None else tuple(entry.listed),
        not_listed=None if entry.not_listed is None else tuple(entry.not_listed),
        dead=entry.status == "dead",
        as_of=entry.as_of,
        source=entry.source,
        gone=entry.gone,
        instead=entry.instead,
    )


def _meaning(form: _Meaning) -> Meaning:
    return Meaning(means=form.means, text=form.text, weight=form.weight, numbers=MappingProxyType(form.numbers))
