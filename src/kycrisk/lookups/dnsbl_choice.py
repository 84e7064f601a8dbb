"""Which zones are asked: what settings choose from the catalogue, with keys; every choice that cannot be, and why."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from kycrisk.lookups.dnsbl import Zone, ZoneInUse
from kycrisk.problems import Place, Problem, did_you_mean
from kycrisk.signals import Unknown, Why


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneChoice:
    """A zone that settings name, by its name in the catalogue or by the zone itself (`bl.spamcop.net`)."""

    name: str
    place: Place | str
    key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The zones that can be asked, what is wrong with the other choices, and why those answer unknown.

    Problems do not stop a service: the zones they are about are `not_configured`.
    """

    zones: tuple[ZoneInUse, ...]
    problems: tuple[Problem, ...]
    unusable: Mapping[str, Unknown]


def choose(choices: Sequence[ZoneChoice], catalogue: Sequence[Zone]) -> Chosen:
    """The choices, judged. Keys are in no message."""
    used: dict[str, ZoneInUse] = {}
    problems: list[Problem] = []
    unusable: dict[str, Unknown] = {}
    for choice in choices:
        zone = _find(choice.name, catalogue)
        problem = _problem(choice, zone, catalogue)
        if problem is None and zone is not None and zone.name in used:
            problems.append(Problem(choice.place, f"`{zone.name}` is chosen twice", "remove one of the two"))
        elif problem is None and zone is not None:
            used[zone.name] = ZoneInUse(zone, choice.key if zone.keyed_query else "")
        elif problem is not None:
            problems.append(problem)
            unusable[zone.name if zone else choice.name] = Unknown(Why.NOT_CONFIGURED, problem.message)
    return Chosen(zones=tuple(used.values()), problems=tuple(problems), unusable=unusable)


def dead_zone(name: str, catalogue: Iterable[Zone]) -> Zone | None:
    """The dead zone that a name of the DNS is or lies below (`dnsbl.sorbs.net`), None where it is none."""
    folded = name.lower().removesuffix(".")
    return next((zone for zone in catalogue if zone.dead and f".{folded}".endswith(f".{zone.zone}")), None)


def _find(name: str, catalogue: Iterable[Zone]) -> Zone | None:
    folded = name.lower().removesuffix(".")
    zones = tuple(catalogue)
    return next((zone for zone in zones if folded in (zone.name, zone.zone)), None) or dead_zone(folded, zones)


def _problem(choice: ZoneChoice, zone: Zone | None, catalogue: Sequence[Zone]) -> Problem | None:
    if zone is None:
        names = [one.name for one in catalogue if not one.dead]
        help_ = did_you_mean(choice.name, names) or "known: " + ", ".join(names)
        return Problem(choice.place, f"there is no blocklist `{choice.name}`", help_)
    if zone.dead:
        instead = f", or replace it by `{zone.instead}`" if zone.instead else ""
        return Problem(choice.place, f"`{choice.name}` is dead: {_end(zone)}", f"remove it{instead}")
    if zone.needs_key and not choice.key:
        return Problem(
            choice.place,
            f"`{zone.name}` cannot be asked without a key",
            f"get the key `{zone.key}` from its operators ({zone.source}) and set it, or remove `{zone.name}`",
        )
    if choice.key and not zone.key:
        return Problem(choice.place, f"`{zone.name}` takes no key", "remove the key")
    if choice.key and not re.fullmatch(zone.key_shape or ".+", choice.key):
        return Problem(
            choice.place,
            f"the key `{zone.key}` for `{zone.name}` does not look like one",
            f"a key is of the form `{zone.key_shape}`; look whether it was copied whole",
        )
    return None


def _end(zone: Zone) -> str:
    return f"{zone.title} {zone.gone or 'is gone'} ({zone.as_of}, {zone.source})"
