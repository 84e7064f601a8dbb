"""What checks found about a case: codes that came back, fields that matched, digits that add up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from kycrisk.store.case_schema import CASE_RESULTS
from kycrisk.store.moments import moment


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """`result` is `passed`, `failed` or `unknown`; `reason` a code or a few words."""

    check: str
    result: str
    reason: str
    by: str
    at: datetime


def results_of(connection: Connection, case_id: str) -> tuple[CheckResult, ...]:
    """The oldest first."""
    wanted = select(CASE_RESULTS).where(CASE_RESULTS.c.case == case_id).order_by(CASE_RESULTS.c.id)
    return tuple(
        CheckResult(check=row.check, result=row.result, reason=row.reason, by=row.by, at=moment(row.at))
        for row in connection.execute(wanted)
    )
