"""Builds geo-sample.mmdb: countries and networks of the documentation ranges, in MaxMind's format.

It needs `mmdb-writer`, which comes with the test dependencies. The networks and their owners are invented; the ranges
are those of RFC 5737 and RFC 3849, the AS numbers those of RFC 5398, so nobody is meant.

    python data/samples/build_geo.py
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from unittest import mock

from mmdb_writer import MMDBWriter
from netaddr import IPSet

#: Network, country, AS number, owner. A later row wins inside an earlier one.
NETWORKS = (
    ("192.0.2.0/25", "GB", 64496, "Example Broadband Ltd"),
    ("192.0.2.128/26", "DE", 64497, "Beispiel Telekom GmbH"),
    ("192.0.2.192/27", "FR", 64502, "Exemple Mobile SA"),
    ("192.0.2.240/28", "GB", 64500, "Our Own Office"),
    ("198.51.100.0/24", "US", 64498, "Example Hosting Inc"),
    ("198.51.100.96/28", "GB", 64499, "Example Relay Partner"),
    ("203.0.113.0/24", "NL", 64501, "Voorbeeld Internet BV"),
    ("2001:db8::/36", "GB", 64496, "Example Broadband Ltd"),
    ("2001:db8:c000::/36", "CA", 64503, "Example Cable Canada"),
    ("2001:db8:d000::/36", "US", 64498, "Example Hosting Inc"),
    ("2001:db8:d1a0::/45", "GB", 64499, "Example Relay Partner"),
)
BUILT_AT = datetime(2026, 11, 15, tzinfo=UTC)


def build(path: Path) -> None:
    """Write the database; the same bytes each time."""
    writer = MMDBWriter(
        ip_version=6,
        ipv4_compatible=True,
        database_type="kycrisk-Sample-Country-ASN",
        languages=["en"],
        description="sample database with documentation addresses, not real data",
    )
    for network, country, number, owner in NETWORKS:
        record = {
            "country": {"iso_code": country},
            "autonomous_system_number": number,
            "autonomous_system_organization": owner,
        }
        writer.insert_network(IPSet([network]), record)
    with mock.patch("mmdb_writer.time.time", return_value=BUILT_AT.timestamp()):  # the writer takes no date
        writer.to_db_file(str(path))


if __name__ == "__main__":
    build(Path(__file__).with_name("geo-sample.mmdb"))
