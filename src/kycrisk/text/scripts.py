"""Which scripts a text mixes, by the idea of UTS 39 section 5.2 (restriction level "highly restrictive")."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# Scripts whose mixture is how a language is written: Japanese, Chinese with Bopomofo, Korean, each beside Latin
# (UTS 39 section 5.2, level 3). Everything else belongs to one script.
_TOGETHER = (
    frozenset({"LATIN", "CJK", "HIRAGANA", "KATAKANA"}),
    frozenset({"LATIN", "CJK", "BOPOMOFO"}),
    frozenset({"LATIN", "CJK", "HANGUL"}),
)

# The first word of a letter's Unicode name is its script, but for these.
_OTHER_NAMES = {"IDEOGRAPHIC": "CJK", "VERTICAL": "", "MICRO": "GREEK", "OHM": "GREEK", "KELVIN": "LATIN",
                "ANGSTROM": "LATIN", "FULLWIDTH": "", "HALFWIDTH": "", "MODIFIER": "", "FEMININE": "LATIN",
                "MASCULINE": "LATIN", "KATAKANA-HIRAGANA": ""}  # fmt: skip

_SEPARATOR = re.compile(r"[\s.@_+\-]+")


@lru_cache(maxsize=4096)
def script(letter: str) -> str:
    """The script of a letter (`LATIN`, `CYRILLIC`, `CJK` ...); "" for what every script may use."""
    if unicodedata.category(letter)[0] != "L":
        return ""
    first = unicodedata.name(letter, "").partition(" ")[0]
    return _OTHER_NAMES.get(first, first)


def mixes_scripts(text: str) -> bool:
    """Whether a word of the text mixes scripts that no language writes together: `pаypal` with a Cyrillic `а`."""
    return not text.isascii() and any(_mixed(word) for word in _SEPARATOR.split(text) if not word.isascii())


def _mixed(word: str) -> bool:
    scripts = {script(letter) for letter in word} - {""}
    return len(scripts) > 1 and not any(scripts <= allowed for allowed in _TOGETHER)
