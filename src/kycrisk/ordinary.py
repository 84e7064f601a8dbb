"""The quick way for ordinary signups: plain printable texts within their limits, a time in UTC, a country's code.

It reads such a signup to exactly what the form reads it to, and leaves everything else, right or wrong, to the form
(tests/test_ordinary.py holds the two together). The form costs some 15 µs a signup, this 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from kycrisk import form
from kycrisk.normal.country import COUNTRIES
from kycrisk.normal.email import normal_email
from kycrisk.normal.ip import normal_ip
from kycrisk.normal.phone import normal_phone
from kycrisk.problems import Problems
from kycrisk.signals import Value
from kycrisk.signup import NO_ADDRESS, NO_PHONE, Address, Signup

_LIMITS = {
    "account_id": form.MAX_ACCOUNT_ID,
    "email": form.MAX_EMAIL,
    "ip": form.MAX_IP,
    "first_name": form.MAX_NAME,
    "last_name": form.MAX_NAME,
    "company": form.MAX_COMPANY,
    "phone": form.MAX_PHONE,
    "user_agent": form.MAX_USER_AGENT,
}
_ADDRESS_LIMITS = {
    "lines": form.MAX_ADDRESS_LINES,
    "city": form.MAX_CITY,
    "region": form.MAX_CITY,
    "postal_code": form.MAX_POSTAL_CODE,
    "country": form.MAX_POSTAL_CODE,
}


def ordinary_signup(raw: Mapping[str, object], reading: form.Reading) -> Signup | None:
    """The signup, or None when the form must have a look."""
    if type(raw) is not dict:
        return None
    texts: dict[str, str] = {}
    for field, value in raw.items():
        limit = _LIMITS.get(field)
        if limit is not None:
            if type(value) is not str or len(value) > limit or not value.isprintable():
                return None
            texts[field] = value.strip()
        elif field not in _OTHERS:
            return None
    try:
        email, ip = normal_email(texts["email"]), normal_ip(texts["ip"])
        address = _address(raw["address"]) if "address" in raw else NO_ADDRESS
        moment = _moment(raw["submitted_at"], reading.now) if "submitted_at" in raw else None
        given = raw.get("attributes")
        attributes: Mapping[str, Value] = form.read_attributes(given, reading) if given else form.NO_ATTRIBUTES
        account_id = texts["account_id"]
    except (KeyError, ValueError, Problems):
        return None
    if not account_id or not texts["email"] or address is None or moment is None:
        return None
    text, phone = texts.get, texts.get("phone")
    return Signup(
        account_id=account_id,
        email=email,
        ip=ip,
        submitted_at=moment,
        first_name=text("first_name", ""),
        last_name=text("last_name", ""),
        company=text("company", ""),
        phone=normal_phone(phone, address.country) if phone else NO_PHONE,
        address=address,
        user_agent=text("user_agent", ""),
        attributes=attributes,
    )


_OTHERS = frozenset({"address", "submitted_at", "attributes"})


def _address(raw: object) -> Address | None:
    if type(raw) is not dict:
        return None
    texts: dict[str, str] = {}
    for field, value in raw.items():
        limit = _ADDRESS_LIMITS.get(field)
        if limit is None or type(value) is not str or len(value) > limit or not value.isprintable():
            return None
        texts[field] = value.strip()
    country = texts.get("country", "")
    return Address(**texts) if not country or country in COUNTRIES else None


def _moment(raw: object, now: datetime) -> datetime | None:
    """`2026-11-23T10:00:00Z`, the usual form of RFC 3339, when it is not ahead."""
    if type(raw) is not str or len(raw) != 20 or raw[4::3] != "--T::Z":
        return None
    moment = datetime.fromisoformat(raw)
    return moment if moment <= now else None
