"""Fields of a JSON answer as values of signals: a wrong type is a malformed answer, a missing one is not published."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kycrisk.lookups.asked import Asked, LookupFailure
from kycrisk.money import FREE, Money
from kycrisk.signals import FactError, Type, Unknown, Value, Why, fact_value


def value_of(type_: Type, raw: object, what: str) -> Value | Unknown:
    """A raw value as a value of a type; null is unknown (`not_published`). `what` names the field for people.

    0 and 1 are taken for a yes or no, as PHP services write them, and whole numbers written `75.0` for integers.
    """
    if raw is None:
        return Unknown(Why.NOT_PUBLISHED, f"{what} is not in the answer")
    if type_ is Type.BOOL and not isinstance(raw, bool) and raw in (0, 1):
        raw = raw == 1
    if type_ is Type.INT and isinstance(raw, float) and raw.is_integer():
        raw = int(raw)
    try:
        return fact_value(type_, raw)
    except FactError as error:
        return Unknown(Why.MALFORMED_ANSWER, f"{what}: {error}")


def sorted_out(found: Mapping[str, Value | Unknown], cost: Money = FREE) -> Asked:
    """Values and reasons by signal, told apart."""
    known = {name: each for name, each in found.items() if not isinstance(each, Unknown)}
    unknown = {name: each for name, each in found.items() if isinstance(each, Unknown)}
    return Asked(known, unknown, cost)


def object_in(answer: Mapping[str, Any], names: Iterable[str]) -> Mapping[str, Any]:
    """The object at a path. Raises `LookupFailure` when there is none."""
    here: Any = answer
    path = list(names)
    for name in path:
        here = here.get(name) if isinstance(here, Mapping) else None
    if not isinstance(here, Mapping):
        raise LookupFailure(Why.MALFORMED_ANSWER, f"the answer has no object `{'.'.join(path)}`")
    return here
