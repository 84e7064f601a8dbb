"""Privacy relays that come with an operating system, such as iCloud Private Relay, from lists."""

from __future__ import annotations

from functools import partial

from kycrisk.checks.check import Check
from kycrisk.checks.listing import gaps, ip_of, nowhere, on_lists, origins
from kycrisk.signals import IP, Signal, Subject, Type

_PURPOSES = {"ip.relay": "relay"}

CHECK: Check[IP] = Check(
    name="relay",
    subject=Subject.IP,
    signals=(
        Signal(
            "ip.relay",
            Type.BOOL,
            "Is the IP address an exit of a privacy relay that comes with an operating system?",
            Subject.IP,
            advice="switch off the privacy relay",
        ),
    ),
    key=ip_of,
    prepare=partial(on_lists, purposes=_PURPOSES, spared=nowhere),
    origins=partial(origins, purposes=_PURPOSES),
    purposes=_PURPOSES,
    gaps=partial(gaps, purposes=_PURPOSES),
)
