"""Accounts under index on disk: segments of accounts, what stands about them, and what they were screened under.

A folder holds `index.json`, which names everything else and is replaced last, so that a run that dies leaves the index
as it was before. A segment's accounts and keys are written once; what stands about them is written anew when it has
changed in many rows, and lies over it in a small file until then.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fcntl import LOCK_EX, LOCK_NB, LOCK_UN, flock
from pathlib import Path
from typing import Any

import polars as pl

from kycrisk.rescreening.delta import remembered
from kycrisk.rescreening.delta.keys import AddressKeys, DomainKeys, SortedKeys, TextKeys
from kycrisk.rescreening.delta.list_state import ListState
from kycrisk.rescreening.delta.remembered import Remembered
from kycrisk.rescreening.delta.segment import Segment
from kycrisk.rescreening.delta.standing import Standing

#: The version of the folder's form.
FORMAT = "kycrisk.accounts.index/1"
_NAME = "index.json"


class IndexUnusable(Exception):
    """Why an index cannot be used, in words; the accounts have to be taken in anew."""


class IndexBusy(Exception):
    """Another run works on the index."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A segment and where it lies: its folder, and the file of its `base`; empty while it is not on disk."""

    segment: Segment
    name: str = ""
    base: str = ""
    base_is: pl.DataFrame | None = None

    def with_segment(self, segment: Segment) -> Placed:
        return replace(self, segment=segment)


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """Accounts under index. `source` says what they were taken from, and how far, in the words of whoever took them."""

    placed: tuple[Placed, ...]
    remembered: Remembered
    source: str = ""
    generation: int = 0

    @property
    def segments(self) -> tuple[Segment, ...]:
        return tuple(each.segment for each in self.placed)

    @property
    def accounts(self) -> int:
        return sum(each.present for each in self.segments)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other runs off the folder. Raises `IndexBusy`."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            flock(descriptor, LOCK_EX | LOCK_NB)
        except OSError:
            raise IndexBusy(str(folder)) from None
        yield
        flock(descriptor, LOCK_UN)
    finally:
        os.close(descriptor)


def save(folder: Path, index: Index, known: ListState | None = None) -> Index:
    """Put an index in the place of the last one, durably; `known` are the lists as the last one has them.

    Raises `OSError`; the last one is then still there.
    """
    number = index.generation + 1
    lists = folder / f"lists-{number}"
    for leftover in (lists, folder / f"{_NAME}.new"):
        shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink(missing_ok=True)
    before = folder / f"lists-{index.generation}"
    told: dict[str, Any] = {"format": FORMAT, "generation": number, "source": index.source}
    told["remembered"] = remembered.written(index.remembered, lists, before if before.is_dir() else None, known)
    placed, told["segments"] = [], []
    for each in index.placed:
        put, segment = _written(folder, each, number)
        placed.append(put)
        told["segments"].append(segment)
    _replace_durably(folder / _NAME, json.dumps(told, ensure_ascii=False).encode())
    _sweep(folder, {lists.name, *(each.name for each in placed)}, told["segments"])
    return replace(index, placed=tuple(placed), generation=number)


def _written(folder: Path, placed: Placed, number: int) -> tuple[Placed, dict[str, Any]]:
    """A segment on disk: its accounts and keys where they are not yet, what stands where it changed."""
    segment, name, files = placed.segment, placed.name, {}
    if not name:
        name = _free_name(folder)
        (folder / name).mkdir()
        _write_frame(folder / name / "accounts.arrow", segment.accounts)
        for key, keys in _sorted_keys(segment).items():
            for part, series in (("keys", keys.keys), ("offsets", keys.offsets), ("rows", keys.rows)):
                _write_frame(folder / name / f"{key}.{part}.arrow", pl.DataFrame([series.alias(part)]))
    standing, base = segment.standing, placed.base
    if not base or standing.base is not placed.base_is:
        base = f"standing-{number}.arrow"
        _write_frame(folder / name / base, standing.base)
    over = gone = ""
    if not standing.is_folded:
        over = f"over-{number}.arrow"
        _write_frame(folder / name / over, standing.over)
    if len(segment.gone):
        gone = f"gone-{number}.arrow"
        _write_frame(folder / name / gone, pl.DataFrame([segment.gone.alias("row")]))
    told = {"name": name, "rows": segment.height, "base": base, "over": over, "gone": gone}
    constant = sorted(each.name for each in (folder / name).glob("*.arrow") if "-" not in each.name)
    files = {each: (folder / name / each).stat().st_size for each in (*constant, base, over, gone) if each}
    return Placed(segment, name, base, standing.base), {**told, "files": files}


