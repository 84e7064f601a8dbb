"""`kycrisk init`: a working folder with rules, settings and samples."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from kycrisk.cli.app import Fault
from kycrisk.cli.options import Config, Offline
from kycrisk.cli.rules import schema_text
from kycrisk.cli.terminal import Paint, say

_SETTINGS = """\
# The settings of this folder. Paths are relative to this file; what is commented out is the default.
# Environment variables go before the file: KYCRISK_RULES, KYCRISK_EXEMPTIONS, KYCRISK_STATE, KYCRISK_GEO_COUNTRY,
# KYCRISK_GEO_ASN, KYCRISK_DATABASE, KYCRISK_SITE_KEY, KYCRISK_LISTEN, KYCRISK_OFFLINE.

rules: rules                     # policy.yaml and the rules; your own lists are in lists/ beside them
exemptions: exemptions.yaml      # who is exempt from which rule, until when, and who said so
# state: .kycrisk                # where lists, answers of sources and budgets are kept

# Catalogues of list sources over the one that ships with kycrisk: they add feeds, and change or disable its feeds by
# name. `kycrisk feeds list --all` shows them.
# feeds: [feeds.yaml]

# Databases in MaxMind's format (GeoLite2, GeoIP2, DB-IP). Without them the country and the network of an address are
# unknown.
# geo:
#   country: /var/lib/GeoIP/GeoLite2-Country.mmdb
#   asn: /var/lib/GeoIP/GeoLite2-ASN.mmdb
#   max_age: 90d                 # an older database answers unknown

# Where decisions are kept when kycrisk runs as a service: a file, or a PostgreSQL database. What is personal in it is
# sealed under the site key: keep the key file apart from the database, and never lose it.
# database: postgresql://kycrisk@db.internal/kycrisk   # default: store.db in `state`
# site_key: /etc/kycrisk/site.key                      # default: site.key in `state`

# How `kycrisk serve` runs: docs/service.md.
# service:
#   listen: 127.0.0.1:8080
#   metrics: open                # key: /metrics needs a key with scope `read`
#   commit_reserve: 40ms         # kept back from a caller's deadline for storing the decision
#   limits: {requests_per_second: 500, body: 65536, time: 30s, waiting: 2000}

# Decisions go out as webhooks, signed as Standard Webhooks has it, for at least three days until they arrive.
# webhooks:
#   - {url: "https://shop.example.com/hooks/kycrisk", secret: {env: KYCRISK_WEBHOOK_SECRET}}
# jobs:                          # what `kycrisk serve` and `kycrisk worker` do by themselves; cron, UTC
#   recheck: "*/5 * * * *"       # unsettled accounts again, where their sources answer again
#   feeds: "17 */6 * * *"        # lists from outside
#   retention: "41 3 * * *"      # delete what is past its time
#   archive: "*/10 * * * *"      # the decisions' copy as columns, which backtests read
# archive: /var/lib/kycrisk/archive   # default: archive in `state`
# rescreening: {schedule: "17 4 * * *"}   # everybody who is inside, once more: docs/rescreening.md
# retention: {signups: 400d}     # docs/settings.md
# A new version of a list that looks like an accident waits for you: `kycrisk feeds review`, docs/lists.md.
# quarantine: {flips: 0.5%, own: [example.com, 203.0.113.0/24]}

# Verification: what happens behind the flag, by a procedure in rules/verification/. docs/verification.md
# verification:
#   policy: spacecore            # spacecore, stackbill, hostkey, binance, or your own
#   public_url: https://verify.example.com
#   ticket: {kind: whmcs, url: "https://billing.example.com", identifier: kycrisk, secret: {env: WHMCS_SECRET}}
#   panel: {kind: whmcs, url: "https://billing.example.com", identifier: kycrisk, secret: {env: WHMCS_SECRET}}
#   mail: {host: smtp.example.com, sender: verify@example.com, user: verify, password: {env: SMTP_PASSWORD}}

# Sources that are asked about every signup whose outcome they could still change. Nobody is asked who does not stand
# here. What each is sent, costs and keeps: docs/sources.md. Keys stand here, or as {env: NAME} or {file: PATH}.
# The rules over their answers are drafts in rules/undeliverable.yaml and rules/fraud.yaml: set live those you want.
# network:
#   timeout: 250ms               # how long a source may take that does not say
#   resolver: [127.0.0.1]        # your own name servers; left out: the system's
#   random_case: false           # letters of random case ("0x20") make answers harder to forge
#   allow: [10.1.2.0/24]         # networks that may be asked by HTTP although they are not public
# budget:                        # a day (UTC), all sources together, kept across restarts
#   money: [5 EUR, 5 USD]
#   questions: {fraudrecord: 500, abuseipdb: 1000}
# sources:
#   mail: {}                     # the DNS about the mail domain
#   dnsbl:                       # blocklists that are asked by DNS
#     zones: [spamhaus-zen, spamcop, dronebl]
#     keys: {spamhaus: {env: SPAMHAUS_DQS_KEY}}
#   stopforumspam: {}
#   domain_age: {bootstrap: rdap-dns.json}   # from https://data.iana.org/rdap/dns.json
#   abuseipdb: {key: {env: ABUSEIPDB_KEY}}
#   fraudrecord: {key: {env: FRAUDRECORD_KEY}, fields: [name, email, ip]}
#   ipqs: {key: {file: /run/secrets/ipqs}, ask: [ip, email], cost: 0.003 USD}
#   minfraud: {account_id: 1234, key: {env: MINFRAUD_KEY}, service: score, cost: 0.005 USD}
#   lookups: {file: lookups.yaml, hosts: [api.example.com], secrets: {acme: {env: ACME_KEY}}}

