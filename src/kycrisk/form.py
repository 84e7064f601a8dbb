"""The sign-up form as it comes in: which fields there are, and what each may hold.

This is the strict border in front of `Signup`. Values arrive here as JSON has them, and leave in their normal forms.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetPydanticSchema,
    PlainValidator,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import core_schema

from kycrisk.normal.country import normal_country
from kycrisk.normal.email import normal_email
from kycrisk.normal.ip import normal_ip
from kycrisk.problems import Problem, Problems, did_you_mean
from kycrisk.quickly_made import maker_of, quickly_made
from kycrisk.signals import IP, FactError, Signal, Type, Value, fact_value
from kycrisk.signup import EmailAddress
from kycrisk.typed_text import typed_text

# The longest texts, in characters after trimming. They are there to keep junk out, not to judge: an e-mail address may
# be too long to be valid (254) and still be screened.
MAX_ACCOUNT_ID = 200
MAX_EMAIL = 320
MAX_IP = 60
MAX_NAME = 200
MAX_COMPANY = 300
MAX_PHONE = 100
MAX_ADDRESS_LINES = 1000
MAX_CITY = 200
MAX_POSTAL_CODE = 40
MAX_USER_AGENT = 4096
MAX_ATTRIBUTE = 4096

#: Clocks differ; a signup of the day after tomorrow is a mistake.
MAX_AHEAD = timedelta(days=1)

#: What declared attributes' names begin with in the policy; a signup names them without it.
ATTRIBUTE_PREFIX = "signup."

# Control characters (Unicode category Cc) are in no name or address. Lines of an address are the exception, and a tab
# may stand in a header field (RFC 9110 section 5.5).
_NO_CONTROLS = r"^\P{Cc}*$"
_NO_CONTROLS_BUT_LINES = r"^[\P{Cc}\r\n\t]*$"
_NO_CONTROLS_BUT_TAB = r"^[\P{Cc}\t]*$"
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

#: Problems told about one signup; a form of a million unknown fields is not worth more.
MAX_PROBLEMS = 100

# RFC 3339 section 5.6; fromisoformat alone would take dates, week dates and times without a zone as well.
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)


@quickly_made
@dataclass(frozen=True, slots=True)
class Reading:
    """What a form is read by: the declared attributes by full name, the moment, and whether all values are text."""

    attributes: Mapping[str, Signal]
    now: datetime
    from_text: bool = False

    def __post_init__(self) -> None:
        if self.now.tzinfo is None:
            raise ValueError("`now` has no time zone")


new_reading = maker_of(Reading)


def _text(limit: int, *, allowed: str = _NO_CONTROLS) -> StringConstraints:
    return StringConstraints(strip_whitespace=True, max_length=limit, pattern=allowed)


def _required(limit: int) -> StringConstraints:
    return StringConstraints(strip_whitespace=True, min_length=1, max_length=limit, pattern=_NO_CONTROLS)


def _read_by(normal_form: Callable[[str], object], limit: int, shortest: int) -> GetPydanticSchema:
    """A text that is turned into its normal form; the `ValueError` of `normal_form` becomes the field's problem."""
    text = core_schema.str_schema(strip_whitespace=True, min_length=shortest, max_length=limit, pattern=_NO_CONTROLS)
    return GetPydanticSchema(lambda _source, _handler: core_schema.no_info_after_validator_function(normal_form, text))


def _moment(raw: object, info: ValidationInfo[Reading]) -> datetime:
    """An RFC 3339 text or an aware datetime, in UTC."""
    if isinstance(raw, str) and _RFC_3339.fullmatch(raw.strip()):
        moment = _moment_of(raw.strip().upper())
    elif isinstance(raw, datetime):
        moment = raw
    else:
        raise ValueError(f"{shown(raw)} is not a time with its zone, such as `2026-11-23T10:00:00Z`")
    if moment.tzinfo is None:
        raise ValueError(f"`{moment.isoformat()}` has no time zone")
    if moment > info.context.now + MAX_AHEAD:
        raise ValueError(f"`{moment.isoformat()}` is more than a day ahead")
    return moment.astimezone(UTC)


def _moment_of(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"`{text}` is not a time that exists") from None
    return moment


def _attributes(raw: object, info: ValidationInfo[Reading]) -> Mapping[str, Value]:
    return read_attributes(raw, info.context)


def read_attributes(raw: object, reading: Reading) -> Mapping[str, Value]:
    """The declared attributes that were given, by the full names of their signals. Raises all `Problems`."""
    if type(raw) is not dict and not isinstance(raw, Mapping):  # the first is ten times as quick
        raise ValueError(f"expected an object with named fields, got {shown(raw)}")
    if not raw:
        return NO_ATTRIBUTES
    values: dict[str, Value] = {}
    problems: list[Problem] = []
    for key, value in raw.items():
        if len(problems) > MAX_PROBLEMS:
            break
        signal = reading.attributes.get(f"{ATTRIBUTE_PREFIX}{key}")
        if signal is None:
            problems.append(_undeclared(str(key), reading.attributes))
            continue
        if signal.type is Type.STR and type(value) is str and len(value) <= MAX_ATTRIBUTE and value.isprintable():
            values[signal.name] = value.strip() if reading.from_text else value  # most attributes are plain words
            continue
        try:
            values[signal.name] = _attribute(signal, value, reading.from_text)
        except FactError as error:
            problems.append(Problem(f"attributes.{key}", str(error)))
    if problems:
        raise Problems(problems)
    return values


