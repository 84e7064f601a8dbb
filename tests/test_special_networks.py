"""Special-purpose addresses, by the IANA registries."""

from __future__ import annotations

import timeit
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kycrisk.special_networks import SPECIAL_NETWORKS, special_kind

ADDRESSES = [
    ("public v4", "8.8.8.8", ""),
    ("public v6", "2a00:1450:4001::1", ""),
    ("this network", "0.1.2.3", "unspecified"),
    ("ten", "10.255.255.255", "private"),
    ("after ten", "11.0.0.0", ""),
    ("carrier-grade nat", "100.64.0.1", "shared"),
    ("before carrier-grade nat", "100.63.255.255", ""),
    ("loopback v4", "127.0.0.53", "loopback"),
    ("link local v4", "169.254.169.254", "link_local"),
    ("private 172", "172.31.255.255", "private"),
    ("after private 172", "172.32.0.0", ""),
    ("ietf protocol", "192.0.0.8", "reserved"),
    ("pcp anycast is reachable", "192.0.0.9", ""),
    ("test-net-1", "192.0.2.1", "documentation"),
    ("test-net-2", "198.51.100.1", "documentation"),
    ("test-net-3", "203.0.113.255", "documentation"),
    ("after test-net-3", "203.0.114.0", ""),
    ("as112 is reachable", "192.31.196.1", ""),
    ("benchmark", "198.19.0.1", "benchmark"),
    ("multicast v4", "239.1.1.1", "multicast"),
    ("reserved v4", "250.0.0.1", "reserved"),
    ("broadcast", "255.255.255.255", "broadcast"),
    ("unspecified v6", "::", "unspecified"),
    ("loopback v6", "::1", "loopback"),
    ("mapped", "::ffff:8.8.8.8", "mapped"),
    ("nat64", "64:ff9b::808:808", "translation"),
    ("discard", "100::1", "discard"),
    ("teredo", "2001::1", "tunnel"),
    ("drone identifiers", "2001:30::1", "reserved"),
    ("right after the ietf block", "2001:200::1", ""),
    ("documentation v6", "2001:db8::1", "documentation"),
    ("documentation v6, new", "3fff:fff::1", "documentation"),
    ("6to4", "2002:808:808::1", "tunnel"),
    ("unique local", "fd00::1", "private"),
    ("link local v6", "fe80::1", "link_local"),
    ("multicast v6", "ff02::1", "multicast"),
    ("outside global unicast", "4000::1", "reserved"),
]


@pytest.mark.parametrize(("address", "kind"), [row[1:] for row in ADDRESSES], ids=[row[0] for row in ADDRESSES])
def test_kind(address: str, kind: str) -> None:
    assert special_kind(ip_address(address)) == kind


@given(st.integers(0, 2**32 - 1).map(IPv4Address) | st.integers(0, 2**128 - 1).map(IPv6Address))
def test_the_closest_row_decides(address: IPv4Address | IPv6Address) -> None:
    covering = [row for row in SPECIAL_NETWORKS if address in ip_network(row.network)]
    closest = max(covering, key=lambda row: ip_network(row.network).prefixlen, default=None)
    assert special_kind(address) == (closest.kind if closest else "")


def test_every_edge_of_every_row() -> None:
    for row in SPECIAL_NETWORKS:
        network = ip_network(row.network)
        for edge in (network.network_address, network.broadcast_address):
            inner = [other for other in SPECIAL_NETWORKS if edge in ip_network(other.network)]
            closest = max(inner, key=lambda other: ip_network(other.network).prefixlen)
            assert special_kind(edge) == closest.kind, row


def test_python_agrees_on_what_is_not_global() -> None:
    for row in SPECIAL_NETWORKS:
        if row.kind in ("private", "loopback", "link_local", "documentation", "benchmark", "unspecified"):
            assert not ip_network(row.network).is_global or row.network in ("3fff::/20", "fec0::/10"), row


def test_fast_enough_for_every_signup() -> None:
    addresses = [ip_address(row[1]) for row in ADDRESSES]
    best = min(timeit.repeat(lambda: [special_kind(ip) for ip in addresses], number=200, repeat=5))
    assert best / 200 / len(addresses) < 2e-6  # 0.2 µs when the machine is quiet
