"""Addresses that attacked somebody: whether a trusted list names the address, and how many independent ones do."""

from __future__ import annotations

from kycrisk.checks.check import Check
from kycrisk.checks.listing import ip_of, nowhere, witness_gaps, witness_origins, witnesses
from kycrisk.signals import IP, Signal, Subject, Type

_PURPOSE, _LISTED, _COUNT = "blocklist", "ip.blocklisted", "ip.blocklists"
_ADVICE = "sign up from another Internet connection"

CHECK: Check[IP] = Check(
    name="blocklist",
    subject=Subject.IP,
    signals=(
        Signal(
            _LISTED,
            Type.BOOL,
            "Is the IP address on a trusted list of attackers?",
            Subject.IP,
            advice=_ADVICE,
        ),
        Signal(
            _COUNT,
            Type.INT,
            "How many independent sources, trusted or not, list the IP address as an attacker?",
            Subject.IP,
            advice=_ADVICE,
        ),
    ),
    key=ip_of,
    prepare=lambda world: witnesses(world, _PURPOSE, _LISTED, _COUNT, nowhere),
    origins=lambda world: witness_origins(world, _PURPOSE, _LISTED, _COUNT),
    purposes={_LISTED: _PURPOSE, _COUNT: _PURPOSE},
    gaps=lambda world: witness_gaps(world, _PURPOSE, _LISTED, _COUNT),
)
