"""States of a case, and what can happen to it."""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where a case stands."""

    OPEN = "open"
    COLLECTING = "collecting"
    SUBMITTED = "submitted"
    IN_REVIEW = "in_review"
    NEEDS_RESUBMISSION = "needs_resubmission"
    OVERDUE = "overdue"
    VERIFIED = "verified"
    REJECTED = "rejected"
    CLOSED = "closed"

    @property
    def is_customers_turn(self) -> bool:
        """Whether the customer's clock runs."""
        return self in _CUSTOMERS_TURN

    @property
    def is_reviewers_turn(self) -> bool:
        """Whether the reviewer's clock runs."""
        return self in (State.SUBMITTED, State.IN_REVIEW)

    @property
    def is_current(self) -> bool:
        """Whether the case is the one of its account. A rejected one stays it: a dispute goes on with it."""
        return self not in (State.VERIFIED, State.CLOSED)

    @property
    def takes_entries(self) -> bool:
        """Whether the customer may enter and upload something now."""
        return self in (State.COLLECTING, State.OVERDUE)


_CUSTOMERS_TURN = frozenset({State.OPEN, State.COLLECTING, State.NEEDS_RESUBMISSION})


class Happening(StrEnum):
    """What can happen to a case that exists."""

    START = "start"
    SUBMIT = "submit"
    UNDECIDED = "undecided"  # the provider's result is not final, or suspicious
    APPROVED = "approved"
    SENT_BACK = "sent_back"  # to be tried again, or denied with attempts left
    REFUSED = "refused"  # denied, and no attempt is left
    DEADLINE = "deadline"
    DISPUTE = "dispute"
    REVOKED = "revoked"
    WITHDRAWN = "withdrawn"  # consent withdrawn, erased, or closed by the operator


class Trigger(StrEnum):
    """Why a case is opened."""

    RISK_FLAG = "risk_flag"
    TOS_VIOLATION = "tos_violation"
    SELF_REQUEST = "self_request"
    MANDATORY = "mandatory"
    REFRESH = "refresh"
    ABUSE_EVENT = "abuse_event"
