"""Lists of the size that a provider has: 200,000 domains and 100,000 networks, made up from a seed.

The names are drawn like those of throw-away mail providers, the networks from blocks that are publicly routed, so
that the compiler's hygiene (public suffixes, bogons) keeps all of them.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from bench.workload import SEED
from kycrisk.feeds import snapshot
from kycrisk.feeds.catalogue import Feed, read_catalogues
from kycrisk.feeds.taking import take_local

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
_ENDINGS = ("com", "net", "org", "info", "xyz", "top", "icu", "online", "site", "shop", "club", "de", "fr", "pl", "in")
_OCTETS = (5, 23, 31, 37, 45, 46, 51, 62, 77, 78, 79, 80, 82, 84, 85, 87, 88, 89, 91, 93, 94, 95, 109, 138, 176, 178)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One list to be made up: the feed's name, what it is for, and how many entries of which kind it gets."""

    name: str
    purpose: str
    trust: str
    domains: int = 0
    v4: int = 0
    v6: int = 0


LISTINGS = (
    Listing(name="bench-disposable", purpose="disposable_domain", trust="trusted", domains=60_000),
    Listing(name="bench-aggregate", purpose="disposable_domain", trust="corroborating", domains=120_000),
    Listing(name="bench-forum-domains", purpose="forum_spam_domain", trust="corroborating", domains=20_000),
    Listing(name="bench-tor", purpose="tor_exit", trust="trusted", v4=1_500, v6=500),
    Listing(name="bench-drop", purpose="drop", trust="trusted", v4=1_500, v6=100),
    Listing(name="bench-blocklist", purpose="blocklist", trust="corroborating", v4=40_000),
    Listing(name="bench-datacenter", purpose="datacenter", trust="trusted", v4=25_000, v6=5_000),
    Listing(name="bench-vpn", purpose="vpn", trust="trusted", v4=11_000, v6=400),
    Listing(name="bench-relay", purpose="relay", trust="trusted", v4=5_000, v6=10_000),
)
DOMAINS = sum(listing.domains for listing in LISTINGS)
NETWORKS = sum(listing.v4 + listing.v6 for listing in LISTINGS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entries:
    """What stands in each list, by the feed's name."""

    domains: dict[str, list[str]]
    networks: dict[str, list[IPv4Network | IPv6Network]]


def made_up(share: float = 1.0) -> Entries:
    """The entries of all lists, no entry in two of them. `share` makes smaller ones, for a smoke test."""
    source = random.Random(f"lists {SEED}")
    domains, v4, v6 = _domains(source), _blocks_v4(source), _blocks_v6(source)
    return Entries(
        domains={
            each.name: [next(domains) for _ in range(int(each.domains * share))] for each in LISTINGS if each.domains
        },
        networks={
            each.name: [
                *(next(v4) for _ in range(int(each.v4 * share))),
                *(next(v6) for _ in range(int(each.v6 * share))),
            ]
            for each in LISTINGS
            if each.v4
        },
    )


def write_lists(folder: Path, entries: Entries) -> Path:
    """The lists as text files, and the catalogue that names them; returns the catalogue's path."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["feeds:"]
    for listing in LISTINGS:
        content = entries.domains.get(listing.name) or map(str, entries.networks[listing.name])
        (folder / f"{listing.name}.txt").write_text("\n".join(content) + "\n")
        lines.append(
            f"  {listing.name}: {{title: {listing.name}, purpose: {listing.purpose}, "
            f"kind: {'domains' if listing.domains else 'networks'}, url: {listing.name}.txt, licence: made up, "
            f"lineage: {listing.name}, trust: {listing.trust}, refresh: 1d, max_age: never}}"
        )
    catalogue = folder / "feeds.yaml"
    catalogue.write_text("\n".join(lines) + "\n")
    return catalogue


def compile_lists(catalogue: Path, snapshots: Path, now: datetime = NOW) -> tuple[Feed, ...]:
    """The compiled snapshots of every list of a catalogue, as `kycrisk feeds update` leaves them."""
    feeds = read_catalogues([catalogue])
    for feed in feeds:
        snapshot.write(snapshots, take_local(feed, now=now, protected=frozenset()))
    return feeds


def _domains(source: random.Random) -> Iterator[str]:
    seen: set[str] = set()
    while True:
        length = source.randrange(6, 15)
        name = "".join(source.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=length)) + "." + source.choice(_ENDINGS)
        if name not in seen:
            seen.add(name)
            yield name


def _blocks_v4(source: random.Random) -> Iterator[IPv4Network]:
    """Networks and single addresses, each in a /24 of its own, so that none lies inside another."""
    seen: set[int] = set()
    while True:
        block = source.choice(_OCTETS) << 24 | source.getrandbits(16) << 8
        if block not in seen:
            seen.add(block)
            prefix = source.choice((24, 24, 26, 28, 32, 32, 32))
            host = source.getrandbits(8) >> (32 - prefix) << (32 - prefix)
            yield IPv4Network((block | host, prefix))


def _blocks_v6(source: random.Random) -> Iterator[IPv6Network]:
    seen: set[int] = set()
    while True:
        block = 0x2A << 120 | source.getrandbits(40) << 80
        if block not in seen:
            seen.add(block)
            yield IPv6Network((block, source.choice((48, 56, 64))))
