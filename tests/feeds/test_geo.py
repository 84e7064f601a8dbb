"""Databases of countries and networks, written by mmdb-writer over documentation ranges."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from kycrisk.checks import geo as check
from kycrisk.checks.world import World
from kycrisk.feeds.geo import NO_GEO, Geo
from kycrisk.feeds.lists import Lists
from kycrisk.signals import Origin, Unknown, Why

NOW = datetime.now(UTC)  # mmdb-writer stamps the moment of writing
COUNTRIES = {
    "192.0.2.0/25": {"country": {"iso_code": "CH"}, "registered_country": {"iso_code": "DE"}},
    "192.0.2.128/25": {"registered_country": {"iso_code": "US"}},
    "198.51.100.0/24": {"country": {"iso_code": 7}},
    "2001:db8:1::/48": {"country": {"iso_code": "FR"}},
}
NETWORKS = {
    "192.0.2.0/25": {"autonomous_system_number": 64496, "autonomous_system_organization": "Example Net"},
    "192.0.2.128/25": {"autonomous_system_number": 64497},
    "198.51.100.0/24": {"autonomous_system_number": "AS64498"},
}


def write(path: Path, records: dict[str, object], *, version: int = 6) -> Path:
    writer = MMDBWriter(ip_version=version, ipv4_compatible=version == 6, database_type="Test-Database")
    for network, record in records.items():
        if version == 6 or ":" not in network:
            writer.insert_network(IPSet([network]), record)
    writer.to_db_file(str(path))
    return path


@pytest.fixture
def databases(tmp_path: Path) -> tuple[Path, Path]:
    return write(tmp_path / "countries.mmdb", COUNTRIES), write(tmp_path / "asn.mmdb", NETWORKS)


def ask(geo: Geo, ip: str, now: datetime = NOW):
    world = World(lists=Lists.of({}), now=now, geo=geo)
    return check.CHECK.prepare(world)(ip_address(ip))


@pytest.mark.parametrize(
    ("ip", "country", "asn", "owner"),
    [
        pytest.param("192.0.2.1", "CH", 64496, "Example Net", id="all known"),
        pytest.param("192.0.2.200", "", 64497, "", id="registered is not where it is"),
        pytest.param("203.0.113.1", "", 0, "", id="not in the databases"),
        pytest.param("2001:db8:1::9", "FR", 0, "", id="IPv6"),
        pytest.param("10.0.0.1", "", 0, "", id="private"),
    ],
)
def test_answers(databases, ip, country, asn, owner):
    answer = ask(Geo.open(*databases), ip)
    assert answer.known == {"ip.country": country, "ip.asn": asn, "ip.as_org": owner}
    assert answer.unknown == {}


@pytest.mark.parametrize("ip", ["192.0.2.1", "192.0.2.200", "198.51.100.1", "203.0.113.1", "2001:db8:1::9", "10.0.0.1"])
def test_one_database_of_both_answers_as_two(databases, tmp_path, ip):
    networks = COUNTRIES.keys() | NETWORKS.keys()
    both = write(tmp_path / "both.mmdb", {each: COUNTRIES.get(each, {}) | NETWORKS.get(each, {}) for each in networks})
    one, two = ask(Geo.open(both, both), ip), ask(Geo.open(*databases), ip)
    assert one.known == two.known
    assert {signal: unknown.why for signal, unknown in one.unknown.items()} == {
        signal: unknown.why for signal, unknown in two.unknown.items()
    }


def test_a_record_of_another_shape_is_malformed(databases):
    answer = ask(Geo.open(*databases), "198.51.100.1")
    assert answer.known == {}
    assert {unknown.why for unknown in answer.unknown.values()} == {Why.MALFORMED_ANSWER}


def test_not_configured(databases):
    assert ask(NO_GEO, "192.0.2.1").unknown["ip.country"] == Unknown(Why.NOT_CONFIGURED, "`geo.country` is not set")
    assert ask(NO_GEO, "10.0.0.1").known == {"ip.country": "", "ip.asn": 0, "ip.as_org": ""}
    answer = ask(Geo.open(databases[0]), "192.0.2.1")
    assert answer.known == {"ip.country": "CH"}
    assert answer.unknown["ip.asn"] == Unknown(Why.NOT_CONFIGURED, "`geo.asn` is not set")


def test_too_old(databases):
    geo = Geo.open(*databases, max_age=timedelta(days=90))
    built = geo.good_until - timedelta(days=90)
    assert ask(geo, "192.0.2.1", built + timedelta(days=90)).known["ip.country"] == "CH"
    stale = ask(geo, "192.0.2.1", built + timedelta(days=91)).unknown["ip.country"]
    assert stale == Unknown(Why.STALE_LIST, "`countries.mmdb` is 91d old, at most 90d")


def test_origin_names_the_file_and_its_content(databases):
    world = World(lists=Lists.of({}), now=NOW, geo=Geo.open(databases[0]))
    origins = check.CHECK.origins(world)
    sha256 = hashlib.sha256(databases[0].read_bytes()).hexdigest()
    assert origins["ip.country"].source == "countries.mmdb"
    assert origins["ip.country"].snapshots == (f"countries.mmdb@sha256:{sha256}",)
    assert abs(origins["ip.country"].as_of - NOW) < timedelta(minutes=10)
    assert origins["ip.asn"] == Origin("geo.asn")


def test_a_database_of_ipv4_does_not_know_ipv6(tmp_path):
    geo = Geo.open(write(tmp_path / "v4.mmdb", COUNTRIES, version=4))
    assert ask(geo, "192.0.2.1").known["ip.country"] == "CH"
    assert ask(geo, "2001:db8:1::9").unknown["ip.country"] == Unknown(
        Why.NOT_CONFIGURED, "`v4.mmdb` holds no IPv6 addresses"
    )


def _empty(raw: bytes) -> bytes:
    return b""


def _page(raw: bytes) -> bytes:
    return b"<html><body>Please log in</body></html>"


def _half(raw: bytes) -> bytes:
    return raw[: len(raw) // 2]


def _beheaded(raw: bytes) -> bytes:
    return raw[len(raw) // 3 :]


def _garbled(raw: bytes) -> bytes:
    """The tree and the metadata stand, the records between them do not."""
    end = raw.rindex(b"\xab\xcd\xefMaxMind.com")
    start = raw.index(b"iso_code") - 16
    return raw[:start] + b"\xff" * (end - start) + raw[end:]


@pytest.mark.parametrize("damage", [_empty, _page, _half, _beheaded, _garbled])
def test_damaged(databases, tmp_path, damage):
    path = tmp_path / "damaged.mmdb"
    path.write_bytes(damage(databases[0].read_bytes()))
    unknown = ask(Geo.open(path), "192.0.2.1").unknown["ip.country"]
    assert unknown.why is Why.MALFORMED_ANSWER
    assert str(path) in unknown.detail


def test_the_wrong_database(databases):
    unknown = ask(Geo.open(databases[1], databases[0]), "192.0.2.1").unknown
    assert unknown["ip.country"] == Unknown(Why.MALFORMED_ANSWER, f"`{databases[1]}` holds no countries")
    assert unknown["ip.asn"] == Unknown(Why.MALFORMED_ANSWER, f"`{databases[0]}` holds no autonomous systems")


def test_no_such_file(tmp_path):
    path = tmp_path / "missing.mmdb"
    unknown = ask(Geo.open(path), "192.0.2.1").unknown["ip.country"]
    assert unknown == Unknown(Why.NOT_CONFIGURED, f"`{path}` cannot be read: No such file or directory")
