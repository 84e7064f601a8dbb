"""Phone numbers, and their agreement with the phonenumbers library."""

from __future__ import annotations

import random
from collections.abc import Iterator

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from kycrisk.normal.phone import normal_phone
from kycrisk.signup import Phone


@pytest.mark.parametrize(
    ("raw", "hint", "e164", "country", "kind"),
    [
        pytest.param("+41 44 668 18 00", "", "+41446681800", "CH", "fixed", id="international"),
        pytest.param("+41446681800", "US", "+41446681800", "CH", "fixed", id="the hint does not matter"),
        pytest.param("+1 (212) 736-5000", "", "+12127365000", "US", "fixed_or_mobile", id="brackets"),
        pytest.param("+1.416.555.0123", "", "+14165550123", "CA", "fixed_or_mobile", id="shared calling code"),
        pytest.param("+1 876 926 1234", "", "+18769261234", "JM", "fixed", id="leading digits"),
        pytest.param("+44 7911 123456", "", "+447911123456", "GG", "mobile", id="Guernsey"),
        pytest.param("+44 (0) 20 7946 0000", "", "+442079460000", "GB", "fixed", id="trunk prefix in brackets"),
        pytest.param("+39 06 1234 5678", "", "+390612345678", "IT", "fixed", id="Italian zero"),
        pytest.param("+800 1234 5678", "", "+80012345678", "", "toll_free", id="no country"),
        pytest.param("+54 9 11 2345 6789", "", "+5491123456789", "AR", "mobile", id="Argentine mobile"),
        pytest.param("+41 84 412 34 56", "", "+41844123456", "CH", "shared", id="shared cost"),
        pytest.param("+44 70 1234 5678", "", "+447012345678", "GB", "personal", id="personal"),
        pytest.param("+49 176 12345678", "", "+4917612345678", "DE", "mobile", id="German mobile"),
        pytest.param("+1 900 253 0000", "", "+19002530000", "US", "premium", id="premium"),
        pytest.param("+44 56 0012 3456", "", "+445600123456", "GB", "voip", id="voip"),
        pytest.param("044 668 18 00", "CH", "+41446681800", "CH", "fixed", id="national"),
        pytest.param("044 668 18 00", "ch", "+41446681800", "CH", "fixed", id="hint in lower case"),
        pytest.param("(212) 736-5000", "US", "+12127365000", "US", "fixed_or_mobile", id="national without prefix"),
        pytest.param("1 212 736 5000", "US", "+12127365000", "US", "fixed_or_mobile", id="calling code without plus"),
        pytest.param("0041 44 668 18 00", "DE", "+41446681800", "CH", "fixed", id="international prefix"),
        pytest.param("416 555 0123", "US", "+14165550123", "CA", "fixed_or_mobile", id="the neighbour's number"),
        pytest.param("+41 44 668 18 00 ext. 12", "", "+41446681800", "CH", "fixed", id="extension"),
        pytest.param("tel:+41-44-668-1800", "", "+41446681800", "CH", "fixed", id="tel URI"),
        pytest.param("+４１ 44 668 18 00", "", "+41446681800", "CH", "fixed", id="full-width digits"),
        pytest.param("1-800-FLOWERS", "US", "+18003569377", "US", "toll_free", id="vanity"),
    ],
)
def test_a_valid_number(raw: str, hint: str, e164: str, country: str, kind: str) -> None:
    assert normal_phone(raw, hint) == Phone(raw=raw, given=True, valid=True, e164=e164, country=country, kind=kind)


@pytest.mark.parametrize(
    ("raw", "hint", "expected"),
    [
        pytest.param("", "", Phone(), id="empty is not given"),
        pytest.param("  ", "CH", Phone(), id="blank is not given"),
        pytest.param("044 668 18 00", "", Phone(raw="044 668 18 00", given=True), id="national without a hint"),
        pytest.param("044 668 18 00", "XX", Phone(raw="044 668 18 00", given=True), id="no such country"),
        pytest.param("hello", "CH", Phone(raw="hello", given=True), id="words"),
        pytest.param("+", "CH", Phone(raw="+", given=True), id="plus"),
        pytest.param("+0 123 456 789", "", Phone(raw="+0 123 456 789", given=True), id="no such calling code"),
        pytest.param("\ud800", "CH", Phone(raw="\ud800", given=True), id="lone surrogate"),
        pytest.param("9" * 300, "CH", Phone(raw="9" * 300, given=True), id="very long"),
        pytest.param(
            "+41 44 668 18",
            "",
            Phone(raw="+41 44 668 18", given=True, e164="+414466818", country="CH"),
            id="too short",
        ),
        pytest.param(
            "+1 111 111 1111",
            "",
            Phone(raw="+1 111 111 1111", given=True, e164="+11111111111"),
            id="unassigned",
        ),
    ],
)
def test_what_is_no_valid_number(raw: str, hint: str, expected: Phone) -> None:
    assert normal_phone(raw, hint) == expected


