"""The postal address, as it was given."""

from __future__ import annotations

from kycrisk.checks.check import Answer, Check, answered
from kycrisk.signals import Signal, Subject, Type
from kycrisk.signup import Address


def _ask(address: Address) -> Answer:
    return answered(
        {
            "address.given": address.given,
            "address.country": address.country,
            "address.postal_code": address.postal_code,
        }
    )


CHECK: Check[Address] = Check(
    name="address",
    subject=Subject.ADDRESS,
    signals=(
        Signal(
            "address.given",
            Type.BOOL,
            "Did the customer give a postal address?",
            Subject.ADDRESS,
            advice="give a postal address",
            welcome=True,
        ),
        Signal(
            "address.country",
            Type.STR,
            "Which country is the postal address in (ISO 3166, empty when not given)?",
            Subject.ADDRESS,
            advice="give the country of the address",
        ),
        Signal(
            "address.postal_code",
            Type.STR,
            "What is the postal code?",
            Subject.ADDRESS,
            advice="give the postal code",
        ),
    ),
    key=lambda signup, said: signup.address,
    prepare=lambda world: _ask,
)
