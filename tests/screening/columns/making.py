"""Sites with lists and databases, and raw signups that meet them: ordinary, odd, and refused."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path

from mmdb_writer import MMDBWriter
from netaddr import IPSet

from kycrisk.checks import CHECKS
from kycrisk.checks.catalogue import ALIASES
from kycrisk.checks.world import World
from kycrisk.decision import Exemption
from kycrisk.feeds.geo import Geo
from kycrisk.intake import read_signup
from kycrisk.problems import Problems
from kycrisk.ruleset.evaluate import CompiledRuleset, compile_ruleset
from kycrisk.ruleset.load import load_ruleset
from kycrisk.ruleset.verdict import Verdict
from kycrisk.screening.analyst_lists import Entries, read_lists
from kycrisk.screening.derived import derived_signals, prepare_derived
from kycrisk.screening.gather import Gatherer, prepare_gatherer
from kycrisk.screening.inputs.parquet import raw_signup
from kycrisk.shipped import shipped
from kycrisk.signals import Unknown, Value, Why
from kycrisk.sources.catalogue import shipped_signals
from tests.checks.making import NOW, feed, world

LISTED = ["mailinator.com", "trash.example.net", "x.y.dynamic.org", "sub.trash.example.net", "spam.co.uk"]
NETWORKS = ["93.184.0.0/16", "93.184.216.34", "198.51.100.0/25", "2a00:1450::/32", "2a00:1450:4001::/48", "5.0.0.0/9"]
MINE = {
    "partners": "partner.example\nagency.co.uk\n",
    "blocked-domains": "trash.example.net\n",
    "blocked-networks": "5.5.0.0/16\n2a00:1450:4001:8::/64\n10.0.0.0/8\n",
    "office": "198.51.100.7\n",
    "known-customers": "jane.doe@gmail.com\nbob@partner.example\n",
    "blocked-phones": "+442079460000\n",
}

RULES = """
rules:
  - {id: own-mail, title: t, when: 'email.address in list("known-customers")', score: -10, reason: r}
  - {id: registrable, title: t, when: 'email.registrable in list("partners")', score: 3, reason: r}
  - {id: canonical, title: t, when: 'email.canonical in list("known-customers")', at_most: review, reason: r}
  - {id: counts, title: t, when: 'signups(phone.e164, "24h") >= 1 or signups(ip.network, "1h") > 2', score: 7,
     reason: r}
  - {id: whose, title: t, when: 'ip.asn in [64496, 64500] or contains(ip.as_org, "Example")', score: 11, reason: r}
  - {id: when, title: t, when: 'signup.submitted_at > "2026-11-20" and signup.seats > 3', score: 5, reason: r}
  - {id: where, title: t, when: 'address.given and address.postal_code == "" or lower(signup.plan) == "vps"', score: 2,
     reason: r, if_unknown: hit}
  - {id: network, title: t, when: 'ip.network == "5.5.1.0/24" or ip.address in "2a00::/12"', score: 1, reason: r}
