"""What is remembered of a list beside its snapshot: how it changed, what is held and why, what was refused.

One small JSON file a list, replaced whole. Whoever changes it or the snapshot holds the lock of that list, which ends
with the process: so two updaters take turns, and one that is killed leaves nothing locked.
"""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from kycrisk.feeds.quarantine.expectation import Step
from kycrisk.feeds.quarantine.lasting import NO_SAMPLE, Sample
from kycrisk.feeds.quarantine.reasons import Flips, Reason, flips_dict, flips_of, reason_dict, reason_of

#: How many changes of a list are remembered, and how many refused versions and decisions of people.
STEPS, DECISIONS = 400, 200
_FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A version that waits for somebody: what it is, since when, why, what it would change and whom it would touch.

    `flips` is None where the customers were not known.
    """

    sha256: str
    since: datetime
    reasons: tuple[Reason, ...]
    entries: int
    added: int
    removed: int
    added_examples: tuple[str, ...] = ()
    removed_examples: tuple[str, ...] = ()
    flips: Flips | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What somebody decided about a held version."""

    sha256: str
    released: bool
    by: str
    why: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """What a version began to name that is everybody's: it was taken all the same, without these names."""

    sha256: str
    at: datetime
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Everything that is remembered of one list.

    `source` says what the list is (where from, in which form, what for): when that changes, its past says nothing any
    more. `good` are the checksums of versions that were active, the newest last. `sample` has some of its entries, each
    with the day since when it is there (lasting.py).
    """

    source: str = ""
    steps: tuple[Step, ...] = ()
    good: tuple[str, ...] = ()
    held: Held | None = None
    verdicts: tuple[Verdict, ...] = ()
    refused: Mapping[str, Verdict] = field(default_factory=lambda: MappingProxyType({}))
    sample: Sample = field(default_factory=lambda: NO_SAMPLE)
    left_out: tuple[LeftOut, ...] = ()


NOTHING = Record()


def quarantine_folder(folder: Path) -> Path:
    """Where the quarantine of a folder of snapshots is."""
    return folder / "quarantine"


@contextmanager
def locked(folder: Path, name: str) -> Iterator[None]:
    """The right to change a list, its record and what is held of it; waits for whoever has it."""
    inside = quarantine_folder(folder)
    inside.mkdir(parents=True, exist_ok=True)
    lock = os.open(inside / f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def read_record(folder: Path, name: str) -> Record:
    """What is remembered of a list. A file that makes no sense counts as none: the list is then judged as a new one."""
    try:
        raw = json.loads(_path(folder, name).read_bytes())
        return _record(raw) if raw["format"] == _FORMAT else NOTHING
    except FileNotFoundError:
        return NOTHING
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return NOTHING


def write_record(folder: Path, name: str, record: Record) -> None:
    """Replace what is remembered, durably. Raises `OSError`."""
    inside = quarantine_folder(folder)
    inside.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix=f".{name}.", dir=inside)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), 0o644)  # as of snapshots: whoever reads lists may know what is held
            json.dump(_raw(record), file, ensure_ascii=False, separators=(",", ":"))
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, _path(folder, name))
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise


def _path(folder: Path, name: str) -> Path:
    return quarantine_folder(folder) / f"{name}.json"


def _raw(record: Record) -> dict[str, Any]:
    held = record.held
    return {
        "format": _FORMAT,
        "source": record.source,
        "steps": [
            [round(s.days, 4), s.size, s.added, s.removed, int(s.released), s.lasting, s.lost]
            for s in record.steps[-STEPS:]
        ],
        "good": [sha256[:32] for sha256 in record.good[-STEPS:]],
        "held": None
        if held is None
        else {
            **{name: getattr(held, name) for name in _HELD_PLAIN},
            "since": held.since.isoformat(),
            "reasons": [reason_dict(reason) for reason in held.reasons],
            "flips": flips_dict(held.flips),
        },
        "verdicts": [_raw_verdict(each) for each in record.verdicts[-DECISIONS:]],
        "refused": [_raw_verdict(each) for each in list(record.refused.values())[-DECISIONS:]],
        "sample": dict(record.sample),
        "left_out": [asdict(each) | {"at": each.at.isoformat()} for each in record.left_out[-DECISIONS:]],
    }


_HELD_PLAIN = ("sha256", "entries", "added", "removed", "added_examples", "removed_examples")


def _raw_verdict(verdict: Verdict) -> dict[str, Any]:
    return asdict(verdict) | {"at": verdict.at.isoformat()}


def _record(raw: Mapping[str, Any]) -> Record:
    refused = [_verdict(each) for each in raw["refused"]]
    return Record(
        source=raw["source"],
        steps=tuple(_step(*each) for each in raw["steps"]),
        good=tuple(raw["good"]),
        held=None if raw["held"] is None else _held(raw["held"]),
        verdicts=tuple(_verdict(each) for each in raw["verdicts"]),
        refused={each.sha256: each for each in refused},
        sample={name: int(day) for name, day in raw.get("sample", NO_SAMPLE).items()},
        left_out=tuple(
            LeftOut(sha256=each["sha256"], at=datetime.fromisoformat(each["at"]), names=tuple(each["names"]))
            for each in raw.get("left_out", ())
        ),
    )


def _step(days: float, size: int, added: int, removed: int, released: int, lasting: int = 0, lost: int = 0) -> Step:
    return Step(
        days=float(days),
        size=int(size),
        added=int(added),
        removed=int(removed),
        released=bool(released),
        lasting=int(lasting),
        lost=int(lost),
    )


def _held(raw: Mapping[str, Any]) -> Held:
    return Held(
        sha256=raw["sha256"],
        since=datetime.fromisoformat(raw["since"]),
        reasons=tuple(reason_of(each) for each in raw["reasons"]),
        entries=int(raw["entries"]),
        added=int(raw["added"]),
        removed=int(raw["removed"]),
        added_examples=tuple(raw["added_examples"]),
        removed_examples=tuple(raw["removed_examples"]),
        flips=flips_of(raw["flips"]),
    )


def _verdict(raw: Mapping[str, Any]) -> Verdict:
    return Verdict(**{**raw, "at": datetime.fromisoformat(raw["at"])})
