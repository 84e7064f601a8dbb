"""What accounts were last screened under: the rules, and what every list held. Kept beside their index."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from kycrisk.feeds import snapshot
from kycrisk.feeds.match import DomainSet
from kycrisk.feeds.snapshot import DamagedSnapshot, Header, Snapshot
from kycrisk.rescreening.delta.list_state import KeptList, ListState, OwnList
from kycrisk.ruleset.canonical import canonical_text
from kycrisk.ruleset.model import ListKind, Ruleset


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """The rules, in their canonical text, and the lists, and when accounts were screened under them."""

    ruleset: str
    lists: ListState
    at: datetime

    @classmethod
    def of(cls, ruleset: Ruleset, lists: ListState, at: datetime) -> Remembered:
        return cls(ruleset=canonical_text(ruleset), lists=lists, at=at)


def written(
    remembered: Remembered, folder: Path, before: Path | None = None, known: ListState | None = None
) -> dict[str, Any]:
    """Write the lists into a new folder; what else is remembered, as JSON that names them.

    A list that is as it is `known` to stand in the folder `before` is linked: a change costs no more than it changed.
    """
    folder.mkdir(parents=True)
    told = {}
    for name, each in remembered.lists.lists.items():
        same = known is not None and name in known.lists and known.lists[name].entries == each.entries
        if before is None or not same or not _linked(snapshot.path_of(before, name), snapshot.path_of(folder, name)):
            _write_list(name, each, remembered.at, folder)
        told[name] = {"purpose": each.purpose, "trust": each.trust, "lineage": each.lineage, "copies": [*each.copies]}
    own = {
        name: each and {"kind": each.kind.value, "entries": sorted(map(str, each.entries))}
        for name, each in remembered.lists.own.items()
    }
    return {
        "ruleset": remembered.ruleset,
        "at": remembered.at.isoformat(),
        "lists": told,
        "gaps": sorted(map(list, remembered.lists.gaps)),
        "own": own,
    }


def _linked(old: Path, new: Path) -> bool:
    """Whether the new file could be had as a link to the old one, or as its copy."""
    try:
        os.link(old, new)
    except FileNotFoundError:
        return False
    except OSError:  # a file system without links
        shutil.copyfile(old, new)
    return True


def _write_list(name: str, each: KeptList, at: datetime, folder: Path) -> None:
    header = Header(
        name=name,
        purpose=each.purpose,
        kind="domains" if isinstance(each.entries, DomainSet) else "networks",
        url="",
        as_of=at,
        as_of_from="list",
        fetched_at=at,
        checked_at=at,
        sha256="",
        source_bytes=0,
        entries=len(each.entries),
        dropped={},
        recipe="",
    )
    snapshot.write(folder, Snapshot(header, each.entries))


def read(told: Mapping[str, Any], folder: Path) -> Remembered:
    """The inverse of `written`. A list whose file vanished or is damaged is among `lost`, with its purpose.

    Raises `KeyError`, `TypeError` or `ValueError` for what is no such JSON.
    """
    lists: dict[str, KeptList] = {}
    lost: dict[str, str] = {}
    for name, each in told["lists"].items():
        try:
            found = snapshot.load(folder, name)
        except DamagedSnapshot:
            found = None
        if found is None:
            lost[name] = each["purpose"]
        else:
            counts = (each["purpose"], each["trust"], each["lineage"], tuple(each["copies"]))
            lists[name] = KeptList(*counts, found.entries)
    own = {name: each and _own(each) for name, each in told["own"].items()}
    gaps = frozenset((purpose, trust) for purpose, trust in told["gaps"])
    return Remembered(
        ruleset=told["ruleset"], lists=ListState(lists, gaps, own, lost), at=datetime.fromisoformat(told["at"])
    )


def _own(told: Mapping[str, Any]) -> OwnList:
    kind = ListKind(told["kind"])
    entries = told["entries"]
    return OwnList(kind, frozenset(map(ip_network, entries) if kind is ListKind.NETWORK else entries))
