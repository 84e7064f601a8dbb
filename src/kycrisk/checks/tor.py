"""Tor exits, from lists."""

from __future__ import annotations

from functools import partial

from kycrisk.checks.check import Check
from kycrisk.checks.listing import gaps, ip_of, nowhere, on_lists, origins
from kycrisk.signals import IP, Signal, Subject, Type

_PURPOSES = {"ip.tor_exit": "tor_exit"}

CHECK: Check[IP] = Check(
    name="tor",
    subject=Subject.IP,
    signals=(
        Signal(
            "ip.tor_exit",
            Type.BOOL,
            "Is the IP address a Tor exit?",
            Subject.IP,
            advice="sign up without Tor",
        ),
    ),
    key=ip_of,
    prepare=partial(on_lists, purposes=_PURPOSES, spared=nowhere),
    origins=partial(origins, purposes=_PURPOSES),
    purposes=_PURPOSES,
    gaps=partial(gaps, purposes=_PURPOSES),
)
