"""iDenfy's words (documentation.idenfy.com, vocabulary, read 2026-11) and what they mean here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from kycrisk.verification.providers.provider import Outcome
from kycrisk.verification.reasons import Code, Reason, distinct

OTHER_EVENT = "OTHER"
EVENT_TYPES = frozenset(
    {
        "IDENTIFICATION",  # the older one, for every result
        "IDENTIFICATION_AUTO_FINISHED",
        "IDENTIFICATION_MANUAL_FINISHED",
        "IDENTIFICATION_EXPIRED",
        "IDENTIFICATION_DELETED",
        "IDENTIFICATION_ARCHIVED",
    }
)
_LOCALES = "bg cs da de el en es et fi fr hi hr hu id it ja lt lv nl no pl pt ro ru sk sl sr sv th tr uk vi"
LOCALES = frozenset(_LOCALES.split())

_OVERALL: Mapping[str, Outcome] = MappingProxyType(
    {
        "APPROVED": Outcome.APPROVED,
        "DENIED": Outcome.DENIED,
        "SUSPECTED": Outcome.NEEDS_REVIEW,
        "REVIEWING": Outcome.REVIEWING,
        "EXPIRED": Outcome.SESSION_EXPIRED,
        "EXPIRED-DELETED": Outcome.SESSION_EXPIRED,
        # Evidence that is deleted after the decision is what an operator may well have asked for; before it, the
        # session has nothing to offer any more. Neither says that anybody was wrongly approved.
        "DELETED": Outcome.SESSION_EXPIRED,
        "ARCHIVED": Outcome.SESSION_EXPIRED,
    }
)
#: Statuses that nothing follows on.
SETTLED = frozenset(_OVERALL) - {"REVIEWING"}

_MISMATCH: Mapping[str, str] = MappingProxyType(
    {
        "NAME": "first_name",
        "SURNAME": "last_name",
        "DATE_OF_BIRTH": "date_of_birth",
        "NATIONALITY": "nationality",
        "SEX": "sex",
        "PERSONAL_CODE": "personal_number",
        "PERSONAL_NUMBER": "personal_number",
        "DOCUMENT_NUMBER": "document_number",
        "EXPIRY_DATE": "document_expiry",
        "ISSUE_DATE": "document_issued",
    }
)

_CODES: Mapping[str, Code] = MappingProxyType(
    {
        "DOC_TOO_BLURRY": Code.IMAGE_BLURRED,
        "DOC_GLARED": Code.IMAGE_GLARE,
        "DOC_FACE_GLARED": Code.IMAGE_GLARE,
        "DOC_INFO_MISMATCH": Code.DATA_MISMATCH,
        "DOC_EXPIRED": Code.DOC_EXPIRED,
        "DOC_NOT_FOUND": Code.UNREADABLE,
        "DOC_FACE_NOT_FOUND": Code.UNREADABLE,
        "MRZ_NOT_FOUND": Code.UNREADABLE,
        "MRZ_OCR_READING_ERROR": Code.UNREADABLE,
        "BARCODE_NOT_FOUND": Code.UNREADABLE,
        "DOC_ERROR": Code.UNREADABLE,
        "DOC_NOT_FULLY_VISIBLE": Code.DOC_INCOMPLETE,
        "DOC_SIDE_MISMATCH": Code.DOC_INCOMPLETE,
        "DOC_NOT_SUPPORTED": Code.DOC_TYPE,
        "DOC_TYPE_MISMATCH": Code.DOC_TYPE,
        "DOC_SUBTYPE_MISMATCH": Code.DOC_TYPE,
        "DOC_NOT_ALLOWED": Code.DOC_TYPE,
        "COUNTRY_MISMATCH": Code.DOC_COUNTRY,
        "COUNTRY_NOT_SUPPORTED": Code.DOC_COUNTRY,
        "DOC_DAMAGED": Code.DOC_SUSPECT,
        "DOC_FAKE": Code.DOC_SUSPECT,
        "DOC_SPOOF_DETECTED": Code.DOC_SUSPECT,
        "MRZ_INVALID": Code.DOC_SUSPECT,
        "DOC_PERSONAL_CODE_INVALID": Code.DOC_SUSPECT,
        "DOC_NAME_ERROR": Code.UNREADABLE,
        "DOC_SURNAME_ERROR": Code.UNREADABLE,
        "DOC_EXPIRY_ERROR": Code.UNREADABLE,
        "DOC_DOB_ERROR": Code.UNREADABLE,
        "DOC_PERSONAL_NUMBER_ERROR": Code.UNREADABLE,
        "DOC_NUMBER_ERROR": Code.UNREADABLE,
        "DOC_DATE_OF_ISSUE_ERROR": Code.UNREADABLE,
        "DOC_SEX_ERROR": Code.UNREADABLE,
        "DOC_NATIONALITY_ERROR": Code.UNREADABLE,
        "FACE_MISMATCH": Code.FACE_FAILED,
        "NO_FACE_FOUND": Code.FACE_FAILED,
        "TOO_MANY_FACES": Code.FACE_FAILED,
        "FACE_TOO_BLURRY": Code.FACE_FAILED,
        "FACE_GLARED": Code.FACE_FAILED,
        "FACE_UNCERTAIN": Code.FACE_FAILED,
        "FACE_ERROR": Code.FACE_FAILED,
        "FAKE_FACE": Code.FACE_FAILED,
        "FACE_SUSPECTED": Code.SUSPICIOUS,
        "FACE_BLACKLISTED": Code.SUSPICIOUS,
    }
)
#: What says nothing about why: it went well, or was not looked at.
_SILENT = frozenset(
    {
        "",
        "DOC_VALIDATED",
        "FACE_MATCH",
        "FACE_NOT_CHECKED",
        "FACE_NOT_ANALYSED",
        "DOC_NOT_ANALYSED",
        "AUTO_UNVERIFIABLE",
    }
)

_DUPLICATES = "DUPLICATE_"
#: Denials for these are not helped by another try.
_GRAVE = frozenset({"DOC_FAKE", "DOC_SPOOF_DETECTED", "FAKE_FACE", "FACE_BLACKLISTED"})


def judged(overall: str, reasons: Sequence[Reason], status: Mapping[str, Any]) -> Outcome | None:
    """The outcome of an overall status; None when there is none yet (`ACTIVE`), or the status is not known."""
    outcome = _OVERALL.get(overall)
    if outcome is Outcome.DENIED and reasons and not _GRAVE & set(_parts(status)) and not _texts(status, "fraudTags"):
        return Outcome.RETRY
    return outcome


def reasons_of(status: Mapping[str, Any]) -> tuple[Reason, ...]:
    """Why, from all parts of a status. A person's judgement stands in place of the machine's."""
    found = [Reason(_CODES.get(word, Code.OTHER)) for word in _parts(status) if word not in _SILENT]
    found += [Reason(Code.DATA_MISMATCH, _MISMATCH.get(tag, "")) for tag in _texts(status, "mismatchTags")]
    found += [
        Reason(Code.DUPLICATE if tag.startswith(_DUPLICATES) else Code.SUSPICIOUS)
        for tag in _texts(status, "fraudTags")
    ]
    return distinct(found)


def mismatches(status: Mapping[str, Any]) -> tuple[str, ...]:
    """The fields that iDenfy compared, and found to differ."""
    return tuple(dict.fromkeys(_MISMATCH[tag] for tag in _texts(status, "mismatchTags") if tag in _MISMATCH))


def _parts(status: Mapping[str, Any]) -> Iterator[str]:
    for part in ("Document", "Face"):
        manual, auto = status.get(f"manual{part}"), status.get(f"auto{part}")
        for word in (manual, auto):
            if isinstance(word, str) and word:
                yield word
                break


def _texts(status: Mapping[str, Any], name: str) -> tuple[str, ...]:
    given = status.get(name)
    return tuple(each for each in given if isinstance(each, str)) if isinstance(given, list) else ()
