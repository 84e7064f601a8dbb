"""Keys asked of all lists at once, by joins: against each list asked about each key."""

from __future__ import annotations

import random
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kycrisk.feeds.columns import MOST_LISTS, AddressClasses, DomainClasses
from kycrisk.feeds.match import DomainSet, NetworkSet
from kycrisk.ruleset.columns.values import packed
from kycrisk.special_networks import special_kind

_LABELS = ["mail", "mx", "shop", "a", "xn--bcher-kva", "example", "co", "uk", "com", "net", "duckdns", "org", "b-1"]


def _names(source: random.Random, count: int) -> list[str]:
    return [".".join(source.choices(_LABELS, k=source.randrange(1, 6))) for _ in range(count)]


@given(st.integers(0, 2**32))
def test_domains_are_held_by_the_sets_that_find_them(seed):
    source = random.Random(seed)
    sets = [frozenset(_names(source, source.randrange(30))) for _ in range(source.randrange(5))]
    domains = sorted({*_names(source, 200), "", ".", "com.", ".com", "a..com", "café.com", "A.COM", "com"})
    held = DomainClasses(sets).holding(pl.Series(domains, dtype=pl.String))
    for domain, bits in zip(domains, held, strict=True):
        finds = [DomainSet(entries).find(domain) is not None for entries in sets]
        assert bits == sum(1 << number for number, found in enumerate(finds) if found), domain


def _networks(source: random.Random, count: int) -> list:
    """Networks of real sizes that nest, touch and repeat."""
    found = []
    for _ in range(count):
        if source.random() < 0.6:
            prefix, number = source.choice([0, 8, 12, 16, 20, 24, 24, 28, 31, 32]), source.getrandbits(12) << 20
            number |= source.choice([0, 1, 2, 255, 256, source.getrandbits(20)])
            found.append(ip_network((number >> (32 - prefix) << (32 - prefix), prefix)))
        else:
            prefix = source.choice([0, 3, 16, 29, 32, 48, 56, 64, 65, 127, 128])
            number = source.choice([0x2A, 0x20, 0xFE, 0]) << 120 | source.getrandbits(4) << 80
            number |= source.choice([0, 1, 1 << 64, source.getrandbits(66)])
            found.append(ip_network((number >> (128 - prefix) << (128 - prefix), prefix)))
    return found


def _addresses(source: random.Random, networks: list) -> list:
    """Addresses at, in and beside the networks and the special blocks, and from anywhere."""
    edges = [*networks, *map(ip_network, ("10.0.0.0/8", "192.0.2.0/24", "2001:db8::/32", "::1/128", "2002::/16"))]
    found = [ip_address(source.getrandbits(bits)) for bits in (32, 128) for _ in range(20)]
    for network in edges:
        first, behind = int(network.network_address), int(network.network_address) + network.num_addresses
        kind = IPv4Address if network.version == 4 else IPv6Address
        for number in (first, first - 1, behind - 1, behind, source.randrange(first, behind)):
            found.append(kind(number % (1 << network.max_prefixlen)))
    return found


@given(st.integers(0, 2**32))
def test_addresses_of_a_class_are_in_the_same_sets_and_of_the_same_kind(seed):
    source = random.Random(seed)
    sets = [_networks(source, source.randrange(12)) for _ in range(source.randrange(5))]
    addresses = _addresses(source, [network for networks in sets for network in networks])
    compiled = [NetworkSet.of(networks) for networks in sets]
    classes = AddressClasses(compiled)
    found = classes.of(pl.Series([*map(packed, addresses), None], dtype=pl.Binary))
    assert found[-1] is None
    for address, number in zip(addresses, found, strict=False):
        member = classes.members[number]
        assert member.version == address.version
        assert special_kind(member) == special_kind(address)
        for networks in compiled:
            assert (networks.find(member) is None) == (networks.find(address) is None), (address, member)


def test_an_address_with_a_zone_is_in_the_class_of_the_address():
    classes = AddressClasses([NetworkSet.of([ip_network("fe80::/64")])])
    found = classes.of(pl.Series([packed(ip_address(text)) for text in ("fe80::1", "fe80::1%eth0", "fe81::1%eth0")]))
    assert found[0] == found[1] != found[2]


def test_no_keys():
    assert DomainClasses([["com"]]).holding(pl.Series([], dtype=pl.String)).to_list() == []
    assert AddressClasses([]).of(pl.Series([], dtype=pl.Binary)).to_list() == []
    assert AddressClasses([]).of(pl.Series([None, None], dtype=pl.Binary)).to_list() == [None, None]


def test_lists_that_could_not_be_told_apart_are_refused():
    with pytest.raises(ValueError, match="64 lists of one kind cannot be told apart in columns, at most 63"):
        DomainClasses([["com"]] * (MOST_LISTS + 1))
    with pytest.raises(ValueError, match="64 lists of one kind"):
        AddressClasses([NetworkSet.of([])] * (MOST_LISTS + 1))
