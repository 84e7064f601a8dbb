"""When two people at two addresses are one."""

from __future__ import annotations

import pytest

from kycrisk.normal.name_address import name_address_key
from kycrisk.signup import Address


def key(first: str = "Anna", last: str = "Müller", lines: str = "Hauptstraße 12a", **where: str) -> str:
    return name_address_key(first, last, Address(lines=lines, **({"postal_code": "3011", "country": "CH"} | where)))


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(key("anna", "MÜLLER"), id="case"),
        pytest.param(key("Müller", "Anna"), id="family-name-first"),
        pytest.param(key("", "Anna Müller"), id="both-in-one-field"),
        pytest.param(key(last="Mueller"), id="umlaut-spelt-out"),
        pytest.param(key(last="Muller"), id="umlaut-left-out"),
        pytest.param(key("Anna K.", "Müller"), id="an-initial"),
        pytest.param(key("Анна"), id="another-alphabet"),
        pytest.param(key(lines="Hauptstr. 12 A"), id="a-short-street"),
        pytest.param(key(lines="Hauptstrasse Nr. 12a"), id="a-number-sign"),
        pytest.param(key(lines="12a\nHauptstraße"), id="lines-the-other-way-round"),
        pytest.param(key(postal_code=" 30-11 "), id="punctuation-in-the-postal-code"),
        pytest.param(key(city="Bern"), id="the-city-beside-the-postal-code"),
    ],
)
def test_one_person(other: str) -> None:
    assert other == key()


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(key("Hanna"), id="first-name"),
        pytest.param(key(last="Meier"), id="family-name"),
        pytest.param(key(lines="Hauptstraße 12"), id="house"),
        pytest.param(key(lines="Nebenstraße 12a"), id="street"),
        pytest.param(key(postal_code="3012"), id="postal-code"),
        pytest.param(key(country="DE"), id="country"),
        pytest.param(key(postal_code="", city="Bern"), id="city-instead-of-postal-code"),
    ],
)
def test_another_person(other: str) -> None:
    assert other not in ("", key())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("1 Main Street, Apartment 4", "1 MAIN ST #APT 4", id="street"),
        pytest.param("20 North Fifth Avenue", "20 N. Fifth Ave", id="avenue"),
        pytest.param("3 Rue de la Paix", "3, r. de la Paix", id="rue"),
    ],
)
def test_short_forms(one: str, other: str) -> None:
    assert key(lines=one) == key(lines=other)


def test_zip_plus_four_is_one_place() -> None:
    assert key(country="US", postal_code="10001-1234") == key(country="US", postal_code="10001")
    assert key(country="BR", postal_code="10001-234") != key(country="BR", postal_code="10001")


def test_without_a_postal_code_the_city_counts() -> None:
    assert key(postal_code="", city="Zürich") == key(postal_code="", city="ZURICH") != ""
    assert key(postal_code="", city="Zürich") != key(postal_code="", city="Bern")


@pytest.mark.parametrize(
    "missing",
    [
        pytest.param(key("", ""), id="no-name"),
        pytest.param(key("12", "-"), id="a-name-without-letters"),
        pytest.param(key(lines=""), id="no-street"),
        pytest.param(key(lines="No."), id="a-street-that-says-nothing"),
        pytest.param(key(postal_code=""), id="neither-postal-code-nor-city"),
    ],
)
def test_what_is_missing_makes_no_key(missing: str) -> None:
    assert missing == ""


def test_the_key_is_what_it_always_was() -> None:
    """It stands in stored facts: another one would forget the past."""
    assert key() == "aa24bd1bf4e5ae8ca84dfd74da12487c"
