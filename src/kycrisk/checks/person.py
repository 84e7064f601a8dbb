"""The person as name and postal address together tell."""

from __future__ import annotations

from kycrisk.checks.check import Answer, Check, answered
from kycrisk.normal.name_address import name_address_key
from kycrisk.signals import Signal, Subject, Type
from kycrisk.signup import Address

Key = tuple[str, str, Address]  # first name, last name, where they live


def _ask(key: Key) -> Answer:
    return answered({"person.name_address": name_address_key(*key)})


CHECK: Check[Key] = Check(
    name="person",
    subject=Subject.PERSON,
    signals=(
        Signal(
            "person.name_address",
            Type.STR,
            "Which person is it, by a hash of name and postal address (empty when one of them is missing)?",
            Subject.PERSON,
        ),
    ),
    key=lambda signup, said: (signup.first_name, signup.last_name, signup.address),
    prepare=lambda world: _ask,
)
