"""What a run screens by, copied beside it: the rules, lists and databases of one moment.

A run that is stopped and goes on, and workers on other machines, judge by these copies and by nothing else, so that all
of its results belong together. Each copy is known by its hash; one that vanished or changed is named, and nothing is
screened without it.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

from kycrisk.checks import CHECKS
from kycrisk.checks.catalogue import ALIASES
from kycrisk.checks.world import World
from kycrisk.decision import Exemption
from kycrisk.feeds.catalogue import default_catalogue, read_catalogues
from kycrisk.feeds.geo import Geo
from kycrisk.feeds.lists import Lists
from kycrisk.problems import Problem, Problems
from kycrisk.ruleset.canonical import canonical_text, ruleset_from_canonical
from kycrisk.ruleset.evaluate import compile_ruleset
from kycrisk.ruleset.model import Ruleset
from kycrisk.screening.analyst_lists import Added, Entries, read_lists
from kycrisk.screening.columns.table import TableScreener
from kycrisk.screening.exemptions import Exempted, subject_key
from kycrisk.screening.site import Site
from kycrisk.signals import Signal, Subject, Type, Unknown
from kycrisk.sources.catalogue import shipped_signals

SITE = "site.json"
_LISTS, _GEO, _CATALOGUES = "lists", "geo", "catalogues"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinned:
    """A pinned site, opened. `digest` tells whether two are the same; `gaps` are lists that cannot answer, and why."""

    digest: str
    now: datetime
    ruleset: Ruleset
    screener: TableScreener
    lists: Mapping[str, Entries | Unknown]
    exempted: tuple[Exempted, ...]
    gaps: tuple[str, ...]


def pin(site: Site, folder: Path, now: datetime) -> str:
    """Copy all that a site screens tables by into a folder, which is made; the digest. Raises `OSError`."""
    settings = site.settings
    folder.mkdir(parents=True)
    extra = [path for path in settings.catalogues if path != default_catalogue()]
    copies = {f"{_CATALOGUES}/{number}.yaml": path for number, path in enumerate(extra)}
    copies |= {f"{_LISTS}/{path.name}": path for path in sorted(settings.snapshots.glob("*")) if path.is_file()}
    geo = {"country": settings.geo_country, "asn": settings.geo_asn}
    copies |= {f"{_GEO}/{name}.mmdb": path for name, path in geo.items() if path is not None and path.is_file()}
    for name, path in copies.items():
        target = folder / name
        target.parent.mkdir(exist_ok=True)
        shutil.copy2(path, target)
    told = {
        "kycrisk": version("kycrisk"),
        "now": now.isoformat(),
        "ruleset": canonical_text(site.ruleset),
        "declared": [_signal_json(each) for each in settings.sources.declared.values()],
        "lists": {name: _entries_json(each) for name, each in site.lists.items() if isinstance(each, Entries)},
        "exempted": [_exempted_json(each) for each in site.exemptions.all()],
        "geo": {name: f"{_GEO}/{name}.mmdb" for name, path in geo.items() if path is not None},
        "geo_max_age": settings.geo_max_age.total_seconds(),
        "catalogues": [f"{_CATALOGUES}/{number}.yaml" for number in range(len(extra))],
        "files": {name: _sha256(folder / name) for name in sorted(copies)},
    }
    text = json.dumps(told, ensure_ascii=False, sort_keys=True)
    (folder / SITE).write_text(text)
    return hashlib.sha256(text.encode()).hexdigest()


def fingerprint(site: Site) -> str:
    """What differs whenever a site would screen otherwise, but for the moment. Raises `OSError`."""
    settings, told = site.settings, hashlib.sha256()
    told.update(canonical_text(site.ruleset).encode())
    for name, each in sorted(site.lists.items()):
        values = _entries_json(each)["values"] if isinstance(each, Entries) else None
        told.update(json.dumps([name, values]).encode())
    for exempted in sorted(json.dumps(_exempted_json(each)) for each in site.exemptions.all()):
        told.update(exempted.encode())
    paths = [*sorted(settings.snapshots.glob("*")), settings.geo_country, settings.geo_asn]
    for path in paths:
        if path is not None and path.is_file():
            told.update(f"{path.name} {_sha256(path)}".encode())
    return told.hexdigest()


def open_pinned(folder: Path, digest: str = "") -> Pinned:
    """The pinned site of a folder. Raises `Problems` where a part vanished or changed, or another version made it.

    `digest` is the one that is expected, where one is.
    """
    text = _read(folder / SITE)
    found = hashlib.sha256(text.encode()).hexdigest()
    told: dict[str, Any] = json.loads(text)
    problems = [problem for name, sha in told["files"].items() if (problem := _damaged(folder / name, sha))]
    if digest and found != digest:
        problems.append(Problem(str(folder / SITE), "is not what this run began with", _ANEW))
    if told["kycrisk"] != version("kycrisk"):
        message = f"was made by kycrisk {told['kycrisk']}, this is {version('kycrisk')}"
        problems.append(Problem(str(folder / SITE), message, _ANEW))
    if problems:
        raise Problems(problems)
    now = datetime.fromisoformat(told["now"])
    signals = {**shipped_signals(), **{each["name"]: _signal(each) for each in told["declared"]}}
    ruleset = ruleset_from_canonical(told["ruleset"], signals=signals, aliases=ALIASES)
    catalogues = (default_catalogue(), *(folder / name for name in told["catalogues"]))
    lists = Lists.open(read_catalogues(catalogues), folder / _LISTS, now)
    databases = [folder / told["geo"][name] if name in told["geo"] else None for name in ("country", "asn")]
    geo = Geo.open(*databases, max_age=timedelta(seconds=told["geo_max_age"]))
    added = {
        name: Added(tuple(each["values"]), datetime.fromisoformat(each["as_of"]))
        for name, each in told["lists"].items()
    }
    mine, _ = read_lists(ruleset.policy.lists, folder / "no lists in files", added)
    screener = TableScreener(compile_ruleset(ruleset), World(lists=lists, now=now, geo=geo), mine)
    return Pinned(
        digest=found,
        now=now,
        ruleset=ruleset,
        screener=screener,
        lists=mine,
        exempted=tuple(_exempted(each) for each in told["exempted"]),
        gaps=list_gaps(screener, mine),
    )


def packed_site(folder: Path) -> bytes:
    """A pinned site as one archive, to be sent to workers. Raises `OSError`."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.add(path, str(path.relative_to(folder)))
    return stream.getvalue()


