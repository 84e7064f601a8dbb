"""A working folder as a provider has it: the default rules, full lists, databases of countries and networks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mmdb_writer import MMDBWriter
from netaddr import IPSet

from bench.listings import OCTETS, Compiled, Entries, compile_lists, make_entries
from kycrisk.shipped import shipped

COUNTRIES = ("DE", "GB", "FR", "NL", "PL")


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The folder, and what stands in its lists."""

    folder: Path
    entries: Entries
    compiled: Compiled


def make_site(folder: Path, share: float = 1.0) -> Site:
    """Make the working folder. `share` makes smaller lists, for a smoke test."""
    folder.mkdir(parents=True)
    entries = make_entries(share)
    compiled = compile_lists(folder / "feeds", entries)
    state = folder / ".kycrisk"
    state.mkdir()
    compiled.snapshots.rename(state / "lists")
    _write_geo(folder / "geo.mmdb")
    (folder / "kycrisk.yaml").write_text(
        f"rules: {shipped('rules')}\nfeeds: [feeds/feeds.yaml]\noffline: true\n"
        "geo: {country: geo.mmdb, asn: geo.mmdb}\n"
    )
    return Site(folder=folder, entries=entries, compiled=compiled)


def country_of(block: int) -> str:
    """The country that the made-up database gives to addresses whose first octet (IPv6: second byte) is this."""
    return COUNTRIES[block % len(COUNTRIES)]


def _write_geo(path: Path) -> None:
    """A database that knows the country and the owner of every address that signups come from."""
    writer = MMDBWriter(
        ip_version=6, ipv4_compatible=True, database_type="bench-Country-ASN", languages=["en"], description="made up"
    )
    networks = [(octet, f"{octet}.{second * 16}.0.0/12") for octet in OCTETS for second in range(16)]
    networks += [(byte, f"2a{byte:02x}::/16") for byte in range(256)]
    for number, (block, network) in enumerate(networks):
        record = {
            "country": {"iso_code": country_of(block)},
            "autonomous_system_number": 131072 + number,
            "autonomous_system_organization": f"Network {number}",
        }
        writer.insert_network(IPSet([network]), record)
    writer.to_db_file(str(path))
