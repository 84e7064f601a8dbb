"""Resolvers that deny or make up everything are not believed, and accuse nobody."""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import Any

import pytest

from kycrisk.lookups.dns_answer import Kind
from kycrisk.lookups.resolver import Resolver
from kycrisk.lookups.resolver_trust import EXISTS, NOWHERE, Trust
from tests.lookups.dns.server import NameServer, name_server

DENIES = "malformed_answer (the resolver says that `com` does not exist, so its answers mean nothing)"
INVENTS = "malformed_answer (the resolver finds addresses of names that cannot exist, so its answers mean nothing)"


def nothing(server: NameServer) -> None:
    """An ordinary server."""


def told(*arranged: Any) -> list[str]:
    """What is thought of the resolver after each arrangement."""

    async def scenario() -> list[str]:
        found = []
        async with name_server() as server:
            with closing(Resolver([server.nameserver])) as resolver:
                trust = Trust(resolver, period=0.0, in_doubt=0.0)
                for arrange in arranged:
                    server.rules.clear()
                    arrange(server)
                    trust.begin()
                    await trust.verdict(resolver.loop.time() + 2)
                    await trust.looked()
                    found.append(str(trust.doubt))
                await trust.aclose()
        return found

    return asyncio.run(scenario())


@pytest.mark.parametrize(
    ("arrange", "doubt"),
    [
        pytest.param(nothing, "None", id="an ordinary one"),
        pytest.param(lambda server: server.on(EXISTS, "NS", rcode="NXDOMAIN"), DENIES, id="denies what exists"),
        pytest.param(lambda server: server.on(EXISTS, "NS"), DENIES, id="finds nothing at what exists"),
        pytest.param(lambda server: server.give(NOWHERE, "A", "198.51.100.1"), INVENTS, id="makes up addresses"),
        pytest.param(lambda server: server.on("*", rcode="SERVFAIL"), "None", id="fails, which says nothing"),
    ],
)
def test_what_is_thought_of_a_resolver(arrange, doubt):
    assert told(arrange) == [doubt]


def test_it_is_believed_again_when_it_is_mended():
    def denies(server: NameServer) -> None:
        server.on(EXISTS, "NS", rcode="NXDOMAIN")

    def fails(server: NameServer) -> None:
        server.on("*", rcode="SERVFAIL")

    assert told(denies, fails, nothing) == [DENIES, DENIES, "None"]


def test_what_it_said_before_is_dropped():
    async def scenario() -> tuple[int, int]:
        async with name_server() as server:
            server.on(EXISTS, "NS", rcode="NXDOMAIN")
            with closing(Resolver([server.nameserver])) as resolver:
                await resolver.ask("shop.example", Kind.MX, within=20)
                kept = len(resolver.cache)
                trust = Trust(resolver)
                trust.begin()
                await trust.verdict(resolver.loop.time() + 2)
                return kept, len(resolver.cache)

    assert asyncio.run(scenario()) == (1, 0)


def test_only_the_first_look_is_waited_for():
    async def scenario() -> list[str]:
        async with name_server() as server:
            with closing(Resolver([server.nameserver])) as resolver:
                trust = Trust(resolver, period=0.0)
                trust.begin()
                found = [str(await trust.verdict(resolver.loop.time() + 2))]
                server.on(EXISTS, "NS", rcode="NXDOMAIN", delay=0.05)
                trust.begin()
                found.append(str(await trust.verdict(resolver.loop.time() + 2)))
                await trust.aclose()
                return found

    assert asyncio.run(scenario()) == ["None", "None"]
