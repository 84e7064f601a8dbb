"""Name and postal address as one key: the same for one person at one address, however either is written.

Two spellings meet where a postman would not doubt: order of words, case, accents, alphabet, punctuation, initials and
the usual short forms of streets do not count. What the key is made of cannot be read from it.
"""

from __future__ import annotations

import re
from hashlib import blake2b

from kycrisk.signup import Address
from kycrisk.text.folding import folded, words

_HASH = blake2b(digest_size=16, person=b"name address")
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


def _plain(text: str) -> str:
    """The text in plain letters. `Mueller`, `Müller` and `Muller` are one name."""
    return folded(text).replace("ae", "a").replace("oe", "o").replace("ue", "u")


_SHORT_OF = {_plain(written): short for written, short in _SHORT.items()}


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
    hashed = _HASH.copy()
    hashed.update(told.encode())
    return hashed.hexdigest()


def _letters(name: str) -> list[str]:
    """The words of a name in one order, without initials where there is more than those."""
    parts = sorted(words(_plain(name)))
    return [part for part in parts if len(part) > 1 or not part.isascii()] or parts


def _where(address: Address) -> str:
    """The place: its postal code, which stands for the city, or the city where there is none."""
    code = _plain(address.postal_code)
    if not code.isalnum():
        code = "".join(_parts(code))
    if code:
        return code[:5] if address.country == "US" else code  # ZIP+4 names the side of the street
    return " ".join(sorted(_parts(_plain(f"{address.city} {address.region}")))) if address.city else ""


def _street(lines: str) -> list[str]:
    return [
        _SHORT_OF.get(part) or (_STREET.sub("st", part) if part.endswith(("strasse", "str")) else part)
        for part in _parts(_plain(lines))
        if part not in _LEFT_OUT
    ]


def _parts(text: str) -> list[str]:
    """The numbers and the words of a text."""
    parts = text.split()
    for part in parts:
        if not (part.isalpha() or part.isdecimal()):
            return _PART.findall(text)
    return parts  # most texts: nothing but spaces between them
