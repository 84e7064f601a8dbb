"""Values as JSON: texts, moments, durations, addresses, sets; bare, or with their type where JSON cannot tell it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address
from json.encoder import encode_basestring
from typing import Any

from kycrisk.durations import format_duration
from kycrisk.normal.ip import ip_text
from kycrisk.signals import Value

try:  # the C encoder where CPython has it
    from _json import encode_basestring as _encode
except ImportError:
    _encode = encode_basestring

#: A text as JSON, in its quotes.
text_json: Callable[[str], str] = _encode


def moment_text(moment: datetime) -> str:
    """A time in UTC with `Z`, as RFC 3339 writes it."""
    text = (moment if moment.tzinfo is UTC else moment.astimezone(UTC)).isoformat()
    return f"{text[:-6]}Z"  # instead of `+00:00`


bare_json: dict[type, Callable[[Any], str]] = {
    bool: lambda value: "true" if value else "false",
    int: str,
    float: repr,
    str: text_json,
    datetime: lambda value: f'"{moment_text(value)}"',
    timedelta: lambda value: f'"{format_duration(value)}"',
    IPv4Address: lambda value: f'"{ip_text(value)}"',
    IPv6Address: lambda value: f'"{ip_text(value)}"',
    frozenset: lambda value: f"[{','.join(sorted(bare_json[type(item)](item) for item in value))}]",
}
type_words: dict[type, str] = {
    bool: "bool",
    int: "int",
    float: "float",
    str: "str",
    datetime: "datetime",
    timedelta: "duration",
    IPv4Address: "ip",
    IPv6Address: "ip",
}
_PLAIN = (bool, int, float, str)


def value_json(value: Value) -> str:
    """A fact's value as JSON."""
    return bare_json[type(value)](value)


def _typed(kind: type, to_json: Callable[[Any], str]) -> Callable[[Any], str]:
    behind = f',"type":"{type_words[kind]}"'
    return lambda value: to_json(value) + behind


def _typed_set(value: frozenset[Any]) -> str:
    item = next(iter(value), "")
    return f'{value_json(value)},"type":"set of {type_words[type(item)]}"'


#: Values whose type JSON alone cannot tell say it: `"192.0.2.7","type":"ip"`.
told_json: dict[type, Callable[[Any], str]] = {
    **{
        kind: to_json if kind in _PLAIN else _typed(kind, to_json)
        for kind, to_json in bare_json.items()
        if kind in type_words
    },
    frozenset: _typed_set,
}
