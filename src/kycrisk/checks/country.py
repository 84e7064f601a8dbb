"""Do phone, postal address and IP address agree on a country?"""

from __future__ import annotations

from kycrisk.checks.check import Answer, Check, Said, answered
from kycrisk.signals import Signal, Subject, Type, Unknown, Why
from kycrisk.signup import Signup

Key = tuple[str, str, str | Unknown]  # of phone, address and IP

# Territories with a code of their own whose people write either code, share calling codes and have the state's
# addresses: those that ISO 3166-2 also lists as subdivisions of a state, and the Crown dependencies.
_STATE = {
    **dict.fromkeys(("AS", "GU", "MP", "PR", "UM", "VI"), "US"),
    **dict.fromkeys(("BL", "GF", "GP", "MF", "MQ", "NC", "PF", "PM", "RE", "TF", "WF", "YT"), "FR"),
    **dict.fromkeys(("AW", "BQ", "CW", "SX"), "NL"),
    **dict.fromkeys(("GG", "IM", "JE"), "GB"),
    "AX": "FI",
    "SJ": "NO",
}
_NOT_ASKED = Unknown(Why.SKIPPED, "`ip.country` was not asked")


def _key(signup: Signup, said: Said) -> Key:
    located = said.known.get("ip.country")
    ip = located if isinstance(located, str) else said.unknown.get("ip.country", _NOT_ASKED)
    return signup.phone.country, signup.address.country, ip


def _ask(key: Key) -> Answer:
    of_phone, of_address, located = key
    phone, address = _STATE.get(of_phone, of_phone), _STATE.get(of_address, of_address)
    phone_differs = bool(phone and address and phone != address)
    if isinstance(located, Unknown):
        if address:
            missing = {"country.distinct": located, "country.ip_differs": located}
            return Answer({"country.phone_differs": phone_differs}, missing)
        known = {"country.phone_differs": phone_differs, "country.ip_differs": False}
        return Answer(known, {"country.distinct": located})
    ip = _STATE.get(located, located)
    return answered(
        {
            "country.distinct": len({phone, address, ip} - {""}),
            "country.phone_differs": phone_differs,
            "country.ip_differs": bool(ip and address and ip != address),
        }
    )


CHECK: Check[Key] = Check(
    name="country",
    subject=Subject.SIGNUP,
    signals=(
        Signal(
            "country.distinct",
            Type.INT,
            "How many different countries do phone, postal address and IP address name?",
            Subject.SIGNUP,
            advice="give a phone number and an address of the country you sign up from",
        ),
        Signal(
            "country.phone_differs",
            Type.BOOL,
            "Does the phone number belong to another country than the postal address?",
            Subject.SIGNUP,
            advice="give a phone number of the country your address is in",
        ),
        Signal(
            "country.ip_differs",
            Type.BOOL,
            "Is the IP address in another country than the postal address?",
            Subject.SIGNUP,
            advice="sign up from the country your address is in",
        ),
    ),
    key=_key,
    prepare=lambda world: _ask,
    needs=("ip.country",),
)
