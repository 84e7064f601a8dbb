"""What the end of a case means for screenings: an approved one exempts rules for a while, a rejected one is a label."""

from __future__ import annotations

from contextlib import suppress

from kycrisk.store.exemptions import NewExemption, add_exemptions
from kycrisk.store.failure import Erased, NotFound
from kycrisk.store.transaction import Transaction
from kycrisk.verification.account import account_id_of
from kycrisk.verification.case import Case
from kycrisk.verification.policy import Policy
from kycrisk.verification.site import Site
from kycrisk.verification.state import State


def give(tx: Transaction, site: Site, case: Case, policy: Policy) -> None:
    """Write down what follows from a verified or a rejected case, in its transaction. Nothing where it was erased."""
    if case.state not in (State.VERIFIED, State.REJECTED):
        return
    try:
        account_id = account_id_of(tx.connection, site.key, case)
    except Erased:
        return
    if case.state is State.VERIFIED:
        until = tx.now + policy.on_verified.for_
        why = f"verified by case {case.id}"
        add_exemptions(
            tx,
            [
                NewExemption(rule=rule, kind="account", subject=account_id, until=until, by="verification", why=why)
                for rule in policy.on_verified.exempt
            ],
        )
    if site.put_label is not None:
        label = "legitimate" if case.state is State.VERIFIED else "fraud"
        with suppress(NotFound):  # of an account that was never screened there is nothing to learn
            site.put_label(tx, account_id, label, f"case {case.id}", tx.now)
