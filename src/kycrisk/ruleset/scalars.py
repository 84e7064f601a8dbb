"""What a text in a YAML file means: a value, or one of YAML's traps.

YAML 1.1 reads `no` and `NO` (Norway) as false, `12:30` as 750, `010` as 8 and `2026-01-01` as a date; YAML 1.2 and
other tools read them differently. Rule files hold nothing on which two readers disagree: such a text is a problem.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from kycrisk.ruleset.nodes import ScalarNode


@dataclass(frozen=True, slots=True)
class Trap:
    """A text that YAML readers understand in different ways."""

    message: str
    help: str


Plain = bool | int | float | str | None
_WORDS = re.compile(r"y|n|yes|no|on|off|true|false|null", re.IGNORECASE)
_TRUE_WORDS = frozenset({"y", "yes", "on", "true"})
_SUSPECT = frozenset("+-.~=0123456789")
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)", re.ASCII)
_FLOAT = re.compile(r"(?:[-+]?[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+][0-9]+)?", re.ASCII)
_OTHER_INT = re.compile(r"[-+]?(?:0[0-7_]+|0[0-9]+|0o[0-7_]+|0x[0-9a-fA-F_]+|0b[01_]+|[0-9][0-9_]*_[0-9_]*)", re.ASCII)
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|nan)", re.IGNORECASE)
_OTHER_FLOAT = re.compile(r"[-+]?(?:\.[0-9_]+|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:e[-+]?[0-9]+)?", re.ASCII | re.IGNORECASE)
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}.*)?", re.ASCII)
_SEXAGESIMAL = re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?", re.ASCII)


def meaning(node: ScalarNode) -> Plain | Trap:
    """The value that a scalar means; None is YAML's null."""
    return node.text if node.style else plain_meaning(node.text)


def plain_meaning(text: str) -> Plain | Trap:
    """The value that a text without quotes means."""
    if not text:
        return None
    if len(text) <= 5 and _WORDS.fullmatch(text):
        return _word(text)
    return _number_or_date(text) if text[0] in _SUSPECT else text


def _word(text: str) -> Plain | Trap:
    if text in ("true", "false"):
        return text == "true"
    if text.lower() == "null":
        return None
    boolean = "true" if text.lower() in _TRUE_WORDS else "false"
    return Trap(
        f"`{text}` without quotes is a yes or no to some YAML readers and a text to others",
        f'write "{text}" in quotes for the text, or `{boolean}`',
    )


def _number_or_date(text: str) -> Plain | Trap:
    if text == "~":
        return None
    if text == "=":
        return Trap("`=` without quotes has a meaning of its own in YAML", 'write "=" in quotes')
    if _INT.fullmatch(text):
        return int(text) if len(text) <= 400 else _quoted_text("is too long a number", text)
    if _FLOAT.fullmatch(text):
        value = float(text)
        return value if math.isfinite(value) else _quoted_text("is not a finite number", text)
    if _OTHER_INT.fullmatch(text):
        return _quoted_text("is not the same number to all YAML readers", text, "or the number in plain decimal digits")
    if _NOT_FINITE.fullmatch(text):
        return _quoted_text("is not a number that rules can hold", text, "or a finite number")
    if _OTHER_FLOAT.fullmatch(text):
        return _quoted_text("is not the same number to all YAML readers", text, "or a plain decimal number")
    if _DATE.fullmatch(text):
        return _quoted_text("without quotes is a date to some YAML readers and a text to others", text)
    if _SEXAGESIMAL.fullmatch(text):
        return _quoted_text("without quotes is a number to base 60 to some YAML readers and a text to others", text)
    return text


def _quoted_text(message: str, text: str, instead: str = "") -> Trap:
    shown = text if len(text) <= 40 else text[:37] + "..."
    return Trap(f"`{shown}` {message}", f'write "{shown}" in quotes' + (f", {instead}" if instead else ""))
