"""The languages of what customers read. Catalogues are gettext's `.po` files, read as they stand."""

from __future__ import annotations

import ast
import gettext
import re
import struct
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from io import BytesIO

#: English is what the messages are written in.
DEFAULT = "en"
LANGUAGES = (DEFAULT, "de")
DOMAIN = "verification"

_KEYWORD = re.compile(r'(msgctxt|msgid_plural|msgid|msgstr(?:\[\d+\])?)?\s*("(?:[^"\\]|\\.)*")')
_MAGIC = 0x950412DE


def marked(message: str) -> str:
    """The message itself, marked for translation where it is not translated yet."""
    return message


@cache
def translations(language: str) -> gettext.NullTranslations:
    """The catalogue of a language (`gettext`, `ngettext`, `pgettext`); the messages themselves where there is none."""
    if language == DEFAULT or language not in LANGUAGES:
        return gettext.NullTranslations()
    path = files("kycrisk.verification") / "locale" / language / "LC_MESSAGES" / f"{DOMAIN}.po"
    return gettext.GNUTranslations(BytesIO(compiled(read_po(path.read_text("utf-8")))))


def chosen(accepted: str) -> str:
    """The first language of `Accept-Language` (RFC 9110 section 12.5.4) that there is, by weight; `DEFAULT` if none."""
    wished: list[tuple[float, int, str]] = []
    for place, part in enumerate(accepted[:500].split(",")):
        tag, _, weight = part.partition(";")
        found = re.fullmatch(r"\s*q=([01](?:\.\d{0,3})?)\s*", weight)
        quality = float(found[1]) if found else 1.0
        if quality > 0:
            wished.append((-quality, place, tag.strip().lower().partition("-")[0]))
    return next((tag for _, _, tag in sorted(wished) if tag in LANGUAGES), DEFAULT)


def read_po(text: str) -> Mapping[str, str]:
    """The messages of a `.po` file, as gettext's binary catalogues key them. Raises `ValueError` with the line.

    Entries that are marked fuzzy, or not translated, are left out.
    """
    found: dict[str, str] = {}
    for entry in _entries(text):
        key = entry.get("msgid", "")
        if "msgctxt" in entry:
            key = f"{entry['msgctxt']}\x04{key}"
        if "msgid_plural" in entry:
            key = f"{key}\0{entry['msgid_plural']}"
        told = [entry[name] for name in sorted(entry) if name.startswith("msgstr")]
        if told and all(told):
            found[key] = "\0".join(told)
    return found


def _entries(text: str) -> Iterator[dict[str, str]]:
    entry: dict[str, str] = {}
    last, fuzzy = "", False
    for number, line in enumerate([*text.splitlines(), ""], 1):
        stripped = line.strip()
        if not stripped:
            if entry and not fuzzy:
                yield entry
            entry, last, fuzzy = {}, "", False
        elif stripped.startswith("#"):
            fuzzy = fuzzy or (stripped.startswith("#,") and "fuzzy" in stripped)
        else:
            match = _KEYWORD.fullmatch(stripped)
            if match is None or not (match[1] or last):
                raise ValueError(f"line {number} is not of a `.po` file")
            last = match[1] or last
            entry[last] = entry.get(last, "") + str(ast.literal_eval(match[2]))


def compiled(messages: Mapping[str, str]) -> bytes:
    """A catalogue as gettext's library reads it (GNU gettext manual, "The Format of GNU MO Files")."""
    rows = sorted((key.encode(), text.encode()) for key, text in messages.items())
    keys = b"".join(key + b"\0" for key, _ in rows)
    texts = b"".join(text + b"\0" for _, text in rows)
    head = 28
    at_keys = head + 16 * len(rows)
    at_texts = at_keys + len(keys)
    key_table, text_table = b"", b""
    for key, text in rows:
        key_table += struct.pack("<II", len(key), at_keys)
        text_table += struct.pack("<II", len(text), at_texts)
        at_keys += len(key) + 1
        at_texts += len(text) + 1
    front = struct.pack("<7I", _MAGIC, 0, len(rows), head, head + 8 * len(rows), 0, 0)
    return front + key_table + text_table + keys + texts
