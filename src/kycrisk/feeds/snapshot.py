"""Compiled lists on disk: a line that says what the file is, a line of JSON about the list, then the entries.

A snapshot is written whole, flushed to the disk and renamed over the old one, so a reader sees the old list or the
new one and never half of one. Its entries carry a checksum; a damaged file is reported, never believed.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from array import array
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from kycrisk.feeds.match import AddressSet, AnySet, DomainSet, NetworkSet, column, raw_column
from kycrisk.feeds.purposes import PURPOSES, Shape

_MAGIC = b"kycrisk list 1\n"
_MAX_HEADER = 65_536


class DamagedSnapshot(Exception):
    """What is wrong with a snapshot file, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a snapshot says about its list.

    `as_of` is the time the list speaks of; `as_of_from` says whether the list itself (`list`), its server's
    Last-Modified or its file's date (`modified`) or only the moment of asking (`checked`) told it. `sha256` is of
    the bytes as they came. `recipe` names how they were compiled; `version` is the ETag, or what else names a
    version of the source.
    """

    name: str
    purpose: str
    kind: str
    url: str
    as_of: datetime
    as_of_from: str
    fetched_at: datetime
    checked_at: datetime
    sha256: str
    source_bytes: int
    entries: int
    dropped: Mapping[str, int]
    recipe: str
    version: str = ""
    last_modified: str = ""
    shared: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A compiled list with its header."""

    header: Header
    entries: AnySet


_TIMES = ("as_of", "fetched_at", "checked_at")


def path_of(folder: Path, name: str) -> Path:
    """Where the snapshot of a feed lies."""
    return folder / f"{name}.list"


def write(folder: Path, snapshot: Snapshot) -> None:
    """Put a snapshot in the place of the last one, durably. Raises `OSError`; the last one is then still there."""
    _write(folder, snapshot.header, _body_of(snapshot.entries))


def rewrite_header(folder: Path, header: Header) -> None:
    """Give the snapshot a new header, after its source said that the list has not changed."""
    _, body = _read(path_of(folder, header.name))
    _write(folder, header, body)


def read_header(folder: Path, name: str) -> Header | None:
    """What the snapshot says about its list, without reading the entries; None when there is none.

    Raises `DamagedSnapshot`.
    """
    try:
        with path_of(folder, name).open("rb") as file:
            return _header_of(file.read(len(_MAGIC) + _MAX_HEADER))[0]
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DamagedSnapshot(f"it cannot be read: {(error.strerror or str(error)).lower()}") from None


def load(folder: Path, name: str) -> Snapshot | None:
    """The snapshot of a feed, checked; None when there is none. Raises `DamagedSnapshot`."""
    try:
        header, body = _read(path_of(folder, name))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DamagedSnapshot(f"it cannot be read: {(error.strerror or str(error)).lower()}") from None
    entries = _entries_of(header, body)
    if len(entries) != header.entries:
        raise DamagedSnapshot(f"it holds {len(entries)} entries instead of {header.entries}")
    return Snapshot(header, entries)


def _read(path: Path) -> tuple[Header, bytes]:
    raw = path.read_bytes()
    header, start, length, checksum = _header_of(raw)
    body = raw[start:]
    if len(body) != length:
        raise DamagedSnapshot(f"it has {len(body)} bytes of entries instead of {length}")
    if hashlib.sha256(body).hexdigest() != checksum:
        raise DamagedSnapshot("its checksum does not fit")
    return header, body


def _header_of(raw: bytes) -> tuple[Header, int, int, str]:
    end = raw.find(b"\n", len(_MAGIC), len(_MAGIC) + _MAX_HEADER)
    if not raw.startswith(_MAGIC) or end < 0:
        raise DamagedSnapshot("it is not a list that this version of kycrisk compiled")
    try:
        fields: dict[str, Any] = json.loads(raw[len(_MAGIC) : end])
        length, checksum = fields.pop("body_bytes"), fields.pop("body_sha256")
        times = {name: datetime.fromisoformat(fields[name]) for name in _TIMES}
        shared = fields.get("shared")
        header = Header(**{**fields, **times, "shared": None if shared is None else tuple(shared)})
        if header.purpose not in PURPOSES or any(time.tzinfo is None for time in times.values()):
            raise ValueError
    except (ValueError, TypeError, KeyError, RecursionError):
        raise DamagedSnapshot("its header makes no sense") from None
    return header, end + 1, length, checksum


def _write(folder: Path, header: Header, body: bytes) -> None:
    fields = asdict(replace(header, dropped=dict(header.dropped)))
    fields |= {name: fields[name].isoformat() for name in _TIMES}
    fields |= {"body_bytes": len(body), "body_sha256": hashlib.sha256(body).hexdigest()}
    line = json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()
    folder.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix=f".{header.name}.", dir=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), 0o644)  # mkstemp makes it private, but services read lists as other users
            file.write(_MAGIC + line + b"\n" + body)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path_of(folder, header.name))
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise
    directory = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(directory)  # the rename itself, or a power cut may bring the old name back
    finally:
        os.close(directory)


def _body_of(entries: AnySet) -> bytes:
    match entries:
        case DomainSet() | AddressSet():
            return "\n".join(sorted(entries.entries)).encode()
        case NetworkSet():
            numbers = [len(entries.prefixes_v4), len(entries.prefixes_v6)]
            columns = (array("Q", numbers), entries.starts_v4, entries.high_v6, entries.low_v6)
            return b"".join(map(raw_column, columns)) + entries.prefixes_v4 + entries.prefixes_v6


def _entries_of(header: Header, body: bytes) -> AnySet:
    match PURPOSES[header.purpose].shape:
        case Shape.DOMAIN:
            return DomainSet(_lines(body))
        case Shape.EMAIL:
            return AddressSet(_lines(body))
        case Shape.NETWORK:
            return _networks(body)


def _lines(body: bytes) -> frozenset[str]:
    return frozenset(body.decode().split("\n")) if body else frozenset()


def _networks(body: bytes) -> NetworkSet:
    try:
        v4, v6 = column("Q", body[:16])
    except ValueError:
        raise DamagedSnapshot("its entries are cut off") from None
    if len(body) != 16 + 5 * v4 + 17 * v6:
        raise DamagedSnapshot("its entries are cut off")
    ends = (16, 16 + 4 * v4, 16 + 4 * v4 + 8 * v6, 16 + 4 * v4 + 16 * v6)
    return NetworkSet(
        column("I", body[ends[0] : ends[1]]),
        body[ends[3] : ends[3] + v4],
        column("Q", body[ends[1] : ends[2]]),
        column("Q", body[ends[2] : ends[3]]),
        body[ends[3] + v4 :],
    )
