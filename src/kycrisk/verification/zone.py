"""A machine-readable zone that a reviewer typed off: its digits, its expiry, and whether it says what was entered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from kycrisk.store.transaction import Transaction
from kycrisk.verification.case import find_case
from kycrisk.verification.comparison import Match, Validity, compared, document_data, mismatches, validity
from kycrisk.verification.documents.mrz import read_mrz
from kycrisk.verification.filling import add_result
from kycrisk.verification.progress import entries_of
from kycrisk.verification.reasons import Code, Reason
from kycrisk.verification.site import Site

_RESULTS = {Match.SAME: "passed", Match.DIFFERENT: "failed", Match.UNKNOWN: "unknown"}
_VALIDITY = {Validity.VALID: "passed", Validity.EXPIRED: "failed", Validity.UNKNOWN: "unknown"}


@dataclass(frozen=True, slots=True)
class ZoneJudged:
    """What there is to hold against the document, and until when it is valid, where that is known."""

    reasons: tuple[Reason, ...]
    expires: date | None


def judge_zone(tx: Transaction, site: Site, case_id: str, text: str, by: str) -> ZoneJudged:
    """Write down what the zone says about the data; the text itself is not kept. Raises `Problems`, `NotFound`."""
    case = find_case(tx.connection, case_id)
    today = tx.now.date()
    zone = read_mrz(text, today)
    data = document_data(zone)
    entered = entries_of(tx.connection, site.key, case).get("personal_data", {})
    wrong = ", ".join(zone.wrong_digits)
    add_result(tx, case, "mrz.digits", "failed" if wrong else "passed", wrong, by)
    valid = validity(data, today)
    add_result(tx, case, "document.expiry", _VALIDITY[valid], "", by)
    for each in compared(entered, data):
        add_result(tx, case, f"match.{each.field}", _RESULTS[each.match], "", by)
    expired = (Reason(Code.DOC_EXPIRED),) if valid is Validity.EXPIRED else ()
    misread = (Reason(Code.DOC_SUSPECT),) if wrong else ()
    whole = data.expiry.whole() if data.expiry else None
    return ZoneJudged((*mismatches(entered, data), *expired, *misread), whole)