def _attribute(signal: Signal, raw: object, from_text: bool) -> Value:
    value = fact_value(signal.type, typed_text(signal.type, raw) if from_text and isinstance(raw, str) else raw)
    for text in value if isinstance(value, frozenset) else (value,):
        if isinstance(text, str) and len(text) > MAX_ATTRIBUTE:
            raise FactError(f"a text of {len(text)} characters is over the limit of {MAX_ATTRIBUTE}")
        if isinstance(text, str) and (control := control_in(text, _NO_CONTROLS_BUT_LINES)):
            raise FactError(f"the text holds the control character {control}")
    return value


def _undeclared(key: str, declared: Mapping[str, Signal]) -> Problem:
    names = [name.removeprefix(ATTRIBUTE_PREFIX) for name in declared]
    if key in declared:
        help_ = f"write `{key.removeprefix(ATTRIBUTE_PREFIX)}`"
    else:
        help_ = did_you_mean(key, names) or (
            f"declare `{ATTRIBUTE_PREFIX}{key[:60]}` under `attributes:` in the policy file, or leave it out"
        )
    return Problem(f"attributes.{key[:60]}", "unknown attribute", help_)


def control_in(text: str, pattern: str) -> str:
    """The first control character that a field's pattern refuses, as `U+0007`; empty when there is none."""
    for found in _CONTROL.finditer(text):
        if not re.search(re.escape(repr(found[0])[1:-1]), pattern):
            return f"U+{ord(found[0]):04X}"
    return ""


def shown(raw: object) -> str:
    """A value as messages quote it, in backticks and not too long. Lone surrogates, which nothing can print, are
    escaped."""
    text = raw if isinstance(raw, str) else "null" if raw is None else repr(raw)
    text = text.encode(errors="backslashreplace").decode()
    return f"`{text if len(text) <= 60 else text[:57] + '...'}`"


NO_ATTRIBUTES: Mapping[str, Value] = MappingProxyType({})


class AddressForm(BaseModel):
    """The postal address that the customer gave."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, title="Address")

    lines: Annotated[
        str,
        _text(MAX_ADDRESS_LINES, allowed=_NO_CONTROLS_BUT_LINES),
        Field(description="Street and number, building, flat; several lines are kept apart by line breaks."),
    ] = ""
    city: Annotated[str, _text(MAX_CITY)] = ""
    region: Annotated[str, _text(MAX_CITY), Field(description="State, canton or province.")] = ""
    postal_code: Annotated[str, _text(MAX_POSTAL_CODE)] = ""
    country: Annotated[
        str,
        _read_by(normal_country, MAX_POSTAL_CODE, 0),
        Field(description="ISO 3166 alpha-2, such as `CH`."),
    ] = ""


NO_ADDRESS_FORM = AddressForm()


class SignupForm(BaseModel):
    """One signup, as it is sent for screening. Empty texts count as not given."""

    model_config = ConfigDict(extra="forbid", strict=True, title="Signup")

    account_id: Annotated[str, _required(MAX_ACCOUNT_ID), Field(description="Your own, stable name of the account.")]
    email: Annotated[
        EmailAddress,
        _read_by(normal_email, MAX_EMAIL, 1),
        Field(description="The e-mail address as the customer wrote it. A broken one is screened too."),
    ]
    ip: Annotated[
        IP,
        _read_by(normal_ip, MAX_IP, 1),
        Field(description="The IPv4 or IPv6 address that the signup came from, without a port."),
    ]
    first_name: Annotated[str, _text(MAX_NAME)] = ""
    last_name: Annotated[str, _text(MAX_NAME)] = ""
    company: Annotated[str, _text(MAX_COMPANY)] = ""
    phone: Annotated[
        str,
        _text(MAX_PHONE),
        Field(description="With `+` and country code, or as it is dialled inside `address.country`."),
    ] = ""
    address: AddressForm = NO_ADDRESS_FORM
    user_agent: Annotated[str, _text(MAX_USER_AGENT, allowed=_NO_CONTROLS_BUT_TAB)] = ""
    submitted_at: Annotated[
        datetime | None,
        PlainValidator(_moment),
        WithJsonSchema({"type": "string", "format": "date-time"}),
        Field(description="When the customer signed up (RFC 3339, with its time zone). Left out: now."),
    ] = None
    attributes: Annotated[
        Mapping[str, Value],
        PlainValidator(_attributes),
        WithJsonSchema({"type": "object"}),
        Field(
            default_factory=lambda: NO_ATTRIBUTES,
            description="What the policy file declares under `attributes:`, named without `signup.`.",
        ),
    ]


def json_schema() -> dict[str, Any]:
    """The JSON Schema of the form."""
    return SignupForm.model_json_schema()
