"""The sources of a site, as `doctor` tells of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from datetime import timedelta
from ipaddress import ip_address
from random import SystemRandom
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kycrisk.problems import Problem
    from kycrisk.ruleset.model import Rule, Ruleset
    from kycrisk.sources.choice import Choice
    from kycrisk.sources.kind import InUse

Row = tuple[str, str]


def silent_resolvers(choice: Choice) -> list[Problem]:
    """The name servers that do not answer."""
    from kycrisk.sources.resolver_check import silent_resolvers as silent

    return asyncio.run(silent(choice, random=SystemRandom()))


def source_rows(choice: Choice, ruleset: Ruleset) -> Iterator[Row]:
    """Who is asked, and who is not: names and texts."""
    from kycrisk.sources.kinds import KINDS
    from kycrisk.sources.resolver_check import servers_of

    if choice.offline:
        yield "asked", "nobody: the network is not used"
        return
    if not choice.sources and not choice.out_of_use:
        yield "asked", "nobody: `sources` in the settings names none"
        return
    if any(source.by_dns for source in choice.sources.values()):
        servers = ", ".join(str(server) for server, _ in servers_of(choice))
        yield "resolver", servers if choice.resolver else f"{servers} (the system's)"
    for source in choice.sources.values():
        yield source.name, _described(source, KINDS[source.name].title)
        for detail in source.details:
            yield "", detail
    for name, why in choice.out_of_use.items():
        yield name, why.detail.removeprefix(f"{name} is ")
    idle = [name for name in choice.sources if not _reads(ruleset.live, choice.sources[name].answers)]
    if idle:
        yield "not needed", f"no live rule reads {', '.join(idle)}, so nobody asks there"


def _described(source: InUse, title: str) -> str:
    milliseconds = source.timeout / timedelta(milliseconds=1)
    cost = f"{source.price} a question" if source.price.amount else "free"
    return f"{title}; within {milliseconds:g} ms, {cost}; sends {', '.join(sorted(source.sends)) or 'nothing personal'}"


def read_signals(rules: Iterable[Rule]) -> frozenset[str]:
    """The signals that rules read, also through lists and counts."""
    from kycrisk.ruleset.condition import Membership, Velocity

    found: set[str] = set()
    for rule in rules:
        for ref in rule.signals:
            found.add(ref.name)
            match ref.derived:
                case Membership(signal):
                    found.add(signal)
                case Velocity(key=key, counted=counted):
                    found |= {key, counted}
    return frozenset(found)


def _reads(rules: Iterable[Rule], answers: frozenset[str]) -> bool:
    return not answers.isdisjoint(read_signals(rules))


def source_trouble(choice: Choice, ruleset: Ruleset) -> Iterator[str]:
    """What somebody should think about, though nothing is wrong with the settings: in sentences."""
    from kycrisk.lookups.resolver_servers import recognise_public_resolver
    from kycrisk.sources.resolver_check import servers_of

    if "dnsbl" in choice.sources:
        for server, place in servers_of(choice):
            public = recognise_public_resolver(ip_address(server.address))
            if public:
                yield (
                    f"{place}: {server} is {public}, where questions are counted together with everybody's: Spamhaus "
                    "and most other blocklists refuse them. Name a resolver of your own under `network.resolver`"
                )
    allowed, money = ruleset.policy.personal_data, ruleset.policy.money
    for source in choice.sources.values():
        held_back = sorted(source.sends.difference(allowed)) if allowed is not None else []
        if held_back:
            yield (
                f"{source.name} would be sent {', '.join(held_back)}, which `budgets.personal_data` of the policy does "
                "not let out: what needs it is never asked"
            )
        if source.price.amount and money is not None and source.price.currency != money.currency:
            yield (
                f"{source.name} costs {source.price.currency}, and `budgets.money` of the policy is in "
                f"{money.currency}: it is never asked"
            )