# offline: false                 # true: never use the network
# engine: generated              # durable: rules are judged by durable-rules (docs/engines.md)
"""

_EXEMPTIONS = """\
# Who is exempt from which rule. An exemption names one subject (account, email, domain or ip), ends on a date, and says
# who decided it and why; every decision that it touches shows it.
exemptions: []
#  - rule: vpn
#    account: a-1042
#    until: "2027-01-31T00:00:00Z"
#    by: Jane Doe
#    reason: works from a company VPN, seen on a video call
#  - rule: burst-from-one-address
#    ip: 192.0.2.0/24
#    until: "2027-03-01T00:00:00Z"
#    by: Jane Doe
#    reason: a training room
"""

_SAMPLE_SETTINGS = """\
# The rules of this folder over the sample lists, so that everything can be seen without a network:
#
#   kycrisk --config samples/kycrisk.yaml feeds update
#   kycrisk --config samples/kycrisk.yaml screen samples/signups.csv --history input
rules: ../rules
exemptions: ../exemptions.yaml
state: .kycrisk                  # beside the samples, so that sample lists never mix with yours
feeds: [feeds.yaml]
geo:
  country: geo-sample.mmdb
  asn: geo-sample.mmdb
  max_age: 36500d
"""


def add_to(app: typer.Typer) -> None:
    app.command()(init)


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="The folder; it is made when there is none.")
    ] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Overwrite files that exist.")] = False,
    config: Config = None,
    offline: Offline = False,
) -> None:
    """Make a working folder: settings, the default rules to edit, and samples.

    Files that exist are kept.
    """
    if folder.exists() and not folder.is_dir():
        raise Fault(f"`{folder}` is not a folder")
    written: list[Path] = []
    kept: list[Path] = []
    for relative, content in shipped_files():
        target = folder / relative
        if target.exists() and not force:
            kept.append(relative)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        written.append(relative)
    say(*_report(folder, written, kept, Paint.on(sys.stdout)))


def shipped_files() -> Iterator[tuple[Path, bytes]]:
    """The files of a working folder, and what stands in them."""
    from kycrisk.shipped import shipped
    from kycrisk.sources.catalogue import shipped_signals

    yield Path("kycrisk.yaml"), _SETTINGS.encode()
    yield Path("exemptions.yaml"), _EXEMPTIONS.encode()
    yield from _copied(shipped("rules"), Path("rules"))
    yield Path("rules/kycrisk.schema.json"), (schema_text(shipped_signals()) + "\n").encode()
    yield from _copied(shipped("data/samples"), Path("samples"))
    yield Path("samples/kycrisk.yaml"), _SAMPLE_SETTINGS.encode()


def _copied(source: Path, target: Path) -> Iterator[tuple[Path, bytes]]:
    for path in sorted(source.rglob("*")):
        relative = path.relative_to(source)
        hidden = any(part.startswith((".", "__")) for part in relative.parts)
        if path.is_file() and not hidden and path.suffix != ".py" and path.name != "kycrisk.schema.json":
            yield target / relative, path.read_bytes()


def _report(folder: Path, written: list[Path], kept: list[Path], paint: Paint) -> Iterator[str]:
    places: dict[str, int] = {}
    for path in written:
        top = path.parts[0] + ("/" if len(path.parts) > 1 else "")
        places[top] = places.get(top, 0) + 1
    for top, number in places.items():
        yield f"wrote {folder / top}{'/' if top.endswith('/') else ''}" + (f"  {number} files" if number > 1 else "")
    if kept:
        yield f"kept {len(kept)} files that exist; --force overwrites them:"
        yield from (f"  {folder / path}" for path in kept)
    yield ""
    yield paint("bold", "Next:")
    if folder.resolve() != Path().resolve():
        yield f"  cd {folder}"
    yield "  kycrisk --config samples/kycrisk.yaml feeds update"
    yield "  kycrisk --config samples/kycrisk.yaml screen samples/signups.csv --history input"
    yield "  kycrisk feeds update"
