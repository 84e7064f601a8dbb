"""Where an IP address is and whose network it is in, from MaxMind-format databases."""

from __future__ import annotations

from collections.abc import Callable

from kycrisk.checks.check import Answer, Check, answered
from kycrisk.checks.listing import nowhere
from kycrisk.checks.world import World
from kycrisk.feeds.geo import Database
from kycrisk.signals import IP, Origin, Signal, Subject, Type, Unknown, Value

_NOWHERE: dict[str, Value] = {"ip.country": "", "ip.asn": 0, "ip.as_org": ""}
_NETWORK = ("ip.asn", "ip.as_org")


def _prepare(world: World) -> Callable[[IP], Answer]:
    countries = world.geo.countries.at(world.now)
    networks = world.geo.networks.at(world.now)
    spared = Answer(_NOWHERE)
    if isinstance(countries, Unknown) and isinstance(networks, Unknown):
        blind = Answer({}, _gaps(world))
        return lambda ip: spared if nowhere(ip) else blind

    one_database = (
        isinstance(countries, Database) and isinstance(networks, Database) and countries.sha256 == networks.sha256
    )

    def ask(ip: IP) -> Answer:
        if nowhere(ip):
            return spared
        record = countries.record(ip) if isinstance(countries, Database) else countries
        if one_database and (place := countries.place_in(record)) is not None:  # type: ignore[union-attr]
            return answered({"ip.country": place[0], "ip.asn": place[1], "ip.as_org": place[2]})
        country = countries.country_in(record, ip) if isinstance(countries, Database) else countries
        if not one_database:
            record = networks.record(ip) if isinstance(networks, Database) else networks
        network = networks.network_in(record, ip) if isinstance(networks, Database) else networks
        if not isinstance(country, Unknown) and not isinstance(network, Unknown):
            return answered({"ip.country": country, "ip.asn": network[0], "ip.as_org": network[1]})
        return _partly(country, network)

    return ask


def _partly(country: str | Unknown, network: tuple[int, str] | Unknown) -> Answer:
    known: dict[str, Value] = {}
    unknown: dict[str, Unknown] = {}
    if isinstance(country, Unknown):
        unknown["ip.country"] = country
    else:
        known["ip.country"] = country
    if isinstance(network, Unknown):
        unknown |= dict.fromkeys(_NETWORK, network)
    else:
        known["ip.asn"], known["ip.as_org"] = network
    return Answer(known, unknown)


def _gaps(world: World) -> dict[str, Unknown]:
    countries, networks = world.geo.countries.at(world.now), world.geo.networks.at(world.now)
    found = {"ip.country": countries, "ip.asn": networks, "ip.as_org": networks}
    return {signal: source for signal, source in found.items() if isinstance(source, Unknown)}


def _origins(world: World) -> dict[str, Origin]:
    countries, networks = world.geo.countries.origin, world.geo.networks.origin
    return {"ip.country": countries, "ip.asn": networks, "ip.as_org": networks}


CHECK: Check[IP] = Check(
    name="geo",
    subject=Subject.IP,
    signals=(
        Signal(
            "ip.country",
            Type.STR,
            "Which country is the IP address in (ISO 3166, empty when the database does not say)?",
            Subject.IP,
            advice="sign up from the country your address is in",
        ),
        Signal("ip.asn", Type.INT, "Which autonomous system announces the IP address (0 for none)?", Subject.IP),
        Signal("ip.as_org", Type.STR, "Whose autonomous system is it?", Subject.IP),
    ),
    key=lambda signup, said: signup.ip,
    prepare=_prepare,
    origins=_origins,
    gaps=_gaps,
)
