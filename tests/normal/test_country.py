"""Countries by ISO 3166-1 alpha-2."""

from __future__ import annotations

import phonenumbers
import pytest

from kycrisk.normal.country import COUNTRIES, normal_country


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param("CH", "CH", id="upper case"),
        pytest.param("ch", "CH", id="lower case"),
        pytest.param(" ch ", "CH", id="spaces around"),
        pytest.param("XK", "XK", id="Kosovo"),
        pytest.param("AQ", "AQ", id="without phones"),
        pytest.param("", "", id="not given"),
    ],
)
def test_a_country(raw: str, expected: str) -> None:
    assert normal_country(raw) == expected


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        pytest.param("CHE", "`CHE` is not a country by ISO 3166 alpha-2, such as `CH`", id="alpha-3"),
        pytest.param("XX", "`XX` is not a country by ISO 3166 alpha-2, such as `CH`", id="user-assigned"),
        pytest.param("AN", "`AN` is not a country by ISO 3166 alpha-2, such as `CH`", id="dissolved"),
        pytest.param("uk", "`uk` is not a country by ISO 3166 alpha-2, such as `CH`: write `GB`", id="UK"),
        pytest.param("EL", "`EL` is not a country by ISO 3166 alpha-2, such as `CH`: write `GR`", id="EL"),
        pytest.param("ß", "`ß` is not a country by ISO 3166 alpha-2, such as `CH`", id="SS by upper-casing"),
    ],
)
def test_no_country(raw: str, message: str) -> None:
    with pytest.raises(ValueError) as error:
        normal_country(raw)
    assert str(error.value) == message


def test_the_list_is_complete() -> None:
    """249 assigned codes and Kosovo; every country that has phone numbers, but for two islands of Saint Helena."""
    assert len(COUNTRIES) == 250
    assert set(phonenumbers.SUPPORTED_REGIONS) - COUNTRIES == {"AC", "TA"}
