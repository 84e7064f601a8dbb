"""What a customer entered, compared with what their document says: field by field, and exactly.

Exactly: after capitals, hyphens and apostrophes are levelled, every letter counts, and so does the order of names.
What a machine-readable zone cannot write is compared in the spellings that ICAO has for it (documents/transliteration).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from kycrisk.verification.documents.issuers import country_of
from kycrisk.verification.documents.mrz import Mrz, PartialDate
from kycrisk.verification.documents.transliteration import same_name, spelt_as, words_of
from kycrisk.verification.reasons import Code, Reason

#: The fields that a document of identity can confirm.
COMPARED = ("first_name", "last_name", "date_of_birth", "nationality")


class Match(StrEnum):
    """What a comparison found."""

    SAME = "same"
    DIFFERENT = "different"
    UNKNOWN = "unknown"  # one of the two does not say


class Validity(StrEnum):
    """Whether a document is still valid."""

    VALID = "valid"
    EXPIRED = "expired"
    UNKNOWN = "unknown"  # it does not say until when


@dataclass(frozen=True, slots=True)
class FieldMatch:
    """A field (`COMPARED`) and what was found about it."""

    field: str
    match: Match


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentData:
    """What a document says, read from its zone (`document_data`) or typed off by a reviewer; empty: it does not say.

    `cut`: the names may be longer than what stands there. `nationality` is ISO 3166 alpha-2.
    """

    first_name: str = ""
    last_name: str = ""
    date_of_birth: PartialDate | None = None
    nationality: str = ""
    expiry: PartialDate | None = None
    number: str = ""
    cut: bool = False


def document_data(zone: Mrz) -> DocumentData:
    """What a machine-readable zone says, as it is compared."""
    return DocumentData(
        first_name=zone.first_name,
        last_name=zone.last_name,
        date_of_birth=zone.date_of_birth,
        nationality=country_of(zone.nationality),
        expiry=zone.expiry,
        number=zone.number,
        cut=zone.names_cut,
    )


def compared(entered: Mapping[str, str], document: DocumentData) -> tuple[FieldMatch, ...]:
    """Each field of `COMPARED`. A middle name, where one was entered, counts among the first names."""
    given = " ".join(filter(None, (entered.get("first_name", ""), entered.get("middle_name", ""))))
    return (
        FieldMatch("first_name", _names(given, document.first_name, cut=document.cut)),
        FieldMatch("last_name", _names(entered.get("last_name", ""), document.last_name, cut=document.cut)),
        FieldMatch("date_of_birth", _dates(entered.get("date_of_birth", ""), document.date_of_birth)),
        FieldMatch("nationality", _texts(entered.get("nationality", "").upper(), document.nationality)),
    )


def mismatches(entered: Mapping[str, str], document: DocumentData) -> tuple[Reason, ...]:
    """A `DATA_MISMATCH` for each field that differs."""
    return tuple(
        Reason(Code.DATA_MISMATCH, found.field)
        for found in compared(entered, document)
        if found.match is Match.DIFFERENT
    )


def validity(document: DocumentData, today: date) -> Validity:
    """Whether a document is valid: to the end of the day that it names, or of the month where it names no day."""
    expiry = document.expiry
    if expiry is None:
        return Validity.UNKNOWN
    until = (expiry.year, expiry.month or 12, expiry.day or 31)
    return Validity.VALID if until >= (today.year, today.month, today.day) else Validity.EXPIRED


def _names(entered: str, told: str, *, cut: bool) -> Match:
    name, document = words_of(entered), words_of(told)
    if not name or not document:
        return Match.UNKNOWN
    if same_name(name, document):
        return Match.SAME
    return Match.UNKNOWN if cut and spelt_as(name, document, cut=True) else Match.DIFFERENT


def _dates(entered: str, told: PartialDate | None) -> Match:
    try:
        day = date.fromisoformat(entered)
    except ValueError:
        return Match.UNKNOWN
    if told is None:
        return Match.UNKNOWN
    if not told.may_be(day):
        return Match.DIFFERENT
    return Match.SAME if told.whole() == day else Match.UNKNOWN


def _texts(entered: str, told: str) -> Match:
    if not entered or not told:
        return Match.UNKNOWN
    return Match.SAME if entered == told else Match.DIFFERENT
