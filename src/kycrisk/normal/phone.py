"""Phone numbers: E.164, country and kind, as the phonenumbers library (Google's libphonenumber) judges them.

Numbers in the usual writing, international and national, are judged by numbering plans compiled from that library's
metadata; anything odd is left to the library itself.
"""

from __future__ import annotations

import re

import phonenumbers
from phonenumbers import PhoneNumberType

from kycrisk.normal import numbering
from kycrisk.signup import NO_PHONE, Phone, new_phone

#: The library's word for calling codes without a country (+800, +870 ...).
_NON_GEOGRAPHIC = "001"

# Digits and separators only: nothing that could be an extension, a second number or a vanity number.
_LEAST, _MOST = 4, 40
_USUAL = re.compile(rf"\+?[0-9 ().\-]{{{_LEAST},{_MOST}}}")
_SEPARATORS = str.maketrans("", "", "+ ().-")

_KINDS = {
    PhoneNumberType.FIXED_LINE: "fixed",
    PhoneNumberType.MOBILE: "mobile",
    PhoneNumberType.FIXED_LINE_OR_MOBILE: "fixed_or_mobile",
    PhoneNumberType.TOLL_FREE: "toll_free",
    PhoneNumberType.PREMIUM_RATE: "premium",
    PhoneNumberType.SHARED_COST: "shared",
    PhoneNumberType.VOIP: "voip",
    PhoneNumberType.PERSONAL_NUMBER: "personal",
    PhoneNumberType.PAGER: "pager",
    PhoneNumberType.UAN: "uan",
    PhoneNumberType.VOICEMAIL: "voicemail",
    PhoneNumberType.UNKNOWN: "",
}


def normal_phone(raw: str, country_hint: str = "") -> Phone:
    """The number that a text names. It never raises: what cannot be read has `e164` empty and `valid` false.

    `country_hint` is the ISO 3166 alpha-2 country in whose national form a number without `+` is read. A number that
    can be read but is assigned to nothing is kept with `valid` false.
    """
    text = raw.strip()
    if not text:
        return NO_PHONE
    country = country_hint.upper()
    return _by_its_plan(text, country) or _by_the_library(text, country)


def _by_its_plan(text: str, country: str) -> Phone | None:
    """A number in the usual writing; None when the library must have a look."""
    abroad = text[0] == "+"
    digits = text[1:] if abroad else text
    if not (digits.isdecimal() and digits.isascii() and _LEAST <= len(digits) <= _MOST):  # most are nothing but digits
        if _USUAL.fullmatch(text) is None:
            return None
        digits = text.translate(_SEPARATORS)
    if abroad:
        code, national = numbering.split_calling_code(digits)
    else:
        dialling = numbering.dialling(country)
        code, national = (dialling.code, dialling.national(digits)) if dialling is not None else (0, "")
    if not numbering.MIN_NATIONAL < len(national) <= numbering.MAX_NATIONAL:
        return None
    plan = numbering.plan(code)
    if abroad and not plan.keeps(national):
        return None
    region, kind = plan.judged(national)
    shown = "" if region == _NON_GEOGRAPHIC else region
    return new_phone(text, True, bool(kind), f"+{code}{national}", shown, kind)


def _by_the_library(text: str, country: str) -> Phone:
    try:
        number = phonenumbers.parse(text, country or None)
    except phonenumbers.NumberParseException:
        return Phone(raw=text, given=True)
    region = phonenumbers.region_code_for_number(number) or ""
    return Phone(
        raw=text,
        given=True,
        valid=phonenumbers.is_valid_number(number),
        e164=phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164),
        country="" if region == _NON_GEOGRAPHIC else region,
        kind=_KINDS[phonenumbers.number_type(number)],
    )
