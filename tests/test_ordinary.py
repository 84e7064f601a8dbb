"""The quick way reads a signup as the form does, or leaves it to the form."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kycrisk import intake
from kycrisk.form import Reading
from kycrisk.intake import read_by_form, read_signup
from kycrisk.ordinary import ordinary_row, ordinary_signup
from kycrisk.problems import Problems
from kycrisk.signals import Signal, Subject, Type

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
PLAN = {"signup.plan": Signal("signup.plan", Type.STR, "which?", Subject.SIGNUP)}
READING = Reading(attributes=PLAN, now=NOW)
FULL = {
    "account_id": "A-1",
    "email": "Jane.Doe+x@gmail.com",
    "ip": "203.0.113.27",
    "first_name": " Jane ",
    "last_name": "Doe",
    "company": "",
    "phone": "+41 44 668 18 00",
    "address": {"lines": "Bahnhofstrasse 1", "city": "Zürich", "postal_code": "8001", "country": "CH"},
    "user_agent": "Mozilla/5.0",
    "submitted_at": "2026-11-23T10:00:00Z",
    "attributes": {"plan": "vps-1"},
}

_texts = st.one_of(
    st.sampled_from(["", " ", "Jane", " Doe ", "a\u00a0b", "x\ty", "\ud800", "a" * 400, "ﬁ"]), st.text(max_size=8)
)
_odd = st.sampled_from([None, 5, True, [], {}, b"x"])
_fields = {
    "account_id": st.one_of(st.just("A-1"), _texts, _odd),
    "email": st.one_of(st.sampled_from(["a@example.com", "broken", "@", " a@b.example "]), _texts, _odd),
    "ip": st.one_of(st.sampled_from(["192.0.2.1", "::ffff:192.0.2.1", "fe80::1%1", "192.0.2.1 "]), _texts, _odd),
    "first_name": st.one_of(_texts, _odd),
    "last_name": st.one_of(_texts, _odd),
    "company": _texts,
    "phone": st.one_of(st.sampled_from(["+41446681800", "044 668 18 00"]), _texts, _odd),
    "user_agent": _texts,
    "submitted_at": st.one_of(
        st.sampled_from(
            ["2026-11-23T10:00:00Z", "2026-W47-1T10:00:00Z", "2026-11-23T25:00:00Z", "2026-11-23T10:00:00+02:00",
             "2026-11-24T10:00:00Z", "2027-11-23T10:00:00Z", "2026-11-23 10:00:00Z", NOW]
        ),
        _odd,
    ),
    "address": st.one_of(
        _odd,
        st.fixed_dictionaries(
            {},
            optional={
                "lines": st.one_of(_texts, st.just("a\nb")),
                "city": _texts,
                "postal_code": _texts,
                "country": st.sampled_from(["CH", "ch", " CH", "UK", "", "C"]),
                "planet": _texts,
            },
        ),
    ),
    "attributes": st.one_of(_odd, st.sampled_from([{"plan": "x"}, {"plan": 5}, {"plam": "x"}, {}])),
    "emial": _texts,
}  # fmt: skip
_required = ("account_id", "email", "ip")
signups = st.fixed_dictionaries(
    {name: _fields[name] for name in _required},
    optional={name: values for name, values in _fields.items() if name not in _required},
)


@given(st.one_of(signups, signups.map(lambda odd: {**FULL, **dict(list(odd.items())[3:])})))
def test_it_agrees_with_the_form(raw):
    quick = ordinary_signup(raw, READING)
    if quick is not None:
        assert quick == read_by_form(raw, READING)


_cell_texts = st.one_of(_texts, st.sampled_from(["A-1", "a@example.com", "192.0.2.1", "CH", "2026-11-23T10:00:00Z"]))
_COLUMNS = (
    *_required, "first_name", "phone", "address.city", "address.country", "address.planet", "submitted_at",
    "attributes.plan", "signup.plan", "attributes.other", "emial",
)  # fmt: skip
rows = st.fixed_dictionaries({}, optional=dict.fromkeys(_COLUMNS, _cell_texts))
FULL_ROW = {
    "account_id": "A-1",
    "email": "Jane.Doe+x@gmail.com",
    "ip": "203.0.113.27",
    "phone": "044 668 18 00",
    "address.city": " Zürich ",
    "address.country": "CH",
    "submitted_at": "2026-11-23T10:00:00Z",
    "attributes.plan": " vps-1 ",
}


@given(st.one_of(rows, rows.map(lambda odd: {**FULL_ROW, **dict(list(odd.items())[2:])})))
def test_rows_agree_with_the_form(row):
    """With the quick way and without it, a row is the same signup or the same problems."""
    told = []
    for quick in (ordinary_row, lambda cells, layout, reading: None):
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(intake, "ordinary_row", quick)
            patched.setattr(intake, "ordinary_signup", lambda raw, reading: None)
            try:
                told.append(intake.read_row(row, attributes=PLAN, now=NOW))
            except Problems as problems:
                told.append([str(problem) for problem in problems.problems])
    assert told[0] == told[1]


def test_an_ordinary_row_takes_the_quick_way(monkeypatch):
    monkeypatch.setattr(intake, "read_by_form", None)
    signup = intake.read_row(FULL_ROW, attributes=PLAN, now=NOW)
    assert (signup.address.city, signup.phone.e164, signup.attributes) == (
        "Zürich",
        "+41446681800",
        {"signup.plan": "vps-1"},
    )


def test_an_ordinary_signup_takes_the_quick_way():
    quick = ordinary_signup(FULL, READING)
    assert quick is not None
    assert quick == read_by_form(FULL, READING) == read_signup(FULL, attributes=PLAN, now=NOW)
    assert (quick.first_name, quick.phone.e164, quick.address.country) == ("Jane", "+41446681800", "CH")


@pytest.mark.parametrize("field", _required)
def test_what_is_missing_is_left_to_the_form(field):
    raw = {name: value for name, value in FULL.items() if name != field}
    assert ordinary_signup(raw, READING) is None
    with pytest.raises(Problems, match=field):
        read_signup(raw, attributes=PLAN, now=NOW)
