"""Networks that no customer on the public Internet can come from, by the IANA registries.

Sources, read 2026-11: IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890 and its updates), IPv4
Multicast Address Space (RFC 5771), Internet Protocol Version 6 Address Space (RFC 4291). Blocks that the registries
call globally reachable (AS112, AMT, the anycast addresses of PCP and TURN) are public space here.
"""

from __future__ import annotations

from bisect import bisect_right
from ipaddress import IPv4Address, ip_network
from typing import NamedTuple

from kycrisk.signals import IP


class SpecialNetwork(NamedTuple):
    """A block of the registries. `kind` is empty for a public block inside a special one."""

    network: str
    kind: str
    reference: str


SPECIAL_NETWORKS: tuple[SpecialNetwork, ...] = (
    SpecialNetwork("0.0.0.0/8", "unspecified", "RFC 791 section 3.2: this network"),
    SpecialNetwork("10.0.0.0/8", "private", "RFC 1918"),
    SpecialNetwork("100.64.0.0/10", "shared", "RFC 6598: carrier-grade NAT"),
    SpecialNetwork("127.0.0.0/8", "loopback", "RFC 1122 section 3.2.1.3"),
    SpecialNetwork("169.254.0.0/16", "link_local", "RFC 3927"),
    SpecialNetwork("172.16.0.0/12", "private", "RFC 1918"),
    SpecialNetwork("192.0.0.0/24", "reserved", "RFC 6890 section 2.1: IETF protocol assignments"),
    SpecialNetwork("192.0.0.9/32", "", "RFC 7723: PCP anycast, globally reachable"),
    SpecialNetwork("192.0.0.10/32", "", "RFC 8155: TURN anycast, globally reachable"),
    SpecialNetwork("192.0.2.0/24", "documentation", "RFC 5737: TEST-NET-1"),
    SpecialNetwork("192.88.99.0/24", "reserved", "RFC 7526: 6to4 relay anycast, deprecated"),
    SpecialNetwork("192.168.0.0/16", "private", "RFC 1918"),
    SpecialNetwork("198.18.0.0/15", "benchmark", "RFC 2544"),
    SpecialNetwork("198.51.100.0/24", "documentation", "RFC 5737: TEST-NET-2"),
    SpecialNetwork("203.0.113.0/24", "documentation", "RFC 5737: TEST-NET-3"),
    SpecialNetwork("224.0.0.0/4", "multicast", "RFC 5771"),
    SpecialNetwork("240.0.0.0/4", "reserved", "RFC 1112 section 4"),
    SpecialNetwork("255.255.255.255/32", "broadcast", "RFC 8190, RFC 919 section 7"),
    # IPv6: only 2000::/3 is global unicast, the rest is reserved unless a row says more.
    SpecialNetwork("::/3", "reserved", "RFC 4291 section 4"),
    SpecialNetwork("4000::/2", "reserved", "RFC 4291 section 4"),
    SpecialNetwork("8000::/1", "reserved", "RFC 4291 section 4"),
    SpecialNetwork("::/128", "unspecified", "RFC 4291 section 2.5.2"),
    SpecialNetwork("::1/128", "loopback", "RFC 4291 section 2.5.3"),
    SpecialNetwork("::ffff:0:0/96", "mapped", "RFC 4291 section 2.5.5.2: IPv4 in IPv6 clothes"),
    SpecialNetwork("64:ff9b::/96", "translation", "RFC 6052: NAT64, an IPv4 address inside"),
    SpecialNetwork("64:ff9b:1::/48", "translation", "RFC 8215: NAT64 of one's own network"),
    SpecialNetwork("100::/64", "discard", "RFC 6666"),
    SpecialNetwork("100:0:0:1::/64", "discard", "RFC 9780: dummy prefix"),
    SpecialNetwork("2001::/23", "reserved", "RFC 2928: IETF protocol assignments"),
    SpecialNetwork("2001::/32", "tunnel", "RFC 4380: Teredo"),
    SpecialNetwork("2001:1::1/128", "", "RFC 7723: PCP anycast, globally reachable"),
    SpecialNetwork("2001:1::2/128", "", "RFC 8155: TURN anycast, globally reachable"),
    SpecialNetwork("2001:1::3/128", "", "RFC 9665: DNS-SD SRP anycast, globally reachable"),
    SpecialNetwork("2001:2::/48", "benchmark", "RFC 5180"),
    SpecialNetwork("2001:3::/32", "", "RFC 7450: AMT, globally reachable"),
    SpecialNetwork("2001:4:112::/48", "", "RFC 7535: AS112, globally reachable"),
    # ORCHIDv2 (2001:20::/28) and drone identifiers (2001:30::/28) stay reserved: they are names, nobody connects
    # from one (RFC 7343 section 1, RFC 9374 section 3).
    SpecialNetwork("2001:db8::/32", "documentation", "RFC 3849"),
    SpecialNetwork("2002::/16", "tunnel", "RFC 3056: 6to4, an IPv4 address inside"),
    SpecialNetwork("3fff::/20", "documentation", "RFC 9637"),
    SpecialNetwork("5f00::/16", "reserved", "RFC 9602: segment routing identifiers"),
    SpecialNetwork("fc00::/7", "private", "RFC 4193: unique local"),
    SpecialNetwork("fe80::/10", "link_local", "RFC 4291 section 2.5.6"),
    SpecialNetwork("fec0::/10", "private", "RFC 3879: site-local, deprecated"),
    SpecialNetwork("ff00::/8", "multicast", "RFC 4291 section 2.7"),
)


class Segments(NamedTuple):
    """The address space cut where the kind changes: `kinds[i]` holds from `starts[i]` up to the next start."""

    starts: tuple[int, ...]
    kinds: tuple[str, ...]


def _segments(version: int) -> Segments:
    rows = [(ip_network(row.network), row.kind) for row in SPECIAL_NETWORKS]
    spans = [
        (int(net.network_address), int(net.broadcast_address), kind) for net, kind in rows if net.version == version
    ]
    spans.sort(key=lambda span: span[0] - span[1])  # the widest first, so that the last that covers is the closest
    top = 2 ** (32 if version == 4 else 128)
    points = {0} | {first for first, _, _ in spans} | {last + 1 for _, last, _ in spans if last + 1 < top}
    starts: list[int] = []
    kinds: list[str] = []
    for point in sorted(points):
        covering = [kind for first, last, kind in spans if first <= point <= last]
        kind = covering[-1] if covering else ""
        if not kinds or kinds[-1] != kind:
            starts.append(point)
            kinds.append(kind)
    return Segments(tuple(starts), tuple(kinds))


SEGMENTS_V4 = _segments(4)
SEGMENTS_V6 = _segments(6)
_STARTS_4, _KINDS_4 = SEGMENTS_V4
_STARTS_6, _KINDS_6 = SEGMENTS_V6


def special_kind(ip: IP) -> str:
    """What kind of special-purpose address this is (`private`, `loopback`, `shared` ...); "" for public space."""
    if isinstance(ip, IPv4Address):
        return _KINDS_4[bisect_right(_STARTS_4, int(ip)) - 1]
    return _KINDS_6[bisect_right(_STARTS_6, int(ip)) - 1]
