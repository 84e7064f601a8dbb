"""Text as a value of a signal's type: what tables and command lines give for numbers, flags and lists."""

from __future__ import annotations

import re

from kycrisk.signals import FactError, Type

_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_INTEGER = re.compile(r"[+-]?[0-9]{1,17}", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?", re.ASCII)

#: Between the members of a set.
SEPARATOR = ";"


def typed_text(type_: Type, text: str) -> object:
    """The text as `fact_value` takes it for the type: `yes` → True, `12` → 12, `a; b` → ["a", "b"] for a set.

    Raises `FactError` for a text that is no such value; times, durations and addresses are left to `fact_value`.
    """
    if type_.is_set:
        return [typed_text(type_.item, part) for part in text.split(SEPARATOR) if part.strip()]
    word = text.strip()
    if type_ is Type.BOOL:
        return _flag(word)
    if type_ is Type.INT:
        return int(_shaped(_INTEGER, word, "a whole number"))
    if type_ is Type.FLOAT:
        return float(_shaped(_NUMBER, word, "a number"))
    return word


def _flag(text: str) -> bool:
    word = _WORDS.get(text.lower())
    if word is None:
        raise FactError(f"`{text[:60]}` is neither `true` nor `false`")
    return word


def _shaped(shape: re.Pattern[str], text: str, what: str) -> str:
    if shape.fullmatch(text) is None:
        raise FactError(f"`{text[:60]}` is not {what}")
    return text
