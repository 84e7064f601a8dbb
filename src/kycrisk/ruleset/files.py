"""The files of a rule folder, and their texts."""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from pathlib import Path

from kycrisk.ruleset.nodes import Source
from kycrisk.ruleset.noting import Notes

MAX_BYTES = 2_000_000


def rule_files(where: Path | str | Iterable[Path | str], notes: Notes) -> tuple[Path, ...]:
    """The rule files of a folder in the order of their names, or the files that are named.

    Folders inside the folder (`lists/`, `verification/`) hold other things; hidden files belong to editors.
    """
    if not isinstance(where, (str, Path)):
        return tuple(map(Path, where))
    folder = Path(where)
    if folder.is_file():
        return (folder,)
    if not folder.is_dir():
        notes.add(str(folder), "there is no such folder", "`kycrisk init` makes one with the default rules")
        return ()
    visible = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    for path in visible:
        if path.suffix.lower() in (".yml", ".yaml") and path.suffix != ".yaml":
            notes.add(str(path), "is not read, because its name does not end in `.yaml`", "rename the file")
    found = tuple(path for path in visible if path.suffix == ".yaml")
    if not found:
        notes.add(
            str(folder), "holds no rules: no file in it ends in `.yaml`", "`kycrisk init` makes the default rules"
        )
    return found


def read_source(path: Path, notes: Notes) -> Source | None:
    """The text of a file, None when it cannot be read, which is noted."""
    shown = str(path)
    notes.begin(shown)
    try:
        if path.exists() and not path.is_file():
            notes.add(shown, "is not a file", "put the rules in a file that ends in `.yaml`")
            return None
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        notes.add(shown, f"cannot be read: {(error.strerror or str(error)).lower()}", "check its name and permissions")
        return None
    return decoded(shown, raw, notes)


def decoded(path: str, raw: bytes, notes: Notes) -> Source | None:
    """Bytes as text, None when they are none."""
    if len(raw) > MAX_BYTES:
        notes.add(
            path, f"is larger than {MAX_BYTES // 1_000_000} MB", "split it; long lists belong in `lists/NAME.txt`"
        )
        return None
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        notes.add(path, "is UTF-16, not UTF-8", "save it as UTF-8 without a byte-order mark")
        return None
    if raw.startswith(codecs.BOM_UTF8):
        notes.add(path, "begins with a byte-order mark", "save it as UTF-8 without a byte-order mark")
        raw = raw.removeprefix(codecs.BOM_UTF8)
    try:
        return Source(path, raw.decode())
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode()
        place = Source(path, before + "\ufffd").place(len(before))
        notes.add(place, f"the byte 0x{raw[error.start]:02x} is not UTF-8", "save the file as UTF-8")
        return None
