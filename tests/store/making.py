"""Signups and decisions for tests of the store: made by the real engine from the real rules' form."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from types import MappingProxyType

from kycrisk.checks.catalogue import ALIASES, SIGNALS
from kycrisk.ruleset.condition import Velocity
from kycrisk.ruleset.decide import decide
from kycrisk.ruleset.evaluate import compile_ruleset
from kycrisk.ruleset.load import load_ruleset
from kycrisk.signals import Evidence, Origin, Unknown, Why
from kycrisk.store.screenings import Screening
from kycrisk.store.signups import NewSignup

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
FROM_IP = Velocity("ip.address", timedelta(hours=1))
MAILBOXES = Velocity("ip.address", timedelta(hours=1), "email.canonical")

RULES = """\
policy:
  bands: {review: 40, verify: 70, deny: 150}
rules:
  - {id: tor, title: A Tor exit, when: ip.tor_exit, score: 45, reason: "{ip.address} is a Tor exit"}
  - {id: acme, title: Acme itself, when: 'email.domain == "acme.example"', score: 30, reason: "{email.domain}"}
  - {id: listed, title: Listed, when: ip.blocklisted, score: 80, reason: "{ip.address} is listed"}
  - id: burst
    title: Many at once
    when: signups(ip.address, "1h") >= 2
    at_least: verify
    reason: '{signups(ip.address, "1h")} from {ip.address}'
  - id: quiet
    title: In shadow
    status: shadow
    when: email.local == "jane"
    score: 5
    reason: "{email.local}"
"""
ORIGINS = MappingProxyType({"ip.tor_exit": Origin("tor-bulk", NOW, ("tor-bulk@sha256:" + "ab" * 32,))})


class Clock:
    """A clock that stands until it is told to go on."""

    def __init__(self, now=NOW):
        self.now = now

    def __call__(self):
        return self.now

    def forward(self, **by):
        self.now += timedelta(**by)


def read_rules(folder, text=RULES):
    path = folder / "policy.yaml"
    if not path.exists() or path.read_text() != text:  # processes that start together share it
        path.write_text(text)
    return load_ruleset(folder, signals=SIGNALS, aliases=ALIASES)


def facts(name="jane", ip="192.0.2.7", domain="example.com", **more):
    return {
        "ip.address": ip_address(ip),
        "email.address": f"{name}@{domain}",
        "email.local": name,
        "email.domain": domain,
        "email.canonical": f"{name}@{domain}",
        "ip.tor_exit": False,
        "ip.blocklisted": False,
        **more,
    }


class Maker:
    """Screenings with ids of their own, decided by a ruleset."""

    def __init__(self, ruleset, prefix=""):
        self.ruleset, self.compiled, self.count, self.prefix = ruleset, compile_ruleset(ruleset), 0, prefix

    def signup(self, account="a-1", at=NOW, velocities=(FROM_IP,), **given):
        known = facts(**given)
        counted = {name: known[name] for name in ("ip.address", "email.canonical")}
        return NewSignup(
            account_id=account,
            submitted_at=at,
            raw=f'{{"account_id":"{account}","email":"{known["email.address"]}"}}'.encode(),
            facts=counted,
            velocities=velocities,
        )

    def screening(
        self, account="a-1", at=NOW, *, id=None, signup=None, missing=(), also=None, idempotency=None, **given
    ):
        self.count += 1
        id_ = id or f"dec_{self.prefix}{self.count:08d}"
        known = {name: value for name, value in facts(**given).items() if name not in missing}
        unknown = {name: Unknown(Why.TIMEOUT, f"asked about {given.get('ip', '192.0.2.7')}") for name in missing}

        def decided(counts):
            answered = {'signups(ip.address, "1h")': counts[FROM_IP]} if FROM_IP in counts else {}
            evidence = Evidence({**known, **answered}, unknown, ORIGINS)
            return decide(self.compiled, evidence, id=id_, account_id=account, decided_at=at)

        return Screening(
            signup=signup or self.signup(account, at, **given), decide=decided, also=also, idempotency=idempotency
        )
