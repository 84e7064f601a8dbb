"""The signup itself: who, when, for which company."""

from __future__ import annotations

from datetime import UTC, datetime

from kycrisk.checks.check import Answer, Check, answered
from kycrisk.signals import Signal, Subject, Type

Key = tuple[datetime, str, str]


def _ask(key: Key) -> Answer:
    submitted_at, account_id, company = key
    return answered(
        {
            "signup.submitted_at": submitted_at.astimezone(UTC),
            "signup.account_id": account_id,
            "signup.company": company,
        }
    )


CHECK: Check[Key] = Check(
    name="signup",
    subject=Subject.SIGNUP,
    signals=(
        Signal("signup.submitted_at", Type.DATETIME, "When was the signup submitted?", Subject.SIGNUP),
        Signal("signup.account_id", Type.STR, "Which account is it?", Subject.ACCOUNT),
        Signal("signup.company", Type.STR, "Which company did the customer name?", Subject.SIGNUP),
    ),
    key=lambda signup, said: (signup.submitted_at, signup.account_id, signup.company),
    prepare=lambda world: _ask,
)
