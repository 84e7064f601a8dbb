"""Reading signups: from a mapping as JSON gives it, or from a row of a table.

Whatever is wrong with a signup is reported at once, each problem with the path of its field. A broken e-mail address
or phone number is no problem: it is a signal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from itertools import islice
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from kycrisk import form
from kycrisk.form import AddressForm, Reading, SignupForm, new_reading
from kycrisk.normal.phone import normal_phone
from kycrisk.ordinary import Layout, ordinary_row, ordinary_signup
from kycrisk.problems import Problem, Problems, did_you_mean
from kycrisk.signals import Signal, Type
from kycrisk.signup import NO_ADDRESS, NO_PHONE, Address, Signup

NO_DECLARATIONS: Mapping[str, Signal] = MappingProxyType({})

_REQUIRED = tuple(name for name, field in SignupForm.model_fields.items() if field.is_required())
_ADDRESS_FIELDS = tuple(AddressForm.model_fields)
_FIELDS = tuple(SignupForm.model_fields)

#: The columns of a table of signups, attributes aside.
COLUMNS: tuple[str, ...] = tuple(
    column
    for field in _FIELDS
    if field != "attributes"
    for column in ([f"address.{part}" for part in _ADDRESS_FIELDS] if field == "address" else [field])
)
_ADDRESS, _ATTRIBUTES = "address.", "attributes."


def read_signup(
    raw: Mapping[str, object], *, attributes: Mapping[str, Signal] = NO_DECLARATIONS, now: datetime
) -> Signup:
    """The signup in its normal form. Raises `Problems` with everything that is wrong with it.

    `attributes` are the policy's declarations by full name (`signup.plan`); a signup gives them as
    `{"attributes": {"plan": "vps-1"}}`, and those it leaves out are absent from `Signup.attributes`, which is keyed by
    full name again. `now` is an aware time: the default of `submitted_at`, and what it may not be far ahead of.
    """
    return _read(raw, new_reading(attributes, now))


def read_row(row: Mapping[str, str], *, attributes: Mapping[str, Signal] = NO_DECLARATIONS, now: datetime) -> Signup:
    """The signup in a row of a table, as `csv.DictReader` gives it. Raises `Problems` like `read_signup`.

    The columns are `COLUMNS` and `attributes.plan` (or `signup.plan`) for a declared attribute, which is read by its
    type: `true`, `12`, `24h`; members of a set are separated by `;`. An empty cell is a value that was not given.
    """
    columns = tuple(row)
    reading = new_reading(attributes, now, True)
    ordinary = ordinary_row(tuple(row.values()), _layout(columns), reading)
    if ordinary is not None:
        return ordinary
    raw: dict[str, Any] = {}
    for column, text in row.items():
        if text and not text.isspace():
            outer, name = _place(column)
            (raw.setdefault(outer, {}) if outer else raw)[name] = text
    return _read(raw, reading)


@lru_cache(maxsize=256)
def _layout(columns: tuple[str | None, ...]) -> Layout:
    """Where what stands in a row with these columns. Raises `Problems` for a row with more cells than columns."""
    named = [column for column in columns if column is not None]
    if len(named) < len(columns):  # None is where DictReader puts the cells that no column names
        raise Problems([Problem("", "the row has more cells than there are columns")])
    places = map(_place, named)
    return Layout.of(named, {at: name for at, (outer, name) in enumerate(places) if outer == "attributes"})


def _place(column: str) -> tuple[str, str]:
    """The object inside a signup that a column's values belong into (empty: the signup itself), and their name."""
    if column.startswith(_ADDRESS):
        return "address", column.removeprefix(_ADDRESS)
    for prefix in (_ATTRIBUTES, form.ATTRIBUTE_PREFIX):
        if column.startswith(prefix):
            return "attributes", column.removeprefix(prefix)
    return "", column


def signup_fields(attributes: Mapping[str, Signal] = NO_DECLARATIONS) -> dict[str, Any]:
    """The JSON Schema of what `read_signup` takes, with the policy's attributes where they are given."""
    schema = form.json_schema()
    schema["properties"]["attributes"] |= {
        "properties": {
            name.removeprefix(form.ATTRIBUTE_PREFIX): {
                **_json_type(signal.type),
                "description": signal.question,
            }
            for name, signal in attributes.items()
        },
        "additionalProperties": False,
    }
    return schema


