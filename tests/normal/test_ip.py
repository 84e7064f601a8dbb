"""IP addresses in one form."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kycrisk.normal.ip import ip_text, normal_ip


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param("203.0.113.27", "203.0.113.27", id="v4"),
        pytest.param("0.0.0.0", "0.0.0.0", id="v4 lowest"),
        pytest.param("255.255.255.255", "255.255.255.255", id="v4 highest"),
        pytest.param("2001:db8::17", "2001:db8::17", id="v6"),
        pytest.param("2001:0DB8:0:0:0:0:0:17", "2001:db8::17", id="v6 written out"),
        pytest.param("::", "::", id="v6 unspecified"),
        pytest.param("::ffff:203.0.113.27", "203.0.113.27", id="mapped dotted"),
        pytest.param("::FFFF:cb00:711b", "203.0.113.27", id="mapped in hex"),
        pytest.param("::fffe:203.0.113.27", "::fffe:cb00:711b", id="beside mapped"),
        pytest.param("::203.0.113.27", "::cb00:711b", id="v4-compatible is deprecated and stays"),
        pytest.param("2002:cb00:711b::1", "203.0.113.27", id="6to4"),
        pytest.param("2002:cb00:711b:ffff:ffff:ffff:ffff:ffff", "203.0.113.27", id="6to4 any host"),
        pytest.param("2003:cb00:711b::1", "2003:cb00:711b::1", id="beside 6to4"),
        pytest.param("64:ff9b::203.0.113.27", "203.0.113.27", id="NAT64 dotted"),
        pytest.param("64:ff9b::cb00:711b", "203.0.113.27", id="NAT64 in hex"),
        pytest.param("64:ff9b::1:cb00:711b", "64:ff9b::1:cb00:711b", id="beside NAT64"),
        pytest.param("64:ff9b:1::cb00:711b", "64:ff9b:1::cb00:711b", id="local NAT64 stays"),
    ],
)
def test_an_address_has_one_form(raw: str, expected: str) -> None:
    assert normal_ip(raw) == ipaddress.ip_address(expected)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        pytest.param("", "`` is not an IP address", id="empty"),
        pytest.param("hello", "`hello` is not an IP address", id="word"),
        pytest.param("203.0.113", "`203.0.113` is not an IP address", id="three octets"),
        pytest.param("203.0.113.256", "`203.0.113.256` is not an IP address", id="octet too high"),
        pytest.param("3405803803", "`3405803803` is not an IP address", id="integer"),
        pytest.param("0xcb00711b", "`0xcb00711b` is not an IP address", id="hex integer"),
        pytest.param(" 203.0.113.27", "` 203.0.113.27` is not an IP address", id="space before"),
        pytest.param("203.0.113.27\n", "`203.0.113.27\n` is not an IP address", id="newline behind"),
        pytest.param("٢03.0.113.27", "`٢03.0.113.27` is not an IP address", id="arabic digit"),
        pytest.param(
            "203.0.113.027",
            "`203.0.113.027` has leading zeros, which some programs read as octal",
            id="leading zero",
        ),
        pytest.param("::ffff:203.0.113.027", "`::ffff:203.0.113.027` is not an IP address", id="leading zero inside"),
        pytest.param("203.0.113.0/24", "`203.0.113.0/24` is a network, not an address", id="network"),
        pytest.param(
            "203.0.113.27:443",
            "`203.0.113.27:443` is not a bare IP address: leave out brackets and port",
            id="v4 with port",
        ),
        pytest.param(
            "[2001:db8::17]:443",
            "`[2001:db8::17]:443` is not a bare IP address: leave out brackets and port",
            id="v6 with port",
        ),
        pytest.param(
            "[2001:db8::17]",
            "`[2001:db8::17]` is not a bare IP address: leave out brackets and port",
            id="brackets",
        ),
        pytest.param(
            "fe80::1%eth0",
            "`fe80::1%eth0` has a zone id, which means something on one machine only",
            id="zone id",
        ),
        pytest.param("2001:db8::1::2", "`2001:db8::1::2` is not an IP address", id="two gaps"),
        pytest.param("1:2:3:4:5:6:7:8:9", "`1:2:3:4:5:6:7:8:9` is not an IP address", id="nine groups"),
        pytest.param("1::2:3:4:5:6:7:8", "`1::2:3:4:5:6:7:8` is not an IP address", id="gap of nothing"),
        pytest.param("2001:db8::12345", "`2001:db8::12345` is not an IP address", id="group too long"),
        pytest.param(":", "`:` is not an IP address", id="colon"),
    ],
)
def test_anything_else_is_refused_in_words(raw: str, message: str) -> None:
    with pytest.raises(ValueError) as error:
        normal_ip(raw)
    assert str(error.value) == message


NEARLY_ADDRESSES = st.one_of(
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).flatmap(
        lambda address: st.sampled_from([str(address), address.exploded, str(address).upper()])
    ),
    st.lists(st.sampled_from(["", "", "0", "1", "00ab", "ffff", "12345", "g", "1.2.3.4", "::"]), max_size=10).map(
        ":".join
    ),
    st.lists(st.sampled_from(["", "0", "00", "7", "255", "256", "012", " 1", "a"]), max_size=5).map(".".join),
    st.text(alphabet="0123456789abcdefF:.%/[] ", max_size=45),
)


@settings(max_examples=800, deadline=None)
@given(NEARLY_ADDRESSES)
def test_what_is_an_address_agrees_with_the_standard_library(raw: str) -> None:
    try:
        ours = normal_ip(raw)
    except ValueError:
        ours = None
    assert ours == _by_the_standard_library(raw)


def _by_the_standard_library(raw: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(raw)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.scope_id is not None:
        return None
    if address in ipaddress.ip_network("64:ff9b::/96"):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


@pytest.mark.parametrize(
    ("address", "text"),
    [
        pytest.param("192.0.2.7", "192.0.2.7", id="v4"),
        pytest.param("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1", id="the first of two equal runs is left out"),
        pytest.param("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1", id="a single zero is written"),
        pytest.param("::1", "::1", id="loopback"),
        pytest.param("::c000:207", "::c000:207", id="no dotted quad"),
        pytest.param("fe80::1%eth0", "fe80::1%eth0", id="with its zone"),
    ],
)
def test_an_address_as_text(address: str, text: str) -> None:
    assert ip_text(ipaddress.ip_address(address)) == text


@given(st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)))
def test_text_of_an_address_agrees_with_the_standard_library(address: ipaddress.IPv4Address) -> None:
    assert ip_text(address) == str(address)
