"""The names that zones are asked by. A name may hold a key, so it is shown without it, everywhere."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address

from kycrisk.lookups.dnsbl import Form, Lists, ZoneInUse
from kycrisk.normal.public_suffix import registrable_domain
from kycrisk.signals import IP, Unknown, Why

_KEY_SHOWN = "<key>"


@dataclass(frozen=True, slots=True)
class QueryName:
    """A name to ask by. `name` is for the resolver only; `shown`, which is also its text, is for everybody."""

    name: str = field(repr=False)
    shown: str
    form: Form

    def __str__(self) -> str:
        return self.shown


def query_name(used: ZoneInUse, subject: IP | str) -> QueryName | Unknown:
    """The name that asks a zone about an IP address, a domain (in A-labels) or an e-mail address.

    Unknown (`skipped`) where the zone has nothing to say about it: IPv6 where none is listed, a public suffix.
    Raises `TypeError` for a subject that is not what the zone lists.
    """
    zone = used.zone
    if isinstance(subject, (IPv4Address, IPv6Address)):
        if zone.lists is not Lists.IP:
            raise TypeError(f"`{zone.name}` is not asked about IP addresses")
        address = unwrapped(subject)
        if isinstance(address, IPv6Address) and not zone.ipv6:
            return Unknown(Why.SKIPPED, f"`{zone.name}` lists no IPv6 addresses")
        return address_name(used, address)
    if zone.lists is Lists.IP:
        raise TypeError(f"`{zone.name}` is asked about IP addresses only")
    if zone.lists is Lists.EMAIL:
        return filled(used, hashed(zone.hash, subject), Form.NAME)
    domain = subject.lower().removesuffix(".")
    asked = registrable_domain(domain) if zone.registrable else domain
    if not asked:
        return Unknown(Why.SKIPPED, f"`{zone.name}` lists no public suffixes")
    return filled(used, asked, Form.NAME)


def unwrapped(address: IP) -> IP:
    """An IPv4 address in IPv6 clothes (RFC 4291 section 2.5.5.2) as what it is."""
    return getattr(address, "ipv4_mapped", None) or address


def address_name(used: ZoneInUse, address: IP) -> QueryName:
    """The name for an address as it is: reversed octets (RFC 5782 section 2.1) or nibbles (section 2.4)."""
    if isinstance(address, IPv4Address):
        return filled(used, ".".join(reversed(str(address).split("."))), Form.V4)
    return filled(used, ".".join(reversed(address.packed.hex())), Form.V6)


def hashed(how: str, address: str) -> str:
    """The hash of an e-mail address that zones list, in hexadecimal digits."""
    return hashlib.new(how, address.lower().encode(), usedforsecurity=False).hexdigest()


def filled(used: ZoneInUse, subject: str, form: Form, template: str = "") -> QueryName:
    """A template with the subject and the key in it."""
    pattern = template or (used.zone.keyed_query if used.key else used.zone.query)
    name = pattern.replace("{subject}", subject)
    return QueryName(name.replace("{key}", used.key), name.replace("{key}", _KEY_SHOWN), form)