def test_the_examples_of_every_region_and_kind_agree_with_the_library() -> None:
    """Every example number, in every format, as it is and damaged, at home and elsewhere."""
    chance = random.Random(20261123)
    writings = [
        (writing, hint)
        for country, number in _examples()
        for text in _formats(number)
        for writing in (text, *_damaged(text, chance))
        for hint in (country, chance.choice(("", "US", "IT", "AR")))
    ]
    assert len(writings) > 50_000
    for writing, hint in writings:
        agree(writing, hint)


REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
CODES = sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)


@settings(max_examples=1000, deadline=None)
@given(
    st.one_of(
        st.builds("+{}{}".format, st.sampled_from(CODES), st.from_regex(r"[0-9 .()-]{2,14}", fullmatch=True)),
        st.from_regex(r"\+?[0-9 .()/x*#;,-]{0,20}", fullmatch=True),
        st.text(alphabet="+0123456789 ()-.extEXT~/;=,#٣３\u00a0", max_size=24),
        st.text(max_size=20),
    ),
    st.sampled_from(["", *REGIONS]),
)
def test_random_writings_agree_with_the_library(writing: str, hint: str) -> None:
    agree(writing, hint)


def _examples() -> Iterator[tuple[str, phonenumbers.PhoneNumber]]:
    for country in REGIONS:
        for kind in PhoneNumberType.values():
            number = phonenumbers.example_number_for_type(country, kind)
            if number is not None:
                yield country, number
    for code in phonenumbers.COUNTRY_CODES_FOR_NON_GEO_REGIONS:
        number = phonenumbers.example_number_for_non_geo_entity(code)
        if number is not None:
            yield "", number


def _formats(number: phonenumbers.PhoneNumber) -> list[str]:
    forms = (PhoneNumberFormat.E164, PhoneNumberFormat.INTERNATIONAL, PhoneNumberFormat.NATIONAL)
    return [
        *(phonenumbers.format_number(number, form) for form in forms),
        str(number.national_number),
        f"+{number.country_code}(0){number.national_number}",
    ]


def _damaged(text: str, chance: random.Random) -> Iterator[str]:
    at = chance.randrange(len(text))
    yield text[:at] + text[at + 1 :]
    yield text[:at] + chance.choice("0123456789 ") + text[at:]
    yield text[:at] + chance.choice("0123456789-") + text[at + 1 :]


def agree(writing: str, hint: str) -> None:
    text = writing.strip()
    if not text:
        assert normal_phone(writing, hint) == Phone()
        return
    assert normal_phone(writing, hint) == _by_the_library(text, hint), (writing, hint)


def _by_the_library(text: str, hint: str) -> Phone:
    try:
        number = phonenumbers.parse(text, hint or None)
    except phonenumbers.NumberParseException:
        return Phone(raw=text, given=True)
    region = phonenumbers.region_code_for_number(number)
    return Phone(
        raw=text,
        given=True,
        valid=phonenumbers.is_valid_number(number),
        e164=phonenumbers.format_number(number, PhoneNumberFormat.E164),
        country=region if region not in (None, "001") else "",
        kind=LIBRARY_KINDS[PhoneNumberType.to_string(phonenumbers.number_type(number))],
    )


LIBRARY_KINDS = {
    "FIXED_LINE": "fixed",
    "MOBILE": "mobile",
    "FIXED_LINE_OR_MOBILE": "fixed_or_mobile",
    "TOLL_FREE": "toll_free",
    "PREMIUM_RATE": "premium",
    "SHARED_COST": "shared",
    "VOIP": "voip",
    "PERSONAL_NUMBER": "personal",
    "PAGER": "pager",
    "UAN": "uan",
    "VOICEMAIL": "voicemail",
    "UNKNOWN": "",
}
