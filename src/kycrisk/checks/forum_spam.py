"""Addresses that spam forums, from lists."""

from __future__ import annotations

from functools import partial

from kycrisk.checks.check import Check
from kycrisk.checks.listing import gaps, ip_of, nowhere, on_lists, origins
from kycrisk.signals import IP, Signal, Subject, Type

_PURPOSES = {"ip.forum_spam": "forum_spam_ip"}

CHECK: Check[IP] = Check(
    name="forum_spam",
    subject=Subject.IP,
    signals=(
        Signal(
            "ip.forum_spam",
            Type.BOOL,
            "Has the IP address spammed forums lately?",
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
