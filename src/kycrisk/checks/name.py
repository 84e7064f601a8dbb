"""The person's name: whether somebody would be called so, and whether the e-mail address agrees."""

from __future__ import annotations

import re
import unicodedata

from kycrisk.checks.check import Answer, Check, Said, answered
from kycrisk.signals import Signal, Subject, Type
from kycrisk.signup import Signup
from kycrisk.text.keyboard import is_walk
from kycrisk.text.person import names_another, shares_a_name, untagged
from kycrisk.text.scripts import mixes_scripts

Key = tuple[str, str, str, str]  # first name, last name, company, local part of the e-mail address

_PLAIN = re.compile(r"[A-Za-z .,'’\-]*")
_SYMBOLS = frozenset(" .,'’ʼ`´-‐‑·()")
# Malay and Tamil patronymics (son of, daughter of) and aliases, as identity cards in Malaysia and Singapore have them.
_PATRONYMIC = re.compile(r"(?<!\w)([sdaSDA]/[oOlLpP]|@)(?!\w)")

_NOBODY = frozenset(
    {
        "test", "testing", "prueba", "asdf", "asd", "qwerty", "foobar", "blah",
        "blahblah", "anonymous", "anonym", "nobody", "noname", "unknown", "firstname", "lastname",
        "forename", "surname", "fname", "lname", "username", "yourname", "lorem", "ipsum", "mustermann",
        "n/a",
    }
)  # fmt: skip
# Placeholders that are somebody's name too (Mr Null, Ms Bar, Mr Foo): they count when nothing else is given.
_NOBODY_ALONE = frozenset(
    {
        "tester", "teste", "na", "none", "null", "nil", "no", "name", "user", "admin", "root", "customer", "client",
        "first", "last", "demo", "sample", "dummy", "example", "abc", "xyz", "xxx", "foo", "bar", "baz",
        "me", "mr", "mrs", "ms", "anon", "lol", "test1", "hello", "guest", "owner", "temp", "fake",
    }
)  # fmt: skip
_PLACEHOLDERS = frozenset(
    {
        "john doe", "jane doe", "joe doe", "john q public", "max mustermann", "erika mustermann",
        "jan modaal", "foo bar", "joe bloggs", "fulano de tal", "john test", "jane test", "first last",
        "donald duck", "mickey mouse", "santa claus", "james bond", "harry potter", "spider man",
        "darth vader", "bart simpson", "homer simpson", "luke skywalker",
        "john wick",
    }
)  # fmt: skip


def has_symbols(name: str) -> bool:
    """Whether a personal name holds digits, or symbols that no language writes names with."""
    if _PLAIN.fullmatch(name):
        return False
    rest = _PATRONYMIC.sub("", name)
    return any(unicodedata.category(sign)[0] not in "LM" and sign not in _SYMBOLS for sign in rest)


def is_placeholder(first: str, last: str) -> bool:
    """Whether lower-case names are what people write who give none: `test`, `foo bar`, `john doe`."""
    if first in _NOBODY or last in _NOBODY or f"{first} {last}".strip() in _PLACEHOLDERS:
        return True
    return bool(first or last) and _means_nobody(first) and _means_nobody(last)


def _means_nobody(part: str) -> bool:
    return part in _NOBODY_ALONE or (len(part) < 2 and part.isascii())  # `王` is a whole name


def is_repeated(first: str, last: str) -> bool:
    """Whether lower-case names are one word twice, or one letter three times or more."""
    if first == last:
        return first != ""
    return _is_one_letter(first) or _is_one_letter(last)


def _is_one_letter(part: str) -> bool:
    return len(part) > 2 and part[0] == part[1] and part.count(part[0]) == len(part)


def _ask(key: Key) -> Answer:
    first, last, company, local = key
    full = f"{first} {last}".strip()
    lower_first, lower_last = first.lower(), last.lower()
    in_email = bool(full) and shares_a_name(full, local)
    return answered(
        {
            "name.given": bool(full),
            "name.full": full,
            "name.digits": has_symbols(full),
            "name.keyboard_walk": is_walk(lower_first) or is_walk(lower_last),
            "name.repeated": is_repeated(lower_first, lower_last),
            "name.in_email": in_email,
            "name.email_conflict": bool(full) and not in_email and names_another(full, company, local),
            "name.placeholder": is_placeholder(lower_first, lower_last),
            "name.mixed_script": mixes_scripts(full),
        }
    )


def _key(signup: Signup, said: Said) -> Key:
    return (
        signup.first_name.strip(),
        signup.last_name.strip(),
        signup.company,
        untagged(signup.email.local, signup.email.tag),
    )


_REAL = "give the name that stands in your passport or identity card"


def _signal(name: str, question: str, advice: str = _REAL, type_: Type = Type.BOOL, *, welcome: bool = False) -> Signal:
    return Signal(name, type_, question, Subject.PERSON, advice=advice, welcome=welcome)


CHECK: Check[Key] = Check(
    name="name",
    subject=Subject.PERSON,
    signals=(
        _signal("name.given", "Did the customer give a name?", "give your name", welcome=True),
        _signal("name.full", "What is the full name?", "", Type.STR),
        _signal("name.digits", "Are there digits or symbols in the name?"),
        _signal("name.keyboard_walk", "Was the name typed by running over neighbouring keys (`asdf`)?"),
        _signal("name.repeated", "Is the name one word twice, or one letter over and over?"),
        _signal("name.in_email", "Does a part of the name stand in the e-mail address?", ""),
        _signal(
            "name.email_conflict",
            "Does the e-mail address hold somebody else's full name?",
            "use an address with your own name",
        ),
        _signal("name.placeholder", "Is the name a placeholder (`test`, `john doe`)?"),
        _signal("name.mixed_script", "Does the name mix scripts that no language writes together?"),
    ),
    key=_key,
    prepare=lambda world: _ask,
)
