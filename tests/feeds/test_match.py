"""Sets that answer: against the ipaddress module and a naive matcher."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kycrisk.feeds.match import AddressSet, DomainSet, Network, NetworkIndex, NetworkSet, names_above
from kycrisk.signals import IP

LABELS = st.sampled_from(["a", "b", "ab", "xn--bcher-kva", "com"])
DOMAINS = st.lists(LABELS, min_size=1, max_size=5).map(".".join)


def naive_suffix(domain: str, entries: frozenset[str]) -> str | None:
    matching = [entry for entry in entries if domain == entry or domain.endswith("." + entry)]
    return max(matching, key=len, default=None)


@given(st.frozensets(DOMAINS, max_size=8), DOMAINS)
def test_domains_agree_with_a_naive_matcher(entries: frozenset[str], domain: str) -> None:
    assert DomainSet(entries).find(domain) == naive_suffix(domain, entries)
    assert entries.isdisjoint(names_above(domain)) == (naive_suffix(domain, entries) is None)


DOMAIN_ROWS = [
    ("itself", "mailinator.com", "mailinator.com"),
    ("below", "a.b.mailinator.com", "mailinator.com"),
    ("closest entry wins", "x.sub.trash.example", "sub.trash.example"),
    ("label boundary", "notmailinator.com", None),
    ("above", "com", None),
    ("nothing", "", None),
    ("dots only", "...", None),
]


@pytest.mark.parametrize(("domain", "entry"), [row[1:] for row in DOMAIN_ROWS], ids=[row[0] for row in DOMAIN_ROWS])
def test_domain(domain: str, entry: str | None) -> None:
    entries = frozenset({"mailinator.com", "trash.example", "sub.trash.example"})
    assert DomainSet(entries).find(domain) == entry


@st.composite
def networks_v4(draw: st.DrawFn) -> IPv4Network:
    prefix = draw(st.integers(0, 32))
    # A handful of high bits and of low ones, so that blocks nest and touch.
    number = draw(st.integers(0, 7)) << 29 | draw(st.integers(0, 15))
    return IPv4Network((number >> (32 - prefix) << (32 - prefix), prefix))


@st.composite
def networks_v6(draw: st.DrawFn) -> IPv6Network:
    prefix = draw(st.integers(0, 128))
    number = draw(st.integers(0, 7)) << 125 | draw(st.integers(0, 7)) << 64 | draw(st.integers(0, 15))
    return IPv6Network((number >> (128 - prefix) << (128 - prefix), prefix))


def near(network: Network) -> st.SearchStrategy[IP]:
    first, last = int(network.network_address), int(network.broadcast_address)
    top = 2**network.network_address.max_prefixlen - 1
    edges = sorted({max(0, first - 1), first, last, min(top, last + 1)})
    make = IPv4Address if network.version == 4 else IPv6Address
    return st.sampled_from(edges).map(make)


@given(st.data(), st.lists(networks_v4() | networks_v6(), max_size=12))
def test_networks_agree_with_the_ipaddress_module(data: st.DataObject, networks: list[Network]) -> None:
    compiled = NetworkSet.of(networks)
    anywhere = st.integers(0, 2**32 - 1).map(IPv4Address) | st.integers(0, 2**128 - 1).map(IPv6Address)
    address = data.draw(st.one_of(anywhere, *map(near, networks)))
    holding = [network for network in networks if address in network]
    found = compiled.find(address)
    if not holding:
        assert found is None
    else:
        widest = min(holding, key=lambda network: network.prefixlen)
        assert found is not None
        assert ip_network(found) == widest


@given(st.lists(networks_v4() | networks_v6(), max_size=12))
def test_a_network_set_holds_the_outermost_networks(networks: list[Network]) -> None:
    outermost = {
        network
        for network in networks
        if not any(
            other != network and other.version == network.version and network.subnet_of(other)  # type: ignore[arg-type]
            for other in networks
        )
    }
    compiled = NetworkSet.of(networks)
    assert set(compiled) == outermost
    assert len(compiled) == len(outermost)


NETWORK_ROWS = [
    ("first address", "198.51.100.0", "198.51.100.0/25"),
    ("last address", "198.51.100.127", "198.51.100.0/25"),
    ("one beyond", "198.51.100.128", None),
    ("a single address has no prefix", "192.0.2.7", "192.0.2.7"),
    ("below everything", "0.0.0.0", None),
    ("above everything", "255.255.255.255", None),
    ("v6 block", "2001:db8:1:2::3", "2001:db8:1::/48"),
    ("v6 address sharing its upper half", "2001:db8:2::5", "2001:db8:2::5"),
    ("v6 beside it", "2001:db8:2::6", None),
    ("v6 small block in the same half", "2001:db8:2::1f", "2001:db8:2::10/124"),
    ("v6 below everything", "::", None),
]


@pytest.mark.parametrize(("address", "entry"), [row[1:] for row in NETWORK_ROWS], ids=[row[0] for row in NETWORK_ROWS])
def test_network(address: str, entry: str | None) -> None:
    listed = ["198.51.100.0/25", "192.0.2.7", "2001:db8:1::/48", "2001:db8:2::5", "2001:db8:2::10/124"]
    assert NetworkSet.of(map(ip_network, listed)).find(ip_address(address)) == entry


def test_an_address_is_found_whatever_its_case() -> None:
    addresses = AddressSet(frozenset({"abuse@example.com"}))
    assert addresses.find("Abuse@Example.com") == "abuse@example.com"
    assert addresses.find("abuse@sub.example.com") is None


def test_a_set_asked_about_the_wrong_thing_says_so() -> None:
    with pytest.raises(TypeError, match=r"networks cannot be asked about 'mailinator\.com'"):
        NetworkSet.of([]).find("mailinator.com")
    with pytest.raises(TypeError, match="domains cannot be asked"):
        DomainSet(frozenset()).find(ip_address("192.0.2.1"))
    with pytest.raises(TypeError, match="e-mail addresses cannot be asked"):
        AddressSet(frozenset()).find(ip_address("192.0.2.1"))


@given(
    st.lists(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(8, 32)), max_size=6), max_size=4),
    st.lists(st.integers(0, 2**32 - 1), max_size=20),
)
def test_an_index_of_several_sets_holds_what_each_of_them_holds(
    blocks: list[list[tuple[int, int]]], addresses: list[int]
) -> None:
    sets = [NetworkSet.of(ip_network((start, prefix), strict=False) for start, prefix in each) for each in blocks]
    index = NetworkIndex(sets)
    edges = [start for each in blocks for start, _ in each]
    for number in [*addresses, *edges, 0, 2**32 - 1]:
        ip = IPv4Address(number)
        assert index.holding(ip) == sum(1 << at for at, each in enumerate(sets) if each.find(ip) is not None)


def test_an_index_holds_ipv6_networks_and_the_ends_of_the_space() -> None:
    sets = [
        NetworkSet.of([ip_network("2001:db8::/32"), ip_network("::/128")]),
        NetworkSet.of([ip_network("2001:db8:1::/48"), ip_network("ffff::/16"), ip_network("255.0.0.0/8")]),
    ]
    index = NetworkIndex(sets)
    held = {
        "::": 1,
        "::1": 0,
        "2001:db8::1": 1,
        "2001:db8:1::1": 3,
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff": 2,
        "255.255.255.255": 2,
        "1.2.3.4": 0,
    }
    assert {text: index.holding(ip_address(text)) for text in held} == held
    assert NetworkIndex([]).holding(ip_address("1.2.3.4")) == 0
