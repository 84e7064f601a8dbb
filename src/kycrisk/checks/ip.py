"""The IP address itself: its version, what kind of address it is, the network around it."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

from kycrisk.checks.check import Answer, Check, answered
from kycrisk.normal.ip import ip_text
from kycrisk.signals import IP, Signal, Subject, Type
from kycrisk.special_networks import special_kind


def network_of(ip: IP) -> str:
    """The network that one customer is likely to move about in: /24 of IPv4, /64 of IPv6 (RFC 4291 section 2.5.4)."""
    number = int(ip)
    if isinstance(ip, IPv4Address):
        return f"{number >> 24}.{number >> 16 & 255}.{number >> 8 & 255}.0/24"
    return f"{ip_text(IPv6Address(number >> 64 << 64))}/64"


def _ask(ip: IP) -> Answer:
    kind = special_kind(ip)
    return answered(
        {
            "ip.address": ip,
            "ip.version": ip.version,
            "ip.kind": kind or "public",
            "ip.public": not kind,
            "ip.network": network_of(ip),
        }
    )


CHECK: Check[IP] = Check(
    name="ip",
    subject=Subject.IP,
    signals=(
        Signal("ip.address", Type.IP, "Which IP address did the signup come from?", Subject.IP),
        Signal("ip.version", Type.INT, "Is it IP version 4 or 6?", Subject.IP),
        Signal(
            "ip.kind",
            Type.STR,
            "What kind of address is it: public, private, loopback, shared, documentation, reserved ...?",
            Subject.IP,
        ),
        Signal("ip.public", Type.BOOL, "Can the address be reached on the public Internet?", Subject.IP),
        Signal("ip.network", Type.STR, "Which /24 (IPv4) or /64 (IPv6) is the address in?", Subject.IP),
    ),
    key=lambda signup, said: signup.ip,
    prepare=lambda world: _ask,
)
