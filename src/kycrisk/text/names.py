"""Ordinary names of many languages (`names.txt`): how their letters look, and which words are names."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Given and family names in plain letters, and words that people and companies use in addresses."""

    given: frozenset[str]
    family: frozenset[str]
    words: frozenset[str]

    @property
    def all(self) -> frozenset[str]:
        return self.given | self.family | self.words


@cache
def names() -> Names:
    """The names that ship with the package, read once."""
    kinds: dict[str, set[str]] = {"given": set(), "family": set(), "words": set()}
    for line in Path(__file__).with_name("names.txt").read_text(encoding="ascii").splitlines():
        if line and not line.startswith("#"):
            head, _, entries = line.partition(": ")
            kinds[head.split()[1]].update(part for entry in entries.split() for part in entry.split("-"))
    return Names(**{kind: frozenset(entries) for kind, entries in kinds.items()})
