"""Lists of the size that a provider has: 200,000 domains and 100,000 networks, made up from a seed.

They stand in for the lists that the shipped catalogue would download, feed by feed and in about their proportions; the
lists that ship with kycrisk come on top. The domains are drawn like those of throw-away mail providers, the networks
from blocks that are publicly routed, so that the compiler's hygiene (public suffixes, bogons) keeps all of them.
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
from kycrisk.feeds.catalogue import Feed, default_catalogue, read_catalogues
from kycrisk.feeds.taking import protected_by, take_local

Network = IPv4Network | IPv6Network

DOMAINS = {
    "disposable-email-domains-github": 5_000,
    "disposable-aggregate": 110_000,
    "mailchecker": 55_000,
    "wesbos": 4_000,
    "fakefilter": 10_000,
    "misp-dynamic-dns": 1_000,
    "stopforumspam-domains": 15_000,
}
#: IPv4 and IPv6 entries.
NETWORKS = {
    "tor-bulk": (1_300, 0),
    "tor-onionoo": (1_300, 400),
    "spamhaus-drop-v4": (1_500, 0),
    "spamhaus-drop-v6": (0, 100),
    "firehol-level1": (4_500, 0),
    "firehol-level2": (20_000, 0),
    "stopforumspam-ip": (25_000, 0),
    "x4bnet-datacenter-v4": (25_000, 0),
    "x4bnet-datacenter-v6": (0, 5_000),
    "x4bnet-vpn-v4": (5_500, 0),
    "x4bnet-vpn-v6": (0, 400),
    "icloud-private-relay": (3_000, 7_000),
}
_ENDINGS = ("com", "net", "org", "info", "xyz", "top", "icu", "online", "site", "shop", "club", "de", "fr", "pl", "in")
#: First octets that are publicly routed and hold no special block.
OCTETS = (5, 23, 31, 37, 45, 46, 51, 62, 77, 78, 79, 80, 82, 84, 85, 87, 88, 89, 91, 93, 94, 95, 109, 138, 176, 178)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entries:
    """What stands in each list, by the feed's name."""

    domains: dict[str, list[str]]
    networks: dict[str, list[Network]]

    def __len__(self) -> int:
        return sum(map(len, self.domains.values())) + sum(map(len, self.networks.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """Compiled lists: the catalogues that name them, the feeds in use, and the folder of their snapshots."""

    catalogues: tuple[Path, Path]
    feeds: tuple[Feed, ...]
    snapshots: Path


def make_entries(share: float = 1.0) -> Entries:
    """The entries of all lists, no entry in two of them. `share` makes smaller ones, for a smoke test."""
    source = random.Random(f"lists {SEED}")
    domains, v4, v6 = _domains(source), _blocks_v4(source), _blocks_v6(source)
    return Entries(
        domains={name: [next(domains) for _ in range(int(count * share))] for name, count in DOMAINS.items()},
        networks={
            name: [*(next(v4) for _ in range(int(fours * share))), *(next(v6) for _ in range(int(sixes * share)))]
            for name, (fours, sixes) in NETWORKS.items()
        },
    )


def compile_lists(folder: Path, entries: Entries) -> Compiled:
    """The lists as text files, a catalogue that puts them in place of the downloads, and their snapshots."""
    folder.mkdir(parents=True)
    lines = ["feeds:"]
    for names, kind in ((entries.domains, "domains"), (entries.networks, "networks")):
        for name, content in names.items():
            (folder / f"{name}.txt").write_text("".join(f"{entry}\n" for entry in content))
            lines.append(f"  {name}: {{url: {name}.txt, kind: {kind}, max_age: never, minimum: 1}}")
    catalogue, snapshots = folder / "feeds.yaml", folder / "snapshots"
    catalogue.write_text("\n".join(lines) + "\n")
    catalogues = (default_catalogue(), catalogue)
    feeds = tuple(feed for feed in read_catalogues(catalogues) if feed.enabled)
    now = datetime.now(UTC)
    protected = protected_by(feeds, snapshots, now=now)
    for feed in feeds:
        snapshot.write(snapshots, take_local(feed, now=now, protected=protected))
    return Compiled(catalogues=catalogues, feeds=feeds, snapshots=snapshots)


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
        block = source.choice(OCTETS) << 24 | source.getrandbits(16) << 8
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
