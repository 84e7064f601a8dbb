"""The phone number, as its normal form tells it."""

from __future__ import annotations

from kycrisk.checks.check import Answer, Check, answered
from kycrisk.signals import Signal, Subject, Type
from kycrisk.signup import Phone

_ABSENT = Answer({"phone.given": False, "phone.valid": False, "phone.e164": "", "phone.country": "", "phone.kind": ""})


def _ask(phone: Phone) -> Answer:
    if not phone.given:
        return _ABSENT
    return answered(
        {
            "phone.given": True,
            "phone.valid": phone.valid,
            "phone.e164": phone.e164,
            "phone.country": phone.country,
            "phone.kind": phone.kind,
        }
    )


CHECK: Check[Phone] = Check(
    name="phone",
    subject=Subject.PHONE,
    signals=(
        Signal(
            "phone.given",
            Type.BOOL,
            "Did the customer give a phone number?",
            Subject.PHONE,
            advice="give a phone number",
            welcome=True,
        ),
        Signal(
            "phone.valid",
            Type.BOOL,
            "Can the phone number exist by its country's numbering plan?",
            Subject.PHONE,
            advice="correct the phone number",
            welcome=True,
        ),
        Signal("phone.e164", Type.STR, "What is the phone number in international form?", Subject.PHONE),
        Signal(
            "phone.country",
            Type.STR,
            "Which country does the phone number belong to (ISO 3166, empty for none)?",
            Subject.PHONE,
            advice="give a phone number of the country you live in",
        ),
        Signal(
            "phone.kind",
            Type.STR,
            "What kind of number is it: mobile, fixed, fixed_or_mobile, voip, toll_free, premium ...?",
            Subject.PHONE,
            advice="give a mobile or landline number",
        ),
    ),
    key=lambda signup, said: signup.phone,
    prepare=lambda world: _ask,
)
