"""What cases of a site are handled with: its store, its procedures, and its clock."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime

from kycrisk.store.failure import NotFound
from kycrisk.store.sealing import SiteKey
from kycrisk.store.store import Store
from kycrisk.store.transaction import Transaction
from kycrisk.verification.case import Case
from kycrisk.verification.policies import Policies
from kycrisk.verification.policy import Policy

#: Writes a label of an account (`fraud`, `legitimate`) in a transaction: account id, label, source, moment.
PutLabel = Callable[[Transaction, str, str, str, datetime], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The surroundings of cases. `chosen` is the id of the procedure that new cases get; empty: none are opened."""

    store: Store
    key: SiteKey
    policies: Policies
    chosen: str
    clock: Callable[[], datetime]
    free_mail: Collection[str] = frozenset()  # domains of free mailboxes
    put_label: PutLabel | None = None  # None: labels are kept nowhere

    @property
    def policy(self) -> Policy | None:
        """The procedure for new cases."""
        return self.policies.by_id.get(self.chosen)

    def policy_of(self, case: Case) -> Policy:
        """The procedure that a case follows. Raises `NotFound` when its file is gone."""
        found = self.policies.by_id.get(case.policy)
        if found is None:
            raise NotFound(
                f"there is no procedure `{case.policy}` any more", "put its file back into rules/verification"
            )
        return found
