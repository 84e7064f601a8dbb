"""The quick way for ordinary signups: plain printable texts within their limits, a time in UTC, a country's code.

It reads such a signup to exactly what the form reads it to, and leaves everything else, right or wrong, to the form
(tests/test_ordinary.py holds the two together). The form costs some 15 µs a signup, this 4. All texts of a signup are
judged together, in the order of `TEXTS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import gt, itemgetter

from kycrisk import form
from kycrisk.normal.country import COUNTRIES
from kycrisk.normal.email import normal_email
from kycrisk.normal.ip import normal_ip
from kycrisk.normal.phone import normal_phone
from kycrisk.problems import Problems
from kycrisk.signals import Value
from kycrisk.signup import NO_ADDRESS, NO_PHONE, Signup, new_address, new_signup

#: The texts of a signup and of its address, and how long each may be.
LIMITS: Mapping[str, int] = {
    "account_id": form.MAX_ACCOUNT_ID,
    "email": form.MAX_EMAIL,
    "ip": form.MAX_IP,
    "first_name": form.MAX_NAME,
    "last_name": form.MAX_NAME,
    "company": form.MAX_COMPANY,
    "phone": form.MAX_PHONE,
    "user_agent": form.MAX_USER_AGENT,
}
ADDRESS_LIMITS: Mapping[str, int] = {
    "lines": form.MAX_ADDRESS_LINES,
    "city": form.MAX_CITY,
    "region": form.MAX_CITY,
    "postal_code": form.MAX_POSTAL_CODE,
    "country": form.MAX_POSTAL_CODE,
}
#: A row's columns for these texts.
TEXTS = (*LIMITS, *(f"address.{name}" for name in ADDRESS_LIMITS))

_FIELDS = frozenset({*LIMITS, "address", "submitted_at", "attributes"})
_ADDRESS_FIELDS = frozenset(ADDRESS_LIMITS)
_EACH_LIMIT = (*LIMITS.values(), *ADDRESS_LIMITS.values())
_ALL_TEXT = frozenset({str})
_NONE: dict[str, object] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where in a row of a table the parts of a signup stand."""

    texts: Callable[[Sequence[str]], tuple[str, ...]]  # all `TEXTS`, of the row with an empty cell behind it
    moment: int
    attributes: tuple[tuple[str, int], ...]
    others: tuple[int, ...]  # columns that do not exist: the form says so

    @classmethod
    def of(cls, columns: Sequence[str], attributes: Mapping[int, str]) -> Layout:
        """The layout of a row with these columns; `attributes` are the names of those that hold one."""
        at = {column: number for number, column in enumerate(columns)}
        known = {*TEXTS, "submitted_at"}
        return cls(
            texts=itemgetter(*(at.get(name, len(columns)) for name in TEXTS)),
            moment=at.get("submitted_at", len(columns)),
            attributes=tuple((name, number) for number, name in attributes.items()),
            others=tuple(at[name] for name in columns if name not in known and at[name] not in attributes),
        )


def ordinary_signup(raw: Mapping[str, object], reading: form.Reading) -> Signup | None:
    """The signup, or None when the form must have a look."""
    if type(raw) is not dict or not raw.keys() <= _FIELDS:
        return None
    where, given, moment = raw.get("address", _NONE), raw.get("attributes", _NONE), raw.get("submitted_at")
    if type(where) is not dict or not where.keys() <= _ADDRESS_FIELDS:
        return None
    if type(given) is not dict or type(moment) is not str:
        return None
    text, place = raw.get, where.get
    texts = (  # `TEXTS`, written out: a loop takes twice as long
        text("account_id", ""),
        text("email", ""),
        text("ip", ""),
        text("first_name", ""),
        text("last_name", ""),
        text("company", ""),
        text("phone", ""),
        text("user_agent", ""),
        place("lines", ""),
        place("city", ""),
        place("region", ""),
        place("postal_code", ""),
        place("country", ""),
    )
    return _signup(texts, moment, given, reading) if {*map(type, texts)} == _ALL_TEXT else None


def ordinary_row(cells: tuple[str, ...], layout: Layout, reading: form.Reading) -> Signup | None:
    """The signup in a row of a table, or None when the form must have a look."""
    if None in cells or (layout.others and any(cells[at] for at in layout.others)):  # DictReader fills up with None
        return None
    given = {name: text for name, at in layout.attributes if (text := cells[at]) and not text.isspace()}
    padded = (*cells, "")
    return _signup(layout.texts(padded), padded[layout.moment], given, reading)


def _signup(texts: tuple[str, ...], moment: str, given: Mapping[str, object], reading: form.Reading) -> Signup | None:
    if True in map(gt, map(len, texts), _EACH_LIMIT) or not "".join(texts).isprintable():
        return None
    (
        account_id,
        email,
        ip,
        first_name,
        last_name,
        company,
        phone,
        user_agent,
        lines,
        city,
        region,
        postal_code,
        country,
    ) = map(str.strip, texts)
    try:
        where, submitted_at = normal_ip(ip), _moment(moment, reading.now)
        attributes: Mapping[str, Value] = form.read_attributes(given, reading) if given else form.NO_ATTRIBUTES
    except (ValueError, Problems):
        return None
    if not account_id or not email or submitted_at is None or (country and country not in COUNTRIES):
        return None
    given_address = lines or city or region or postal_code or country
    return new_signup(
        account_id,
        normal_email(email),
        where,
        submitted_at,
        first_name,
        last_name,
        company,
        normal_phone(phone, country) if phone else NO_PHONE,
        new_address(lines, city, region, postal_code, country) if given_address else NO_ADDRESS,
        user_agent,
        attributes,
    )


def _moment(raw: str, now: datetime) -> datetime | None:
    """`2026-11-23T10:00:00Z`, the usual form of RFC 3339, when it is not ahead."""
    if len(raw) != 20 or raw[4::3] != "--T::Z":
        return None
    moment = datetime.fromisoformat(raw)
    return moment if moment <= now else None
