"""The copy of the decisions' history: sealed segments of columns in a folder, and a manifest that names them.

A segment is written whole and then named by the manifest, which is swapped in one step: whoever dies in between leaves
a file that nobody names, and the next one sweeps it away. Segments hold what facts hold, so they are sealed under the
site key, as what lies in the store is: who has the folder alone reads nothing.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO

from kycrisk.backtest.part import Part, Unreadable, from_bytes, to_bytes
from kycrisk.store.failure import WrongSiteKey
from kycrisk.store.moments import micros
from kycrisk.store.sealing import SiteKey, seal, unseal

FORMAT = "kycrisk.archive/1"
_MANIFEST, _LOCK, _SEGMENT = "manifest.json", "lock", ".segment"

Wanted = Callable[[Iterable[str]], Collection[str]]


class BrokenSegment(Exception):
    """A segment that cannot be read: `name`, and `why`."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"segment {name}: {why}")
        self.name, self.why = name, why


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A file of the archive: which decisions it holds (by number and moment), and how many of them are erased."""

    name: str
    rows: int
    first: int
    last: int
    since: int  # microseconds
    until: int
    erased: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What the archive holds: everything up to the decision numbered `last`, whose id is `last_id`."""

    last: int = 0
    last_id: str = ""
    retained_from: int | None = None  # microseconds: older decisions are past their retention
    segments: tuple[Segment, ...] = field(default=())

    @property
    def rows(self) -> int:
        return sum(each.rows for each in self.segments)


class Archive:
    """The segments of a folder. Who changes them holds `changing`, who reads them `reading`."""

    def __init__(self, folder: Path, site: SiteKey) -> None:
        self.folder, self._site = folder, site

    @contextmanager
    def changing(self) -> Iterator[None]:
        """The right to change the archive; waits for those who read or change it, in whatever process."""
        with self._locked(fcntl.LOCK_EX):
            yield

    @contextmanager
    def reading(self) -> Iterator[None]:
        """The right to read the archive while it stays as it is."""
        with self._locked(fcntl.LOCK_SH):
            yield

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(self.folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, how)
            yield
        finally:
            os.close(lock)

    def manifest(self) -> Manifest | None:
        """What the archive holds; None when there is none, or its manifest cannot be read."""
        try:
            raw = json.loads((self.folder / _MANIFEST).read_bytes())
            if raw.pop("format") != FORMAT:
                return None
            return Manifest(**{**raw, "segments": tuple(Segment(**each) for each in raw["segments"])})
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def there(self, segment: Segment) -> bool:
        """Whether the file of a segment is there; what is in it shows when it is read."""
        return (self.folder / segment.name).is_file()

    def drop(self, segment: Segment) -> None:
        """Throw the file of a segment away: it is made anew from the store when the archive is next kept in step."""
        (self.folder / segment.name).unlink(missing_ok=True)

    def read(self, segment: Segment, wanted: Wanted | None = None) -> Part:
        """A segment, of its columns only those that `wanted` chooses. Raises `BrokenSegment`."""
        try:
            sealed = (self.folder / segment.name).read_bytes()
            part = from_bytes(unseal(self._site.own_key, sealed, _context(segment.name)), wanted)
        except OSError as error:
            raise BrokenSegment(segment.name, (error.strerror or str(error)).lower()) from None
        except (WrongSiteKey, ValueError) as error:  # `ValueError`: too short to be sealed, or `Unreadable`
            why = str(error) if isinstance(error, Unreadable) else "does not open"
            raise BrokenSegment(segment.name, why) from None
        if part.height != segment.rows:
            raise BrokenSegment(segment.name, f"holds {part.height} decisions instead of {segment.rows}")
        return part

    def write(self, part: Part) -> Segment:
        """A new segment on the disk, which no manifest names yet."""
        seq, at = part.frame["seq"], part.frame["at"].to_physical()
        first, last = int(seq[0]), int(seq[-1])
        name = f"{first:012}-{last:012}-{secrets.token_hex(4)}{_SEGMENT}"
        self._put(name, seal(self._site.own_key, to_bytes(part), _context(name)))
        low, high = at.min(), at.max()
        assert isinstance(low, int)
        assert isinstance(high, int)
        return Segment(
            name=name,
            rows=part.height,
            first=first,
            last=last,
            since=low,
            until=high,
            erased=int(part.frame["erased"].sum()),
        )

    def name(self, manifest: Manifest) -> None:
        """Put a manifest in the place of the one before, and sweep away what it does not name."""
        raw = {"format": FORMAT, **asdict(manifest)}
        self._put(_MANIFEST, json.dumps(raw, indent=1).encode())
        named = {each.name for each in manifest.segments} | {_MANIFEST, _LOCK}
        for path in self.folder.iterdir():
            if path.name not in named and (path.suffix == _SEGMENT or path.name.startswith(".")):
                path.unlink(missing_ok=True)

    def _put(self, name: str, raw: bytes) -> None:
        """A file that is on the disk whole before it has its name."""
        beside = self.folder / f".{name}.{secrets.token_hex(4)}"
        with _private(beside) as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self.folder / name)
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def within(segment: Segment, since: datetime | None, until: datetime | None) -> bool:
    """Whether a segment holds decisions from `since` on and before `until`."""
    return (since is None or segment.until >= micros(since)) and (until is None or segment.since < micros(until))


def _context(name: str) -> str:
    return f"archive segment {name}"


def _private(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
