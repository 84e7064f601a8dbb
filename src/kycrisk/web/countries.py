"""Names of countries, in the language of a page: those that `phonenumbers` brings along."""

from __future__ import annotations

import unicodedata
from functools import cache

from phonenumbers.geodata.locale import LOCALE_DATA

from kycrisk.normal.country import COUNTRIES

_OWN = {"XK": "Kosovo"}


@cache
def countries(language: str) -> tuple[tuple[str, str], ...]:
    """Codes and names, by name."""
    named = [(code, _name(code, language)) for code in COUNTRIES]
    return tuple(sorted(named, key=lambda each: _folded(each[1])))


def _name(code: str, language: str) -> str:
    names = LOCALE_DATA.get(code, {})
    found = str(names.get(language) or names.get("en") or _OWN.get(code, code))
    return str(names.get(found[1:], code)) if found.startswith("*") else found  # as in another language


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
