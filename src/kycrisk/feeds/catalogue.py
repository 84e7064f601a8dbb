"""The catalogue of list sources: where each list comes from, what it is for, how far it is trusted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from kycrisk.durations import parse_duration
from kycrisk.feeds.catalogue_yaml import Entry, read_entries
from kycrisk.feeds.formats import FORMATS
from kycrisk.feeds.purposes import PURPOSES
from kycrisk.feeds.sources import is_built_in, is_remote, url_problem
from kycrisk.problems import Place, Problem, Problems, did_you_mean
from kycrisk.shipped import shipped

Trust = Literal["trusted", "corroborating"]
NEVER = timedelta.max  #: the maximum age of a list that does not go stale

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """One source of one list.

    `lineage` names the upstream whose knowledge this is; feeds of one lineage are one witness, however many list
    something. `copies` names further lineages that the upstream takes entries from: where one of those also lists
    something, this feed adds nothing (see `independent_lineages`).
    `copy_of` names a feed that carries the same list by another road: while either is fresh, nothing is missing.
    `minimum` is the number of entries below which what came cannot be the list; `max_bytes` bounds its size, packed
    and unpacked.
    """

    name: str
    title: str
    purpose: str
    kind: str
    url: str
    licence: str
    lineage: str
    trust: Trust
    refresh: timedelta
    max_age: timedelta
    enabled: bool = True
    copies: tuple[str, ...] = ()
    copy_of: str = ""
    minimum: int = 1
    max_bytes: int = 64 * 1024 * 1024
    credit: str = ""


def independent_lineages(feeds: Iterable[Feed]) -> tuple[str, ...]:
    """The lineages among these feeds that did not take their knowledge from another one among them, sorted.

    A domain that stands in a list and in two aggregates of that list has one witness, not three.
    """
    sources: dict[str, set[str]] = {}
    for feed in feeds:
        sources.setdefault(feed.lineage, set()).update(set(feed.copies) - {feed.lineage})
    independent = [lineage for lineage in sorted(sources) if not sources[lineage] & sources.keys()]
    return tuple(independent or sorted(sources)[:1])  # lineages that all copy each other are one witness


def default_catalogue() -> Path:
    """The catalogue that ships with kycrisk."""
    return shipped("data/feeds.yaml")


def read_catalogues(paths: Sequence[Path]) -> tuple[Feed, ...]:
    """The feeds of several catalogue files, in the order in which they first appear.

    A later file may override single settings of a feed by its name (`tor-bulk: {enabled: false}`). A plain path in
    `url` is relative to the file it stands in. Raises `Problems`: everything wrong in all the files.
    """
    problems: list[Problem] = []
    merged: dict[str, Entry] = {}
    for path in paths:
        try:
            entries = read_entries(path)
        except Problems as found:
            problems += found.problems
            continue
        for name, entry in entries.items():
            earlier = merged[name].settings if name in merged else {}
            merged[name] = Entry(entry.place, {**earlier, **entry.settings})
    feeds: dict[str, Feed] = {}
    for name, entry in merged.items():
        try:
            feeds[name] = _feed(name, entry)
        except Problems as found:
            problems += found.problems
    problems += _wrong_copies(feeds, merged)
    if problems:
        raise Problems(problems)
    return tuple(feeds.values())


class _Settings(BaseModel):
    """A feed as a catalogue writes it."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, str_max_length=2000)

    title: str = Field(min_length=1)
    purpose: str
    kind: str
    url: str = Field(min_length=1)
    licence: str = Field(min_length=1)
    lineage: str
    trust: Trust
    refresh: timedelta
    max_age: timedelta
    enabled: bool = True
    copies: tuple[str, ...] = ()
    copy_of: str = ""
    minimum: int = Field(default=1, ge=1)
    max_bytes: int = Field(default=64 * 1024 * 1024, ge=1)
    credit: str = ""

    @field_validator("refresh", "max_age", mode="before")
    @classmethod
    def _duration(cls, raw: object, info: ValidationInfo) -> timedelta:
        if raw == "never" and info.field_name == "max_age":
            return NEVER
        if not isinstance(raw, str):
            raise ValueError(f"`{raw}` is not a duration such as `24h` or `7d`")
        duration = parse_duration(raw)
        if duration <= timedelta():
            raise ValueError(f"`{raw}` is not longer than nothing")
        return duration

    @field_validator("copies", mode="before")
    @classmethod
    def _tuple(cls, raw: object) -> object:
        return tuple(raw) if isinstance(raw, list) else raw

    @field_validator("purpose")
    @classmethod
    def _purpose(cls, raw: str) -> str:
        return _one_of(raw, PURPOSES, "purpose")

    @field_validator("kind")
    @classmethod
    def _kind(cls, raw: str) -> str:
        return _one_of(raw, FORMATS, "kind")

    @field_validator("url")
    @classmethod
    def _url(cls, raw: str) -> str:
        if problem := url_problem(raw):
            raise ValueError(problem)
        return raw

    @field_validator("lineage")
    @classmethod
    def _lineage(cls, raw: str) -> str:
        if not _NAME.fullmatch(raw):
            raise ValueError(f"`{raw}` is not a name of lower-case letters, digits and dashes")
        return raw


