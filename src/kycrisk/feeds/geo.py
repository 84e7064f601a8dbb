"""Databases in MaxMind's format (GeoLite2, GeoIP2, DB-IP): the country and the network of an address."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import maxminddb

from kycrisk.durations import format_duration
from kycrisk.signals import IP, Origin, Unknown, Why

#: GeoLite2 is rebuilt twice a week; three months later a few in a hundred addresses have moved.
MAX_AGE = timedelta(days=90)

_END_OF_TIME = datetime.max.replace(tzinfo=UTC)
_PROBED = 1000  # networks read when a database is opened, to find out whether it can be read at all
_MAX_ASN = 2**32 - 1
Record = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """An open database. The file is mapped into memory: replace it by renaming, as geoipupdate does."""

    name: str
    reader: maxminddb.Reader
    built_at: datetime
    max_age: timedelta
    sha256: str

    def country(self, ip: IP) -> str | Unknown:
        """The country an address is in, ISO 3166 alpha-2; "" when the database does not know the address."""
        return self.country_in(self.record(ip), ip)

    def network(self, ip: IP) -> tuple[int, str] | Unknown:
        """Number and owner of the autonomous system that announces an address; 0 and "" when there is none."""
        return self.network_in(self.record(ip), ip)

    def prefix(self, ip: IP) -> int:
        """The length of the prefix around an address for which the database says the same throughout."""
        try:
            return self.reader.get_with_prefix_len(ip)[1]
        except (maxminddb.InvalidDatabaseError, ValueError):
            return ip.max_prefixlen

    def record(self, ip: IP) -> Record | Unknown:
        """What the database says about an address: empty when it does not know it."""
        try:
            record = self.reader.get(ip)
        except maxminddb.InvalidDatabaseError:
            return self._malformed(ip)
        except ValueError:  # an IPv6 address asked of a database of IPv4 addresses
            return Unknown(Why.NOT_CONFIGURED, f"`{self.name}` holds no IPv{ip.version} addresses")
        if record is None:
            return {}
        return record if isinstance(record, dict) else self._malformed(ip)

    def country_in(self, record: Record | Unknown, ip: IP) -> str | Unknown:
        """The country that a record names."""
        if isinstance(record, Unknown):
            return record
        country = record.get("country")
        code = country.get("iso_code", "") if isinstance(country, dict) else ""
        return code if isinstance(code, str) else self._malformed(ip)

    def network_in(self, record: Record | Unknown, ip: IP) -> tuple[int, str] | Unknown:
        """The autonomous system that a record names."""
        if isinstance(record, Unknown):
            return record
        number = record.get("autonomous_system_number", 0)
        owner = record.get("autonomous_system_organization", "")
        if isinstance(number, int) and 0 <= number <= _MAX_ASN and isinstance(owner, str):
            return number, owner
        return self._malformed(ip)

    def place_in(self, record: Record | Unknown) -> tuple[str, int, str] | None:
        """The country and the autonomous system of an ordinary record in one; None where both have to be looked for."""
        raw: Any = record
        try:
            code = raw["country"]["iso_code"]
            number = raw["autonomous_system_number"]
            owner = raw["autonomous_system_organization"]
        except (KeyError, TypeError):
            return None
        usual = type(code) is str and type(number) is int and 0 <= number <= _MAX_ASN and type(owner) is str
        return (code, number, owner) if usual else None

    def _malformed(self, ip: IP) -> Unknown:
        return Unknown(Why.MALFORMED_ANSWER, f"`{self.name}` is damaged at {ip}")


Kind = Literal["country", "network"]
_KEYS: dict[Kind, frozenset[str]] = {
    "country": frozenset({"country", "registered_country", "continent"}),
    "network": frozenset({"autonomous_system_number"}),
}
_SETTING: dict[Kind, str] = {"country": "geo.country", "network": "geo.asn"}


@dataclass(frozen=True, slots=True)
class Source:
    """A database, or why there is none."""

    kind: Kind
    database: Database | Unknown

    def at(self, now: datetime) -> Database | Unknown:
        """The database, unless it cannot be asked or is too old at this moment."""
        database = self.database
        if isinstance(database, Unknown) or now <= database.built_at + database.max_age:
            return database
        age = format_duration(timedelta(days=(now - database.built_at).days))
        limit = format_duration(database.max_age)
        return Unknown(Why.STALE_LIST, f"`{database.name}` is {age} old, at most {limit}")

    @property
    def origin(self) -> Origin:
        """Where facts come from."""
        if isinstance(self.database, Unknown):
            return Origin(_SETTING[self.kind])
        snapshot = f"{self.database.name}@sha256:{self.database.sha256}"
        return Origin(self.database.name, self.database.built_at, (snapshot,))


def _unset(kind: Kind) -> Source:
    return Source(kind, Unknown(Why.NOT_CONFIGURED, f"`{_SETTING[kind]}` is not set"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Geo:
    """The databases of countries and of networks."""

    countries: Source = field(default_factory=lambda: _unset("country"))
    networks: Source = field(default_factory=lambda: _unset("network"))

    @classmethod
    def open(cls, countries: Path | None = None, networks: Path | None = None, *, max_age: timedelta = MAX_AGE) -> Geo:
        """The databases at these paths. It never raises: a missing or damaged one is unknown, with the reason."""
        return cls(countries=_source("country", countries, max_age), networks=_source("network", networks, max_age))

    @property
    def good_until(self) -> datetime:
        """The earliest moment at which a database becomes too old."""
        found = (source.database for source in (self.countries, self.networks))
        return min((one.built_at + one.max_age for one in found if isinstance(one, Database)), default=_END_OF_TIME)


NO_GEO = Geo()


def _source(kind: Kind, path: Path | None, max_age: timedelta) -> Source:
    return _unset(kind) if path is None else Source(kind, _open(path, kind, max_age))


def _open(path: Path, kind: Kind, max_age: timedelta) -> Database | Unknown:
    try:
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        reader = maxminddb.open_database(path)
    except OSError as error:
        return Unknown(Why.NOT_CONFIGURED, f"`{path}` cannot be read: {error.strerror}")
    except (maxminddb.InvalidDatabaseError, ValueError) as error:
        return Unknown(Why.MALFORMED_ANSWER, f"`{path}` is not a MaxMind-format database: {_lower(str(error))}")
    try:
        fits = any(not _KEYS[kind].isdisjoint(record) for record in _probe(reader))
        built_at = datetime.fromtimestamp(reader.metadata().build_epoch, UTC)
    except (maxminddb.InvalidDatabaseError, ValueError, OverflowError, OSError) as error:
        return Unknown(Why.MALFORMED_ANSWER, f"`{path}` is damaged: {_lower(str(error))}")
    if not fits:
        what = "countries" if kind == "country" else "autonomous systems"
        return Unknown(Why.MALFORMED_ANSWER, f"`{path}` holds no {what}")
    return Database(name=path.name, reader=reader, built_at=built_at, max_age=max_age, sha256=sha256)


def _probe(reader: maxminddb.Reader) -> Iterator[Record]:
    """Records from the start of the database and from all over the address space."""
    spread: list[IP] = [IPv4Address(first << 24 | 1) for first in range(256)]
    if reader.metadata().ip_version == 6:
        spread += [IPv6Address((0x2000 + first) << 112 | 1) for first in range(0, 0x2000, 64)]
    records = [record for _, record in islice(reader, _PROBED)] + [reader.get(ip) for ip in spread]
    return (record for record in records if isinstance(record, dict))


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:].rstrip(".")
