"""Text as a value of a signal's type."""

from __future__ import annotations

import pytest

from kycrisk.signals import FactError, Type
from kycrisk.typed_text import typed_text


@pytest.mark.parametrize(
    ("type_", "text", "expected"),
    [
        pytest.param(Type.BOOL, "true", True, id="true"),
        pytest.param(Type.BOOL, " Yes ", True, id="yes"),
        pytest.param(Type.BOOL, "0", False, id="zero"),
        pytest.param(Type.BOOL, "NO", False, id="no"),
        pytest.param(Type.INT, " 12 ", 12, id="int"),
        pytest.param(Type.INT, "-7", -7, id="negative int"),
        pytest.param(Type.FLOAT, "1.5e3", 1500.0, id="float"),
        pytest.param(Type.FLOAT, "2", 2.0, id="float without a point"),
        pytest.param(Type.STR, " vps-1 ", "vps-1", id="text is trimmed"),
        pytest.param(Type.DURATION, "24h", "24h", id="duration is left to fact_value"),
        pytest.param(Type.STR_SET, "a; b;;c ", ["a", "b", "c"], id="set of text"),
        pytest.param(Type.INT_SET, "1;2", [1, 2], id="set of int"),
    ],
)
def test_a_text_is_read_by_its_type(type_: Type, text: str, expected: object) -> None:
    value = typed_text(type_, text)
    assert (type(value), value) == (type(expected), expected)


@pytest.mark.parametrize(
    ("type_", "text", "message"),
    [
        pytest.param(Type.BOOL, "maybe", "`maybe` is neither `true` nor `false`", id="no flag"),
        pytest.param(Type.INT, "1.5", "`1.5` is not a whole number", id="fraction"),
        pytest.param(Type.INT, "1_000", "`1_000` is not a whole number", id="underscore"),
        pytest.param(Type.INT, "٣", "`٣` is not a whole number", id="other digits"),
        pytest.param(Type.INT, "9" * 18, f"`{'9' * 18}` is not a whole number", id="very long int"),
        pytest.param(Type.FLOAT, "nan", "`nan` is not a number", id="nan"),
        pytest.param(Type.FLOAT, "inf", "`inf` is not a number", id="infinity"),
        pytest.param(Type.FLOAT, "0x10", "`0x10` is not a number", id="hex"),
        pytest.param(Type.INT_SET, "1;x", "`x` is not a whole number", id="member of a set"),
    ],
)
def test_what_is_no_such_value(type_: Type, text: str, message: str) -> None:
    with pytest.raises(FactError) as error:
        typed_text(type_, text)
    assert str(error.value) == message
