"""A run over files: its folder holds what it screens by, the results of each slice, and the ledger of what is done.

    run.json            what the run is about
    pinned/             rules, lists and databases
    parts/00000.parquet the results of a slice; of a dry run only the news and the refused rows
    done/00000.json     its counts, written last: a slice without them is done again

Every file is written beside, synced and renamed, so that whatever is there is whole. One process at a time works on a
run. A slice gives the same bytes whenever and wherever it is screened.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import io
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from kycrisk.problems import Problem, Problems
from kycrisk.rescreening.pinned import pin
from kycrisk.rescreening.slices import Slice, csv_to_parquet, slices_of
from kycrisk.rescreening.summary import Summary, merged, summarised
from kycrisk.screening.site import Site
from kycrisk.signals import Signal

FORMAT = "kycrisk.rescreening/1"
_RUN, _PINNED, _PARTS, _DONE, _INPUT = "run.json", "pinned", "parts", "done", "input"
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run is to be about: files, whether only news are kept, and the rows of a slice."""

    paths: tuple[Path, ...]
    dry_run: bool
    rows: int

    def key(self) -> str:
        """Tells whether two plans are the same, over the same files."""
        told: list[Any] = [self.dry_run, self.rows]
        for path in self.paths:
            try:
                found = path.stat()
            except OSError as error:
                reason = (error.strerror or str(error)).lower()
                raise Problems([Problem(str(path), f"cannot be read: {reason}")]) from None
            told.append([str(path.resolve()), found.st_size, found.st_mtime_ns])
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()


class RunFolder:
    """One run. Made by `begin_run` or `open_run`; close it with `close`."""

    def __init__(self, folder: Path, told: dict[str, Any], lock: int) -> None:
        self.folder, self._told, self._lock = folder, told, lock
        self.slices = [Slice(**each) for each in told["slices"]]
        self.dry_run: bool = told["dry_run"]
        self.digest: str = told["pinned"]
        self.key: str = told["key"]
        self.begun_at = datetime.fromisoformat(told["begun_at"])
        self.names: list[str] = told["names"]

    @property
    def pinned(self) -> Path:
        return self.folder / _PINNED

    @property
    def rows(self) -> int:
        """All rows that are to be screened."""
        return sum(each.rows for each in self.slices)

    def done(self) -> dict[int, Summary]:
        """The slices that are done, by their numbers, with their counts. Raises `Problems` where results vanished."""
        found = {int(path.stem): json.loads(path.read_text()) for path in sorted((self.folder / _DONE).glob("*.json"))}
        gone = [
            Problem(str(part), "has vanished or changed", "remove its file in `done` to have it made again")
            for number, told in found.items()
            if _size(part := self.part(number)) != told["bytes"]
        ]
        if gone:
            raise Problems(gone)
        return {number: Summary.from_json(told["summary"]) for number, told in found.items()}

    def left(self) -> list[Slice]:
        """The slices that are to be done."""
        done = self.done()
        return [each for each in self.slices if each.number not in done]

    def part(self, number: int) -> Path:
        """Where the results of a slice are."""
        return self.folder / _PARTS / f"{number:05}.parquet"

    def commit(self, each: Slice, result: pl.DataFrame) -> Summary:
        """Keep the results of a slice. Raises `Problems` when they cannot be written; what was kept before stays.

        Raises `RuntimeError` when rows are missing.
        """
        if result.height != each.rows:
            raise RuntimeError(f"{each.rows} rows of {each.path} went in, {result.height} came out")
        summary = summarised(result, self._name(each))
        kept = result.filter(pl.col("news").fill_null(True)) if self.dry_run else result
        stream = io.BytesIO()
        kept.write_parquet(stream)
        raw = stream.getvalue()
        ledger = json.dumps({"bytes": len(raw), "summary": summary.to_json()}, ensure_ascii=False)
        try:
            write_whole(self.part(each.number), raw)
            write_whole(self.folder / _DONE / f"{each.number:05}.json", ledger.encode())
        except OSError as error:
            raise Problems([self._unwritten(error)]) from None
        return summary

    def summary(self) -> Summary:
        """All counts. Raises `RuntimeError` unless every row of every file is accounted for."""
        found = merged(self.done().values())
        if found.rows != self.rows:
            raise RuntimeError(f"{self.rows} rows went in, {found.rows} came out")
        return found

    def close(self) -> None:
        """Let others work on it."""
        os.close(self._lock)

    def _name(self, each: Slice) -> str:
        return Path(each.path).name if not each.path.startswith(str(self.folder)) else self.names[0]

    def _unwritten(self, error: OSError) -> Problem:
        done = len(list((self.folder / _DONE).glob("*.json")))
        reason = "the disk is full" if error.errno in _FULL else (error.strerror or str(error)).lower()
        again = f"{done} of {len(self.slices)} slices are done; the same command goes on from there"
        return Problem(str(error.filename or self.folder), f"cannot be written: {reason}", f"make room: {again}")


