"""Every signal that the local checks answer, by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from kycrisk.checks import CHECKS
from kycrisk.checks.check import AnyCheck
from kycrisk.checks.world import World
from kycrisk.signals import Signal, Unknown

#: Short names that conditions may use.
ALIASES: Mapping[str, str] = MappingProxyType(
    {
        "ip": "ip.address",
        "email": "email.address",
        "phone": "phone.e164",
        "name_address": "person.name_address",
    }
)


def signals_of(checks: Iterable[AnyCheck]) -> Mapping[str, Signal]:
    """The signals of these checks, each saying which check answers it. Raises `ValueError` for one that two answer."""
    found: dict[str, Signal] = {}
    for check in checks:
        for signal in check.signals:
            if signal.name in found:
                raise ValueError(f"`{signal.name}` is answered by `{found[signal.name].check}` and `{check.name}`")
            found[signal.name] = replace(signal, check=check.name)
    return MappingProxyType(found)


SIGNALS: Mapping[str, Signal] = signals_of(CHECKS)

#: The purpose of the lists that a signal is answered from, for those that are.
PURPOSES: Mapping[str, str] = MappingProxyType(
    {signal: purpose for check in CHECKS for signal, purpose in check.purposes.items()}
)


def gaps(world: World) -> dict[str, Unknown]:
    """The signals that answer unknown in this world, and why: lists that are missing, databases that are not set.

    A signal with a gap in its lists is still known where a fresh list names the key. Signals that are drawn from
    others share their gap.
    """
    found: dict[str, Unknown] = {}
    for check in CHECKS:
        found |= check.gaps(world)
        reasons = [found[name] for name in check.needs if name in found]
        if reasons:
            found |= {signal.name: reasons[0] for signal in check.signals}
    return found
