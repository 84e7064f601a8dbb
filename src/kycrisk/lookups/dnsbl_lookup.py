"""Asking zones, and watching over them with canaries."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from random import Random

from kycrisk.lookups.dns_answer import Kind
from kycrisk.lookups.dnsbl import Outcome, ZoneInUse
from kycrisk.lookups.dnsbl_health import Health, canaries
from kycrisk.lookups.dnsbl_query import query_name
from kycrisk.lookups.dnsbl_verdict import interpret
from kycrisk.lookups.resolver import Resolver
from kycrisk.signals import IP, Unknown

CANARY_SECONDS = 2.0  # nobody waits for a canary


async def look_up(used: ZoneInUse, subject: IP | str, *, resolver: Resolver, health: Health, within: float) -> Outcome:
    """What a zone says about an IP address, a domain or an e-mail address, at most `within` seconds from now.

    A zone that is demoted is not asked. Never raises for what the network does. Raises `TypeError` for a subject that
    is not what the zone lists.
    """
    query = query_name(used, subject)
    if isinstance(query, Unknown):
        return query
    if (doubt := health.why_not(used.zone.name, query.form)) is not None:
        return doubt
    return interpret(used.zone, await resolver.ask(query.name, Kind.A, within=within))


async def inspect(zones: Sequence[ZoneInUse], *, resolver: Resolver, health: Health) -> None:
    """Ask every canary of the zones once. A zone that is demoted or restored loses the answers that were kept."""
    await asyncio.gather(*(_inspect(used, resolver, health) for used in zones))


async def _inspect(used: ZoneInUse, resolver: Resolver, health: Health) -> None:
    tests = canaries(used)
    asked = (resolver.ask(canary.query.name, Kind.A, within=CANARY_SECONDS, fresh=True) for canary in tests)
    answers = await asyncio.gather(*asked)
    changed = [health.note(canary, answer) for canary, answer in zip(tests, answers, strict=True)]
    if any(changed):
        resolver.forget(used.suffix)


async def watch(
    zones: Callable[[], Sequence[ZoneInUse]],
    *,
    resolver: Resolver,
    health: Health,
    period: float,
    random: Random,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Inspect the zones for ever, about every `period` seconds, never exactly, so that not all sites ask at once."""
    while True:
        await inspect(zones(), resolver=resolver, health=health)
        await sleep(period * random.uniform(0.8, 1.0))
