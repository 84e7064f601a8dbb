"""Results kept in a file: a line of JSON for each, appended; read once, written anew when half of it is out of date."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from kycrisk.lookups.cache import Change, Kept
from kycrisk.problems import Problem, Problems

#: Lines out of date before the file is written anew.
SLACK = 1000


class FileResults:
    """`KeptResults` in one file of one process.

    An append survives the death of the process; the power can take the last of them with it, and a line that is cut
    off is not read. The file is readable by its owner only.
    """

    def __init__(
        self, path: Path, entries: dict[tuple[str, str], Kept], lines: int, now: Callable[[], datetime]
    ) -> None:
        self._path, self._entries, self._lines, self._now = path, entries, lines, now
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    @classmethod
    def open(cls, path: Path, now: Callable[[], datetime]) -> FileResults:
        """The results in a file, which is made when there is none. Raises `Problems` when it cannot be."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            raw = path.read_bytes() if path.exists() else b""
            whole = raw[: raw.rfind(b"\n") + 1]
            results = cls(path, _read(whole, now()), whole.count(b"\n"), now)
            if len(whole) < len(raw):
                results.compact()  # a new line must not continue one that is cut off
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise Problems([Problem(str(path), f"cannot be used: {reason}", "check its permissions")]) from None
        return results

    async def get(self, space: str, key: str) -> Kept | None:
        """What is kept, None when nothing is."""
        return self._entries.get((space, key))

    async def put(self, space: str, key: str, kept: Kept) -> None:
        """Keep a text. It is in the file (though perhaps not yet on the disk) when this returns."""
        self._entries[space, key] = kept
        os.write(self._file, _line(space, key, kept))
        self._lines += 1
        if self._lines > 2 * len(self._entries) + SLACK:
            self.compact()

    async def alter(self, space: str, key: str, change: Change) -> None:
        """Keep what `change` makes of what is kept."""
        made = change(self._entries.get((space, key)))
        if made is not None:
            await self.put(space, key, made)

    def compact(self) -> None:
        """Write the file anew with what still counts, by way of another file, so that one of both is always whole."""
        now = self._now()
        self._entries = {key: kept for key, kept in self._entries.items() if _lasts(kept, now)}
        beside = self._path.with_name(self._path.name + ".new")
        with suppress(FileNotFoundError):
            beside.unlink()
        file = os.open(beside, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(os.dup(file), "wb") as stream:
            stream.writelines(_line(*key, kept) for key, kept in self._entries.items())
        os.fsync(file)
        beside.replace(self._path)
        os.close(self._file)
        self._file, self._lines = file, len(self._entries)

    def close(self) -> None:
        """Nothing more is kept."""
        os.close(self._file)


def _lasts(kept: Kept, now: datetime) -> bool:
    return kept.until is None or kept.until > now


def _line(space: str, key: str, kept: Kept) -> bytes:
    until = kept.until.isoformat() if kept.until else None
    return json.dumps([space, key, until, kept.text], ensure_ascii=False).encode() + b"\n"


def _read(raw: bytes, now: datetime) -> dict[tuple[str, str], Kept]:
    """Later lines replace earlier ones; what is past its time, or no line of ours, is left out."""
    return {at: kept for at, kept in dict(_entries(raw)).items() if _lasts(kept, now)}


def _entries(raw: bytes) -> Iterator[tuple[tuple[str, str], Kept]]:
    for line in raw.splitlines():
        try:
            space, key, until, text = json.loads(line)
            moment = None if until is None else datetime.fromisoformat(until)
        except (ValueError, TypeError):
            continue
        texts = isinstance(space, str) and isinstance(key, str) and isinstance(text, str)
        if texts and (moment is None or moment.tzinfo is not None):
            yield (space, key), Kept(text, moment)
