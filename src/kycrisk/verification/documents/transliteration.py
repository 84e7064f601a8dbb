"""How names are spelt in machine-readable zones (ICAO Doc 9303-3 section 6): tables of letters, some with alternatives.

States choose among the alternatives, so a name has several spellings, and each of them is right.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

# Section 6 A, Latin letters that are more than a base letter with a mark, and marks that may be spelt out.
_LATIN = {
    "Ä": "AE A", "Å": "AA A", "Æ": "AE", "Ð": "D", "Đ": "D", "Ə": "E", "Ħ": "H", "Ĳ": "IJ", "ĸ": "Q", "Ŀ": "L",
    "Ł": "L", "Ñ": "N NXX", "Ŋ": "N", "Ö": "OE O", "Ø": "OE O", "Œ": "OE", "ẞ": "SS", "ß": "SS", "Þ": "TH", "Ŧ": "T",
    "Ü": "UE UXX U", "ı": "I",
}  # fmt: skip

# Section 6 B. Where languages differ, each of their spellings is here.
_CYRILLIC = {
    "А": "A", "Б": "B", "В": "V", "Г": "G H", "Ґ": "G", "Д": "D", "Ђ": "D", "Е": "E", "Ё": "E IO", "Є": "IE",
    "Ж": "ZH Z", "З": "Z", "Ѕ": "DZ", "И": "I Y", "І": "I", "Ї": "I", "Й": "I", "Ј": "J", "К": "K", "Л": "L", "Љ": "LJ",
    "М": "M",
    "Н": "N", "Њ": "NJ", "О": "O", "П": "P", "Р": "R", "С": "S", "Т": "T", "Ћ": "C", "Ќ": "K KJ", "Ѓ": "G GJ", "У": "U",
    "Ў": "U", "Ф": "F", "Х": "KH H", "Ц": "TS C", "Ч": "CH C", "Џ": "DZ DJ", "Ш": "SH S", "Щ": "SHCH SHT",
    "Ъ": "IE A -", "Ы": "Y", "Ь": "-", "Э": "E", "Ю": "IU", "Я": "IA",
}  # fmt: skip

# Greek has no table in Doc 9303: Greek and Cypriot passports follow ELOT 743.
_GREEK = {
    "Α": "A", "Β": "V", "Γ": "G N", "Δ": "D", "Ε": "E", "Ζ": "Z", "Η": "I", "Θ": "TH", "Ι": "I", "Κ": "K", "Λ": "L",
    "Μ": "M B", "Ν": "N", "Ξ": "X", "Ο": "O", "Π": "P -", "Ρ": "R", "Σ": "S", "Τ": "T", "Υ": "Y V F U", "Φ": "F",
    "Χ": "CH", "Ψ": "PS", "Ω": "O",
}  # fmt: skip

_TABLE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        letter: tuple("" if spelling == "-" else spelling for spelling in spellings.split())
        for letter, spellings in (_LATIN | _CYRILLIC | _GREEK).items()
    }
)
_DROPPED = frozenset("'’‘ʼ`´.,\u00ad")  # Doc 9303-3 section 4.6: left out, without a gap
_GAPS = frozenset(" -‐‑–—/<\u00a0")  # a filler each, which is a blank here


@lru_cache(maxsize=2000)
def words_of(name: str) -> str:
    """A name as it is compared: capitals, hyphens as blanks, apostrophes out, one blank between words. Accents stay."""
    letters = []
    for letter in _capitals(unicodedata.normalize("NFC", name)):
        if letter in _GAPS or letter.isspace():
            letters.append(" ")
        elif letter not in _DROPPED:
            letters.append(letter)
    return " ".join("".join(letters).split())


def spelt_as(name: str, zone: str, *, cut: bool = False) -> bool:
    """Whether a name may stand in a zone as `zone` (capitals and blanks). `cut`: the zone may have left off its end.

    All spellings are walked at once, as the places in `zone` that they have come to, so their number does not matter.
    """
    places = {0}
    for letter in words_of(name):
        if cut and len(zone) in places:
            return True
        places = {
            at + len(spelling)
            for at in places
            for spelling in spellings_of(letter)
            if zone.startswith(spelling, at) or (cut and spelling.startswith(zone[at:]) and at < len(zone))
        }
        if cut and any(at >= len(zone) for at in places):
            return True
    return len(zone) in places


def same_name(one: str, other: str) -> bool:
    """Whether two names are the same: letter by letter, or one is a spelling of the other in plain letters."""
    first, second = words_of(one), words_of(other)
    return first == second or spelt_as(first, second) or spelt_as(second, first)


def spellings_of(letter: str) -> tuple[str, ...]:
    """The spellings of one capital letter; itself where it has none."""
    if letter.isascii():
        return (letter,)
    found = _TABLE.get(letter)
    if found is not None:
        return found
    base = "".join(each for each in unicodedata.normalize("NFD", letter) if not unicodedata.combining(each))
    if base == letter or len(base) != 1:
        return (letter,)
    return _TABLE.get(base, (base,))


def _capitals(text: str) -> str:
    """Capitals letter by letter: `str.upper` would make two letters of `ß`, and lose what it was."""
    return "".join(letter if letter in "ßıĸ" else letter.upper() for letter in text)
