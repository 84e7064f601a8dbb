"""What a document's machine-readable zone says, held against what was entered. It is read by people, and typed off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from kycrisk.store.failure import NotFound
from kycrisk.store.transaction import Transaction
from kycrisk.verification.case import find_case
from kycrisk.verification.comparison import (
    DocumentData,
    Match,
    Validity,
    compared,
    document_data,
    mismatches,
    validity,
)
from kycrisk.verification.documents.mrz import Mrz, read_mrz
from kycrisk.verification.filling import add_result
from kycrisk.verification.progress import entries_of, papers_of
from kycrisk.verification.reasons import Code, Reason
from kycrisk.verification.refusal import NotNow
from kycrisk.verification.site import Site

_RESULTS: Mapping[str, str] = {
    Match.SAME: "passed",
    Match.DIFFERENT: "failed",
    Match.UNKNOWN: "unknown",
    Validity.VALID: "passed",
    Validity.EXPIRED: "failed",
}


@dataclass(frozen=True, slots=True)
class ZoneRead:
    """What was found; `reasons` speak against the document, and `expires` is when it does. The reviewer decides."""

    results: Sequence[tuple[str, str]]
    reasons: tuple[Reason, ...]
    expires: datetime | None


def read_zone(tx: Transaction, site: Site, case_id: str, document: str, text: str, by: str) -> ZoneRead:
    """Check the zone of a document of a case; what was found is kept, the zone is not.

    Raises `Problems` for what is no zone, `NotFound`, `NotNow`, `Erased`.
    """
    case = find_case(tx.connection, case_id)
    if not case.state.is_reviewers_turn:
        raise NotNow(f"the case is `{case.state}`, and not to be reviewed now")
    if document not in {each.id for each in papers_of(tx.connection, case)}:
        raise NotFound(f"there is no document `{document[:60]}` in this case")
    today = tx.now.date()
    zone = read_mrz(text, today)
    data = document_data(zone)
    entries = entries_of(tx.connection, site.key, case).get("personal_data", {})
    entered = {name: str(value) for name, value in entries.items()}
    results = _results(zone, data, entered, today)
    for check, result in results:
        add_result(tx, case, check, result, "", by)
    return ZoneRead(results, _against(zone, data, entered, today), _expires(data))


def _results(zone: Mrz, data: DocumentData, entered: Mapping[str, str], today: date) -> list[tuple[str, str]]:
    matches = [(f"match.{found.field}", _RESULTS[found.match]) for found in compared(entered, data)]
    expiry = _RESULTS.get(validity(data, today), "unknown")
    return [("mrz", "failed" if zone.wrong_digits else "passed"), ("document.expiry", expiry), *matches]


def _against(zone: Mrz, data: DocumentData, entered: Mapping[str, str], today: date) -> tuple[Reason, ...]:
    unreadable = (Reason(Code.UNREADABLE),) if zone.wrong_digits else ()
    expired = (Reason(Code.DOC_EXPIRED),) if validity(data, today) is Validity.EXPIRED else ()
    return (*unreadable, *expired, *mismatches(entered, data))


def _expires(data: DocumentData) -> datetime | None:
    whole = data.expiry.whole() if data.expiry is not None else None
    return None if whole is None else datetime.combine(whole, time(), UTC)
