"""Machine-readable zones (ICAO Doc 9303 parts 3 to 6): TD1 and TD2 of cards, TD3 of passports.

Check digits find slips of the pen and of the reader; whoever forges a document computes them right. So a wrong digit
says that the text was read wrongly or made up badly, and right ones prove nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from kycrisk.problems import Problem, Problems

_WEIGHTS = (7, 3, 1)
_VALUES = {letter: value for value, letter in enumerate("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")} | {"<": 0}
_LINE = re.compile(r"[A-Z0-9<]+", re.ASCII)
_DAY = re.compile(r"\d{6}|\d{4}<<|\d\d<<<<|<{6}", re.ASCII)


class Format(StrEnum):
    """The size of a document, which says how its zone is laid out."""

    TD1 = "TD1"  # a card: three lines of 30
    TD2 = "TD2"  # an older, larger card: two lines of 36
    TD3 = "TD3"  # a passport: two lines of 44


_FORMATS = {(3, 30): Format.TD1, (2, 36): Format.TD2, (2, 44): Format.TD3}


@dataclass(frozen=True, slots=True)
class PartialDate:
    """A date of a zone, whose day, or month and day, may be unknown (None)."""

    year: int
    month: int | None
    day: int | None

    def whole(self) -> date | None:
        """The date, where all of it is known."""
        return None if self.month is None or self.day is None else date(self.year, self.month, self.day)

    def may_be(self, day: date) -> bool:
        """Whether a date is one that this could stand for."""
        return self.year == day.year and self.month in (None, day.month) and self.day in (None, day.day)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mrz:
    """What a zone says. Names are in capitals, their words separated by blanks.

    `wrong_digits`: the fields whose check digit does not fit (`number`, `date_of_birth`, `expiry`, `optional`, `all`).
    `names_cut`: the names fill their room to the end, so that more may have been cut off.
    """

    format: Format
    code: str  # `P`, `I`, `AC`, …
    issuer: str  # as it stands there, such as `UTO` or `D`
    last_name: str
    first_name: str
    names_cut: bool
    number: str
    nationality: str
    date_of_birth: PartialDate | None
    sex: str  # `F`, `M`, or empty
    expiry: PartialDate | None
    wrong_digits: tuple[str, ...]


def check_digit(text: str) -> str:
    """The check digit of a text (Doc 9303-3 section 4.9). Raises `KeyError` for letters that no zone has."""
    total = sum(_VALUES[letter] * _WEIGHTS[place % 3] for place, letter in enumerate(text))
    return str(total % 10)


def read_mrz(text: str, today: date) -> Mrz:
    """The zone that a text holds, one line of it a line; blanks do not count. Raises `Problems`, with all of them.

    `today` tells the centuries apart: nobody is born tomorrow, and what expires does so within fifty years.
    """
    lines = [re.sub(r"\s", "", line).upper().replace("«", "<<") for line in text[:500].splitlines()]
    lines = [line for line in lines if line]
    wrong = [
        Problem(f"line {number}", "a letter that no machine-readable zone has", "it has A to Z, 0 to 9, and `<`")
        for number, line in enumerate(lines, 1)
        if not _LINE.fullmatch(line)
    ]
    lengths = {len(line) for line in lines}
    format_ = _FORMATS.get((len(lines), next(iter(lengths)))) if len(lengths) == 1 else None
    if format_ is None:
        shown = ", ".join(str(len(line)) for line in lines) or "none"
        help_ = "a card has three lines of 30 letters or two of 36, a passport two of 44"
        wrong.append(Problem("", f"this is no machine-readable zone: its lines have {shown} letters", help_))
    if wrong or format_ is None:
        raise Problems(wrong)
    return _read(_td1(lines) if format_ is Format.TD1 else _two_lines(lines, format_), today)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fields:
    """The fields of a zone as they stand there, each with its check digit."""

    format: Format
    code: str
    issuer: str
    names: str
    number: str
    number_digit: str
    nationality: str
    birth: str
    birth_digit: str
    sex: str
    expiry: str
    expiry_digit: str
    optional: str
    optional_digit: str | None  # only passports have one
    all: str
    all_digit: str


def _td1(lines: list[str]) -> _Fields:
    first, second, names = lines
    number, digit, optional = _long_number(first[5:14], first[14], first[15:30])
    return _Fields(
        format=Format.TD1, code=first[0:2], issuer=first[2:5], names=names, number=number, number_digit=digit,
        nationality=second[15:18], birth=second[0:6], birth_digit=second[6], sex=second[7], expiry=second[8:14],
        expiry_digit=second[14], optional=optional, optional_digit=None,
        all=first[5:30] + second[0:7] + second[8:15] + second[18:29], all_digit=second[29],
    )  # fmt: skip


def _two_lines(lines: list[str], format_: Format) -> _Fields:
    first, second = lines
    passport = format_ is Format.TD3
    number, digit, optional = second[0:9], second[9], second[28:42] if passport else second[28:35]
    if not passport:
        number, digit, optional = _long_number(number, digit, optional)
    return _Fields(
        format=format_, code=first[0:2], issuer=first[2:5], names=first[5:], number=number, number_digit=digit,
        nationality=second[10:13], birth=second[13:19], birth_digit=second[19], sex=second[20], expiry=second[21:27],
        expiry_digit=second[27], optional=optional, optional_digit=second[42] if passport else None,
        all=second[0:10] + second[13:20] + second[21:-1], all_digit=second[-1],
    )  # fmt: skip


def _long_number(number: str, digit: str, optional: str) -> tuple[str, str, str]:
    """A number of more than nine letters goes on in the optional data, its digit behind it (Doc 9303-5 note j)."""
    more, _, rest = optional.partition("<")
    if digit != "<" or len(more) < 2:
        return number, digit, optional
    return number + more[:-1], more[-1], rest


def _read(fields: _Fields, today: date) -> Mrz:
    last, first = _names(fields.names)
    return Mrz(
        format=fields.format,
        code=fields.code.rstrip("<"),
        issuer=fields.issuer.rstrip("<"),
        last_name=last,
        first_name=first,
        names_cut=not fields.names.endswith("<"),
        number=fields.number.rstrip("<"),
        nationality=fields.nationality.rstrip("<"),
        date_of_birth=_date(fields.birth, today, born=True),
        sex=fields.sex if fields.sex in "FM" else "",
        expiry=_date(fields.expiry, today, born=False),
        wrong_digits=tuple(_wrong_digits(fields)),
    )


def _wrong_digits(fields: _Fields) -> Iterator[str]:
    checked = [
        ("number", fields.number, fields.number_digit),
        ("date_of_birth", fields.birth, fields.birth_digit),
        ("expiry", fields.expiry, fields.expiry_digit),
        ("all", fields.all, fields.all_digit),
    ]
    for name, text, digit in checked:
        if check_digit(text) != digit:
            yield name
    if fields.optional_digit is not None:
        empty = not fields.optional.strip("<")  # then the digit may be left out
        if check_digit(fields.optional) != fields.optional_digit and not (empty and fields.optional_digit == "<"):
            yield "optional"


def _names(text: str) -> tuple[str, str]:
    last, _, first = text.partition("<<")
    return tuple(" ".join(part.replace("<", " ").split()) for part in (last, first))  # type: ignore[return-value]


def _date(text: str, today: date, *, born: bool) -> PartialDate | None:
    """None where there is none, or where it is none of the calendar's."""
    if not _DAY.fullmatch(text) or text == "<<<<<<":
        return None
    month, day = (int(part) if part != "<<" else None for part in (text[2:4], text[4:6]))
    year = int(text[:2])
    this = today.year
    nearest = min((century + year for century in (1900, 2000, 2100)), key=lambda each: abs(each - this))
    if born:
        nearest = max(each for each in (1800 + year, 1900 + year, 2000 + year, 2100 + year) if each <= this)
        if (nearest, month or 1, day or 1) > (today.year, today.month, today.day):
            nearest -= 100
    found = PartialDate(nearest, month, day)
    try:
        date(nearest, month or 1, day or 1)
    except ValueError:
        return None
    return found