def _free_name(folder: Path) -> str:
    taken = [int(each.name) for each in folder.iterdir() if each.name.isdigit()]
    return f"{max(taken, default=0) + 1:06}"


def _sorted_keys(segment: Segment) -> dict[str, SortedKeys]:
    found = {} if segment.domains is None else {"domains": segment.domains.sorted}
    if segment.addresses is not None:
        found |= {"v4": segment.addresses.v4, "v6": segment.addresses.v6}
    if segment.until is not None:
        found["until"] = segment.until
    return found | {f"text {name}": keys.sorted for name, keys in segment.texts.items()}


def _write_frame(path: Path, frame: pl.DataFrame) -> None:
    with path.open("wb") as file:
        frame.rechunk().write_ipc(file, record_batch_size=max(frame.height, 1))
        file.flush()
        os.fsync(file.fileno())


def _replace_durably(path: Path, body: bytes) -> None:
    new = path.with_name(f"{path.name}.new")
    with new.open("wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _sweep(folder: Path, kept: set[str], segments: Sequence[dict[str, Any]]) -> None:
    """Remove what no index names any more."""
    for each in folder.iterdir():
        if each.is_dir() and each.name not in kept:
            shutil.rmtree(each)
    for told in segments:
        for file in (folder / told["name"]).iterdir():
            if file.name not in told["files"]:
                file.unlink()


def open_index(folder: Path) -> Index | None:
    """The index of a folder, None where there is none. Raises `IndexUnusable`."""
    try:
        told = json.loads((folder / _NAME).read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        raise IndexUnusable(f"{folder / _NAME} cannot be read") from None
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        raise IndexUnusable(f"{folder} is an index of another version")
    try:
        return Index(
            placed=tuple(_opened(folder / each["name"], each) for each in told["segments"]),
            remembered=remembered.read(told["remembered"], folder / f"lists-{told['generation']}"),
            source=told["source"],
            generation=told["generation"],
        )
    except (KeyError, TypeError, ValueError):
        raise IndexUnusable(f"{folder / _NAME} makes no sense") from None
    except (OSError, pl.exceptions.PolarsError) as error:
        raise IndexUnusable(f"{folder} cannot be read: {str(error).splitlines()[0]}") from None


def _opened(folder: Path, told: dict[str, Any]) -> Placed:
    for name, size in told["files"].items():
        path = folder / name
        if not path.is_file() or path.stat().st_size != size:
            raise IndexUnusable(f"{path} is not the file that the index names")
    accounts = _read_frame(folder / "accounts.arrow")
    base = _read_frame(folder / told["base"])
    over = _read_frame(folder / told["over"]) if told["over"] else Standing.of(base).over
    keys = {name.removesuffix(".keys.arrow"): name for name in told["files"] if name.endswith(".keys.arrow")}
    found = {key: _read_keys(folder, key) for key in keys}
    rows = {told["rows"], accounts.height, base.height}
    counted = [
        each for key, each in found.items() if each.offsets[-1] != len(each.rows) or len(each.rows) > told["rows"]
    ]
    if len(rows) != 1 or counted:
        raise IndexUnusable(f"{folder} is out of step with its accounts")
    segment = Segment(
        accounts,
        DomainKeys(found["domains"]) if "domains" in found else None,
        AddressKeys(found["v4"], found["v6"]) if "v4" in found else None,
        {key.removeprefix("text "): TextKeys(each) for key, each in found.items() if key.startswith("text ")},
        Standing(base, over),
        _read_frame(folder / told["gone"])["row"] if told["gone"] else pl.Series([], dtype=pl.UInt32),
        found.get("until"),
    )
    return Placed(segment, folder.name, told["base"], base)


def _read_keys(folder: Path, key: str) -> SortedKeys:
    parts = (_read_frame(folder / f"{key}.{part}.arrow").to_series() for part in ("keys", "offsets", "rows"))
    return SortedKeys(*parts)


def _read_frame(path: Path) -> pl.DataFrame:
    return pl.read_ipc(path)