def _one_of(raw: str, known: Iterable[str], what: str) -> str:
    names = list(known)
    if raw not in names:
        raise ValueError(f"unknown {what} `{raw}`\n{did_you_mean(raw, names) or 'known: ' + ', '.join(names)}")
    return raw


def _feed(name: str, entry: Entry) -> Feed:
    if not _NAME.fullmatch(name):
        message = f"`{name}` is not a name of lower-case letters, digits and dashes"
        raise Problems([Problem(entry.place, message)])
    try:
        settings = _Settings.model_validate({key: setting.value for key, setting in entry.settings.items()})
    except ValidationError as error:
        raise Problems(_problem(name, entry, dict(detail)) for detail in error.errors(include_url=False)) from None
    if PURPOSES[settings.purpose].shape not in FORMATS[settings.kind].shapes:
        shape = PURPOSES[settings.purpose].shape.value
        message = f"a list of kind `{settings.kind}` cannot hold what `{settings.purpose}` asks for: {shape}"
        raise Problems([Problem(entry.settings["kind"].value_place, message)])
    if settings.refresh > settings.max_age:
        message = f"`{name}` would be stale before it is refreshed"
        raise Problems([Problem(entry.settings["max_age"].value_place, message, "make `refresh` shorter")])
    url = settings.url
    if not (is_remote(url) or is_built_in(url) or url.startswith("file:")):
        url = str(Path(entry.settings["url"].value_place.path).resolve().parent / Path(url).expanduser())
    return Feed(name=name, **{**settings.model_dump(), "url": url})


# What pydantic finds wrong with a value, in the words of somebody who writes a catalogue.
_WRONG = {
    "string_type": "is not a text; put quotes around it if it is meant as one",
    "string_too_short": "is empty",
    "string_too_long": "is longer than 2000 characters",
    "int_type": "is not a whole number",
    "bool_type": "is neither `true` nor `false`",
    "tuple_type": "is not a list, as in `[one, another]`",
    "greater_than_equal": "is less than 1",
    "literal_error": "is neither `trusted` nor `corroborating`",
}


def _problem(name: str, entry: Entry, detail: dict[str, Any]) -> Problem:
    key = str(detail["loc"][0]) if detail["loc"] else ""
    setting = entry.settings.get(key)
    place: Place = setting.value_place if setting else entry.place
    match detail["type"]:
        case "missing":
            return Problem(entry.place, f"feed `{name}` has no `{key}`")
        case "extra_forbidden":
            place = setting.key_place if setting else entry.place
            return Problem(place, f"unknown key `{key}`", did_you_mean(key, _Settings.model_fields))
        case "value_error":
            message, _, help_ = str(detail["ctx"]["error"]).partition("\n")
            return Problem(place, message if key != "url" else f"`url`: {message}", help_)
        case _:
            return Problem(place, f"`{key}` {_WRONG.get(detail['type'], 'makes no sense')}")


def _wrong_copies(feeds: dict[str, Feed], entries: dict[str, Entry]) -> Iterable[Problem]:
    for feed in feeds.values():
        if not feed.copy_of:
            continue
        place = entries[feed.name].settings["copy_of"].value_place
        original = feeds.get(feed.copy_of)
        if original is None and feed.copy_of not in entries:
            yield Problem(place, f"there is no feed `{feed.copy_of}`", did_you_mean(feed.copy_of, feeds))
        elif original is not None and (original.purpose, original.lineage) != (feed.purpose, feed.lineage):
            yield Problem(place, f"`{feed.name}` and `{original.name}` differ in purpose or lineage")
