"""The link in tickets and letters: ours, for one case, and good for as long as the case can be completed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from kycrisk.store.transaction import Transaction
from kycrisk.verification.case import find_case
from kycrisk.verification.site import Site
from kycrisk.verification.tokens import KINDS, Kind, issue_token

#: An overdue case can still be completed: so long after its deadline the link works.
AFTER_THE_DEADLINE = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class WayIn:
    """Makes links of a site. Each is a new one: of the earlier ones only digests are kept."""

    site: Site
    public_url: str

    async def __call__(self, case_id: str) -> str:
        """The link of a case; empty where there is no public address."""
        if not self.public_url:
            return ""
        token = await self.site.store.write(lambda tx: self._issue(tx, case_id))
        return f"{self.public_url}/v/{token}"

    def _issue(self, tx: Transaction, case_id: str) -> str:
        case = find_case(tx.connection, case_id)
        end = max(case.deadline_at or tx.now, tx.now) + AFTER_THE_DEADLINE
        return issue_token(tx, Kind.LINK, case.id, min(end - tx.now, KINDS[Kind.LINK].longest))
