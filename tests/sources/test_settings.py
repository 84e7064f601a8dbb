"""The sections `network`, `budget` and `sources`: what they come to, and every mistake with its place."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from kycrisk.lookups.resolver_servers import Nameserver
from kycrisk.money import Money
from kycrisk.problems import Problems
from kycrisk.settings import Settings, read_settings
from kycrisk.signals import Unknown, Why
from kycrisk.sources.catalogue import network_signals, unanswered
from kycrisk.sources.kinds import KINDS

FRAUDRECORD_KEY = "0123456789abcdef"
DQS_KEY = "abcdefghijklmnopqrstuvwxyz"
ENVIRON = {"FRAUDRECORD_KEY": FRAUDRECORD_KEY, "DQS_KEY": DQS_KEY, "SHORT": "abc", "EMPTY": ""}
BOOTSTRAP = '{"services": [[["com", "net"], ["https://rdap.example.com/"]]]}'
LOOKUPS = """\
lookups:
  acme:
    url: https://api.example.com/v1/ip/{ip.address}
    headers: {Authorization: "Bearer {secret:acme}"}
    sends: [ip]
    signals:
      acme.score: {type: int, path: score, question: How risky does Acme find the IP address?}
"""


@pytest.fixture
def read(tmp_path: Path):
    """Reads settings in a folder that has all the files that they may name."""
    (tmp_path / "rdap.json").write_text(BOOTSTRAP)
    (tmp_path / "lookups.yaml").write_text(LOOKUPS)
    (tmp_path / "secret").write_text("a-key-in-a-file\n")
    (tmp_path / "latin").write_bytes(b"caf\xe9-caf\xe9")

    def reading(text: str) -> Settings:
        (tmp_path / "kycrisk.yaml").write_text(text)
        return read_settings(tmp_path, environ=ENVIRON)

    return reading


def rendered(settings: Settings, folder: Path) -> str:
    return "\n".join(problem.render() for problem in settings.sources.problems).replace(f"{folder}/", "")


EVERYTHING = """\
network:
  timeout: 100ms
  resolver: [127.0.0.1, "[::1]:5353"]
  random_case: true
  allow: [10.1.2.0/24, "fd00::/8"]
budget:
  money: [5 EUR, 2.5 USD]
  questions: {fraudrecord: 500, spamcop: 100, acme: 7}
sources:
  mail:
  dnsbl: {zones: [spamhaus-zen, spamcop, tor-dnsel], keys: {spamhaus: {env: DQS_KEY}}, canaries: 5m}
  domain_age: {bootstrap: rdap.json, timeout: 3s}
  stopforumspam: {ask: [ip]}
  abuseipdb: {key: {file: secret}}
  fraudrecord: {key: {env: FRAUDRECORD_KEY}}
  ipqs: {key: a-plain-key, ask: [phone], cost: 0.003 USD}
  minfraud: {account_id: 42, key: a-licence-key, service: insights, cost: 0.01 EUR}
  lookups: {file: lookups.yaml, hosts: [api.example.com], secrets: {acme: acme-secret}}
