"""What no upstream may list."""

from __future__ import annotations

from collections import Counter
from ipaddress import IPv4Network, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from publicsuffixlist import PublicSuffixList

from kycrisk.feeds.compile import clean, domain, networks_of
from kycrisk.feeds.hygiene import Suffixes, public_parts, suffixes, with_parents
from kycrisk.feeds.match import DomainSet, NetworkSet
from kycrisk.feeds.purposes import PURPOSES
from kycrisk.special_networks import special_kind

SHARED = [
    ("top-level domain", "com", True),
    ("unknown top-level domain", "invalid-tld", True),
    ("suffix of a registry", "co.id", True),
    ("suffix of a provider", "blogspot.com", True),
    ("above a provider's suffix", "amazonaws.com", True),
    ("wildcard: right below", "anything.ck", True),
    ("wildcard: its base", "ck", True),
    ("wildcard: exception", "www.ck", False),
    ("wildcard: below a right-below", "shop.anything.ck", False),
    ("idn suffix in a-labels", "xn--55qx5d.cn", True),
    ("registered domain", "mailinator.com", False),
    ("below a provider's suffix", "spam.blogspot.com", False),
]


@pytest.mark.parametrize(("name", "shared"), [row[1:] for row in SHARED], ids=[row[0] for row in SHARED])
def test_names_on_or_above_a_public_suffix(name: str, shared: bool) -> None:
    assert suffixes().shared(name) is shared


def test_only_registries_when_providers_may_be_listed() -> None:
    registries = suffixes(registries_only=True)
    assert not registries.shared("duckdns.org")
    assert registries.shared("co.id")


def test_the_package_agrees_on_every_suffix_it_ships() -> None:
    public = PublicSuffixList()
    rules = sorted(rule for rule in public._publicsuffix if rule[0] not in "!*" and rule.isascii())
    assert len(rules) > 5000
    for rule in rules:
        assert public.is_public(rule) <= suffixes().shared(rule), rule
        registrable = f"some-shop-of-mine.{rule}"
        if not public.is_public(registrable):
            assert not suffixes().shared(registrable), registrable


def test_rules_of_all_three_kinds() -> None:
    rules = Suffixes(["example", "co.example", "*.wild.example", "!city.wild.example"])
    listed = ["example", "co.example", "wild.example", "a.wild.example", "city.wild.example", "b.co.example"]
    assert [name for name in listed if rules.shared(name)] == listed[:4]


NAMES = [
    ("plain", "Mailinator.COM", "mailinator.com"),
    ("wildcard", "*.mailinator.com", "mailinator.com"),
    ("leading dot", ".mailinator.com", "mailinator.com"),
    ("trailing dot", "mailinator.com.", "mailinator.com"),
    ("idn", "Bücher.example", "xn--bcher-kva.example"),
    ("underscore below", "_dc-mx.host.example", "_dc-mx.host.example"),
    ("an address is no domain", "192.0.2.1", None),
    ("e-mail address", "a@mailinator.com", None),
    ("blank inside", "mail inator.com", None),
    ("empty label", "mail..com", None),
    ("label of 64", "a" * 64 + ".com", None),
    ("name of 254", ".".join(["a" * 62] * 4)[:250] + ".com", None),
    ("hyphen at the edge", "-mail.com", None),
    ("html", "<html>", None),
    ("broken idn", "\u200d.example", None),
    ("nothing", "", None),
]


@pytest.mark.parametrize(("text", "name"), [row[1:] for row in NAMES], ids=[row[0] for row in NAMES])
def test_domain_as_lists_write_it(text: str, name: str | None) -> None:
    assert domain(text) == name


NETWORKS = [
    ("network", "198.51.100.0/25", ["198.51.100.0/25"]),
    ("address", "192.0.2.7", ["192.0.2.7/32"]),
    ("v6", "2001:DB8::/33", ["2001:db8::/33"]),
    ("range", "192.0.2.0-192.0.2.2", ["192.0.2.0/31", "192.0.2.2/32"]),
    ("v4 in v6 clothes", "::ffff:192.0.2.0/120", ["192.0.2.0/24"]),
    ("bits behind the prefix", "192.0.2.7/24", None),
    ("range backwards", "192.0.2.9-192.0.2.2", None),
    ("range across families", "192.0.2.9-2001:db8::1", None),
    ("three ends", "192.0.2.1-192.0.2.2-192.0.2.3", None),
    ("leading zeros", "192.000.002.001", None),
    ("domain", "example.com", None),
    ("zone id", "fe80::1%eth0/64", None),
]


