"""What cases of a site are handled with: its store, its procedures, and its clock."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime

from kycrisk.problems import Problem, Problems, did_you_mean
from kycrisk.settings import Settings
from kycrisk.shipped import shipped_entries
from kycrisk.store.failure import NotFound
from kycrisk.store.labels import put
from kycrisk.store.sealing import SiteKey
from kycrisk.store.store import Store
from kycrisk.store.transaction import Transaction
from kycrisk.verification.case import Case
from kycrisk.verification.policies import FOLDER, Policies, policy_files, read_policies
from kycrisk.verification.policy import Policy

#: Writes a label of an account (`fraud`, `legitimate`) in a transaction: account id, label, source, moment.
PutLabel = Callable[[Transaction, str, str, str, datetime], object]


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
        """The procedure that a case follows. Raises `NotFound` when its file is gone, or the case's level in it."""
        found = self.policies.by_id.get(case.policy)
        if found is None:
            raise NotFound(
                f"there is no procedure `{case.policy}` any more", "put its file back into rules/verification"
            )
        if not found.rank(case.level):
            raise NotFound(
                f"procedure `{case.policy}` has no level `{case.level}` any more", "put it back into its file"
            )
        return found


def policies_of(settings: Settings) -> Policies:
    """The procedures of a site, where one is chosen. Raises `Problems` for those that are wrong, or one that is not
    there."""
    chosen = settings.verification.policy
    policies = read_policies(policy_files(settings.rules)) if chosen else Policies()
    if chosen and chosen not in policies.by_id:
        help_ = did_you_mean(chosen, policies.by_id) or "the procedures are: " + ", ".join(policies.by_id)
        place = str(settings.file or settings.folder)
        raise Problems([Problem(place, f"there is no procedure `{chosen}` in `{settings.rules / FOLDER}`", help_)])
    return policies


def site_of(settings: Settings, store: Store, key: SiteKey, clock: Callable[[], datetime]) -> Site:
    """The site that settings describe. Raises `Problems` for procedures that are wrong, or one that is not there."""
    chosen = settings.verification.policy
    free_mail = free_mail_domains() if chosen else frozenset()
    return Site(
        store=store,
        key=key,
        policies=policies_of(settings),
        chosen=chosen,
        clock=clock,
        free_mail=free_mail,
        put_label=put,
    )


def free_mail_domains() -> frozenset[str]:
    """Domains where everybody gets a mailbox, from the list that ships with the program."""
    return frozenset(shipped_entries("data/lists/mail_provider.txt"))
