"""The quick way for ordinary signups: plain printable texts within their limits, a time in UTC, a country's code.

It reads such a signup to exactly what the form reads it to, and leaves everything else, right or wrong, to the form
(tests/test_ordinary.py holds the two together). The form costs some 15 µs a signup, this 4.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from kycrisk import form
from kycrisk.normal.country import COUNTRIES
from kycrisk.normal.email import normal_email
from kycrisk.normal.ip import normal_ip
from kycrisk.normal.phone import normal_phone
from kycrisk.problems import Problems
from kycrisk.signals import Value
from kycrisk.signup import NO_ADDRESS, NO_PHONE, Address, Signup

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
_OTHERS = frozenset({"address", "submitted_at", "attributes"})

#: Where a cell goes (a signup's text, its address's, an attribute, the time), under which name, and how long it may be.
Cell = tuple[str, str, int]
TEXT, ADDRESS, ATTRIBUTE, MOMENT = "text", "address", "attribute", "moment"


def ordinary_signup(raw: Mapping[str, object], reading: form.Reading) -> Signup | None:
    """The signup, or None when the form must have a look."""
    if type(raw) is not dict or not _OTHERS.union(LIMITS).issuperset(raw):
        return None
    texts: dict[str, str] = {}
    if not _read_texts(raw.items(), LIMITS, texts):
        return None
    address: dict[str, str] = {}
    where = raw.get("address")
    if where is not None and not (type(where) is dict and _read_texts(where.items(), ADDRESS_LIMITS, address)):
        return None
    if address.keys() - ADDRESS_LIMITS.keys() or (where is None and "address" in raw):
        return None
    given = raw.get("attributes")
    if given is not None and type(given) is not dict:
        return None
    moment = raw.get("submitted_at")
    return _signup(texts, address, given or {}, moment, reading) if isinstance(moment, str) else None


def _read_texts(raw: Iterable[tuple[object, object]], limits: Mapping[str, int], texts: dict[str, str]) -> bool:
    """Whether all texts are plain; those that are stand in `texts` then, without the blanks around them."""
    for name, value in raw:
        limit = limits.get(name)  # type: ignore[call-overload]
        if limit is None:
            if name in _OTHERS:
                continue
            return False
        if type(value) is not str or len(value) > limit or not value.isprintable():
            return False
        texts[name] = value.strip()  # type: ignore[index]
    return True


def ordinary_row(cells: Iterable[tuple[Cell, str]], reading: form.Reading) -> Signup | None:
    """The signup in a row of a table, or None when the form must have a look."""
    texts: dict[str, str] = {}
    address: dict[str, str] = {}
    attributes: dict[str, object] = {}
    moment = ""
    for (part, name, limit), text in cells:
        if not text:
            continue
        if len(text) > limit or not text.isprintable():
            return None
        if part is TEXT:
            texts[name] = text.strip()
        elif part is ADDRESS:
            address[name] = text.strip()
        elif part is ATTRIBUTE:
            attributes[name] = text
        elif part is MOMENT:
            moment = text
        else:
            return None
    return _signup(texts, address, attributes, moment, reading)


def _signup(
    texts: Mapping[str, str],
    address: dict[str, str],
    given: Mapping[str, object],
    moment: str,
    reading: form.Reading,
) -> Signup | None:
    country = address.get("country", "")
    try:
        account_id, written = texts["account_id"], texts["email"]
        ip, submitted_at = normal_ip(texts["ip"]), _moment(moment, reading.now)
        attributes: Mapping[str, Value] = form.read_attributes(given, reading) if given else form.NO_ATTRIBUTES
    except (KeyError, ValueError, Problems):
        return None
    if not account_id or not written or submitted_at is None or (country and country not in COUNTRIES):
        return None
    text, phone = texts.get, texts.get("phone")
    return Signup(
        account_id=account_id,
        email=normal_email(written),
        ip=ip,
        submitted_at=submitted_at,
        first_name=text("first_name", ""),
        last_name=text("last_name", ""),
        company=text("company", ""),
        phone=normal_phone(phone, country) if phone else NO_PHONE,
        address=Address(**address) if address else NO_ADDRESS,
        user_agent=text("user_agent", ""),
        attributes=attributes,
    )


def _moment(raw: str, now: datetime) -> datetime | None:
    """`2026-11-23T10:00:00Z`, the usual form of RFC 3339, when it is not ahead."""
    if len(raw) != 20 or raw[4::3] != "--T::Z":
        return None
    moment = datetime.fromisoformat(raw)
    return moment if moment <= now else None
