"""The YAML of a catalogue, with the place of every key: `feeds:`, a mapping of names to mappings of settings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kycrisk.problems import Place, Problems, did_you_mean
from kycrisk.ruleset.compose import compose
from kycrisk.ruleset.files import read_source
from kycrisk.ruleset.nodes import MappingNode, Node, ScalarNode, SequenceNode, Source
from kycrisk.ruleset.noting import Notes
from kycrisk.ruleset.scalars import Trap, meaning

Plain = str | int | float | bool | None | list["Plain"]


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
    """The feeds of a catalogue file. Raises `Problems`: everything that is wrong with the file's shape at once."""
    notes = Notes()
    source = read_source(path, notes)
    node = compose(source, notes) if source else None
    entries = _document(node, source, notes) if source and not notes.problems else {}
    if notes.problems:
        raise Problems(notes.sorted())
    return entries


def _document(node: Node | None, source: Source, notes: Notes) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    if not isinstance(node, MappingNode):
        notes.add(source.path, "has no `feeds:`", "write `feeds:` and the feeds below it")
        return found
    for key, value in node.entries:
        place = source.place(key.start)
        if key.text != "feeds":
            notes.add(place, f"unknown key `{key.text}`", did_you_mean(key.text, ["feeds"]))
        elif isinstance(value, MappingNode):
            found = {name.text: entry for name, feed in value.entries if (entry := _entry(name, feed, source, notes))}
        else:
            notes.add(place, "`feeds` is not a mapping of names to feeds")
    return found


def _entry(name: ScalarNode, node: Node, source: Source, notes: Notes) -> Entry | None:
    if not isinstance(node, MappingNode):
        notes.add(source.place(name.start), f"feed `{name.text}` is not a mapping of settings")
        return None
    return Entry(
        source.place(name.start),
        {
            key.text: Setting(_plain(value, source, notes), source.place(key.start), source.place(value.start))
            for key, value in node.entries
        },
    )


def _plain(node: Node, source: Source, notes: Notes) -> Plain:
    match node:
        case ScalarNode():
            found = meaning(node)
            if isinstance(found, Trap):
                notes.add(source.place(node.start), found.message, found.help)
                return None
            return found
        case SequenceNode(items=items):
            return [_plain(item, source, notes) for item in items]
    return None  # a mapping where none belongs; the model says so
