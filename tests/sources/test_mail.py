"""The mail of a domain as a source: kept for as long as all its answers are good, and nobody's to break."""

from __future__ import annotations

import asyncio

from kycrisk.lookups.mail_domain import ABSENT
from kycrisk.lookups.mail_domain_hosts import read_mail_hosts
from kycrisk.sources.inquiry import Foregone
from kycrisk.sources.mail import mail_inquiry
from tests.lookups.dns.server import NameServer
from tests.sources.making import connected, signup, soon

HOSTS = read_mail_hosts()


def ordinary(server: NameServer, *, ttl: int = 300) -> None:
    server.give("shop.example.com", "MX", "10 mx.example.com.", ttl=ttl)
    server.give("mx.example.com", "A", "198.41.0.4")
    server.give("example.com", "NS", "ns.example.com.")


def test_answers_are_kept_while_all_of_them_are_good():
    async def scenario() -> tuple[int, int, bool]:
        async with connected() as (server, connections):
            ordinary(server)
            inquiry = mail_inquiry(connections, HOSTS, timeout=20.0)
            key = inquiry.key(signup(), {})
            first = await inquiry.ask(key, soon())
            asked = len(server.queries)
            kept = inquiry.kept(key)
            assert kept is not None
            assert (kept.known, kept.as_of) == (first.known, first.as_of)
            await inquiry.ask(key, soon())
            return asked, len(server.queries), bool(first.known["mail.accepts"])

    assert asyncio.run(scenario()) == (5, 5, True)  # MX, TXT, NS, A, AAAA: once


def test_an_answer_that_may_not_be_kept_is_not():
    async def kept() -> object:
        async with connected() as (server, connections):
            ordinary(server, ttl=0)
            inquiry = mail_inquiry(connections, HOSTS, timeout=20.0)
            await inquiry.ask("shop.example.com", soon())
            return inquiry.kept("shop.example.com")

    assert asyncio.run(kept()) is None


def test_an_address_without_a_domain_is_not_asked_about():
    async def key() -> object:
        async with connected() as (_, connections):
            return mail_inquiry(connections, HOSTS, timeout=20.0).key(signup(email="nonsense"), {})

    assert asyncio.run(key()) == Foregone(ABSENT)


def test_domains_that_are_silent_on_purpose_do_not_open_the_circuit():
    """Whoever signs up chooses the domain. Others are still asked about, however many such come."""

    async def scenario() -> list[str]:
        async with connected() as (server, connections):
            ordinary(server)
            for name in ("silent.example", "*.silent.example"):
                server.on(name, rcode="SERVFAIL")
            inquiry = mail_inquiry(connections, HOSTS, timeout=20.0)
            for number in range(20):
                said = await inquiry.ask(f"{number}.silent.example", soon())
                assert not said.known
            return sorted((await inquiry.ask("shop.example.com", soon())).known)

    assert "mail.accepts" in asyncio.run(scenario())


def test_a_resolver_that_denies_everything_accuses_nobody():
    async def scenario() -> tuple[set[str], object]:
        async with connected() as (server, connections):
            server.on("com", "NS", rcode="NXDOMAIN")  # and so is the domain
            inquiry = mail_inquiry(connections, HOSTS, timeout=20.0)
            said = await inquiry.ask("shop.example.com", soon())
            return {str(why) for why in said.unknown.values()}, inquiry.kept("shop.example.com")

    assert asyncio.run(scenario()) == (
        {"malformed_answer (the resolver says that `com` does not exist, so its answers mean nothing)"},
        None,
    )