def _json_type(type_: Type) -> dict[str, Any]:
    if type_.is_set:
        return {"type": "array", "items": _json_type(type_.item)}
    names = {Type.BOOL: "boolean", Type.INT: "integer", Type.FLOAT: "number"}
    formats = {Type.DATETIME: {"format": "date-time"}}
    return {"type": names.get(type_, "string"), **formats.get(type_, {})}


def _read(raw: Mapping[str, object], reading: Reading) -> Signup:
    return ordinary_signup(raw, reading) or read_by_form(raw, reading)


def read_by_form(raw: Mapping[str, object], reading: Reading) -> Signup:
    """Any signup, by the strict form. Raises `Problems` with everything that is wrong with it."""
    try:
        fields = SignupForm.model_validate(raw if isinstance(raw, dict) else _as_dict(raw), context=reading)
    except ValidationError as error:
        raise Problems(_problems(error.errors(include_url=False), reading)) from None
    where = fields.address
    return Signup(
        account_id=fields.account_id,
        email=fields.email,
        ip=fields.ip,
        submitted_at=fields.submitted_at or reading.now.astimezone(UTC),
        first_name=fields.first_name,
        last_name=fields.last_name,
        company=fields.company,
        phone=normal_phone(fields.phone, where.country) if fields.phone else NO_PHONE,
        address=NO_ADDRESS
        if where is form.NO_ADDRESS_FORM
        else Address(
            lines=where.lines,
            city=where.city,
            region=where.region,
            postal_code=where.postal_code,
            country=where.country,
        ),
        user_agent=fields.user_agent,
        attributes=fields.attributes,
    )


def _as_dict(raw: object) -> dict[str, object]:
    if not isinstance(raw, Mapping):
        raise Problems([Problem("", f"expected an object with named fields, got {form.shown(raw)}")])
    return dict(raw)


def _problems(errors: Iterable[ErrorDetails], reading: Reading) -> Iterable[Problem]:
    """pydantic's errors in our words, in the order of the fields."""
    for error in islice(errors, form.MAX_PROBLEMS):
        nested = error.get("ctx", {}).get("error")
        if isinstance(nested, Problems):
            yield from nested.problems
        else:
            yield _problem(error, reading)


def _problem(error: ErrorDetails, reading: Reading) -> Problem:
    place = ".".join(str(part) for part in error["loc"])[:100]
    given, context = error["input"], error.get("ctx", {})
    match error["type"]:
        case "missing":
            needed = ", ".join(f"`{name}`" for name in _REQUIRED)
            return Problem(place, "is missing", f"every signup has {needed}")
        case "extra_forbidden":
            return Problem(place, "unknown field", _known_near(place, reading))
        case "string_type":
            help_ = "leave out what was not given" if given is None else ""
            return Problem(place, f"expected text, got {form.shown(given)}", help_)
        case "string_too_short":
            return Problem(place, "is empty")
        case "string_too_long":
            limit = context["max_length"]
            return Problem(place, f"a text of {len(given.strip())} characters is over the limit of {limit}")
        case "string_unicode":
            return Problem(place, "holds a lone surrogate, which is not a character")
        case "string_pattern_mismatch":
            return Problem(place, f"holds the control character {form.control_in(given.strip(), context['pattern'])}")
        case "model_type" | "model_attributes_type" | "dict_type":
            return Problem(place, f"expected an object with named fields, got {form.shown(given)}")
        case "value_error":
            return Problem(place, str(context["error"]))
        case _:
            message = error["msg"].removesuffix(".")
            return Problem(place, message[:1].lower() + message[1:])


def _known_near(place: str, reading: Reading) -> str:
    """What an unknown field may have been meant to be, or which fields there are."""
    inside_address = place.startswith("address.")
    known = [f"address.{name}" for name in _ADDRESS_FIELDS] if inside_address else list(_FIELDS)
    if not inside_address and f"{form.ATTRIBUTE_PREFIX}{place}" in reading.attributes:
        return f"write it under `attributes`: `{_ATTRIBUTES}{place}`"
    near = did_you_mean(place, known if inside_address else [*known, *COLUMNS])
    return near or f"the fields are {', '.join(f'`{name}`' for name in known)}"