"""


def test_everything(read):
    choice = read(EVERYTHING).sources
    assert choice.problems == ()
    assert choice.out_of_use == {}
    assert tuple(choice.sources) == tuple(KINDS)
    assert choice.resolver == (Nameserver("127.0.0.1"), Nameserver("::1", 5353))
    assert choice.random_case is True
    assert [str(network) for network in choice.allowed] == ["10.1.2.0/24", "fd00::/8"]
    assert choice.limits.money == {"EUR": Decimal(5), "USD": Decimal("2.5")}
    assert choice.limits.questions == {"fraudrecord": 500, "spamcop": 100, "acme": 7}
    assert {name: source.timeout / timedelta(milliseconds=1) for name, source in choice.sources.items()} == {
        "mail": 100,
        "dnsbl": 100,
        "domain_age": 3000,
        "stopforumspam": 100,
        "abuseipdb": 100,
        "fraudrecord": 100,
        "ipqs": 100,
        "minfraud": 100,
        "lookups": 250,
    }
    assert {name: sorted(source.sends) for name, source in choice.sources.items()} == {
        "mail": ["email_domain"],
        "dnsbl": ["ip"],
        "domain_age": ["email_domain"],
        "stopforumspam": ["ip"],
        "abuseipdb": ["ip"],
        "fraudrecord": ["email_hash", "ip_hash", "name_hash"],
        "ipqs": ["phone"],
        "minfraud": ["email_domain", "email_hash", "ip"],
        "lookups": ["ip"],
    }
    assert choice.sources["ipqs"].price == Money(Decimal("0.003"), "USD")
    assert choice.declared["acme.score"].check == "lookups"


def test_nothing_is_asked_that_does_not_stand_there(read):
    choice = read("rules: rules\n").sources
    assert (choice.sources, choice.problems) == ({}, ())
    missing = unanswered(choice)
    assert missing.keys() == network_signals().keys()
    assert missing["fraudrecord.reports"] == Unknown(Why.NOT_CONFIGURED, "fraudrecord is not set up")


def test_parts_that_are_not_asked_for(read):
    missing = unanswered(read(EVERYTHING).sources)
    assert missing["stopforumspam.email_appears"] == Unknown(Why.NOT_CONFIGURED, "stopforumspam is set up without it")
    assert missing["dnsbl.psbl"] == Unknown(Why.NOT_CONFIGURED, "dnsbl is set up without it")
    assert "dnsbl.ip_grave" not in missing
    assert "dnsbl.domain_grave" in missing
    assert "minfraud.email_disposable" not in missing
    assert "minfraud.reasons" in missing
    assert "acme.score" not in missing


# Mistakes. Each row: its name, the settings, the problems as they are shown, and the sources that stay in use.
BAD = [
    (
        "an unknown source",
        "sources:\n  spamhouse: {}\n  mail: {}\n",
        "kycrisk.yaml:2:3: there is no source `spamhouse`\n"
        "      spamhouse: {}\n"
        "      ^\n"
        "help: known: mail, dnsbl, domain_age, stopforumspam, abuseipdb, fraudrecord, ipqs, minfraud, lookups",
        ["mail"],
    ),
    (
        "a source with a slip in its name",
        "sources:\n  abuse_ipdb: {key: a-very-secret-key}\n",
        "kycrisk.yaml:2:3: there is no source `abuse_ipdb`\n"
        "      abuse_ipdb: {key: *****************}\n"
        "      ^\n"
        "help: did you mean `abuseipdb`?",
        [],
    ),
    (
        "an unknown option",
        "sources:\n  mail: {tiemout: 1s}\n  stopforumspam: {}\n",
        "kycrisk.yaml:2:10: unknown key `tiemout`\n"
        "      mail: {tiemout: **}\n"
        "             ^\n"
        "help: did you mean `timeout`?",
        ["stopforumspam"],
    ),
    (
        "a key under the name of another option",
        "sources:\n  abuseipdb: {kee: a-very-secret-key}\n",
        "kycrisk.yaml:2:14: there is no `key`\n"
        "      abuseipdb: {kee: *****************}\n"
        "                 ^\n"
        "kycrisk.yaml:2:15: unknown key `kee`\n"
        "      abuseipdb: {kee: *****************}\n"
        "                  ^\n"
        "help: known: timeout, key, max_age, endpoint",
        [],
    ),
    (
        "a key in the place of the settings",
        "sources:\n  abuseipdb: a-very-secret-key\n",
        "kycrisk.yaml:2:14: `abuseipdb` is not a mapping of `key: value`\n"
        "      abuseipdb: *****************\n"
        "                 ^",
        [],
    ),
    (
        "a source without its secret",
        "sources:\n  abuseipdb: {}\n",
        "kycrisk.yaml:2:14: there is no `key`\n      abuseipdb: {}\n                 ^",
        [],
    ),
    (
        "an environment variable that is not set",
        "sources:\n  abuseipdb: {key: {env: FRAUDRECORDKEY}}\n",
        "kycrisk.yaml:2:20: the environment variable `FRAUDRECORDKEY` is not set\n"
        "      abuseipdb: {key: {env: FRAUDRECORDKEY}}\n"
        "                       ^\n"
        "help: did you mean `FRAUDRECORD_KEY`?",
        [],
    ),
    (
        "an empty environment variable",
        "sources:\n  abuseipdb: {key: {env: EMPTY}}\n",
        "kycrisk.yaml:2:20: the environment variable `EMPTY` is not set\n"
        "      abuseipdb: {key: {env: EMPTY}}\n"
        "                       ^\n"
        "help: set it for the service as well",
        [],
    ),
    (
        "a secret that is too short",
        "sources:\n  abuseipdb: {key: {env: SHORT}}\n",
        "kycrisk.yaml:2:20: in the environment variable `SHORT`: a secret has at least 6 characters, this one has 3\n"
        "      abuseipdb: {key: {env: SHORT}}\n"
        "                       ^",
        [],
    ),
    (
        "a key that is an environment variable's name",
        "sources:\n  abuseipdb: {key: {env: a-very-secret-key}}\n",
        "kycrisk.yaml:2:20: this is not the name of an environment variable\n"
        "      abuseipdb: {key: {env: a-very-secret-key}}\n"
        "                       ^\n"
        "help: write `{env: NAME}`",
        [],
    ),
    (
        "a file that cannot be read",
        "sources:\n  abuseipdb: {key: {file: none}}\n",
        "kycrisk.yaml:2:20: the secret in `none` cannot be read: no such file or directory\n"
        "      abuseipdb: {key: {file: none}}\n"
        "                       ^\n"
        "help: check its name and permissions",
        [],
    ),
    (
        "a file that is no text",
        "sources:\n  abuseipdb: {key: {file: latin}}\n",
        "kycrisk.yaml:2:20: the secret in `latin` is not text in UTF-8\n"
        "      abuseipdb: {key: {file: latin}}\n"
        "                       ^",
        [],
    ),
    (
        "a secret of another form",
        "sources:\n  abuseipdb: {key: {vault: a-very-secret-key}}\n",
        "kycrisk.yaml:2:20: this is no secret\n"
        "      abuseipdb: {key: {vault: *****************}}\n"
        "                       ^\n"
        "help: write it as a text, as `{env: NAME}` or as `{file: PATH}`",
        [],
    ),
    (
        "a secret that YAML readers read differently",
        "sources:\n  abuseipdb: {key: 0123456701234567}\n",
        "kycrisk.yaml:2:20: this is not a text to all YAML readers\n"
        "      abuseipdb: {key: ****************}\n"
        "                       ^\n"
        "help: put it in quotes",
        [],
    ),
    (
        "a key of the wrong shape",
        "sources:\n  fraudrecord: {key: not-sixteen-digits}\n",
        "kycrisk.yaml:2:22: the key of a FraudRecord profile has 16 hexadecimal digits\n"
        "      fraudrecord: {key: ******************}\n"
        "                         ^",
        [],
    ),
    (
        "an unknown field",
        "sources:\n  fraudrecord: {key: {env: FRAUDRECORD_KEY}, fields: [name, emial]}\n",
        "kycrisk.yaml:2:61: `emial` is no field that FraudRecord is asked about\n"
        "     fraudrecord: {key: {env: FRAUDRECORD_KEY}, fields: [name, emial]}\n"
        "                                                               ^\n"
        "help: did you mean `email`?",
        [],
    ),
    (
        "an API whose words are not public",
        "sources:\n  fraudrecord: {key: {env: FRAUDRECORD_KEY}, api: 2}\n",
        "kycrisk.yaml:2:16: the action names and result fields of FraudRecord's API v2 are not public: use `api: 1`, "
        "or name them as the member pages do\n"
        "      fraudrecord: {key: {env: FRAUDRECORD_KEY}, api: 2}\n"
        "                   ^",
        [],
    ),
    (
        "an unknown zone among others",
        "sources:\n  dnsbl: {zones: [spamcop, spamkop]}\n",
        "kycrisk.yaml:2:28: there is no blocklist `spamkop`\n"
        "      dnsbl: {zones: [spamcop, spamkop]}\n"
        "                               ^\n"
        "help: did you mean `spamcop`?",
        ["dnsbl"],
    ),
    (
        "a dead zone",
        "sources:\n  dnsbl: {zones: [dnsbl.sorbs.net]}\n",
        "kycrisk.yaml:2:19: `dnsbl.sorbs.net` is dead: SORBS was shut down "
        "(2024-06-05, SpamAssassin commit c1d018a10)\n"
        "      dnsbl: {zones: [dnsbl.sorbs.net]}\n"
        "                      ^\n"
        "help: remove it, or replace it by `spamhaus-zen`",
        [],
    ),
    (
        "an unknown key of zones",
        f"sources:\n  dnsbl: {{zones: [spamcop], keys: {{spamhause: {DQS_KEY}}}}}\n",
        "kycrisk.yaml:2:36: nothing takes a key `spamhause`\n"
        "      dnsbl: {zones: [spamcop], keys: {spamhause: **************************}}\n"
        "                                       ^\n"
        "help: did you mean `spamhaus`?",
        ["dnsbl"],
    ),
    (
        "a zone whose key cannot be had",
        "sources:\n  dnsbl: {zones: [spamcop, spamhaus-zen], keys: {spamhaus: {env: EMPTY}}}\n",
        "kycrisk.yaml:2:60: the environment variable `EMPTY` is not set\n"
        "      dnsbl: {zones: [spamcop, spamhaus-zen], keys: {spamhaus: {env: EMPTY}}}\n"
        "                                                               ^\n"
        "help: set it for the service as well",
        ["dnsbl"],
    ),
    (
        "no file of registries",
        "sources:\n  domain_age: {bootstrap: none.json}\n",
        "kycrisk.yaml:2:27: `none.json` cannot be read: no such file or directory\n"
        "      domain_age: {bootstrap: none.json}\n"
        "                              ^\n"
        "help: download https://data.iana.org/rdap/dns.json (RFC 9224)",
        [],
    ),
    (
        "an address with a password in it",
        "sources:\n  stopforumspam: {endpoint: 'https://me:hidden-word@example.com/'}\n",
        "kycrisk.yaml:2:29: a user name or password stands in the address, which is not read\n"
        "      stopforumspam: {endpoint: *************************************}\n"
        "                                ^",
        [],
    ),
    (
        "a time and a part that are none",
        "sources:\n  stopforumspam: {timeout: 2h, ask: [ip, phone]}\n",
        "kycrisk.yaml:2:28: `2h` is not between 1ms and 30s\n"
        "      stopforumspam: {timeout: 2h, ask: [ip, phone]}\n"
        "                               ^\n"
        "kycrisk.yaml:2:42: `phone` is no part that Stop Forum Spam is asked about\n"
        "      stopforumspam: {timeout: 2h, ask: [ip, phone]}\n"
        "                                             ^\n"
        "help: known: ip, email",
        [],
    ),
    (
        "an option of IPQualityScore",
        "sources:\n  ipqs: {key: a-plain-key, options: {strictnes: 1}}\n",
        "kycrisk.yaml:2:49: `strictnes` is no option of IPQualityScore\n"
        "      ipqs: {key: ***********, options: {strictnes: 1}}\n"
        "                                                    ^\n"
        "help: did you mean `strictness`?",
        [],
    ),
    (
        "sources that are no mapping",
        "sources: [mail, dnsbl]\n",
        "kycrisk.yaml:1:10: `sources` is not a mapping of `key: value`\n    sources: [****, *****]\n             ^",
        [],
    ),
    (
        "a resolver by its name",
        "network: {resolver: [dns.example.com]}\nsources: {mail: {}, stopforumspam: {}}\n",
        "kycrisk.yaml:1:22: `dns.example.com` is not the IP address of a name server, as in `127.0.0.1:5353`\n"
        "    network: {resolver: [dns.example.com]}\n"
        "                         ^\n"
        "help: name the resolver by its address, not by its name",
        ["stopforumspam"],
    ),
    (
        "mistakes in the network that cost no source",
        "network: {allow: [10.0.0.1/8], time_out: 1s}\nsources: {mail: {}}\n",
        "kycrisk.yaml:1:19: `10.0.0.1/8` is not a network such as `10.1.2.0/24`\n"
        "    network: {allow: [10.0.0.1/8], time_out: 1s}\n"
        "                      ^\n"
        "kycrisk.yaml:1:32: unknown key `time_out`\n"
        "    network: {allow: [10.0.0.1/8], time_out: 1s}\n"
        "                                   ^\n"
        "help: did you mean `timeout`?",
        ["mail"],
    ),
    (
        "a budget that is not understood",
        "budget: {money: [five EUR]}\nsources:\n  mail: {}\n  ipqs: {key: a-plain-key, cost: 0.003 EUR}\n",
        "kycrisk.yaml:1:18: `five EUR` is not an amount of money such as `0.002 EUR`\n"
        "    budget: {money: [five EUR]}\n"
        "                     ^\n"
        "kycrisk.yaml:4:34: `ipqs` costs money, and the `budget` is not understood\n"
        "      ipqs: {key: ***********, cost: 0.003 EUR}\n"
        "                                     ^\n"
        "help: correct the budget",
        ["mail"],
    ),
    (
        "a cost in a currency without a budget",
        "budget: {money: [5 EUR]}\nsources:\n  ipqs: {key: a-plain-key, cost: 0.003 USD}\n",
        "kycrisk.yaml:3:34: `ipqs` costs USD, and `budget.money` has no USD\n"
        "      ipqs: {key: ***********, cost: 0.003 USD}\n"
        "                                     ^\n"
        "help: add an amount in USD to the budget",
        [],
    ),
    (
        "a quota that is not understood",
        "budget:\n  questions: {fraudrecord: many}\n"
        "sources:\n  fraudrecord: {key: {env: FRAUDRECORD_KEY}}\n  mail: {}\n",
        "kycrisk.yaml:2:28: `fraudrecord` is not a whole number\n"
        "      questions: {fraudrecord: many}\n"
        "                               ^",
        ["mail"],
    ),
    (
        "a quota of nobody",
        "budget:\n  questions: {spamkop: 5}\nsources:\n  mail: {}\n",
        "kycrisk.yaml:2:15: there is no source `spamkop` to count the questions of\n"
        "      questions: {spamkop: 5}\n"
        "                  ^\n"
        "help: did you mean `spamcop`?",
        ["mail"],
    ),
    (
        "no file of lookups",
        "sources:\n  lookups: {file: none.yaml, hosts: [api.example.com]}\n",
        "none.yaml: cannot be read: no such file or directory\nhelp: check its name and permissions",
        [],
    ),
    (
        "a lookup whose host may not be asked",
        "sources:\n  lookups: {file: lookups.yaml, hosts: [example.com], secrets: {acme: acme-secret}}\n",
        "lookups.yaml:3:10: `api.example.com` is not among the hosts that lookups may ask\n"
        "        url: https://api.example.com/v1/ip/{ip.address}\n"
        "             ^\n"
        "help: did you mean `example.com`?",
        [],
    ),
    (
        "a lookup whose secret cannot be had",
        "sources:\n  lookups: {file: lookups.yaml, hosts: [api.example.com], secrets: {acme: {env: EMPTY}}}\n",
        "kycrisk.yaml:2:75: the environment variable `EMPTY` is not set\n"
        "    e: lookups.yaml, hosts: [api.example.com], secrets: {acme: {env: EMPTY}}}\n"
        "                                                               ^\n"
        "help: set it for the service as well",
        [],
    ),
]


@pytest.mark.parametrize(("text", "shown", "in_use"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_a_mistake_is_shown_and_costs_its_source_only(read, tmp_path, text, shown, in_use):
    settings = read(text)
    assert rendered(settings, tmp_path) == shown
    assert sorted(settings.sources.sources) == sorted(in_use)
    answered = frozenset().union(*(source.answers for source in settings.sources.sources.values()))
    missing = unanswered(settings.sources)
    assert missing.keys() | answered >= network_signals().keys()  # every signal is answered, or it is said why not
    assert {why.why for why in missing.values()} <= {Why.NOT_CONFIGURED}


@pytest.mark.parametrize("text", [row[1] for row in BAD], ids=[row[0] for row in BAD])
def test_no_problem_and_no_reason_shows_a_key(read, tmp_path, text):
    settings = read(text)
    told = rendered(settings, tmp_path) + repr(settings.sources) + str(dict(unanswered(settings.sources)))
    keys = ("very-secret", FRAUDRECORD_KEY, DQS_KEY, "sixteen", "01234567", "plain-key", "hidden-word", "acme-secret")
    shown = [key for key in keys if key in told and f"env: a-{key}" not in told]
    assert shown == []


def test_the_reason_is_that_of_the_problem(read):
    choice = read("sources:\n  abuseipdb: {}\n").sources
    assert unanswered(choice)["abuseipdb.score"] == Unknown(
        Why.NOT_CONFIGURED, "abuseipdb is out of use: there is no `key`"
    )


def test_signals_of_a_lookup_that_is_out_of_use_are_still_declared(read):
    choice = read(
        "sources:\n  lookups: {file: lookups.yaml, hosts: [example.com], secrets: {acme: acme-secret}}\n"
    ).sources
    assert choice.declared["acme.score"].question == "How risky does Acme find the IP address?"
    assert unanswered(choice)["acme.score"] == Unknown(
        Why.NOT_CONFIGURED, "acme is out of use: `api.example.com` is not among the hosts that lookups may ask"
    )


def test_one_lookup_does_not_cost_the_others(read, tmp_path):
    (tmp_path / "lookups.yaml").write_text(LOOKUPS + LOOKUPS.replace("lookups:\n", "").replace("acme", "psbl", 1))
    settings = read(
        "sources:\n  lookups: {file: lookups.yaml, hosts: [api.example.com], secrets: {acme: acme-secret}}\n"
    )
    assert [problem.message for problem in settings.sources.problems] == [
        "`psbl` is the name of a source of kycrisk's own",
        "`acme.score` is answered by both `acme` and `psbl`",
    ]
    assert settings.sources.sources["lookups"].answers == {"acme.score"}


@pytest.mark.parametrize(
    ("text", "environ"),
    [
        pytest.param("offline: true\n", {}, id="by the settings"),
        pytest.param("", {"KYCRISK_OFFLINE": "1"}, id="by the environment"),
    ],
)
def test_offline_nothing_is_asked_and_mistakes_stay_mistakes(tmp_path, text, environ):
    (tmp_path / "kycrisk.yaml").write_text(f"{text}sources: {{mail: {{}}, dnsbl: {{zones: [spamkop]}}}}\n")
    choice = read_settings(tmp_path, environ=environ).sources
    assert choice.sources == {}
    assert [problem.message for problem in choice.problems] == ["there is no blocklist `spamkop`"]
    assert set(unanswered(choice).values()) == {Unknown(Why.NOT_CONFIGURED, "the network is not used")}


STRICT = [
    ("rules that are no path", "rules: 7\nsources: {mail: {}}\n", "`rules` is not a text"),
    ("an unknown key", "souces: {mail: {}}\n", "unknown key `souces`"),
    ("a trap outside", "offline: yes\nsources: {mail: {}}\n", "`yes` without quotes is a yes or no"),
]


@pytest.mark.parametrize(("text", "message"), [row[1:] for row in STRICT], ids=[row[0] for row in STRICT])
def test_all_else_stays_strict(read, text, message):
    with pytest.raises(Problems) as wrong:
        read(text)
    assert message in str(wrong.value)


def test_settings_that_are_no_yaml_show_no_line(read, tmp_path):
    with pytest.raises(Problems) as wrong:
        read("sources:\n  abuseipdb: {key: *a-very-secret-key}\n  mail: {}\n  mail: {}\n")
    assert str(wrong.value).replace(f"{tmp_path}/", "") == (
        "kycrisk.yaml:2:20: this is a YAML alias, which is not read here\n"
        "help: write the text out, or in quotes when it begins with `*`\n"
        "kycrisk.yaml:4:3: the key `mail` stands twice\n"
        "help: it stands on line 3 already; keep one of them"
    )