"""


class Site:
    """Rules, lists and databases, and what the scalar engine says of a signup."""

    def __init__(self, folder: Path, where: World) -> None:
        self.compiled, self.lists = _rules(folder)
        self.world = where
        ruleset = self.compiled.ruleset
        derived = prepare_derived(derived_signals(ruleset), self.lists, None)
        self.gatherer: Gatherer = prepare_gatherer(CHECKS, where, derived, ruleset.policy.attributes)

    def known(self, raw: Mapping[str, object]) -> dict[str, Value] | str:
        """What is known of a raw signup, or why it is none."""
        cells = raw_signup(list(raw), list(raw.values()))
        try:
            signup = read_signup(cells, attributes=self.compiled.ruleset.policy.attributes, now=self.world.now)
        except Problems as wrong:
            return "; ".join(str(problem) for problem in wrong.problems)
        (gathering,) = self.gatherer.ask_checks([signup])
        return dict(self.gatherer.complete(gathering).known)

    def verdict(self, known: Mapping[str, Value], exempt: tuple[str, ...] = ()) -> Verdict:
        return self.compiled.verdict(known, exempt)


def _rules(folder: Path) -> tuple[CompiledRuleset, Mapping[str, Entries | Unknown]]:
    (folder / "lists").mkdir()
    for name, text in MINE.items():
        (folder / "lists" / f"{name}.txt").write_text(text)
    for path in shipped("rules").glob("*.yaml"):
        text = path.read_text()
        if path.name == "policy.yaml":
            text = text.replace("attributes:", 'attributes:\n  signup.seats: {type: int, question: "How many?"}', 1)
        (folder / path.name).write_text(text)
    (folder / "more.yaml").write_text(RULES)
    ruleset = load_ruleset(sorted(folder.glob("*.yaml")), signals=shipped_signals(), aliases=ALIASES)
    lists, problems = read_lists(ruleset.policy.lists, folder / "lists")
    assert not problems
    return compile_ruleset(ruleset), lists


def full_world(folder: Path) -> World:
    """Lists of every purpose, some of them twice, some watched only; and a database of countries and networks."""
    lists = {
        "disposable_domain": LISTED[:2],
        feed("other", "disposable_domain", trust="watch"): [LISTED[0], LISTED[3]],
        feed("third", "disposable_domain", trust="watch", lineage="third"): LISTED[:4],
        "mail_provider": ["gmail.com", "gmx.de"],
        "mail_forwarder": ["relay.example.org"],
        "dynamic_dns": ["dynamic.org", "dyn.example"],
        "forum_spam_domain": ["spam.co.uk", "trash.example.net"],
        "tor_exit": ["93.184.216.34", "198.51.100.9"],
        "drop": ["93.184.0.0/24", "2a00:1450:4001::/48"],
        "blocklist": ["5.5.5.5", "93.184.216.0/24"],
        feed("b2", "blocklist", kind="networks", trust="watch"): ["5.5.0.0/16"],
        "forum_spam_ip": ["5.5.5.5", "2a00:1450:4001:8::1"],
        "datacenter": ["5.0.0.0/9", "2a00:1450::/32"],
        "vpn": ["5.5.0.0/17"],
        "relay": ["93.184.128.0/17"],
    }
    return world(lists, geo=_geo(folder))


def gappy_world(folder: Path) -> World:
    """Some purposes have no list, one has a list that is missing, and there is no database."""
    missing = {feed("gone", "disposable_domain"): Unknown(Why.STALE_LIST, "gone"), feed(
        "lost", "datacenter", kind="networks"): Unknown(Why.NOT_CONFIGURED, "lost")}  # fmt: skip
    return world({"disposable_domain": LISTED[:1], "vpn": ["5.5.0.0/17"], "tor_exit": ["5.5.5.5"]}, missing)


def _geo(folder: Path) -> Geo:
    path = folder / "geo.mmdb"
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type="Test-Country-ASN")
    records = {
        "5.0.0.0/8": ("DE", 64496, "Example Net"), "5.5.0.0/16": ("CH", 64497, "Alp"), "5.5.5.0/24": ("", 0, ""),
        "93.184.216.0/24": ("US", 64500, "Edge"), "93.184.216.34/32": ("GB", 64500, "Edge"),
        "2a00:1450::/32": ("FR", 64501, "Example"), "2a00:1450:4001:8::/64": ("IT", 64502, "Nul"),
    }  # fmt: skip
    for network, (country, number, owner) in records.items():
        record = {"autonomous_system_number": number, "autonomous_system_organization": owner}
        writer.insert_network(IPSet([network]), record | ({"country": {"iso_code": country}} if country else {}))
    writer.to_db_file(str(path))
    return Geo.open(path, path)


def raw_signups(source: random.Random, count: int) -> list[dict[str, object]]:
    return [_raw(number, source) for number in range(count)]


def near(source: random.Random, text: str) -> str:
    """An address inside a network, at its ends, or just beside it."""
    network = ip_network(text)
    number = int(network.network_address) + source.choice(
        [0, -1, network.num_addresses - 1, network.num_addresses, source.randrange(network.num_addresses)]
    )
    return str(type(network.network_address)(number % (1 << network.max_prefixlen)))


def domain(source: random.Random) -> str:
    """A mail domain: listed, below or beside a listed one, an ordinary one, or none at all."""
    listed = source.choice(
        [*LISTED, "dynamic.org", "gmail.com", "partner.example", "agency.co.uk", "relay.example.org"]
    )
    return source.choice(
        [listed, f"mx.{listed}", f"not{listed}", listed.partition(".")[2], "googlemail.com", "example.com", "bücher.de",
         "localhost", "", "...", "a.b.c.d.e.f.g.h.trash.example.net", "gmial.com", "пример.рф"]
    )  # fmt: skip


def _ip(source: random.Random) -> str:
    return source.choice(
        [
            near(source, source.choice([*NETWORKS, "5.5.0.0/16", "5.5.5.0/24", "2a00:1450:4001:8::/64"])),
            str(ip_address(source.getrandbits(32))),
            str(ip_address(source.getrandbits(128))),
            source.choice(["10.1.2.3", "192.0.2.1", "::ffff:5.5.5.5", "2002:5db8:d822::1", "127.0.0.1", "::1"]),
        ]
    )  # fmt: skip


def _raw(number: int, source: random.Random) -> dict[str, object]:
    locals_ = ["jane.doe", "jane.doe+shop", "bob", "xk3j9q2vz7", "info", "a" * 70, "jаne", "123456789", "", " x"]
    raw: dict[str, object] = {
        "account_id": f"account-{number}",
        "email": f"{source.choice(locals_)}@{domain(source)}",
        "ip": _ip(source),
        "first_name": source.choice(["Jane", "Bob", "asdf", "test", "", None, "José", "X Æ", " Li "]),
        "last_name": source.choice(["Doe", "asdf", "", None, "Иванов", "Doe3", "Partner"]),
        "company": source.choice(["", None, "Acme GmbH", "Doe & Co"]),
        "phone": source.choice(["", None, "+442079460000", "020 7946 0000", "+41446681800", "12", "+1 800 FLOWERS"]),
        "address.lines": source.choice(["", None, "Weg 1\nHof", "x"]),
        "address.city": source.choice(["", None, "Bern"]),
        "address.region": None,
        "address.postal_code": source.choice(["", None, "3000", "SW1A 1AA"]),
        "address.country": source.choice(["", None, "CH", "GB", "DE", "gb", "PR"]),
        "user_agent": source.choice(["", None, "Mozilla/5.0 (X11)", "curl/8.1", "python-requests/2", "a\tb"]),
        "submitted_at": source.choice(
            ["2026-11-23T10:00:00Z", "2026-11-01T00:00:00+02:00", None, "2026-11-23T12:00:00.5Z"]
        ),
        "attributes.plan": source.choice(["VPS", "vps", "dedicated", None]),
        "attributes.seats": source.choice([None, 1, 5, -3]),
    }  # fmt: skip
    if source.random() < 0.12:
        raw |= source.choice(ODD)
    return raw


#: What a row may have wrong with it, or merely odd.
ODD: list[dict[str, object]] = [
    {"account_id": ""}, {"account_id": "x" * 201}, {"account_id": " padded "}, {"email": ""}, {"email": None},
    {"email": "a@b\x00.com"}, {"email": "é" * 400}, {"ip": "1.2.3"}, {"ip": None}, {"ip": "fe80::1%eth0"},
    {"ip": " 5.5.5.5 "}, {"ip": "05.5.5.5"}, {"first_name": "a\x07"}, {"first_name": "\u00a0Jane\u2003"},
    {"address.country": "XX"}, {"address.country": "UK"}, {"submitted_at": "2030-01-01T00:00:00Z"},
    {"submitted_at": "2026-11-23"}, {"submitted_at": "2026-02-30T00:00:00Z"}, {"user_agent": "x" * 5000},
    {"attributes.plan": "y" * 5000}, {"attributes.seats": 2**60}, {"phone": "+" + "1" * 120}, {"company": "a\nb"},
    {"email": "  jane.doe@gmail.com "}, {"email": "no at sign"}, {"attributes.plan": "a\x07"},
]  # fmt: skip

LATER = NOW + timedelta(days=1)
EXEMPTION = Exemption("disposable-email", "account a-1", LATER, "Ada")
