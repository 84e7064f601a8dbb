"""Numbering plans, compiled from the metadata of the phonenumbers library (Google's libphonenumber).

A plan judges what stands behind a calling code exactly as the library does, an order of magnitude faster: the library
looks its patterns up anew for every question. Plans are compiled when a number of theirs is first seen.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

from phonenumbers import (
    COUNTRY_CODE_TO_REGION_CODE,
    SUPPORTED_REGIONS,
    PhoneMetadata,
    PhoneNumberDesc,
)

Fits = Callable[[str], re.Match[str] | None]

#: The digits behind the calling code that the library reads as a number at all.
MIN_NATIONAL, MAX_NATIONAL = 2, 17


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """The numbers of one description: their lengths (empty: any) and their pattern."""

    lengths: frozenset[int]
    fits: Fits

    def hold(self, national: str) -> bool:
        return (not self.lengths or len(national) in self.lengths) and self.fits(national) is not None


_NONE = Numbers(lengths=frozenset({-1}), fits=re.compile(r"(?!)").fullmatch)


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """One region's numbers. `kinds` name what a number is as the library asks in turn, fixed and mobile last."""

    any_number: Numbers
    kinds: Mapping[int, Fits]  # by the length of the number: one pattern, with a group named by each kind
    mobile: Numbers
    same_fixed_and_mobile: bool

    def kind(self, national: str) -> str:
        """The kind of a number; empty when it is none of the region's."""
        if not self.any_number.hold(national):
            return ""
        found = self.kinds[len(national)](national)
        kind = found.lastgroup if found is not None else ""
        if kind == "fixed":
            return "fixed_or_mobile" if self.same_fixed_and_mobile or self.mobile.hold(national) else "fixed"
        return kind or ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The numbers behind one calling code.

    `regions` come with what their numbers begin with (None: a number is theirs when it has a kind there). `trunk`
    matches a trunk prefix that was written in spite of the calling code.
    """

    code: int
    regions: tuple[tuple[str, Fits | None], ...]
    trunk: Fits | None

    def keeps(self, national: str) -> bool:
        """Whether the library takes the digits behind the calling code as they are."""
        found = self.trunk(national) if self.trunk is not None else None
        return found is None or (found.end() == 0 and not any(group is not None for group in found.groups()))

    def judged(self, national: str) -> tuple[str, str]:
        """The region and the kind of a number; no region when none has it, no kind when it is not valid."""
        if len(self.regions) == 1:
            return self.regions[0][0], region(self.code, self.regions[0][0]).kind(national)
        for name, leading in self.regions:
            if leading is not None:
                if leading(national) is not None:
                    return name, region(self.code, name).kind(national)
            elif kind := region(self.code, name).kind(national):
                return name, kind
        return "", ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialling:
    """How numbers are written inside one country.

    `abroad` is its prefix for international calls, `trunk` its trunk prefix; None where the library rewrites numbers
    rather than drop a prefix.
    """

    code: int
    abroad: Fits
    trunk: Fits | None
    any_number: Numbers

    def national(self, digits: str) -> str:
        """The number behind the trunk prefix; empty when only the library can tell."""
        if self.trunk is None or digits.startswith(str(self.code)) or self.abroad(digits) is not None:
            return ""
        found = self.trunk(digits)
        if found is None:
            return digits
        rest = digits[found.end() :]
        return rest if self.any_number.hold(rest) else ""


def split_calling_code(digits: str) -> tuple[int, str]:
    """The calling code (0: none) and what stands behind it. No code is the beginning of another (ITU-T E.164)."""
    for length in (1, 2, 3):
        code = _CODES.get(digits[:length])
        if code is not None:
            return code, digits[length:]
    return 0, ""


_CODES = {str(code): code for code in COUNTRY_CODE_TO_REGION_CODE}


@cache
def plan(code: int) -> Plan:
    """The plan behind a calling code of the library's."""
    regions = COUNTRY_CODE_TO_REGION_CODE[code]
    trunk = _metadata(code, regions[0]).national_prefix_for_parsing
    leading = {name: _metadata(code, name).leading_digits for name in regions}
    return Plan(
        code=code,
        regions=tuple((name, re.compile(start).match if start else None) for name, start in leading.items()),
        trunk=re.compile(trunk).match if trunk else None,
    )


@cache
def region(code: int, name: str) -> Region:
    """One of the regions behind a calling code, `001` where the code has no country."""
    data = _metadata(code, name)
    kinds = {
        "premium": data.premium_rate,
        "toll_free": data.toll_free,
        "shared": data.shared_cost,
        "voip": data.voip,
        "personal": data.personal_number,
        "pager": data.pager,
        "uan": data.uan,
        "voicemail": data.voicemail,
        "fixed": data.fixed_line,
        "mobile": None if data.same_mobile_and_fixed_line_pattern else data.mobile,
    }
    return Region(
        any_number=_numbers(data.general_desc),
        kinds=_by_length({kind: desc for kind, desc in kinds.items() if desc is not None}),
        mobile=_numbers(data.mobile),
        same_fixed_and_mobile=data.same_mobile_and_fixed_line_pattern,
    )


def _by_length(kinds: Mapping[str, PhoneNumberDesc]) -> Mapping[int, Fits]:
    """The kinds that a number of each length can be, in their order, as one pattern."""
    patterns = {}
    for length in range(MAX_NATIONAL + 1):
        possible = {
            kind: desc.national_number_pattern
            for kind, desc in kinds.items()
            if desc.national_number_pattern and (not desc.possible_length or length in desc.possible_length)
        }
        each = [f"(?P<{kind}>{_ungrouped(pattern)})" for kind, pattern in possible.items()]
        patterns[length] = re.compile("|".join(each) or r"(?!)").fullmatch
    return patterns


def _ungrouped(pattern: str) -> str:
    """The pattern without groups of its own, so that the last group of a match is the kind."""
    return re.sub(r"(?<!\\)\((?!\?)", "(?:", pattern)


@cache
def dialling(country: str) -> Dialling | None:
    """How numbers are written inside a country (ISO 3166 alpha-2); None when the library does not know it."""
    data = PhoneMetadata.metadata_for_region(country, None) if country in SUPPORTED_REGIONS else None
    if data is None or data.country_code is None:
        return None
    trunk = re.compile(data.national_prefix_for_parsing or r"(?!)")
    rewrites = bool(trunk.groups or data.national_prefix_transform_rule)
    return Dialling(
        code=data.country_code,
        abroad=re.compile(data.international_prefix or r"(?!)").match,
        trunk=None if rewrites else trunk.match,
        any_number=_numbers(data.general_desc),
    )


def _metadata(code: int, name: str) -> PhoneMetadata:
    data = PhoneMetadata.metadata_for_region_or_calling_code(code, name)
    if data is None:
        raise LookupError(f"phonenumbers names `{name}` for +{code} and has no metadata of it")
    return data


def _numbers(desc: PhoneNumberDesc | None) -> Numbers:
    pattern = desc.national_number_pattern if desc is not None else None
    if desc is None or not pattern:
        return _NONE
    return Numbers(lengths=frozenset(desc.possible_length), fits=re.compile(pattern).fullmatch)
