"""Name and postal address as one key: the same for one person at one address, however either is written.

Two spellings meet where a postman would not doubt: order of words, case, accents, alphabet, punctuation, initials and
the usual short forms of streets do not count. What the key is made of cannot be read from it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import blake2b

from kycrisk.signup import Address
from kycrisk.text.folding import folded

_DIGEST = 16  # bytes
_NAME = re.compile(r"[^\W\d_]+")
_PART = re.compile(r"\d+|[^\W\d_]+")  # `12a` and `12 a` are one house
_SHORT = {
    "apartment": "apt", "avenue": "ave", "av": "ave", "boulevard": "blvd", "court": "ct", "drive": "dr", "east": "e",
    "flat": "apt", "floor": "fl", "highway": "hwy", "lane": "ln", "north": "n", "place": "pl", "road": "rd", "rue": "r",
    "saint": "st", "south": "s", "square": "sq", "str": "st", "strasse": "st", "street": "st", "suite": "apt",
    "unit": "apt", "west": "w",
}  # fmt: skip
_LEFT_OUT = frozenset({"no", "nr", "num", "number"})
# German and its neighbours write the kind of street at the end of its name: `Hauptstraße`, `Hauptstr.`
_STREET = re.compile(r"(?<=.)(?:strasse|str)$")
_SPELT_OUT = re.compile("(?<=[aou])e")  # `Mueller`, `Müller` and `Muller`
_SHORT_OF = {_SPELT_OUT.sub("", written): short for written, short in _SHORT.items()}


def name_address_key(first_name: str, last_name: str, address: Address) -> str:
    """32 hexadecimal digits; empty when name, street, or both of postal code and city were not given."""
    if not address.lines:  # most signups
        return ""
    name = _letters(f"{first_name} {last_name}")
    where = _where(address)
    street = sorted(_street(address.lines))
    if not name or not where or not street:
        return ""
    told = "\0".join((" ".join(name), " ".join(street), where, address.country))
    return blake2b(told.encode(), digest_size=_DIGEST, person=b"name address").hexdigest()


def _letters(name: str) -> list[str]:
    """The words of a name in one order, without initials where there is more than those."""
    words = sorted(_plain(name, _NAME))
    return [word for word in words if len(word) > 1 or not word.isascii()] or words


def _where(address: Address) -> str:
    """The place: its postal code, which stands for the city, or the city where there is none."""
    code = "".join(_plain(address.postal_code, _PART))
    if code:
        return code[:5] if address.country == "US" else code  # ZIP+4 names the side of the street
    return " ".join(sorted(_plain(f"{address.city} {address.region}", _PART))) if address.city else ""


def _street(lines: str) -> Iterable[str]:
    for part in _plain(lines, _PART):
        if part not in _LEFT_OUT:
            yield _SHORT_OF.get(part) or _STREET.sub("st", part)


def _plain(text: str, parts: re.Pattern[str]) -> list[str]:
    return parts.findall(_SPELT_OUT.sub("", folded(text)))
