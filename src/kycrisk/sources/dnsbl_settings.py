"""Which blocklists a site asks, with which keys: each zone and each key is judged for itself."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Annotated

from pydantic import Field

from kycrisk.lookups.dnsbl import ZoneInUse
from kycrisk.lookups.dnsbl_choice import Chosen, ZoneChoice, choose
from kycrisk.lookups.dnsbl_health import Health
from kycrisk.lookups.dnsbl_lookup import watch
from kycrisk.lookups.secrets import Secret
from kycrisk.problems import Problems
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


def _judge(part: Part) -> Judged:
    keys = part.secrets("keys", {zone.key for zone in shipped_zones() if zone.key})
    try:
        form = part.read(BlocklistsForm, but=("keys",))
    except Problems as wrong:
        return Judged(None, (*wrong.problems, *keys.problems))
    listed = {zone.name: zone for zone in shipped_zones()} | {zone.zone: zone for zone in shipped_zones()}
    choices: list[ZoneChoice] = []
    unusable: dict[str, Unknown] = {}
    for index, name in enumerate(form.zones):
        zone = listed.get(name.lower().removesuffix("."))
        key = keys.known.get(zone.key) if zone else None
        if zone and zone.key in keys.missing:
            unusable[zone.name] = Unknown(Why.NOT_CONFIGURED, f"{zone.name} is out of use: {keys.missing[zone.key]}")
        else:
            place = part.place("zones", index)
            choices.append(ZoneChoice(name=name, place=place, key=key.reveal() if key else ""))
    chosen = choose(choices, shipped_zones())
    for name, why in chosen.unusable.items():
        unusable[name] = Unknown(Why.NOT_CONFIGURED, f"{name} is out of use: {why.detail}")
    return Judged(
        _in_use(form, chosen, part.timeout, tuple(keys.known.values())) if chosen.zones else None,
        (*keys.problems, *chosen.problems),
        {signal.name: unusable[zone.name] for zone in shipped_zones() if zone.name in unusable and not zone.dead
         for signal in zone_signals(zone)},
    )  # fmt: skip


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