@pytest.mark.parametrize(("text", "networks"), [row[1:] for row in NETWORKS], ids=[row[0] for row in NETWORKS])
def test_network_as_lists_write_it(text: str, networks: list[str] | None) -> None:
    found = networks_of(text)
    assert (found and [str(network) for network in found]) == networks


PARTS = [
    ("public", "8.8.8.0/24", ["8.8.8.0/24"]),
    ("private", "10.0.0.0/8", []),
    ("inside private", "192.168.1.0/24", []),
    ("multicast and reserved", "224.0.0.0/3", []),
    ("carrier-grade nat", "100.64.0.0/10", []),
    ("a block around a private one", "192.168.0.0/15", ["192.169.0.0/16"]),
    ("a whole documentation block", "192.0.2.0/24", []),
    ("inside a documentation block", "203.0.113.0/25", ["203.0.113.0/25"]),
    ("an address of a documentation block", "198.51.100.9/32", ["198.51.100.9/32"]),
    ("whole documentation block v6", "2001:db8::/32", []),
    ("inside documentation v6", "2001:db8:a::/48", ["2001:db8:a::/48"]),
    ("around documentation v4", "203.0.112.0/23", ["203.0.112.0/24"]),
    ("unique local", "fc00::/7", []),
    ("link local", "fe80::/64", []),
    ("loopback", "::1/128", []),
]


@pytest.mark.parametrize(("network", "parts"), [row[1:] for row in PARTS], ids=[row[0] for row in PARTS])
def test_parts_that_may_be_listed(network: str, parts: list[str]) -> None:
    assert [str(part) for part in public_parts(ip_network(network))] == parts


@given(st.integers(0, 2**32 - 1), st.integers(8, 32), st.integers(0, 2**32 - 1))
def test_parts_hold_exactly_the_public_addresses(start: int, prefix: int, pick: int) -> None:
    network = IPv4Network((start >> (32 - prefix) << (32 - prefix), prefix))
    address = network[pick % network.num_addresses]
    parts = public_parts(network)
    kind = special_kind(address)
    if kind == "":
        assert sum(address in part for part in parts) == 1
    elif kind != "documentation":
        assert not any(address in part for part in parts)


def test_dropped_networks_are_counted_by_reason() -> None:
    dropped: Counter[str] = Counter()
    raw = [
        "10.0.0.0/8",
        "192.168.0.0/15",
        "8.8.8.8",
        "8.8.8.8",
        "8.8.8.0/24",
        "2000::/4",
        "hello",
        "2.0.0.0/7",
    ]
    entries = clean(raw, PURPOSES["blocklist"], frozenset(), dropped)
    assert isinstance(entries, NetworkSet)
    assert [str(network) for network in entries] == ["8.8.8.0/24", "192.169.0.0/16"]
    assert dropped == {
        "special-purpose": 1,
        "split around special-purpose": 1,
        "repeated": 2,
        "malformed": 1,
        "too wide": 2,
    }


def test_protected_domains_and_their_parents_are_dropped_from_lists_that_accuse() -> None:
    protected = with_parents(["gmail.com", "privaterelay.appleid.com"])
    raw = ["gmail.com", "appleid.com", "x.gmail.com", "trash.example", "co.id", "TRASH.example", "no domain"]
    dropped: Counter[str] = Counter()
    entries = clean(raw, PURPOSES["disposable_domain"], protected, dropped)
    assert entries == DomainSet(frozenset({"x.gmail.com", "trash.example"}))
    assert dropped == {"protected": 2, "public suffix": 1, "repeated": 1, "malformed": 1}


def test_a_list_that_does_not_accuse_may_name_protected_domains() -> None:
    entries = clean(["gmail.com"], PURPOSES["mail_provider"], with_parents(["gmail.com"]), Counter())
    assert entries == DomainSet(frozenset({"gmail.com"}))


def test_dynamic_dns_may_name_suffixes_of_providers_but_not_of_registries() -> None:
    entries = clean([".duckdns.org", ".co.id"], PURPOSES["dynamic_dns"], frozenset(), Counter())
    assert entries == DomainSet(frozenset({"duckdns.org"}))
