"""Reading signups: normal forms of what is right, every problem of what is not."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kycrisk.intake import COLUMNS, read_row, read_signup, signup_fields
from kycrisk.problems import Problem, Problems
from kycrisk.signals import Signal, Subject, Type
from kycrisk.signup import Address, EmailAddress, Phone, Signup

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)

DECLARED = {
    signal.name: signal
    for signal in (
        Signal("signup.plan", Type.STR, "Which plan is being ordered?", Subject.SIGNUP),
        Signal("signup.seats", Type.INT, "How many seats?", Subject.SIGNUP),
        Signal("signup.trial", Type.BOOL, "Is it a trial?", Subject.SIGNUP),
        Signal("signup.age", Type.DURATION, "How old is the session?", Subject.SIGNUP),
        Signal("signup.ports", Type.INT_SET, "Which ports are asked for?", Subject.SIGNUP),
    )
}

MINIMAL: dict[str, object] = {"account_id": "A-1", "email": "jane@example.com", "ip": "192.0.2.7"}

FULL: dict[str, object] = {
    "account_id": " A-1 ",
    "email": "Jane.Doe+x@example.com",
    "ip": "::ffff:192.0.2.7",
    "first_name": "Jane ",
    "last_name": "Doe",
    "company": "Example GmbH",
    "phone": "044 668 18 00",
    "address": {
        "lines": "Bahnhofstrasse 1\nc/o Doe",
        "city": "Zürich",
        "region": "ZH",
        "postal_code": "8001",
        "country": "ch",
    },
    "user_agent": "Mozilla/5.0 (X11; Linux x86_64)",
    "submitted_at": "2026-11-23T12:30:00+01:00",
    "attributes": {"plan": "vps-1", "seats": 3, "trial": True, "age": "90s", "ports": [22, 443]},
}

JANE = EmailAddress(
    raw="jane@example.com",
    valid=True,
    address="jane@example.com",
    local="jane",
    domain="example.com",
    domain_unicode="example.com",
    canonical="jane@example.com",
    registrable="example.com",
)

FULL_SIGNUP = Signup(
    account_id="A-1",
    email=EmailAddress(
        raw="Jane.Doe+x@example.com",
        valid=True,
        address="Jane.Doe+x@example.com",
        local="Jane.Doe+x",
        domain="example.com",
        domain_unicode="example.com",
        canonical="jane.doe@example.com",
        tag="x",
        registrable="example.com",
    ),
    ip=ip_address("192.0.2.7"),
    submitted_at=datetime(2026, 11, 23, 11, 30, tzinfo=UTC),
    first_name="Jane",
    last_name="Doe",
    company="Example GmbH",
    phone=Phone(raw="044 668 18 00", given=True, valid=True, e164="+41446681800", country="CH", kind="fixed"),
    address=Address(lines="Bahnhofstrasse 1\nc/o Doe", city="Zürich", region="ZH", postal_code="8001", country="CH"),
    user_agent="Mozilla/5.0 (X11; Linux x86_64)",
    attributes={
        "signup.plan": "vps-1",
        "signup.seats": 3,
        "signup.trial": True,
        "signup.age": timedelta(seconds=90),
        "signup.ports": frozenset({22, 443}),
    },
)


def read(raw: object, **changes: Any) -> Signup:
    return read_signup(raw, **{"attributes": DECLARED, "now": NOW, **changes})  # type: ignore[arg-type]


def problems_of(raw: object) -> list[Problem]:
    with pytest.raises(Problems) as error:
        read(raw)
    return list(error.value.problems)


def test_a_full_signup_is_read_into_its_normal_forms() -> None:
    assert read(FULL) == FULL_SIGNUP


def test_a_minimal_signup_has_nothing_else() -> None:
    assert read(MINIMAL) == Signup(account_id="A-1", email=JANE, ip=ip_address("192.0.2.7"), submitted_at=NOW)


def test_empty_texts_are_not_given() -> None:
    empty = {"first_name": "", "company": "  ", "phone": " ", "address": {"country": "", "city": ""}}
    signup = read({**MINIMAL, **empty})
    assert signup == read(MINIMAL)
    assert (signup.phone.given, signup.address.given) == (False, False)


def test_any_mapping_is_read() -> None:
    assert read(MappingProxyType(FULL)) == FULL_SIGNUP


def test_reading_leaves_what_was_given_alone() -> None:
    raw = {**MINIMAL, "address": {"country": "ch"}}
    read(raw)
    assert raw == {**MINIMAL, "address": {"country": "ch"}}


def test_a_broken_email_is_screened() -> None:
    email = read({**MINIMAL, "email": "jane..doe@example.com"}).email
    assert (email.valid, email.defect) == (False, "an email address cannot have two periods in a row")
    assert email.domain == "example.com"


def test_an_unreadable_phone_is_screened() -> None:
    assert read({**MINIMAL, "phone": "call me"}).phone == Phone(raw="call me", given=True)


@pytest.mark.parametrize(
    ("given_at", "expected"),
    [
        pytest.param("2026-11-23T10:00:00Z", datetime(2026, 11, 23, 10, tzinfo=UTC), id="Z"),
        pytest.param("2026-11-23t10:00:00z", datetime(2026, 11, 23, 10, tzinfo=UTC), id="lower case"),
        pytest.param("2026-11-23 10:00:00-05:00", datetime(2026, 11, 23, 15, tzinfo=UTC), id="space and offset"),
        pytest.param(
            "2026-11-23T10:00:00.123456789Z",
            datetime(2026, 11, 23, 10, 0, 0, 123456, tzinfo=UTC),
            id="nanoseconds are cut",
        ),
        pytest.param("2026-11-24T12:00:00Z", datetime(2026, 11, 24, 12, tzinfo=UTC), id="a day ahead"),
        pytest.param(datetime(2026, 11, 23, 10, tzinfo=UTC), datetime(2026, 11, 23, 10, tzinfo=UTC), id="datetime"),
    ],
)
def test_the_time_of_the_signup(given_at: object, expected: datetime) -> None:
    moment = read({**MINIMAL, "submitted_at": given_at}).submitted_at
    assert (moment, moment.tzinfo) == (expected, UTC)


NEEDED = "every signup has `account_id`, `email`, `ip`"
LEAVE_OUT = "leave out what was not given"
NO_TIME = "is not a time with its zone, such as `2026-11-23T10:00:00Z`"
FIELDS = (
    "the fields are `account_id`, `email`, `ip`, `first_name`, `last_name`, `company`, `phone`, `address`, "
    "`user_agent`, `submitted_at`, `attributes`"
)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({"account_id": ""}, Problem("account_id", "is empty"), id="account id empty"),
        pytest.param(
            {"account_id": "A" * 201},
            Problem("account_id", "a text of 201 characters is over the limit of 200"),
            id="account id too long",
        ),
        pytest.param({"email": " "}, Problem("email", "is empty"), id="email blank"),
        pytest.param({"email": 5}, Problem("email", "expected text, got `5`"), id="email a number"),
        pytest.param({"email": None}, Problem("email", "expected text, got `null`", LEAVE_OUT), id="email null"),
        pytest.param(
            {"email": "a" * 321},
            Problem("email", "a text of 321 characters is over the limit of 320"),
            id="email too long",
        ),
        pytest.param(
            {"email": "ja\x00ne@example.com"},
            Problem("email", "holds the control character U+0000"),
            id="email with NUL",
        ),
        pytest.param({"ip": "localhost"}, Problem("ip", "`localhost` is not an IP address"), id="ip a name"),
        pytest.param(
            {"ip": "fe80::1%eth0"},
            Problem("ip", "`fe80::1%eth0` has a zone id, which means something on one machine only"),
            id="ip with zone",
        ),
        pytest.param({"ip": 3221225991}, Problem("ip", "expected text, got `3221225991`"), id="ip a number"),
        pytest.param(
            {"first_name": None},
            Problem("first_name", "expected text, got `null`", LEAVE_OUT),
            id="name null",
        ),
        pytest.param(
            {"last_name": "D\x1boe"},
            Problem("last_name", "holds the control character U+001B"),
            id="name with escape",
        ),
        pytest.param(
            {"company": "\ud800"},
            Problem("company", "holds a lone surrogate, which is not a character"),
            id="lone surrogate",
        ),
        pytest.param(
            {"submitted_at": "\ud800"},
            Problem("submitted_at", f"`\\ud800` {NO_TIME}"),
            id="lone surrogate for a time",
        ),
        pytest.param({"phone": 446681800}, Problem("phone", "expected text, got `446681800`"), id="phone a number"),
        pytest.param(
            {"user_agent": "a\tb\nc"},
            Problem("user_agent", "holds the control character U+000A"),
            id="user agent with a line break",
        ),
        pytest.param(
            {"address": "Zürich"},
            Problem("address", "expected an object with named fields, got `Zürich`"),
            id="address a text",
        ),
        pytest.param(
            {"address": {"lines": "a\r\nb\x7f"}},
            Problem("address.lines", "holds the control character U+007F"),
            id="address lines",
        ),
        pytest.param(
            {"address": {"country": "Switzerland"}},
            Problem("address.country", "`Switzerland` is not a country by ISO 3166 alpha-2, such as `CH`"),
            id="country in words",
        ),
        pytest.param(
            {"address": {"country": "uk"}},
            Problem("address.country", "`uk` is not a country by ISO 3166 alpha-2, such as `CH`: write `GB`"),
            id="country UK",
        ),
        pytest.param(
            {"address": {"contry": "CH"}},
            Problem("address.contry", "unknown field", "did you mean `address.country`?"),
            id="address field misspelt",
        ),
        pytest.param({"emial": "x"}, Problem("emial", "unknown field", "did you mean `email`?"), id="misspelt"),
        pytest.param({"zzz": "x"}, Problem("zzz", "unknown field", FIELDS), id="unknown"),
        pytest.param(
            {"plan": "x"},
            Problem("plan", "unknown field", "write it under `attributes`: `attributes.plan`"),
            id="attribute at the top",
        ),
        pytest.param({"submitted_at": "2026-11-23"}, Problem("submitted_at", f"`2026-11-23` {NO_TIME}"), id="a date"),
        pytest.param(
            {"submitted_at": "2026-11-23T10:00:00"},
            Problem("submitted_at", f"`2026-11-23T10:00:00` {NO_TIME}"),
            id="a naive time",
        ),
        pytest.param(
            {"submitted_at": datetime(2026, 11, 23, 10)},
            Problem("submitted_at", "`2026-11-23T10:00:00` has no time zone"),
            id="a naive datetime",
        ),
        pytest.param({"submitted_at": 1795000000}, Problem("submitted_at", f"`1795000000` {NO_TIME}"), id="seconds"),
        pytest.param({"submitted_at": None}, Problem("submitted_at", f"`null` {NO_TIME}"), id="null time"),
        pytest.param(
            {"submitted_at": "2026-02-30T10:00:00Z"},
            Problem("submitted_at", "`2026-02-30T10:00:00Z` is not a time that exists"),
            id="no such day",
        ),
        pytest.param(
            {"submitted_at": "0001-01-01T00:00:00+23:59"},
            Problem("submitted_at", "`0001-01-01T00:00:00+23:59` is not a time that exists"),
            id="before time",
        ),
        pytest.param(
            {"submitted_at": "2026-11-24T12:00:01Z"},
            Problem("submitted_at", "`2026-11-24T12:00:01+00:00` is more than a day ahead"),
            id="in the future",
        ),
        pytest.param(
            {"attributes": ["plan"]},
            Problem("attributes", "expected an object with named fields, got `['plan']`"),
            id="attributes a list",
        ),
        pytest.param(
            {"attributes": {"plna": "x"}},
            Problem("attributes.plna", "unknown attribute", "did you mean `plan`?"),
            id="attribute misspelt",
        ),
        pytest.param(
            {"attributes": {"signup.plan": "x"}},
            Problem("attributes.signup.plan", "unknown attribute", "write `plan`"),
            id="attribute by its full name",
        ),
        pytest.param(
            {"attributes": {"colour": "x"}},
            Problem(
                "attributes.colour",
                "unknown attribute",
                "declare `signup.colour` under `attributes:` in the policy file, or leave it out",
            ),
            id="attribute not declared",
        ),
        pytest.param(
            {"attributes": {"seats": "3"}},
            Problem("attributes.seats", "expected int, got `'3'`"),
            id="attribute of another type",
        ),
        pytest.param(
            {"attributes": {"plan": "a\x00"}},
            Problem("attributes.plan", "the text holds the control character U+0000"),
            id="attribute with NUL",
        ),
        pytest.param(
            {"attributes": {"plan": "a" * 4097}},
            Problem("attributes.plan", "a text of 4097 characters is over the limit of 4096"),
            id="attribute too long",
        ),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, object], expected: Problem) -> None:
    assert problems_of({**MINIMAL, **changes}) == [expected]


def test_everything_wrong_is_told_at_once() -> None:
    raw = {
        "ip": "hello",
        "first_name": "J" * 201,
        "address": {"country": "XX", "street": "x"},
        "submitted_at": "yesterday",
        "attributes": {"plan": 1, "other": 2},
        "e-mail": "jane@example.com",
    }
    assert [(str(problem.place), problem.message) for problem in problems_of(raw)] == [
        ("account_id", "is missing"),
        ("email", "is missing"),
        ("ip", "`hello` is not an IP address"),
        ("first_name", "a text of 201 characters is over the limit of 200"),
        ("address.country", "`XX` is not a country by ISO 3166 alpha-2, such as `CH`"),
        ("address.street", "unknown field"),
        ("submitted_at", f"`yesterday` {NO_TIME}"),
        ("attributes.plan", "expected str, got `1`"),
        ("attributes.other", "unknown attribute"),
        ("e-mail", "unknown field"),
    ]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param([], Problem("", "expected an object with named fields, got `[]`"), id="a list"),
        pytest.param("x", Problem("", "expected an object with named fields, got `x`"), id="a text"),
        pytest.param(None, Problem("", "expected an object with named fields, got `null`"), id="null"),
    ],
)
def test_what_is_no_object_is_refused(raw: object, expected: Problem) -> None:
    assert problems_of(raw) == [expected]


def test_a_flood_of_unknown_fields_is_told_in_part() -> None:
    flood = {f"x{number}": "x" for number in range(100_000)}
    assert len(problems_of({**MINIMAL, **flood})) == 100
    assert 100 <= len(problems_of({**MINIMAL, "attributes": flood})) <= 101


def test_a_naive_now_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="`now` has no time zone"):
        read(MINIMAL, now=datetime(2026, 11, 23))


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from([*FULL, "other"]), JSON_VALUES))
def test_any_json_is_read_or_refused(raw: dict[str, object]) -> None:
    problems: tuple[Problem, ...] = ()
    signup = None
    try:
        signup = read({**MINIMAL, **raw})
    except Problems as refusal:
        problems = refusal.problems
    assert (signup is None) == bool(problems)
    assert {str(problem.place).split(".")[0] for problem in problems} <= {*FULL, "other"}


ROW = {
    "account_id": "A-1",
    "email": "Jane.Doe+x@example.com",
    "ip": "::ffff:192.0.2.7",
    "first_name": "Jane",
    "last_name": "Doe",
    "company": "Example GmbH",
    "phone": "044 668 18 00",
    "address.lines": "Bahnhofstrasse 1\nc/o Doe",
    "address.city": "Zürich",
    "address.region": "ZH",
    "address.postal_code": "8001",
    "address.country": "ch",
    "user_agent": "Mozilla/5.0 (X11; Linux x86_64)",
    "submitted_at": "2026-11-23T12:30:00+01:00",
    "attributes.plan": "vps-1",
    "signup.seats": "3",
    "attributes.trial": "yes",
    "attributes.age": "90s",
    "attributes.ports": "22; 443",
}


def row_problems_of(row: dict[str, str]) -> list[Problem]:
    with pytest.raises(Problems) as error:
        read_row(row, attributes=DECLARED, now=NOW)
    return list(error.value.problems)


def test_a_row_is_read_as_the_same_signup() -> None:
    assert read_row(ROW, attributes=DECLARED, now=NOW) == FULL_SIGNUP


def test_empty_cells_are_not_given() -> None:
    row = {**dict.fromkeys(ROW, ""), "company": " ", **{name: str(value) for name, value in MINIMAL.items()}}
    assert read_row(row, attributes=DECLARED, now=NOW) == read(MINIMAL)


def test_a_number_in_a_row_is_text_where_text_is_wanted() -> None:
    row = {**ROW, "account_id": "17", "attributes.plan": "5"}
    signup = read_row(row, attributes=DECLARED, now=NOW)
    assert (signup.account_id, signup.attributes["signup.plan"]) == ("17", "5")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({"ip": "x"}, Problem("ip", "`x` is not an IP address"), id="ip"),
        pytest.param({"email": ""}, Problem("email", "is missing", NEEDED), id="email empty"),
        pytest.param(
            {"adress.city": "x"},
            Problem("adress.city", "unknown field", "did you mean `address.city`?"),
            id="column misspelt",
        ),
        pytest.param(
            {"address.cty": "x"},
            Problem("address.cty", "unknown field", "did you mean `address.city`?"),
            id="address column misspelt",
        ),
        pytest.param(
            {"attributes.plna": "x"},
            Problem("attributes.plna", "unknown attribute", "did you mean `plan`?"),
            id="attribute misspelt",
        ),
        pytest.param(
            {"signup.seats": "many"},
            Problem("attributes.seats", "`many` is not a whole number"),
            id="attribute of another type",
        ),
        pytest.param(
            {"attributes.age": "soon"},
            Problem("attributes.age", "`soon` is not a duration such as `24h`, `90s` or `7d`"),
            id="no duration",
        ),
    ],
)
def test_what_is_wrong_with_a_row_is_named(changes: dict[str, str], expected: Problem) -> None:
    assert row_problems_of({**ROW, **changes}) == [expected]


def test_rows_of_a_csv_file_that_are_too_short_or_too_long() -> None:
    text = "account_id,email,ip,company\nA-1,jane@example.com,192.0.2.7\nA-2,j@example.com,192.0.2.8,X,Y\n"
    short, long = csv.DictReader(io.StringIO(text))
    assert read_row(short, now=NOW) == read(MINIMAL)
    assert row_problems_of(long) == [Problem("", "the row has more cells than there are columns")]


def test_the_columns_are_all_that_a_row_may_have_besides_attributes() -> None:
    assert set(COLUMNS) == {column for column in ROW if not column.startswith(("attributes.", "signup."))}


def test_the_schema_of_the_fields() -> None:
    schema = signup_fields(DECLARED)
    assert schema["required"] == ["account_id", "email", "ip"]
    assert schema["additionalProperties"] is False
    assert set(schema["properties"]) == set(FULL)
    assert schema["properties"]["email"] == {
        "description": "The e-mail address as the customer wrote it. A broken one is screened too.",
        "maxLength": 320,
        "minLength": 1,
        "pattern": r"^\P{Cc}*$",
        "title": "Email",
        "type": "string",
    }
    assert schema["properties"]["submitted_at"]["format"] == "date-time"
    assert schema["properties"]["attributes"]["properties"]["ports"] == {
        "type": "array",
        "items": {"type": "integer"},
        "description": "Which ports are asked for?",
    }
    assert set(schema["$defs"]["AddressForm"]["properties"]) == {
        "lines",
        "city",
        "region",
        "postal_code",
        "country",
    }
