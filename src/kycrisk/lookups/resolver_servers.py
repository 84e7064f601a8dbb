"""Which name servers are asked: those that are configured, or the system's; and which of them are public."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

from kycrisk.problems import Place, Problem, Problems
from kycrisk.signals import IP

RESOLV_CONF = Path("/etc/resolv.conf")
MOST = 3  #: as many as the C library asks (resolv.conf(5), MAXNS)

_WITH_PORT = re.compile(r"(?:\[(?P<six>[^\]]+)\]|(?P<four>[^:\[\]]+))(?::(?P<port>[0-9]{1,5}))?")

# Recursive resolvers that anybody may use, as their operators publish them, read 2026-11. Queries that come through
# one are counted together with everybody's, so most blocklists refuse them.
_PUBLIC = {
    "AdGuard DNS": "94.140.14.0/24 94.140.15.0/24 2a10:50c0::/32",
    "Alibaba DNS": "223.5.5.5 223.6.6.6 2400:3200::1 2400:3200:baba::1",
    "CleanBrowsing": "185.228.168.0/24 185.228.169.0/24 2a0d:2a00:1::/48 2a0d:2a00:2::/48",
    "Cloudflare DNS": "1.1.1.0/24 1.0.0.0/24 2606:4700:4700::/48",
    "Comodo Secure DNS": "8.26.56.26 8.20.247.20",
    "Control D": "76.76.2.0/24 76.76.10.0/24 2606:1a40::/32",
    "DNS.WATCH": "84.200.69.80 84.200.70.40 2001:1608:10:25::1c04:b12f 2001:1608:10:25::9249:d69b",
    "DNS4EU": "86.54.11.0/24 2a13:1001::/32",
    "DNSPod Public DNS": "119.29.29.29 119.28.28.28",
    "Google Public DNS": "8.8.8.8 8.8.4.4 2001:4860:4860::/48",
    "Hurricane Electric DNS": "74.82.42.42 2001:470:20::2",
    "Level 3 DNS": "4.2.2.1 4.2.2.2 4.2.2.3 4.2.2.4 4.2.2.5 4.2.2.6 209.244.0.3 209.244.0.4",
    "Mullvad DNS": "194.242.2.0/24 2a07:e340::/32",
    "NextDNS": "45.90.28.0/24 45.90.30.0/24 2a07:a8c0::/32 2a07:a8c1::/32",
    "OpenDNS": "208.67.220.0/24 208.67.222.0/24 2620:119:35::/48 2620:119:53::/48",
    "Quad9": "9.9.9.0/24 149.112.112.0/24 149.112.149.0/24 2620:fe::/48",
    "UltraDNS Public": "64.6.64.6 64.6.65.6 156.154.70.0/24 156.154.71.0/24 2620:74:1b::1:1 2620:74:1c::2:2",
    "Yandex DNS": "77.88.8.0/24 2a02:6b8::feed:a00 2a02:6b8::feed:0ff 2a02:6b8:0:1::feed:0ff",
    "114DNS": "114.114.114.0/24 114.114.115.0/24",
}
_PUBLIC_NETWORKS = tuple((ip_network(network), name) for name, row in _PUBLIC.items() for network in row.split())


@dataclass(frozen=True, slots=True)
class Nameserver:
    """One name server by its address; names are not resolved here, for nobody else would do it. `zone` is a scope
    (`eth0` of `fe80::1%eth0`)."""

    address: str
    port: int = 53
    zone: str = ""

    def __str__(self) -> str:
        host = self.address + (f"%{self.zone}" if self.zone else "")
        if self.port == 53:
            return host
        return f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"

    @property
    def family(self) -> socket.AddressFamily:
        """IPv4 or IPv6."""
        return socket.AF_INET6 if ":" in self.address else socket.AF_INET

    def endpoint(self) -> tuple[Any, ...]:
        """The address as sockets want it. Raises `OSError` for a scope that is no interface of this machine."""
        if self.zone:
            return (self.address, self.port, 0, socket.if_nametoindex(self.zone))
        return (self.address, self.port)


def parse_nameserver(text: str) -> Nameserver:
    """`127.0.0.1`, `127.0.0.1:5353`, `::1`, `[::1]:5353`, `fe80::1%eth0`. Raises `ValueError` with a message."""
    trimmed = text.strip()
    host, port = trimmed, "53"
    if trimmed.count(":") < 2 or trimmed.startswith("["):
        shape = _WITH_PORT.fullmatch(trimmed)
        if shape:
            host, port = shape["six"] or shape["four"], shape["port"] or "53"
    host, _, zone = host.partition("%")
    try:
        address = ip_address(host)
    except ValueError:
        raise ValueError(f"`{text[:60]}` is not the IP address of a name server, as in `127.0.0.1:5353`") from None
    if not 1 <= int(port) <= 65535:
        raise ValueError(f"`{text[:60]}` has a port beyond 65535")
    return Nameserver(str(address), int(port), zone)


def configured_nameservers(texts: Sequence[tuple[str, Place | str]]) -> tuple[Nameserver, ...]:
    """Name servers as settings name them, each with its place. Raises `Problems`: all that are none."""
    problems: list[Problem] = []
    servers: list[Nameserver] = []
    for text, place in texts:
        try:
            servers.append(parse_nameserver(text))
        except ValueError as error:
            problems.append(Problem(place, str(error), "name the resolver by its address, not by its name"))
    if problems:
        raise Problems(problems)
    return tuple(dict.fromkeys(servers))


def system_nameservers(path: Path = RESOLV_CONF) -> tuple[Nameserver, ...]:
    """The system's name servers; the one on this machine where the file names none, as resolv.conf(5) has it."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    return tuple(_nameservers_of(lines))[:MOST] or (Nameserver("127.0.0.1"),)


def _nameservers_of(lines: Iterable[str]) -> Iterable[Nameserver]:
    for line in lines:
        words = line.split()
        if len(words) < 2 or words[0] != "nameserver":
            continue
        try:
            yield parse_nameserver(words[1])
        except ValueError:
            continue  # the C library skips what it cannot read, too


def recognise_public_resolver(ip: IP) -> str:
    """The name of the public resolver at this address (`Google Public DNS`), "" where it is none that is known."""
    unwrapped = getattr(ip, "ipv4_mapped", None) or ip
    return next((name for network, name in _PUBLIC_NETWORKS if unwrapped in network), "")
