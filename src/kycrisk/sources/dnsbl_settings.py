"""Which blocklists a site asks, with which keys: each zone and each key is judged for itself."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Annotated

from pydantic import Field, RootModel

from kycrisk.lookups.dnsbl import ZoneInUse
from kycrisk.lookups.dnsbl_choice import Chosen, ZoneChoice, choose
from kycrisk.lookups.dnsbl_health import Health
from kycrisk.lookups.dnsbl_lookup import watch
from kycrisk.lookups.secrets import Secret
from kycrisk.problems import Problem, Problems, did_you_mean
from kycrisk.signals import Unknown, Why
from kycrisk.sources.connections import Connections
from kycrisk.sources.dnsbl import SENDS, shipped_zones, signals, summaries, zone_inquiry, zone_signals
from kycrisk.sources.form import SecretText, SourceForm, between
from kycrisk.sources.kind import InUse, Judged, Kind, Opened, Part

NAME = "dnsbl"
CANARIES = timedelta(minutes=10)


class BlocklistsForm(SourceForm):
    """Blocklists that are asked by DNS, from the catalogue that ships with kycrisk."""

    zones: list[str] = Field(min_length=1, description="the blocklists, by their names in the catalogue")
    keys: dict[str, SecretText] = Field(default_factory=dict, description="the keys that some of them want")
    canaries: Annotated[timedelta, between(timedelta(seconds=10), timedelta(days=1))] = Field(
        default=CANARIES, description="how often each is asked about test points, to see whether it can be believed"
    )


class _KeyForm(RootModel[SecretText]):
    """One key."""


def _judge(part: Part) -> Judged:
    keys, problems, keyless = _keys(part)
    try:
        form = part.document.read(BlocklistsForm, part.at, context=part.around, but=[(*part.at, "keys")])
    except Problems as wrong:
        return Judged(None, (*wrong.problems, *problems))
    listed = {zone.name: zone for zone in shipped_zones()} | {zone.zone: zone for zone in shipped_zones()}
    choices: list[ZoneChoice] = []
    unusable: dict[str, Unknown] = {}
    for index, name in enumerate(form.zones):
        zone = listed.get(name.lower().removesuffix("."))
        key = keys.get(zone.key) if zone else None
        if zone and zone.key in keyless:
            unusable[zone.name] = Unknown(Why.NOT_CONFIGURED, f"{zone.name} is out of use: {keyless[zone.key]}")
        else:
            place = part.document.place(*part.at, "zones", index)
            choices.append(ZoneChoice(name=name, place=place, key=key.reveal() if key else ""))
    chosen = choose(choices, shipped_zones())
    for name, why in chosen.unusable.items():
        unusable[name] = Unknown(Why.NOT_CONFIGURED, f"{name} is out of use: {why.detail}")
    return Judged(
        _in_use(form, chosen, part.timeout, tuple(keys.values())) if chosen.zones else None,
        (*problems, *chosen.problems),
        {signal.name: unusable[zone.name] for zone in shipped_zones() if zone.name in unusable and not zone.dead
         for signal in zone_signals(zone)},
    )  # fmt: skip


def _keys(part: Part) -> tuple[dict[str, Secret], list[Problem], dict[str, str]]:
    """The keys by their names, what is wrong with others, and why these cannot be had."""
    given = part.document.at(*part.at, "keys")
    keys: dict[str, Secret] = {}
    problems: list[Problem] = []
    keyless: dict[str, str] = {}
    if given is not None and not isinstance(given, Mapping):
        problems.append(Problem(part.document.place(*part.at, "keys"), "`keys` is not a mapping of `key: value`"))
        given = None
    known = sorted({zone.key for zone in shipped_zones() if zone.key})
    for name in given or {}:
        at = (*part.at, "keys", name)
        if name not in known:
            help_ = did_you_mean(name, known) or "known: " + ", ".join(known)
            problems.append(Problem(part.document.key_place(*at), f"no blocklist takes a key `{name}`", help_))
            continue
        try:
            keys[name] = part.document.read(_KeyForm, at, context=part.around).root
        except Problems as wrong:
            problems += wrong.problems
            keyless[name] = wrong.problems[0].message
    return keys, problems, keyless


def _in_use(form: BlocklistsForm, chosen: Chosen, default: timedelta, keys: tuple[Secret, ...]) -> InUse:
    zones, timeout = chosen.zones, form.timeout or default
    own = {signal.name for used in zones for signal in zone_signals(used.zone)}
    summed = {signal.name for summary in summaries(zones) for signal in summary.signals}
    return InUse(
        name=NAME,
        answers=frozenset(own | summed),
        timeout=timeout,
        sends=frozenset().union(*(SENDS[used.zone.lists] for used in zones)),
        counted=frozenset(used.zone.name for used in zones),
        details=("zones " + ", ".join(f"{used.zone.name} (with its key)" if used.key else used.zone.name
                                      for used in zones),),
        by_dns=True,
        secrets=keys,
        open=partial(_open, zones, timeout, form.canaries),
    )  # fmt: skip


async def _open(
    zones: tuple[ZoneInUse, ...], timeout: timedelta, canaries: timedelta, connections: Connections
) -> Opened:
    health = Health()
    inquiries = tuple(zone_inquiry(used, connections, health, timeout=timeout.total_seconds()) for used in zones)
    watching = asyncio.create_task(
        watch(
            lambda: zones,
            resolver=connections.resolver,
            health=health,
            period=canaries.total_seconds(),
            random=connections.random,
        )
    )
    connections.closing.push_async_callback(_ended, watching)
    return Opened(inquiries, summaries(zones))


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


KIND = Kind(
    name=NAME,
    title="blocklists asked by DNS",
    form=BlocklistsForm,
    signals=signals,
    judge=_judge,
    zones=lambda: tuple(zone.name for zone in shipped_zones() if not zone.dead),
)
