"""Spamhaus DROP and its like: networks that belong to criminals altogether, from lists."""

from __future__ import annotations

from functools import partial

from kycrisk.checks.check import Check
from kycrisk.checks.listing import gaps, ip_of, nowhere, on_lists, origins
from kycrisk.signals import IP, Signal, Subject, Type

_PURPOSES = {"ip.drop": "drop"}

CHECK: Check[IP] = Check(
    name="drop",
    subject=Subject.IP,
    signals=(
        Signal(
            "ip.drop",
            Type.BOOL,
            "Does the IP address lie in a hijacked or criminal network?",
            Subject.IP,
            advice="sign up from another Internet connection",
        ),
    ),
    key=ip_of,
    prepare=partial(on_lists, purposes=_PURPOSES, spared=nowhere),
    origins=partial(origins, purposes=_PURPOSES),
    purposes=_PURPOSES,
    gaps=partial(gaps, purposes=_PURPOSES),
)
