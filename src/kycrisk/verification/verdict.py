"""What people say about documents and cases."""

from __future__ import annotations

from enum import StrEnum


class Verdict(StrEnum):
    """What a reviewer says: of a document that it is accepted or rejected, of a case the rest."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    APPROVE = "approve"
    RETRY = "retry"
    DENY = "deny"
    DISPUTE = "dispute"  # the customer's own word
