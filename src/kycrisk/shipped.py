"""The rules, data and lists that ship with the package."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

_PACKAGE = Path(__file__).resolve().parent


def shipped(relative: str) -> Path:
    """The path of a shipped file or folder: `shipped("data/feeds.yaml")`, `shipped("rules")`.

    In an installed wheel they lie inside the package, in a checkout or an editable install at the repository's
    root. Raises `ValueError` for a path that would leave the shipped folders.
    """
    path = PurePosixPath(relative)
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(f"`{relative}` is not a path inside the shipped folders")
    installed = _PACKAGE / "shipped"
    return (installed if installed.is_dir() else _PACKAGE.parent.parent) / path


def shipped_entries(relative: str) -> Iterator[str]:
    """The entries of a shipped list: one a line, without comments. Raises `ValueError` as `shipped` does."""
    for line in shipped(relative).read_text("utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            yield line.strip()
