"""Signups as a form sends them: every field filled in, no two alike, about one in five with something to find."""

from __future__ import annotations

import csv
import random
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

from bench.listings import OCTETS, Entries
from bench.site import COUNTRIES, country_of
from bench.workload import SEED

_PROVIDERS = ("gmail.com", "outlook.com", "yahoo.com", "gmx.de", "icloud.com", "proton.me", "orange.fr", "hotmail.com")
_ENDINGS = ("com", "net", "de", "fr", "io", "co.uk", "nl", "pl", "org")
_SYLLABLES = ("ma", "ri", "el", "an", "to", "ko", "li", "sa", "ber", "dor", "vin", "ha", "ste", "fan", "ju", "no", "ra")
#: The prefix of a country's mobile numbers, and how many digits follow.
_PHONES = {"DE": ("+491512", 7), "GB": ("+447400", 6), "FR": ("+33612", 6), "NL": ("+31612", 6), "PL": ("+48512", 6)}
_AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:{0}.0) Gecko/20100101 Firefox/{0}.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{0}.0.{1}.0 Safari/537",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/{0}.{1} Safari/6",
    "python-requests/2.{0}.{1}",
)
_START = datetime(2026, 11, 1, tzinfo=UTC)

Row = dict[str, str]


def make_rows(count: int, entries: Entries) -> list[Row]:
    """Signups as rows of a CSV table, with dotted names for what lies deeper."""
    source = random.Random(f"signups {SEED}")
    return [_row(number, entries, source) for number in range(count)]


def as_request(row: Row) -> dict[str, object]:
    """A row as the JSON that a signup form would post."""
    request: dict[str, object] = {}
    for name, value in row.items():
        outer, _, inner = name.partition(".")
        if inner:
            nested = request.setdefault(outer, {})
            assert isinstance(nested, dict)
            nested[inner] = value
        else:
            request[name] = value
    return request


def write_csv(path: Path, rows: list[Row]) -> None:
    """The rows as a CSV file with a header."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _row(number: int, entries: Entries, source: random.Random) -> Row:
    first, last = _name(source, 2), _name(source, 3)
    ip = _ip(entries, source)
    country = country_of(ip.packed[0] if ip.version == 4 else ip.packed[1])
    prefix, digits = _PHONES[country]
    at = _START + timedelta(seconds=number * 7 + source.randrange(7))
    return {
        "account_id": f"account-{number:07}",
        "email": f"{_local(first, last, source)}@{_mail_domain(entries, source)}",
        "ip": str(ip),
        "first_name": first,
        "last_name": last,
        "company": f"{_name(source, 3)} {source.choice(('GmbH', 'Ltd', 'SARL', 'BV'))}" if number % 3 == 0 else "",
        "phone": prefix + "".join(source.choices("0123456789", k=digits)),
        "address.lines": f"{_name(source, 3)}weg {source.randrange(1, 200)}",
        "address.city": _name(source, 3),
        "address.region": _name(source, 2),
        "address.postal_code": f"{source.randrange(10**5):05}",
        "address.country": country if source.random() < 0.97 else source.choice(COUNTRIES),
        "user_agent": source.choices(_AGENTS, (32, 33, 33, 2))[0].format(
            source.randrange(120, 146), source.randrange(9000)
        ),
        "submitted_at": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "attributes.plan": source.choice(("vps-1", "vps-2", "vps-4", "dedicated")),
        "attributes.device_id": f"dev-{source.getrandbits(64):016x}",
    }


def _name(source: random.Random, syllables: int) -> str:
    return "".join(source.choices(_SYLLABLES, k=syllables)).capitalize()


def _agent(source: random.Random) -> str:
    (form,) = source.choices(_AGENTS, (32, 33, 33, 2))
    return form.format(source.randrange(120, 146), source.randrange(9000))


def _local(first: str, last: str, source: random.Random) -> str:
    form = source.choices(("{0}.{1}", "{0}{1}{2}", "{1}_{0}", "{0}.{1}+{2}", "x{3}"), (35, 30, 25, 7, 3))[0]
    return form.format(first.lower(), last.lower(), source.randrange(100), f"{source.getrandbits(40):x}")


def _mail_domain(entries: Entries, source: random.Random) -> str:
    drawn = source.random()
    if drawn < 0.04:
        return source.choice(entries.domains[source.choice(tuple(entries.domains))])
    if drawn < 0.6:
        return source.choice(_PROVIDERS)
    return f"{_name(source, 4).lower()}{source.randrange(1000)}.{source.choice(_ENDINGS)}"


def _ip(entries: Entries, source: random.Random) -> IPv4Address | IPv6Address:
    drawn = source.random()
    if drawn < 0.06:
        return source.choice(entries.networks[source.choice(tuple(entries.networks))])[0]
    if drawn < 0.25:
        return IPv6Address(0x2A << 120 | source.getrandbits(120))
    return IPv4Address(source.choice(OCTETS) << 24 | source.getrandbits(24))
