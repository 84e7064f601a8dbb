"""The YAML of a catalogue, with the place of every key: `feeds:`, a mapping of names to mappings of settings."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from kycrisk.problems import Place, Problem, Problems, did_you_mean

MAX_BYTES = 2_000_000
MAX_DEPTH = 40

Plain = str | int | bool | None | list["Plain"]
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Setting:
    """One `key: value` of a feed and where it stands."""

    value: Plain
    key_place: Place
    value_place: Place


@dataclass(frozen=True, slots=True)
class Entry:
    """One feed as a file has it."""

    place: Place
    settings: dict[str, Setting]


def read_entries(path: Path) -> dict[str, Entry]:
    """The feeds of a catalogue file. Raises `Problems`: all doubled keys and wrong shapes of the file at once."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise Problems([Problem(str(path), f"cannot be read: {(error.strerror or str(error)).lower()}")]) from None
    if len(raw) > MAX_BYTES:
        raise Problems([Problem(str(path), f"is larger than {MAX_BYTES // 1_000_000} MB")])
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Problems([Problem(str(path), f"is not text: byte {error.start} is not UTF-8")]) from None
    reader = _Reader(str(path), text)
    entries = reader.read()
    if reader.problems:
        raise Problems(reader.problems)
    return entries


class _Reader:
    """Walks the events of the C parser, which needs no recursion however deep a file is nested."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text
        self.lines = text.splitlines()
        self.problems: list[Problem] = []
        self.events: Iterator[yaml.Event] = iter(())

    def read(self) -> dict[str, Entry]:
        try:
            self.events = iter(self._checked_events())
            return self._document()
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            place = self.place(mark) if mark else self.path
            self.problems = [Problem(place, f"is not YAML: {str(error.problem or error).lower()}")]
        except yaml.YAMLError as error:
            self.problems = [Problem(self.path, f"is not YAML: {str(error).splitlines()[0].lower()}")]
        except Problems as problems:
            self.problems += problems.problems
        return {}

    def _checked_events(self) -> list[yaml.Event]:
        events: list[yaml.Event] = []
        depth = 0
        for event in yaml.parse(self.text, Loader=yaml.CSafeLoader):
            match event:
                case yaml.AliasEvent():
                    raise Problems([Problem(self.place(event.start_mark), "aliases are not read here")])
                case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                    depth += 1
                case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                    depth -= 1
            if depth > MAX_DEPTH:
                raise Problems([Problem(self.place(event.start_mark), f"is nested deeper than {MAX_DEPTH}")])
            events.append(event)
        return events

    def place(self, mark: Any) -> Place:  # the stubs cannot tell the C parser's marks from the others
        source = self.lines[mark.line] if mark.line < len(self.lines) else ""
        return Place(self.path, mark.line + 1, mark.column + 1, source)

    def _document(self) -> dict[str, Entry]:
        event = next(self.events)
        while isinstance(event, (yaml.StreamStartEvent, yaml.DocumentStartEvent)):
            event = next(self.events)
        if not isinstance(event, yaml.MappingStartEvent):
            raise Problems([Problem(self.path, "has no `feeds:`", "write `feeds:` and the feeds below it")])
        entries: dict[str, Entry] = {}
        for key, key_place, value in self._pairs():
            if key != "feeds":
                self.problems.append(Problem(key_place, f"unknown key `{key}`", did_you_mean(key, ["feeds"])))
                self._skip(value)
            elif not isinstance(value, yaml.MappingStartEvent):
                self.problems.append(Problem(key_place, "`feeds` is not a mapping of names to feeds"))
                self._skip(value)
            else:
                entries = self._feeds()
        return entries

    def _feeds(self) -> dict[str, Entry]:
        entries: dict[str, Entry] = {}
        for name, name_place, value in self._pairs():
            if isinstance(value, yaml.MappingStartEvent):
                settings = {
                    key: Setting(self._plain(event), place, self.place(event.start_mark))
                    for key, place, event in self._pairs()
                }
                entries[name] = Entry(name_place, settings)
            else:
                self.problems.append(Problem(name_place, f"feed `{name}` is not a mapping of settings"))
                self._skip(value)
        return entries

    def _pairs(self) -> Iterator[tuple[str, Place, yaml.Event]]:
        """The keys of the mapping just opened, each with the event that opens its value."""
        seen: set[str] = set()
        while not isinstance(key := next(self.events), yaml.MappingEndEvent):
            place = self.place(key.start_mark)
            if not isinstance(key, yaml.ScalarEvent):
                raise Problems([Problem(place, "a key must be a name")])
            if key.value in seen:
                self.problems.append(Problem(place, f"`{key.value}` stands here twice"))
            seen.add(key.value)
            yield key.value, place, next(self.events)

    def _plain(self, event: yaml.Event) -> Plain:
        match event:
            case yaml.ScalarEvent():
                return _scalar(event)
            case yaml.SequenceStartEvent():
                items: list[Plain] = []
                while not isinstance(item := next(self.events), yaml.SequenceEndEvent):
                    items.append(self._plain(item))
                return items
            case _:
                self._skip(event)
                return None

    def _skip(self, opened: yaml.Event) -> None:
        depth = 1 if isinstance(opened, (yaml.MappingStartEvent, yaml.SequenceStartEvent)) else 0
        while depth:
            match next(self.events):
                case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                    depth += 1
                case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                    depth -= 1


def _scalar(event: yaml.ScalarEvent) -> Plain:
    """`true`, `false` and integers by the YAML 1.2 core schema, in which `no` and `off` are words."""
    if event.style:  # quoted or a block, so it is meant as text
        return str(event.value)
    if event.value in ("true", "false"):
        return bool(event.value == "true")
    if event.value in ("", "~", "null"):
        return None
    return int(event.value) if _INTEGER.fullmatch(event.value) else str(event.value)
