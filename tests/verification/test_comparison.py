"""What was entered against what the document says: exactly, in every spelling that a document may have."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kycrisk.verification.comparison import (
    COMPARED,
    DocumentData,
    Match,
    Validity,
    compared,
    document_data,
    mismatches,
    validity,
)
from kycrisk.verification.documents.mrz import PartialDate, read_mrz
from kycrisk.verification.documents.transliteration import same_name, spellings_of, spelt_as, words_of
from tests.verification.test_mrz import TD3, TODAY, passport

ANNA = {
    "first_name": "Anna Maria",
    "last_name": "Eriksson",
    "date_of_birth": "1974-08-12",
    "nationality": "SE",
}
ANNAS = document_data(read_mrz(TD3.replace("36UTO", "36SWE"), TODAY))


@pytest.mark.row("Q8")
def test_all_that_agrees_is_the_same():
    assert [(each.field, each.match.value) for each in compared(ANNA, ANNAS)] == [(name, "same") for name in COMPARED]
    assert mismatches(ANNA, ANNAS) == ()


@pytest.mark.row("Q8")
@pytest.mark.parametrize(
    ("field", "entered"),
    [
        ("last_name", "Erikson"),
        ("last_name", "Erikssen"),
        ("last_name", "Anna Maria"),
        ("first_name", "Anna"),
        ("first_name", "Maria Anna"),
        ("first_name", "Anna-Mari"),
        ("date_of_birth", "1974-12-08"),
        ("date_of_birth", "1974-08-13"),
        ("nationality", "FI"),
    ],
)
def test_one_letter_that_differs_is_a_mismatch_of_its_field(field, entered):
    assert [str(each) for each in mismatches(ANNA | {field: entered}, ANNAS)] == [f"DATA_MISMATCH({field})"]


@pytest.mark.parametrize(
    ("field", "entered"),
    [
        ("last_name", "ERIKSSON"),
        ("last_name", " eriksson "),
        ("last_name", "Éríksson"),
        ("first_name", "Anna-Maria"),
        ("first_name", "anna  maria"),
        ("first_name", "Ann'a María"),
    ],
)
def test_writings_of_the_same_name(field, entered):
    assert mismatches(ANNA | {field: entered}, ANNAS) == ()


def test_a_middle_name_counts_among_the_first_names():
    assert mismatches(ANNA | {"first_name": "Anna", "middle_name": "Maria"}, ANNAS) == ()


def test_what_is_not_said_is_not_known():
    found = compared({}, ANNAS), compared(ANNA, DocumentData())
    assert {each.match for one in found for each in one} == {Match.UNKNOWN}
    partial = DocumentData(date_of_birth=PartialDate(1974, 8, None), nationality="")
    matches = {each.field: each.match.value for each in compared(ANNA, partial)}
    assert matches["date_of_birth"] == "unknown"
    wrong = DocumentData(date_of_birth=PartialDate(1975, None, None))
    assert [str(each) for each in mismatches(ANNA, wrong)] == ["DATA_MISMATCH(date_of_birth)"]


def test_a_name_that_the_zone_cut_off_is_not_known_and_another_differs():
    zone = document_data(read_mrz(passport(names="NILAVADHANANANDA<<CHAYAPA<DEJTHAMRONG<K"), TODAY))
    entered = {"last_name": "Nilavadhanananda", "first_name": "Chayapa Dejthamrong Krasuang"}
    found = {each.field: each.match.value for each in compared(entered, zone)}
    assert (found["first_name"], found["last_name"]) == ("unknown", "same")
    other = entered | {"first_name": "Chayapa Dejthamrong Srasuang"}
    assert [str(each) for each in mismatches(other, zone)] == ["DATA_MISMATCH(first_name)"]


#: Doc 9303-3 section 6, and names as national passports print them.
SPELLINGS = {
    "umlaut spelt out": ("Müller", "MUELLER", True),
    "umlaut plain": ("Müller", "MULLER", True),
    "umlaut as an escape": ("Müller", "MUXXLLER", True),
    "umlaut lost": ("Müller", "MLLER", False),
    "eszett": ("Weiß", "WEISS", True),
    "eszett once": ("Weiß", "WEIS", False),
    "a ring": ("Håkansson", "HAAKANSSON", True),
    "a ring plain": ("Håkansson", "HAKANSSON", True),
    "eñe": ("Muñoz", "MUNOZ", True),
    "eñe escaped": ("Muñoz", "MUNXXOZ", True),
    "thorn": ("Þórður", "THORDUR", True),
    "stroke": ("Łukasz", "LUKASZ", True),
    "dotless i": ("Işık", "ISIK", True),
    "caron": ("Dvořák", "DVORAK", True),
    "apostrophe": ("O'Brien", "OBRIEN", True),
    "apostrophe, typographic": ("D’Arcy", "DARCY", True),
    "hyphen": ("Smith-Jones", "SMITH JONES", True),
    "hyphen left out": ("Smith-Jones", "SMITHJONES", False),
    "composed of two": ("Mu\u0308ller", "MUELLER", True),
    "Russian": ("Хрущёв", "KHRUSHCHEV", True),
    "Ukrainian": ("Григорій", "HRYHORII", True),
    "Serbian": ("Ђоковић", "DOKOVIC", True),
    "Bulgarian": ("Щерев", "SHTEREV", True),
    "Greek": ("Παπαδόπουλος", "PAPADOPOULOS", True),
    "a letter more": ("Müller", "MUELLERS", False),
    "ae where there is none": ("Mahler", "MAEHLER", False),
    "another script": ("山田", "YAMADA", False),
}


@pytest.mark.parametrize(("name", "zone", "same"), SPELLINGS.values(), ids=SPELLINGS)
def test_names_in_the_spellings_of_machine_readable_zones(name, zone, same):
    assert spelt_as(name, zone) is same
    assert same_name(zone, name) is same


@pytest.mark.row("H4")
@pytest.mark.row("Q18")
@pytest.mark.parametrize(
    ("expiry", "found"),
    [
        (PartialDate(2026, 11, 25), Validity.VALID),
        (PartialDate(2026, 11, 24), Validity.EXPIRED),
        (PartialDate(2031, 1, 1), Validity.VALID),
        (PartialDate(2026, 11, None), Validity.VALID),
        (PartialDate(2026, 10, None), Validity.EXPIRED),
        (PartialDate(2026, None, None), Validity.VALID),
        (None, Validity.UNKNOWN),
    ],
)
def test_a_document_is_valid_to_the_end_of_its_last_day(expiry, found):
    assert validity(DocumentData(expiry=expiry), date(2026, 11, 25)) is found


names = st.text(st.sampled_from("abcdefghijklmnopqrstuvwxyzäöüåßéñøłжщъюя'- "), min_size=1, max_size=30)


def one_spelling(name, choose):
    return "".join(choose(spellings_of(letter)) for letter in words_of(name))


@given(name=names, data=st.data())
def test_every_spelling_is_found_and_the_same_both_ways(name, data):
    zone = one_spelling(name, lambda each: data.draw(st.sampled_from(each)))
    assert spelt_as(name, zone)
    assert spelt_as(name, zone[: len(zone) // 2], cut=True) or not zone[: len(zone) // 2]


@given(name=st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ ", min_size=1, max_size=20), place=st.integers(0, 19))
def test_any_letter_that_is_another_is_found_in_plain_names(name, place):
    plain = words_of(name)
    if not plain:
        return
    at = place % len(plain)
    other = plain[:at] + ("Q" if plain[at] != "Q" else "X") + plain[at + 1 :]
    assert not same_name(plain, other)
    assert same_name(plain.lower(), plain)


@given(one=st.text(max_size=12), other=st.text(max_size=12))
def test_any_two_texts_are_compared_the_same_way_round(one, other):
    assert same_name(one, other) == same_name(other, one)
    assert same_name(one, one)
