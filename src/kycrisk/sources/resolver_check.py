"""Whether the resolvers of a site answer at all: for people who set up a site, not for screenings."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import closing
from random import Random

from kycrisk.lookups.dns_answer import Kind
from kycrisk.lookups.resolver import Resolver
from kycrisk.lookups.resolver_servers import RESOLV_CONF, Nameserver, system_nameservers
from kycrisk.problems import Place, Problem
from kycrisk.sources.choice import Choice

#: A name that resolvers answer themselves, as it can never exist (RFC 6761 section 6.4).
NAME = "resolver-check.invalid"
PATIENCE = 2.0


def servers_of(choice: Choice) -> Sequence[tuple[Nameserver, Place | str]]:
    """The name servers that a site asks, and where they are set."""
    if choice.resolver:
        return list(zip(choice.resolver, choice.resolver_places, strict=True))
    return [(server, str(RESOLV_CONF)) for server in system_nameservers()]


async def silent_resolvers(choice: Choice, *, random: Random, patience: float = PATIENCE) -> list[Problem]:
    """The name servers that do not answer, or refuse to. None is asked where no source needs one."""
    if not any(source.by_dns for source in choice.sources.values()):
        return []
    found = await asyncio.gather(*(_judged(*each, random, patience) for each in servers_of(choice)))
    return [problem for problem in found if problem is not None]


async def _judged(server: Nameserver, place: Place | str, random: Random, patience: float) -> Problem | None:
    with closing(Resolver([server], random=random)) as resolver:
        answer = await resolver.ask(NAME, Kind.A, within=patience)
    if answer.conclusive:
        return None
    detail = f" ({answer.detail})" if answer.detail else ""
    return Problem(
        place,
        f"the resolver `{server}` does not answer: {answer.status.value}{detail}",
        "start it, or name another one under `network.resolver`",
    )
