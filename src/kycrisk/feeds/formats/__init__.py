"""The formats lists come in: one row per kind. A parser turns bytes into raw entries or says why it cannot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kycrisk.feeds.formats.apple import parse_private_relay
from kycrisk.feeds.formats.misp import parse_warninglist
from kycrisk.feeds.formats.parsed import Parsed
from kycrisk.feeds.formats.spamhaus import parse_drop_json, parse_drop_text
from kycrisk.feeds.formats.stopforumspam import parse_address_zip
from kycrisk.feeds.formats.text import parse_emails, parse_json_array, parse_lines, parse_netset
from kycrisk.feeds.formats.tor import parse_exit_addresses, parse_onionoo
from kycrisk.feeds.purposes import Shape


@dataclass(frozen=True, slots=True)
class Format:
    """A format: what it is called in a catalogue, what it may hold, how it is read."""

    kind: str
    title: str
    shapes: tuple[Shape, ...]
    parse: Callable[[bytes], Parsed]


_ANY_NAME = (Shape.DOMAIN, Shape.NETWORK)

FORMATS: dict[str, Format] = {
    format_.kind: format_
    for format_ in (
        Format("domains", "text, a domain a line", (Shape.DOMAIN,), parse_lines),
        Format("domains_json", "JSON array of domains", (Shape.DOMAIN,), parse_json_array),
        Format("emails", "text, an exact e-mail address a line", (Shape.EMAIL,), parse_emails),
        Format("networks", "text, a network or address a line", (Shape.NETWORK,), parse_lines),
        Format("netset", "FireHOL ipset or netset", (Shape.NETWORK,), parse_netset),
        Format("tor_exit_addresses", "TorDNSEL exit list", (Shape.NETWORK,), parse_exit_addresses),
        Format("onionoo", "Onionoo details document", (Shape.NETWORK,), parse_onionoo),
        Format("drop_json", "Spamhaus DROP, JSON lines", (Shape.NETWORK,), parse_drop_json),
        Format("drop_text", "Spamhaus DROP, old text form", (Shape.NETWORK,), parse_drop_text),
        Format("address_zip", "Stop Forum Spam zip of addresses", (Shape.NETWORK,), parse_address_zip),
        Format("private_relay", "Apple egress ranges, CSV", (Shape.NETWORK,), parse_private_relay),
        Format("misp", "MISP warning list", _ANY_NAME, parse_warninglist),
    )
}
