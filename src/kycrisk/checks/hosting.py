"""Networks where servers live rather than people, from lists.

The VPN list lies inside the datacenter list (X4BNet builds it so), and datacenters hold offices' gateways and privacy
relays too; neither accuses by itself.
"""

from __future__ import annotations

from functools import partial

from kycrisk.checks.check import Check
from kycrisk.checks.listing import gaps, ip_of, nowhere, on_lists, origins
from kycrisk.signals import IP, Signal, Subject, Type

_PURPOSES = {"ip.datacenter": "datacenter", "ip.vpn": "vpn"}

CHECK: Check[IP] = Check(
    name="hosting",
    subject=Subject.IP,
    signals=(
        Signal(
            "ip.datacenter",
            Type.BOOL,
            "Does the IP address belong to a datacenter?",
            Subject.IP,
            advice="sign up from a home, office or mobile connection",
        ),
        Signal(
            "ip.vpn",
            Type.BOOL,
            "Does the IP address belong to a VPN provider?",
            Subject.IP,
            advice="switch off the VPN",
        ),
    ),
    key=ip_of,
    prepare=partial(on_lists, purposes=_PURPOSES, spared=nowhere),
    origins=partial(origins, purposes=_PURPOSES),
    purposes=_PURPOSES,
    gaps=partial(gaps, purposes=_PURPOSES),
)