def unpack_site(packed: bytes, folder: Path) -> None:
    """The inverse of `packed_site`; the folder is made."""
    folder.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")


_ANEW = "begin the run anew (`--anew`)"


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError as error:
        raise Problems([Problem(str(path), f"cannot be read: {(error.strerror or '').lower()}", _ANEW)]) from None


def _damaged(path: Path, sha256: str) -> Problem | None:
    try:
        if _sha256(path) == sha256:
            return None
    except FileNotFoundError:
        return Problem(str(path), "has vanished: the run screens by it", f"put it back, or {_ANEW}")
    except OSError as error:
        return Problem(str(path), f"cannot be read: {(error.strerror or '').lower()}", _ANEW)
    return Problem(str(path), "has changed since the run began", f"put it back, or {_ANEW}")


def list_gaps(screener: TableScreener, mine: Mapping[str, Entries | Unknown]) -> tuple[str, ...]:
    """The lists that rules ask and that cannot be asked, and why, for people."""
    read = {*screener.rules.signals, *screener.needed}
    purposes = dict.fromkeys(purpose for check in CHECKS for name, purpose in check.purposes.items() if name in read)
    lists = screener.world.lists
    found = [f"list {one.feed.name}: {one.unknown}" for purpose in purposes for one in lists.missing(purpose)]
    return (*found, *(f"list {name}: {each}" for name, each in mine.items() if isinstance(each, Unknown)))


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _signal_json(signal: Signal) -> dict[str, Any]:
    return {
        "name": signal.name,
        "type": signal.type.value,
        "question": signal.question,
        "subject": signal.subject.value,
        "check": signal.check,
        "advice": signal.advice,
        "welcome": signal.welcome,
    }


def _signal(told: Mapping[str, Any]) -> Signal:
    return Signal(**{**told, "type": Type(told["type"]), "subject": Subject(told["subject"])})


def _entries_json(entries: Entries) -> dict[str, Any]:
    as_of = entries.origin.as_of
    assert as_of is not None, "a list that was read has its time"
    return {"values": sorted(map(str, entries.exactly)), "as_of": as_of.isoformat()}


def _exempted_json(each: Exempted) -> dict[str, Any]:
    told = each.exemption
    return {
        "rule": told.rule,
        "subject": told.subject,
        "until": told.until.isoformat(),
        "by": told.by,
        "reason": told.reason,
        "kind": each.kind,
        "key": str(each.key),
    }


def _exempted(told: Mapping[str, Any]) -> Exempted:
    until = datetime.fromisoformat(told["until"])
    exemption = Exemption(told["rule"], told["subject"], until, told["by"], told["reason"])
    return Exempted(exemption, told["kind"], subject_key(told["kind"], told["key"]))
