"""Reasons: why an attempt, a picture or a field was not accepted, as a code and in words for the customer.

The codes are ours; what a provider says is mapped to them where it comes in. Codes are stable, words are not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from kycrisk.verification.languages import DEFAULT, marked, translations


class Code(StrEnum):
    """Why something was not accepted."""

    IMAGE_BLURRED = "IMAGE_BLURRED"
    IMAGE_GLARE = "IMAGE_GLARE"
    IMAGE_DARK = "IMAGE_DARK"
    IMAGE_SMALL = "IMAGE_SMALL"
    IMAGE_REFUSED = "IMAGE_REFUSED"  # no picture that is accepted here: another format, too large, damaged
    UNREADABLE = "UNREADABLE"
    DATA_MISMATCH = "DATA_MISMATCH"  # with the field
    DATA_MISSING = "DATA_MISSING"  # with the field
    DOC_EXPIRED = "DOC_EXPIRED"
    DOC_INCOMPLETE = "DOC_INCOMPLETE"  # a side is missing, or cut off
    DOC_TYPE = "DOC_TYPE"
    DOC_COUNTRY = "DOC_COUNTRY"
    DOC_SUSPECT = "DOC_SUSPECT"  # damaged, altered, or a picture of a picture
    FACE_FAILED = "FACE_FAILED"
    PHONE_KIND = "PHONE_KIND"
    CONSENT_DECLINED = "CONSENT_DECLINED"
    ABANDONED = "ABANDONED"
    DUPLICATE = "DUPLICATE"
    UNDER_AGE = "UNDER_AGE"
    SUSPICIOUS = "SUSPICIOUS"  # never with details: they would teach whoever tries
    OTHER = "OTHER"


_TEXTS: Mapping[Code, str] = MappingProxyType(
    {
        Code.IMAGE_BLURRED: marked("The picture is blurred. Hold the camera still, let it focus, and take it again."),
        Code.IMAGE_GLARE: marked("A reflection hides part of the document. Tilt it away from the light."),
        Code.IMAGE_DARK: marked("The picture is too dark. Find more light, and take it again."),
        Code.IMAGE_SMALL: marked("The picture is too small. Go closer, or choose a larger picture."),
        Code.IMAGE_REFUSED: marked("This file is not accepted. Send a JPEG, PNG or WebP picture."),
        Code.UNREADABLE: marked("The document cannot be read. Show all of it, flat and in good light."),
        Code.DATA_MISMATCH: marked("What you entered differs from what the document says: {field}."),
        Code.DATA_MISSING: marked("Something is missing: {field}."),
        Code.DOC_EXPIRED: marked("The document has expired. Use one that is valid."),
        Code.DOC_INCOMPLETE: marked("A side of the document is missing or cut off."),
        Code.DOC_TYPE: marked("This kind of document is not accepted, or is not the one you chose."),
        Code.DOC_COUNTRY: marked("The document is from another country than you chose, or one that is not accepted."),
        Code.DOC_SUSPECT: marked("The document could not be confirmed as genuine. Show the original, undamaged."),
        Code.FACE_FAILED: marked("Your face could not be matched with the document. Face the camera in good light."),
        Code.PHONE_KIND: marked("This is not the number of a mobile phone."),
        Code.CONSENT_DECLINED: marked("You did not agree to the verification."),
        Code.ABANDONED: marked("The verification was not finished. You can start again."),
        Code.DUPLICATE: marked("This document or face belongs to another account."),
        Code.UNDER_AGE: marked("You are younger than this service allows."),
        Code.SUSPICIOUS: marked("The verification could not be completed automatically. You can ask for a person."),
        Code.OTHER: marked("The verification did not succeed. You can try again, or ask for a person."),
    }
)

#: What fields of the personal data are called, in sentences.
_FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "first_name": marked("first name"),
        "middle_name": marked("middle name"),
        "last_name": marked("surname"),
        "date_of_birth": marked("date of birth"),
        "nationality": marked("nationality"),
        "street": marked("street"),
        "house_number": marked("house number"),
        "city": marked("city"),
        "postal_code": marked("postal code"),
        "region": marked("province"),
        "country": marked("country"),
        "company": marked("company"),
        "registration_number": marked("registration number"),
        "vat_id": marked("VAT number"),
        "position": marked("position"),
        "document_number": marked("document number"),
        "document_expiry": marked("date of expiry"),
        "document_issued": marked("date of issue"),
        "sex": marked("sex"),
        "personal_number": marked("personal number"),
        "phone": marked("phone number"),
        "email": marked("e-mail address"),
    }
)
FIELDS = tuple(_FIELDS)
_WITH_FIELD = frozenset({Code.DATA_MISMATCH, Code.DATA_MISSING})
_WRITTEN = re.compile(r"(?P<code>[A-Z_]+)(?:\((?P<field>[a-z_]+)\))?", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Reason:
    """A code, and the field that it is about where it is about one (`FIELDS`). Raises `ValueError` where they clash."""

    code: Code
    field: str = ""

    def __post_init__(self) -> None:
        if self.field and (self.code not in _WITH_FIELD or self.field not in _FIELDS):
            raise ValueError(f"`{self.code.value}` is not about the field `{self.field}`")

    def __str__(self) -> str:
        return f"{self.code.value}({self.field})" if self.field else self.code.value


def read_reason(text: str) -> Reason:
    """`DATA_MISMATCH(last_name)` → the reason. Raises `ValueError`."""
    found = _WRITTEN.fullmatch(text)
    if found is None or found["code"] not in Code.__members__:
        raise ValueError(f"`{text[:60]}` is no reason")
    return Reason(Code[found["code"]], found["field"] or "")


def distinct(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """The reasons, each once, in the order in which they came; one without a field gives way to the same with one."""
    once = dict.fromkeys(reasons)
    specific = {reason.code for reason in once if reason.field}
    return tuple(reason for reason in once if reason.field or reason.code not in specific)


def reason_text(reason: Reason, language: str = DEFAULT) -> str:
    """What the customer reads, in a language of `LANGUAGES`; in English where it is none of them."""
    translate = translations(language).gettext
    field = translate(_FIELDS[reason.field]) if reason.field else translate(marked("some of the data"))
    return translate(_TEXTS[reason.code]).format(field=field)


def field_text(field: str, language: str = DEFAULT) -> str:
    """What a field (`FIELDS`) is called. Raises `KeyError`."""
    return translations(language).gettext(_FIELDS[field])
