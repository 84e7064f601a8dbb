"""Where the mail of a domain goes: its exchangers, and the addresses behind them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address

from kycrisk.lookups.dns_answer import DnsAnswer, Kind, Mx, Status, why_unknown
from kycrisk.lookups.resolver import Resolver
from kycrisk.signals import IP, Unknown, Why
from kycrisk.special_networks import special_kind

MOST_TARGETS = 5  #: of hundreds of exchangers, which only a hostile domain has, the first few count

_LOOPBACK = ip_address("127.0.0.1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """How far the way of a domain's mail could be followed.

    `mx` is the answer to the question for exchangers. `hosts` are the exchangers in the order of their preference,
    "" for the root of the DNS; the domain itself where there are none (`implicit`). `addresses` are those found
    behind the first of them; `gap` says why there may be more. `at_domain` are further answers about the domain itself.
    `looked_up` are the names whose addresses were asked for.
    """

    mx: DnsAnswer
    hosts: tuple[str, ...] = ()
    implicit: bool = False
    addresses: tuple[IP, ...] = ()
    gap: Unknown | None = None
    at_domain: tuple[DnsAnswer, ...] = ()
    looked_up: tuple[str, ...] = ()

    @property
    def null(self) -> bool:
        """Whether the domain says that it takes no mail (RFC 7505 section 3)."""
        return bool(self.hosts) and not any(self.hosts)

    @property
    def public(self) -> bool:
        """Whether an address in public space was found."""
        return any(not special_kind(address) for address in self.addresses)

    @property
    def special(self) -> bool:
        """Whether an address in loopback, private or reserved space was found."""
        return any(special_kind(address) for address in self.addresses)


async def follow(domain: str, resolver: Resolver, deadline: float) -> Route:
    """The way of a domain's mail, as far as it is known at a moment of the loop's clock."""
    mx = await resolver.ask(domain, Kind.MX, within=deadline - resolver.loop.time())
    if mx.status is Status.NODATA:  # only then is the domain its own exchanger (RFC 5321 section 5.1)
        answers = await _both(domain, resolver, deadline)
        gap = _gap(domain, answers)
        return Route(
            mx=mx,
            hosts=(domain,),
            implicit=True,
            addresses=_addresses(answers),
            gap=gap,
            at_domain=answers,
            looked_up=(domain,),
        )
    if mx.status is not Status.RECORDS:
        return Route(mx=mx)
    hosts = tuple(dict.fromkeys(exchanger.host for exchanger in sorted(mx.exchangers, key=_preference)))
    if not any(hosts):
        return Route(mx=mx, hosts=hosts)
    targets = [host for host in hosts if _may_resolve(host)]
    looked_up = tuple(targets[:MOST_TARGETS])
    found = await asyncio.gather(*(_both(host, resolver, deadline) for host in looked_up))
    answers = tuple(answer for pair in found for answer in pair)
    gaps = (_gap(host, pair) for host, pair in zip(looked_up, found, strict=True))
    return Route(
        mx=mx,
        hosts=hosts,
        addresses=(*_addresses(answers), *(_LOOPBACK for host in hosts if _is_localhost(host))),
        gap=next((gap for gap in gaps if gap), None) or _unvisited(domain, len(targets)),
        looked_up=looked_up,
    )


def _preference(exchanger: Mx) -> int:
    return exchanger.preference


async def _both(host: str, resolver: Resolver, deadline: float) -> tuple[DnsAnswer, ...]:
    within = deadline - resolver.loop.time()
    return tuple(await asyncio.gather(*(resolver.ask(host, kind, within=within) for kind in (Kind.A, Kind.AAAA))))


def _addresses(answers: Iterable[DnsAnswer]) -> tuple[IP, ...]:
    return tuple(ip_address(text) for answer in answers for text in answer.texts)


def _gap(host: str, answers: Iterable[DnsAnswer]) -> Unknown | None:
    """Why there may be more addresses than were found, None where there are not."""
    return next(
        (why_unknown(answer, host) for answer in answers if not answer.conclusive and not _absurd(answer)), None
    )


def _absurd(answer: DnsAnswer) -> bool:
    return answer.status is Status.BAD_NAME  # no host, so nothing can be behind it


def _unvisited(domain: str, targets: int) -> Unknown | None:
    if targets <= MOST_TARGETS:
        return None
    return Unknown(Why.OVER_BUDGET, f"{domain} has {targets} exchangers, of which {MOST_TARGETS} were looked at")


def _is_localhost(host: str) -> bool:
    return host == "localhost" or host.endswith(".localhost")  # RFC 6761 section 6.3


def _may_resolve(host: str) -> bool:
    """Whether a host is worth a question: the root is none, and an address is not a name (RFC 5321 section 5.1)."""
    return bool(host) and not _is_localhost(host) and not host.rpartition(".")[2].isdigit()
