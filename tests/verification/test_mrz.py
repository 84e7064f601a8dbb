"""Machine-readable zones: the specimens of Doc 9303, check digits, dates, and zones that are none."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kycrisk.problems import Problems
from kycrisk.verification.documents.issuers import SPECIMEN, country_of, missing_countries
from kycrisk.verification.documents.mrz import Format, PartialDate, check_digit, read_mrz

TODAY = date(2026, 11, 25)
TD3 = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10"
TD2 = "I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<\nD231458907UTO7408122F1204159<<<<<<<6"
TD1 = "I<UTOD231458907<<<<<<<<<<<<<<<\n7408122F1204159UTO<<<<<<<<<<<6\nERIKSSON<<ANNA<MARIA<<<<<<<<<<"
LONG_NUMBER = "I<UTOD23145890<7349<<<<<<<<<<<\n3407127M9507122UTO<<<<<<<<<<<2\nSTEVENSON<<PETER<JOHN<<<<<<<<<"

#: Doc 9303-4 appendix B, 9303-6 appendix B, 9303-5 appendices B and 9303-5 note j.
SPECIMENS = {
    "a passport": (TD3, Format.TD3, "P", "L898902C3", ("ERIKSSON", "ANNA MARIA"), (1974, 8, 12), "F", (2012, 4, 15)),
    "an older card": (TD2, Format.TD2, "I", "D23145890", ("ERIKSSON", "ANNA MARIA"), (1974, 8, 12), "F", (2012, 4, 15)),
    "a card": (TD1, Format.TD1, "I", "D23145890", ("ERIKSSON", "ANNA MARIA"), (1974, 8, 12), "F", (2012, 4, 15)),
    "a long number": (
        LONG_NUMBER,
        Format.TD1,
        "I",
        "D23145890734",
        ("STEVENSON", "PETER JOHN"),
        (1934, 7, 12),
        "M",
        (1995, 7, 12),
    ),
}


@pytest.mark.parametrize(
    ("text", "format_", "code", "number", "names", "born", "sex", "expiry"), SPECIMENS.values(), ids=SPECIMENS
)
def test_the_specimens_of_doc_9303(text, format_, code, number, names, born, sex, expiry):
    zone = read_mrz(text, TODAY)
    assert (zone.format, zone.code, zone.issuer, zone.nationality) == (format_, code, SPECIMEN, SPECIMEN)
    assert (zone.number, (zone.last_name, zone.first_name), zone.sex) == (number, names, sex)
    assert (zone.date_of_birth, zone.expiry) == (PartialDate(*born), PartialDate(*expiry))
    assert (zone.wrong_digits, zone.names_cut) == ((), False)


# Doc 9303-3 section 4.9: the worked examples.
@pytest.mark.parametrize(
    ("text", "digit"), [("520727", "3"), ("AB2134<<<", "5"), ("HA672242<658022549601086<<<<<<<<<<<<<<0", "8")]
)
def test_check_digits_by_the_worked_examples(text, digit):
    assert check_digit(text) == digit


WRONG = {
    "number": (TD3, 1, 0, "K", ("number", "all")),
    "its digit": (TD3, 1, 9, "7", ("number", "all")),
    "birth": (TD3, 1, 13, "8", ("date_of_birth", "all")),
    "expiry": (TD3, 1, 21, "2", ("expiry", "all")),
    "optional data": (TD3, 1, 28, "A", ("all", "optional")),
    "the last digit": (TD3, 1, 43, "1", ("all",)),
    "a card's number": (TD1, 0, 5, "C", ("number", "all")),
    "a card's last digit": (TD1, 1, 29, "0", ("all",)),
    "an older card's expiry": (TD2, 1, 22, "3", ("expiry", "all")),
}


@pytest.mark.row("H4")
@pytest.mark.parametrize(("text", "line", "place", "letter", "wrong"), WRONG.values(), ids=WRONG)
def test_a_wrong_digit_is_named(text, line, place, letter, wrong):
    lines = text.split("\n")
    lines[line] = lines[line][:place] + letter + lines[line][place + 1 :]
    assert read_mrz("\n".join(lines), TODAY).wrong_digits == wrong


def passport(names="ERIKSSON<<ANNA<MARIA", born="740812", expiry="120415", nationality="UTO", optional="<" * 14):
    second = (
        "L898902C3" + "6" + nationality.ljust(3, "<") + born + check_digit(born) + "F" + expiry + check_digit(expiry)
    )
    second += optional + ("<" if optional == "<" * 14 else check_digit(optional))
    return f"P<UTO{names.ljust(39, '<')}\n{second}{check_digit(second[0:10] + second[13:20] + second[21:43])}"


DATES = {
    "born in this century": ({"born": "040229"}, PartialDate(2004, 2, 29), None),
    "born today": ({"born": "261125"}, PartialDate(2026, 11, 25), None),
    "born tomorrow a century ago": ({"born": "261126"}, PartialDate(1926, 11, 26), None),
    "the day is not known": ({"born": "7408<<"}, PartialDate(1974, 8, None), None),
    "only the year is known": ({"born": "74<<<<"}, PartialDate(1974, None, None), None),
    "not known": ({"born": "<<<<<<"}, None, None),
    "no date": ({"born": "741332"}, None, None),
    "no leap year": ({"born": "050229"}, None, None),
    "expires in this century": ({"expiry": "310101"}, None, PartialDate(2031, 1, 1)),
    "expired in the last": ({"expiry": "991231"}, None, PartialDate(1999, 12, 31)),
}


@pytest.mark.parametrize(("given", "born", "expiry"), DATES.values(), ids=DATES)
def test_dates_find_their_century(given, born, expiry):
    zone = read_mrz(passport(**given), TODAY)
    assert zone.wrong_digits == ()
    if "born" in given:
        assert zone.date_of_birth == born
    else:
        assert zone.expiry == expiry


def test_names_that_fill_their_room_may_be_cut():
    cut = read_mrz(passport(names="NILAVADHANANANDA<<CHAYAPA<DEJTHAMRONG<K"), TODAY)
    assert (cut.last_name, cut.first_name, cut.names_cut) == ("NILAVADHANANANDA", "CHAYAPA DEJTHAMRONG K", True)
    only = read_mrz(passport(names="ARKFREITH"), TODAY)
    assert (only.last_name, only.first_name, only.names_cut) == ("ARKFREITH", "", False)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "its lines have none letters"),
        ("P<UTO", "its lines have 5 letters"),
        (TD3.replace("\n", ""), "its lines have 88 letters"),
        (TD3 + "<", "its lines have 44, 45 letters"),
        (TD3.replace("ANNA", "ANNÄ"), "a letter that no machine-readable zone has"),
        (TD1.split("\n")[0], "its lines have 30 letters"),
        ("x" * 10_000, "its lines have 500 letters"),
    ],
)
def test_texts_that_are_no_zone(text, says):
    with pytest.raises(Problems, match=says):
        read_mrz(text, TODAY)


def test_blanks_and_small_letters_of_whoever_types_it_off_do_not_matter():
    typed = "\n\n  " + TD3.lower().replace("anna", "an na") + "  \n"
    assert read_mrz(typed, TODAY) == read_mrz(TD3, TODAY)


letters = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789<", min_size=1, max_size=40)


@given(text=letters, place=st.integers(0, 39), by=st.integers(1, 9))
def test_any_one_digit_that_is_misread_is_found(text, place, by):
    """Weights 7, 3 and 1 have no factor in common with 10, so no other digit in one place gives the same sum."""
    at = place % len(text)
    old = text[at] if text[at].isdigit() else "0"
    one, other = (text[:at] + digit + text[at + 1 :] for digit in (old, str((int(old) + by) % 10)))
    assert check_digit(one) != check_digit(other)


def read_or_refused(text):
    try:
        return read_mrz(text, TODAY)
    except Problems as refused:
        return refused


@given(text=st.text("ABZ09<\n \u00e9", max_size=140))
def test_any_text_is_read_or_refused(text):
    found = read_or_refused(text)
    assert found.problems if isinstance(found, Problems) else found.format in Format


@given(born=st.dates(date(1930, 1, 1), TODAY), expiry=st.dates(TODAY - timedelta(9000), TODAY + timedelta(9000)))
def test_dates_are_read_as_they_were_written(born, expiry):
    zone = read_mrz(passport(born=born.strftime("%y%m%d"), expiry=expiry.strftime("%y%m%d")), TODAY)
    assert (zone.date_of_birth.whole(), zone.expiry.whole(), zone.wrong_digits) == (born, expiry, ())


def test_every_country_has_a_code_of_three_letters():
    assert missing_countries() == frozenset()
    codes = ["D", "D<<", "DEU", "CHE", "GBD", "RKS", "UTO", "XXA", "UNO", ""]
    assert [country_of(code) for code in codes] == ["DE", "DE", "DE", "CH", "GB", "XK", "", "", "", ""]
