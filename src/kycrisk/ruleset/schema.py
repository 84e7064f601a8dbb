"""The JSON Schema of rule files, by which editors complete and check while one types.

It is said by the same shapes that the loader reads with. What a schema cannot say (whether a condition parses, whether
a name is unique) only `kycrisk check` knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kycrisk.ruleset.condition_shape import CONDITION_SCHEMA
from kycrisk.ruleset.load import FILE
from kycrisk.signals import Signal, Type

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_SCALARS: dict[Type, dict[str, Any]] = {
    Type.BOOL: {"type": "boolean"},
    Type.INT: {"type": "integer"},
    Type.FLOAT: {"type": "number"},
    Type.STR: {"type": "string"},
    Type.DURATION: {"type": "string"},
    Type.DATETIME: {"type": "string"},
    Type.IP: {"type": "string"},
}


def rule_file_schema(signals: Mapping[str, Signal], aliases: Mapping[str, str]) -> dict[str, Any]:
    """The schema of one rule file. `signals` are completed in the `given:` of tests, with their questions."""
    return {
        "$schema": DIALECT,
        "title": "kycrisk rules",
        "description": "Rules, policy, attributes and lists by which kycrisk screens signups.",
        **FILE.schema(),
        "minProperties": 1,
        "$defs": {"condition": CONDITION_SCHEMA, "given": _given(signals, aliases)},
    }


def _given(signals: Mapping[str, Signal], aliases: Mapping[str, str]) -> dict[str, Any]:
    named = {**signals, **{alias: signals[name] for alias, name in aliases.items() if name in signals}}
    return {
        "type": "object",
        "description": "Signals and their values; what is not given is unknown.",
        "properties": {
            name: _value(signal.type) | {"description": signal.question} for name, signal in sorted(named.items())
        },
        "patternProperties": {
            r"^signup\.[a-z][a-z0-9_]*$": {},  # attributes, whose types stand in the policy
            r"^\s*(?:signups|distinct)\s*\(": {"type": "integer"},
            r"\bin\s+list\s*\(": {"type": "boolean"},
        },
        "additionalProperties": False,
    }


def _value(type_: Type) -> dict[str, Any]:
    return {"type": "array", "items": _SCALARS[type_.item]} if type_.is_set else dict(_SCALARS[type_])
