"""JSON, read strictly: no doubled keys, no NaN, no bottomless nesting. RFC 8259 leaves the first two to the reader."""

from __future__ import annotations

import json
from typing import Any

from kycrisk.problems import Problem, Problems


def read_json(raw: bytes, name: str = "", first_line: int = 1) -> Any:
    """The value that a JSON text holds. Raises `Problems`; `name` and `first_line` say where the text stands."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Problems([Problem(name, "is not text in UTF-8")]) from None
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        at = f"{name}:{error.lineno + first_line - 1}:{error.colno}" if name else ""
        where = "" if name else f" at column {error.colno}"
        raise Problems([Problem(at, f"is not JSON{where}: {_lower(error.msg)}")]) from None
    except _Refused as error:
        raise Problems([Problem(name, str(error))]) from None
    except RecursionError:
        raise Problems([Problem(name, "is nested too deeply")]) from None
    except ValueError:  # the only other one is Python's limit on the digits of an integer (CVE-2020-10735)
        raise Problems([Problem(name, "holds a number with too many digits")]) from None


class _Refused(ValueError):
    """Something that some JSON readers take and that has no one meaning."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        doubled = next(name for name in names if names.count(name) > 1)
        raise _Refused(f"the key `{doubled[:60]}` is there twice")
    return found


def _no_constant(word: str) -> Any:
    raise _Refused(f"`{word}` is not a number in JSON")


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)
