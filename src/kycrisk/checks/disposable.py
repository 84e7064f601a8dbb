"""Throwaway mailboxes: whether a trusted list names the domain, and how many independent sources do."""

from __future__ import annotations

from kycrisk.checks.check import Check
from kycrisk.checks.listing import domain_of, no_domain, witness_gaps, witness_origins, witnesses
from kycrisk.signals import Signal, Subject, Type

_PURPOSE, _LISTED, _COUNT = "disposable_domain", "email.disposable", "email.disposable_lists"
_ADVICE = "use an address at a permanent mail provider"

CHECK: Check[str] = Check(
    name="disposable",
    subject=Subject.DOMAIN,
    signals=(
        Signal(
            _LISTED,
            Type.BOOL,
            "Does a trusted list name the e-mail domain as disposable?",
            Subject.DOMAIN,
            advice=_ADVICE,
        ),
        Signal(
            _COUNT,
            Type.INT,
            "How many independent sources, trusted or not, list the e-mail domain as disposable?",
            Subject.DOMAIN,
            advice=_ADVICE,
        ),
    ),
    key=domain_of,
    prepare=lambda world: witnesses(world, _PURPOSE, _LISTED, _COUNT, no_domain),
    origins=lambda world: witness_origins(world, _PURPOSE, _LISTED, _COUNT),
    purposes={_LISTED: _PURPOSE, _COUNT: _PURPOSE},
    gaps=lambda world: witness_gaps(world, _PURPOSE, _LISTED, _COUNT),
)
