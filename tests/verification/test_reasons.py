"""Reasons in words, in both languages; catalogues read as they stand; languages chosen by what browsers accept."""

import gettext
import re
from importlib.resources import files
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kycrisk.verification import languages
from kycrisk.verification.languages import LANGUAGES, chosen, compiled, read_po, translations
from kycrisk.verification.reasons import FIELDS, Code, Reason, distinct, field_text, read_reason, reason_text

PO = files("kycrisk.verification") / "locale" / "de" / "LC_MESSAGES" / "verification.po"


@pytest.mark.row("Q16")
@pytest.mark.parametrize("code", Code)
def test_every_reason_has_words_in_every_language(code):
    texts = [reason_text(Reason(code), language) for language in LANGUAGES]
    assert len({*texts}) == len(LANGUAGES)
    assert all(text.strip() and "{" not in text for text in texts)


@pytest.mark.row("Q18")
@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("IMAGE_BLURRED", "The picture is blurred."),
        ("IMAGE_GLARE", "A reflection hides part of the document."),
        ("UNREADABLE", "The document cannot be read."),
        ("DATA_MISMATCH(last_name)", "What you entered differs from what the document says: surname."),
        ("DOC_EXPIRED", "The document has expired."),
        ("FACE_FAILED", "Your face could not be matched with the document."),
    ],
)
def test_the_reasons_that_procedures_name(code, says):
    assert reason_text(read_reason(code)).startswith(says)


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_has_a_name_in_every_language(field):
    reason = Reason(Code.DATA_MISMATCH, field)
    assert field_text(field) in reason_text(reason)
    assert field_text(field, "de") in reason_text(reason, "de")
    assert read_reason(str(reason)) == reason


def test_a_language_that_there_is_not_is_english():
    assert reason_text(Reason(Code.DOC_EXPIRED), "tlh") == reason_text(Reason(Code.DOC_EXPIRED))


@pytest.mark.parametrize(
    "text",
    ["", "DATA_MISMATCH(", "DATA_MISMATCH()", "DATA_MISMATCH(hair)", "DOC_EXPIRED(last_name)", "data_mismatch", "NAME"],
)
def test_texts_that_are_no_reason(text):
    with pytest.raises(ValueError, match=r"is no reason|is not about the field"):
        read_reason(text)


def test_reasons_come_once_and_the_one_with_a_field_says_more():
    some = [
        Reason(Code.DATA_MISMATCH),
        Reason(Code.DOC_EXPIRED),
        Reason(Code.DATA_MISMATCH, "city"),
        Reason(Code.DOC_EXPIRED),
    ]
    assert [str(each) for each in distinct(some)] == ["DOC_EXPIRED", "DATA_MISMATCH(city)"]


def test_the_german_catalogue_has_every_message_that_is_marked():
    sources = files("kycrisk.verification")
    marked = set()
    for name in ("reasons.py", "documents/selfie.py"):
        text = (sources / name).read_text("utf-8")
        marked |= set(re.findall(r'marked\(\s*"((?:[^"\\]|\\.)*)"\s*\)', text))
    known = set(read_po(PO.read_text("utf-8"))) - {""}
    assert (marked - known, len(marked) > 40) == (set(), True)


@pytest.mark.parametrize("key", [key for key in read_po(PO.read_text("utf-8")) if key])
def test_translations_keep_their_blanks_to_fill_in(key):
    text = read_po(PO.read_text("utf-8"))[key]
    assert sorted(re.findall(r"\{\w*\}", text)) == sorted(re.findall(r"\{\w*\}", key))


CATALOGUE = """
# a comment
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"

#. for the queue
msgid "one case"
msgid_plural "{n} cases"
msgstr[0] "ein Fall"
msgstr[1] "{n} Fälle"

msgctxt "button"
msgid "open"
msgstr "öffnen"

msgid "two "
"lines with a \\"quote\\"\\n"
msgstr "zwei "
"Zeilen mit einem \\"Zitat\\"\\n"

#, fuzzy
msgid "guessed"
msgstr "geraten"

msgid "not yet"
msgstr ""
"""


def test_a_catalogue_is_read_as_gettext_has_it():
    found = gettext.GNUTranslations(BytesIO(compiled(read_po(CATALOGUE))))
    assert [found.ngettext("one case", "{n} cases", count) for count in (0, 1, 2)] == [
        "{n} Fälle",
        "ein Fall",
        "{n} Fälle",
    ]
    assert (found.pgettext("button", "open"), found.gettext("open")) == ("öffnen", "open")
    assert found.gettext('two lines with a "quote"\n') == 'zwei Zeilen mit einem "Zitat"\n'
    assert (found.gettext("guessed"), found.gettext("not yet")) == ("guessed", "not yet")


def test_a_line_that_is_none_of_a_catalogue_is_named():
    with pytest.raises(ValueError, match=r"line 2 is not of a `\.po` file"):
        read_po('msgid "x"\nmsgtsr "y"\n')


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-CH, en;q=0.8", "de"),
        ("fr, de;q=0.5, en;q=0.9", "en"),
        ("fr;q=0.9, de;q=0.8", "de"),
        ("de;q=0", "en"),
        ("*", "en"),
        ("DE-at", "de"),
        (",;q=,;;", "en"),
        ("fr," * 1000 + "de", "en"),
    ],
)
def test_a_language_is_chosen_by_what_is_accepted(accepted, language):
    assert chosen(accepted) == language


@given(st.text(max_size=60))
def test_whatever_is_accepted_a_language_is_chosen(accepted):
    assert chosen(accepted) in LANGUAGES


@given(
    st.dictionaries(
        st.text("abc \u00e4", min_size=1, max_size=8), st.text("xyz\u00fc", min_size=1, max_size=8), max_size=12
    )
)
def test_any_messages_are_found_again(messages):
    found = gettext.GNUTranslations(BytesIO(compiled({"": "Content-Type: text/plain; charset=UTF-8\n", **messages})))
    assert {key: found.gettext(key) for key in messages} == messages


def test_a_catalogue_is_read_once():
    assert translations("de") is translations("de")
    assert languages.DEFAULT in LANGUAGES