def begin_run(folder: Path, plan: Plan, site: Site, now: datetime) -> RunFolder:
    """A new run in a folder, which is made; CSV files become Parquet in it first.

    Raises `Problems` for files that cannot be read, and where it cannot be made. What is left of an earlier attempt
    that did not come so far is removed.
    """
    try:
        folder.mkdir(parents=True, mode=0o700, exist_ok=True)
        lock = _locked(folder)
        try:
            told = _made(folder, plan, site, now)
            write_whole(folder / _RUN, json.dumps(told).encode())
        except BaseException:
            os.close(lock)
            raise
    except OSError as error:
        reason = "the disk is full" if error.errno in _FULL else (error.strerror or str(error)).lower()
        raise Problems([Problem(str(error.filename or folder), f"cannot be written: {reason}")]) from None
    return RunFolder(folder, told, lock)


def _made(folder: Path, plan: Plan, site: Site, now: datetime) -> dict[str, Any]:
    for name in (_PARTS, _DONE, _INPUT, _PINNED):
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in (_PARTS, _DONE, _INPUT):
        (folder / name).mkdir()
    attributes = site.ruleset.policy.attributes
    paths = [_as_parquet(path, folder / _INPUT / f"{at}.parquet", attributes) for at, path in enumerate(plan.paths)]
    return {
        "format": FORMAT,
        "key": plan.key(),
        "begun_at": now.isoformat(),
        "dry_run": plan.dry_run,
        "names": [path.name for path in plan.paths],
        "slices": [asdict(each) for each in slices_of(paths, plan.rows)],
        "pinned": pin(site, folder / _PINNED, now),
    }


def open_run(folder: Path) -> RunFolder | None:
    """The run of a folder; None where none has begun in it. Raises `Problems` while another process works on it."""
    path = folder / _RUN
    if not path.is_file():
        return None
    lock = _locked(folder)
    try:
        told = json.loads(path.read_text())
        if told.get("format") != FORMAT:
            raise ValueError
    except ValueError:
        os.close(lock)
        raise Problems([Problem(str(path), f"is not a run of `{FORMAT}`", "name another folder")]) from None
    return RunFolder(folder, told, lock)


def write_whole(path: Path, raw: bytes) -> None:
    """A file, whole on the disk or not there. Raises `OSError`."""
    beside = path.with_name(f"{path.name}.new")
    try:
        with beside.open("wb") as stream:
            stream.write(raw)
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(path)
    except OSError as error:
        with suppress(OSError):
            beside.unlink()
        raise OSError(error.errno, error.strerror, str(path)) from None
    above = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(above)
    finally:
        os.close(above)


def _as_parquet(path: Path, target: Path, attributes: Mapping[str, Signal]) -> Path:
    if path.suffix.lower() != ".csv":
        return path.resolve()
    csv_to_parquet(path, target, attributes)
    return target


def _locked(folder: Path) -> int:
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise Problems([Problem(str(folder), "another process is working on this run", "wait for it")]) from None
    return lock


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


def unfinished(base: Path, key: str) -> Sequence[Path]:
    """The folders below `base` with a run of this key that is not finished, the newest first."""
    found = []
    for path in sorted(base.glob(f"*/{_RUN}"), reverse=True):
        told = json.loads(path.read_text())
        done = len(list((path.parent / _DONE).glob("*.json")))
        if told.get("key") == key and done < len(told["slices"]):
            found.append(path.parent)
    return found
