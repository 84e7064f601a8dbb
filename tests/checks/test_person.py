"""Oddities of names, and whether name and e-mail address agree."""

from __future__ import annotations

import pytest

from kycrisk.checks.name import CHECK
from tests.checks.making import ask, signup

FLAGS = {"digits", "keyboard_walk", "repeated", "in_email", "email_conflict", "placeholder", "mixed_script"}


@pytest.mark.parametrize(
    ("first", "last", "local", "flags"),
    [
        ("Anna", "Schmidt", "anna.schmidt", {"in_email"}),
        ("Anna", "Schmidt", "aschmidt87", {"in_email"}),
        ("Anna", "Schmidt", "sunny.day", set()),
        ("Anna", "Schmidt", "sales.berlin", set()),
        ("Anna", "Schmidt", "jan.kowalski", {"email_conflict"}),
        ("Anna", "Schmidt", "jan_kowalski84", {"email_conflict"}),
        ("Anna", "Schmidt", "ann.kowalski", set()),  # the start of a name is enough
        ("Sofia", "Petrova", "sofiya.ivanova", set()),  # another spelling
        ("Anna", "Schmitt", "jan.schmidt", set()),  # one slip
        ("Łukasz", "Żółć", "lukasz.zolc", {"in_email"}),
        ("Jürgen", "Müller", "juergen", {"in_email"}),
        ("Jürgen", "Müller", "jmuller", {"in_email"}),
        ("Иван", "Петров", "ivan.petrov", {"in_email"}),
        ("Иван", "Петров", "peter.schmidt", set()),  # Петр is Peter
        ("Γιώργος", "Παπαδόπουλος", "giorgos1", {"in_email"}),
        ("伟", "王", "peter.schmidt", set()),  # cannot be compared
        ("Wei", "Li", "li.wei", {"in_email"}),
        ("Bo", "Li", "ollie", set()),
        ("", "", "anna.schmidt", set()),
        ("John1", "Smith", "x", {"digits"}),
        ("J@ne", "Smith", "x", {"digits"}),
        ("Anne-Marie", "O'Neill", "x", set()),
        ("Jean-Luc", "d’Arc Jr.", "x", set()),
        ("Ravi", "Kumar s/o Raman", "x", set()),
        ("Lim", "Ah Kow @ Tan", "x", set()),
        ("Nguyễn", "Thị Thúy", "x", set()),
        ("Anna", "😀", "x", {"digits"}),
        ("asdf", "Smith", "x", {"keyboard_walk", "placeholder"}),
        ("Qwert", "Zuiop", "x", {"keyboard_walk"}),
        ("asdasd", "qwe", "x", {"keyboard_walk"}),
        ("John", "Hagerty", "x", set()),
        ("Yui", "Hertz", "x", set()),
        ("aaaa", "b", "x", {"keyboard_walk", "repeated"}),
        ("Anna", "anna", "x", {"repeated"}),
        ("Bbb", "Smith", "x", {"repeated"}),
        ("Aa", "Lee", "x", set()),
        ("Test", "User", "x", {"placeholder"}),
        ("John", "Doe", "x", {"placeholder"}),
        ("foo", "bar", "x", {"placeholder"}),
        ("Foo", "Kok Keong", "x", set()),
        ("Christopher", "Null", "x", set()),
        ("Jon", "Tester", "x", set()),
        ("n/a", "", "x", {"placeholder", "digits"}),
        ("A", "B", "x", {"placeholder"}),
        ("Pаul", "Smith", "x", {"mixed_script"}),  # with a Cyrillic а
        ("Paul", "Петров", "x", set()),  # two words, each in its script
    ],
)
def test_name(first, last, local, flags):
    answer = ask(CHECK, signup(f"{local}@example.com", first_name=first, last_name=last))
    assert {flag for flag in FLAGS if answer.known[f"name.{flag}"]} == flags
    assert answer.known["name.given"] == bool(first or last)
    assert answer.known["name.full"] == f"{first} {last}".strip()


def test_the_company_may_stand_in_the_address():
    given = {"first_name": "Anna", "last_name": "Schmidt"}
    mail = "jan.kowalski@example.com"
    assert ask(CHECK, signup(mail, **given)).known["name.email_conflict"] is True
    assert ask(CHECK, signup(mail, company="Kowalski Ltd", **given)).known["name.email_conflict"] is False


def test_a_tag_is_no_part_of_the_name():
    answer = ask(CHECK, signup("shop+anna@example.com", first_name="Anna", last_name="Schmidt"))
    assert answer.known["name.in_email"] is False
