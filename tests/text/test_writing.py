"""Scripts, spellings, keyboard walks, kinds of domains, and the names that ship with the package."""

from __future__ import annotations

import pytest

from kycrisk.text.domains import domain_kind
from kycrisk.text.folding import folded, spellings, words
from kycrisk.text.keyboard import is_walk
from kycrisk.text.names import names
from kycrisk.text.person import names_another, shares_a_name, untagged
from kycrisk.text.scripts import mixes_scripts

WALKS = """
asdf qwerty qwertz azerty hjkl lkjh zxcvbnm qwe asdasd wsx aaaa 1234 йцукен
"""

NO_WALKS = """
anna hagerty trew hertz schwert konzert property as q yui annaanna провал
"""


@pytest.mark.parametrize(
    ("text", "mixed"),
    [
        ("paypal", False),
        ("pаypal", True),  # Cyrillic а
        ("gοogle", True),  # Greek ο
        ("Müller", False),
        ("Петров", False),
        ("Петр Smith", False),
        ("example.рф", False),
        ("日本語カナかなabc", False),
        ("한국어abc漢", False),
        ("ㄅ中a", False),
        ("한あ", True),
        ("аԱ", True),  # Cyrillic and Armenian
        ("ลdmin", True),  # Thai
        ("2.000€", False),
        ("", False),
    ],
)
def test_mixed_scripts(text, mixed):
    assert mixes_scripts(text) is mixed


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Łukasz Żółć", "lukasz zolc"),
        ("Müller", "muller"),
        ("Straße", "strasse"),
        ("Иван Щукин", "ivan shchukin"),
        ("Γιώργος", "giorgos"),
        ("Nguyễn Văn Đức", "nguyen van duc"),
        ("İBRAHİM", "ibrahim"),
        ("Ørsted", "orsted"),
        ("王伟", "王伟"),
    ],
)
def test_folding(text, plain):
    assert folded(text) == plain


def test_spellings():
    assert spellings("Müller") == {"muller", "mueller"}
    assert spellings("Åse") == {"ase", "aase"}
    assert spellings("Smith") == {"smith"}
    assert words("O'Neill-Smith, J. 3rd") == ["O", "Neill", "Smith", "J", "rd"]


@pytest.mark.parametrize(
    "word",
    WALKS.split(),
)
def test_walks(word):
    assert is_walk(word)


@pytest.mark.parametrize(
    "word",
    NO_WALKS.split(),
)
def test_no_walks(word):
    assert not is_walk(word)


def test_no_name_is_a_walk():
    assert [name for name in names().all if is_walk(name)] == []


@pytest.mark.parametrize(
    ("domain", "kind"),
    [
        ("example.com", "documentation"),
        ("mail.example.org", "documentation"),
        ("shop.example", "documentation"),
        ("notexample.com", "public"),
        ("example.co.uk", "public"),
        ("blogspot.com", "public"),
        ("com", "public"),
        ("localhost", "reserved"),
        ("host.internal", "reserved"),
        ("x.alt", "reserved"),
        ("192.0.2.1", "unknown_suffix"),
        ("printer.lan", "unknown_suffix"),
        ("xn--e1afmkfd.xn--p1ai", "public"),
        ("", ""),
    ],
)
def test_domain_kind(domain, kind):
    assert domain_kind(domain) == kind


def test_names_are_plain_and_many():
    assert len(names().given) > 1500
    assert len(names().family) > 1500
    assert all(name.isascii() and name.isalpha() and name.islower() for name in names().all)


@pytest.mark.parametrize(
    ("local", "tag", "expected"),
    [
        ("anna+shop", "shop", "anna"),
        ("anna-shop", "shop", "anna"),
        ("anna", "", "anna"),
        ("anna", "anna", "anna"),
    ],
)
def test_untagged(local, tag, expected):
    assert untagged(local, tag) == expected


def test_people():
    assert shares_a_name("Jürgen Groß", "j.gross")
    assert not shares_a_name("Jürgen Groß", "peter")
    assert names_another("Jürgen Groß", "", "peter.hansen")
    assert not names_another("Jürgen Groß", "", "peterhansen")
    assert not names_another("Jürgen Groß", "Hansen KG", "peter.hansen")
