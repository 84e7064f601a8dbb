"""IP addresses in one form: an IPv4 address is IPv4, however a tunnel or a translator dresses it."""

from __future__ import annotations

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address, ip_address
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton

from kycrisk.signals import IP

# Decimal octets without leading zeros, which some parsers read as octal (RFC 6943 section 3.1.1).
_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = re.compile(rf"{_OCTET}\.{_OCTET}\.{_OCTET}\.{_OCTET}")

# What inet_pton reads as `ipaddress` does, six times faster; zone ids and dotted quads inside IPv6 are not left to it.
_IPV6 = re.compile(r"[0-9A-Fa-f:]{2,39}")

_MAPPED = 0xFFFF  # ::ffff:0:0/96, RFC 4291 section 2.5.5.2
_SIXTO4 = 0x2002  # 2002::/16, RFC 3056: the IPv4 address stands right behind the prefix
_NAT64 = 0x0064FF9B << 64  # 64:ff9b::/96, RFC 6052; 64:ff9b:1::/48 (RFC 8215) is a site's own, not unwrapped


def normal_ip(raw: str) -> IP:
    """The address that a text names, IPv4 addresses unwrapped from v4-mapped, 6to4 and NAT64 addresses.

    Raises `ValueError` with a message for anything else: zone ids, ports, brackets, networks, numbers.
    """
    if _IPV4.fullmatch(raw) is not None:
        return IPv4Address(int.from_bytes(inet_pton(AF_INET, raw)))
    try:
        address = IPv6Address(inet_pton(AF_INET6, raw) if _IPV6.fullmatch(raw) else raw)
    except (AddressValueError, OSError):
        raise ValueError(_complaint(raw)) from None
    if address.scope_id is not None:  # it names an interface of one host: RFC 4007 section 11
        raise ValueError(_complaint(raw))
    return unwrapped(address)


def unwrapped(address: IPv6Address) -> IP:
    """The IPv4 address inside a v4-mapped, 6to4 or NAT64 address, else the address itself."""
    number = int(address)
    if number >> 32 in (_MAPPED, _NAT64):
        return IPv4Address(number & 0xFFFF_FFFF)
    if number >> 112 == _SIXTO4:
        return IPv4Address(number >> 80 & 0xFFFF_FFFF)
    return address


def ip_text(address: IP) -> str:
    """The address as `str` writes it (RFC 5952), several times faster."""
    number = int(address)
    if isinstance(address, IPv4Address):
        return inet_ntop(AF_INET, number.to_bytes(4))
    if number >> 96 and address.scope_id is None:  # below that, inet_ntop writes dotted quads
        return inet_ntop(AF_INET6, number.to_bytes(16))
    return str(address)


def _complaint(raw: str) -> str:
    """Why a text is not an address, by the usual mistakes."""
    shown = f"`{raw[:60]}`"
    if "%" in raw:
        return f"{shown} has a zone id, which means something on one machine only"
    if "/" in raw:
        return f"{shown} is a network, not an address"
    host = re.fullmatch(r"(?:\[(.+)\]|([0-9.]+))(?::[0-9]+)?", raw, re.ASCII)
    if host is not None and _reads(host[1] or host[2]):
        return f"{shown} is not a bare IP address: leave out brackets and port"
    if re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,3}){3}", raw, re.ASCII) and re.search(r"(^|\.)0[0-9]", raw):
        return f"{shown} has leading zeros, which some programs read as octal"
    return f"{shown} is not an IP address"


def _reads(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
