"""The folder of the vault: a file appears whole or not at all, and is on the disk when its writing returns."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

_NAME = re.compile(r"file_[0-9a-f]{32}", re.ASCII)
MOST_BYTES = 64_000_000


class FileMissing(Exception):
    """There is no such file, or none that could be one of ours."""


class VaultFolder:
    """Files by their ids, in 256 folders. Only the owner can read them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def write(self, id_: str, content: bytes) -> None:
        """Write a new file. Raises `OSError`; then nothing is there."""
        path = self._of(id_)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        beside = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
        try:
            file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(file, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            beside.replace(path)
        except OSError:
            beside.unlink(missing_ok=True)
            raise
        _settle(path.parent)
        _settle(self._path)

    def read(self, id_: str) -> bytes:
        """The content. Raises `FileMissing`."""
        try:
            with self._of(id_).open("rb") as file:
                return file.read(MOST_BYTES)
        except FileNotFoundError:
            raise FileMissing(id_) from None

    def delete(self, ids: Iterable[str]) -> None:
        """Delete files; those that are gone already are fine."""
        folders = set()
        for id_ in ids:
            path = self._of(id_)
            path.unlink(missing_ok=True)
            folders.add(path.parent)
        for folder in folders:
            if folder.exists():
                _settle(folder)

    def older_than(self, moment: datetime) -> list[str]:
        """The ids of files that were written before a moment, in order. What a crash left half written is deleted."""
        found = []
        for path in self._path.glob("[0-9a-f][0-9a-f]/*"):
            try:
                old = path.stat().st_mtime < moment.timestamp()
            except FileNotFoundError:
                continue
            if old and _NAME.fullmatch(path.name):
                found.append(path.name)
            elif old and path.name.startswith(".file_"):
                path.unlink(missing_ok=True)
        return sorted(found)

    def _of(self, id_: str) -> Path:
        if not _NAME.fullmatch(id_):  # never a path that somebody else made up
            raise FileMissing(id_)
        return self._path / id_[5:7] / id_


def _settle(folder: Path) -> None:
    """Have the disk keep the names, too."""
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
