"""One spelling for comparing names: lower-case a-z, whatever accents or alphabet they are written in."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

# Latin letters that are no base letter with an accent, so that decomposition (UAX 15) leaves them alone. German
# umlauts stay one letter (`müller` is also written `muller`), see `spellings`.
_LATIN = {
    "ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i", "ħ": "h",
    "ŋ": "n", "ə": "a", "ŧ": "t", "ƒ": "f", "ɓ": "b", "ɗ": "d", "ƙ": "k", "ư": "u", "ơ": "o",
}  # fmt: skip

# Cyrillic and Greek as passports write them: ICAO Doc 9303-3 section 6 B, simplified to plain letters; Greek by
# ELOT 743.
_CYRILLIC = {
    "а": "a", "б": "b", "в": "v", "г": "g", "ґ": "g", "д": "d", "ђ": "dj", "е": "e", "є": "ie", "ё": "e", "ж": "zh",
    "з": "z", "и": "i", "і": "i", "ј": "j", "к": "k", "л": "l", "љ": "lj", "м": "m", "н": "n", "њ": "nj", "о": "o",
    "п": "p", "р": "r", "с": "s", "т": "t", "ћ": "c", "у": "u", "ф": "f", "х": "kh", "ц": "ts", "ч": "ch",
    "џ": "dz", "ш": "sh", "щ": "shch", "ъ": "", "ы": "y", "ь": "", "э": "e", "ю": "yu", "я": "ya",
}  # fmt: skip
_GREEK = {
    "α": "a", "β": "v", "γ": "g", "δ": "d", "ε": "e", "ζ": "z", "η": "i", "θ": "th", "ι": "i", "κ": "k", "λ": "l",
    "μ": "m", "ν": "n", "ξ": "x", "ο": "o", "π": "p", "ρ": "r", "σ": "s", "ς": "s", "τ": "t", "υ": "y", "φ": "f",
    "χ": "ch", "ψ": "ps", "ω": "o",
}  # fmt: skip
_TO_LATIN = str.maketrans(_LATIN | _CYRILLIC | _GREEK)

# A German umlaut and its Scandinavian cousins may also be spelt with an e.
_SPELT_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"})
_MARK = re.compile("[\u0300-\u036f]+")
_WORD = re.compile(r"[^\W\d_]+")


def folded(text: str) -> str:
    """Lower case, accents off, Cyrillic and Greek in Latin letters; letters of other scripts stay as they are."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFC", text.lower()).translate(_TO_LATIN)
    bare = _MARK.sub("", unicodedata.normalize("NFKD", plain))
    return bare.translate(_TO_LATIN)  # accents may have hidden a letter of the tables: `ǿ`, `ά`


@lru_cache(maxsize=20_000)  # names recur
def spellings(text: str) -> frozenset[str]:
    """The ways a name is written in plain letters: `Müller` → `muller` and `mueller`."""
    if text.isascii():
        return frozenset((text.lower(),))
    spelt_out = unicodedata.normalize("NFC", text.lower()).translate(_SPELT_OUT)
    return frozenset((folded(text), folded(spelt_out)))


def words(text: str) -> list[str]:
    """The runs of letters in a text, as they stand in it."""
    parts = text.split()
    return parts if "".join(parts).isalpha() else _WORD.findall(text)
