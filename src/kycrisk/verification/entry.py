"""What customers enter, in its normal form, judged by what their procedure asks for."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date

from kycrisk.normal.country import COUNTRIES
from kycrisk.normal.email import normal_email
from kycrisk.normal.phone import normal_phone
from kycrisk.problems import Problem, Problems
from kycrisk.verification.policy import Step, Subject

MOST_LETTERS = 200
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_MOBILE = ("mobile", "fixed_or_mobile")  # in North America a number does not tell which it is (NANP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Personal data as it is kept, and what a reviewer should know about it."""

    values: Mapping[str, str]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Judging:
    """What entries are judged by: the day, and the domains of free mailboxes."""

    today: date
    free_mail: Collection[str] = field(default_factory=frozenset)


def read_personal_data(given: Mapping[str, object], step: Step, subject: Subject, by: Judging) -> Entry:
    """The fields that a step asks for. Raises `Problems` with everything that is missing or wrong."""
    asked = step.fields_of(subject)
    problems = [
        Problem(f"{name[:60]}", f"`{name[:60]}` is not asked for") for name in given if name not in asked
    ]  # fmt: skip
    values: dict[str, str] = {}
    country = str(given.get("country") or "")
    for name in asked:
        try:
            values[name] = _read(name, given.get(name), by.today, country)
        except ValueError as error:
            problems.append(Problem(name, str(error)))
    warnings: list[str] = []
    domain = values.get("email", "").rpartition("@")[2]
    if domain and domain in by.free_mail and step.work_email != "any":
        if step.work_email == "required":
            problems.append(Problem("email", "is at a free mailbox provider", "give your address at work"))
        warnings.append("the e-mail address is at a free mailbox provider")
    if problems:
        raise Problems(problems)
    return Entry(values=values, warnings=tuple(warnings))


def read_country(given: object, step: Step) -> str:
    """A country of residence. Raises `Problems`."""
    try:
        code = _country(given)
    except ValueError as error:
        raise Problems([Problem("country", str(error))]) from None
    if step.allowed and code not in step.allowed:
        raise Problems([Problem("country", f"residents of {code} cannot be verified here")])
    return code


def read_phone(given: object, *, mobile: bool, country: str = "") -> str:
    """A number in E.164. Raises `Problems`, also for a fixed line where a mobile phone is asked for."""
    try:
        text = _text(given)
        phone = normal_phone(text, country)
        if not phone.valid:
            raise ValueError("is not a telephone number, such as `+41 79 123 45 67`")
        if mobile and phone.kind not in _MOBILE:
            raise ValueError(f"is not the number of a mobile phone, but {phone.kind.replace('_', ' ') or 'unknown'}")
    except ValueError as error:
        raise Problems([Problem("phone", str(error))]) from None
    return phone.e164


def read_email(given: object) -> str:
    """An address that mail can be sent to. Raises `Problems`."""
    try:
        return _email(_text(given))
    except ValueError as error:
        raise Problems([Problem("email", str(error))]) from None


def _read(name: str, given: object, today: date, country: str) -> str:
    if name in ("country", "nationality"):
        return _country(given)
    text = _text(given)
    match name:
        case "date_of_birth":
            return _birthday(text, today)
        case "email":
            return _email(text)
        case "phone":
            phone = normal_phone(text, country if country in COUNTRIES else "")
            if not phone.valid:
                raise ValueError("is not a telephone number, such as `+41 79 123 45 67`")
            return phone.e164
    return text


def _text(given: object) -> str:
    if given is None or given == "":
        raise ValueError("is missing")
    if not isinstance(given, str):
        raise ValueError("is not a text")
    text = " ".join(given.split())
    if not text:
        raise ValueError("is missing")
    if len(text) > MOST_LETTERS:
        raise ValueError(f"has more than {MOST_LETTERS} letters")
    if _CONTROL.search(text):
        raise ValueError("has control characters in it")
    return text


def _country(given: object) -> str:
    code = _text(given).upper()
    if code not in COUNTRIES:
        raise ValueError("is not a country by ISO 3166, such as `CH`")
    return code


def _birthday(text: str, today: date) -> str:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise ValueError("is not a date such as `1990-12-31`") from None
    if not date(1900, 1, 1) <= day <= today:
        raise ValueError("is not the date of birth of a living person")
    return day.isoformat()


def _email(text: str) -> str:
    address = normal_email(text)
    if not address.valid:
        raise ValueError("is not an e-mail address")
    return address.address


#: Readers of single entries by the step that asks for them.
Reader = Callable[[object], str]
