"""Sources at the command line: `check`, `doctor` and `signals` tell of them; `fraudrecord` reports."""

from __future__ import annotations

import re
import socket

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from kycrisk.cli.sources_text import source_trouble
from kycrisk.screening.site import read_site
from kycrisk.settings import read_settings

KEY = "0123456789abcdef"
NETWORK_RULES = """\
  - id: reported
    title: Reported
    when: fraudrecord.reports >= 1
    score: 45
    reason: reported
"""


@pytest.fixture
def free_port():
    """A port at which nobody answers: it is ours, and silent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def plain(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def test_check_tells_of_the_settings_and_of_the_rules_in_one_run(run):
    run.write("kycrisk.yaml", "sources:\n  fraudrecord: {key: {env: NOPE}}\n")
    run.write("rules/more.yaml", "rules:\n" + NETWORK_RULES.replace("reports >", "reportz >"))
    found = run("check")
    assert found.exit_code == 1
    assert "kycrisk.yaml:2:22: the environment variable `NOPE` is not set\n" in found.stdout
    assert "rules/more.yaml:4:11: unknown signal `fraudrecord.reportz`\n" in found.stdout
    assert found.stderr == "2 problems\n"


def test_rules_may_name_signals_whose_source_is_not_set_up(run):
    run.write("rules/more.yaml", "rules:\n" + NETWORK_RULES)
    assert (run("check").exit_code, run("check").output) == (0, "")


def test_a_resolver_that_does_not_answer(run, free_port):
    run.write("kycrisk.yaml", f"network: {{resolver: ['127.0.0.1:{free_port}']}}\nsources: {{mail: {{}}}}\n")
    found = run("check")
    assert found.exit_code == 1
    assert f"kycrisk.yaml:1:22: the resolver `127.0.0.1:{free_port}` does not answer: timeout" in found.stdout
    assert run("--offline", "check").exit_code == 0


def test_doctor_says_who_is_asked_and_who_is_not(run):
    run.write(
        "kycrisk.yaml",
        "sources:\n"
        f"  fraudrecord: {{key: {KEY}, timeout: 400ms}}\n"
        "  ipqs: {key: ipqs-secret-key, ask: [phone], cost: 0.003 USD}\n"
        "  abuseipdb: {key: {env: NOPE}}\n",
    )
    run.write("rules/more.yaml", "rules:\n" + NETWORK_RULES)
    found = run("doctor")
    shown = plain(found.stdout)
    assert found.exit_code == 1
    assert (
        " fraudrecord FraudRecord; within 400 ms, free; sends email_hash, ip_hash, name_hash about name, email, ip; "
        "questions are stored there and shown to others " in shown
    )
    assert (
        " ipqs IPQualityScore; within 250 ms, 0.003 USD a question; sends phone about phone, one question each "
        in shown
    )
    assert " abuseipdb out of use: the environment variable `NOPE` is not set " in shown
    assert " not needed no live rule reads ipqs, so nobody asks there " in shown
    assert "kycrisk.yaml:4:20: the environment variable `NOPE` is not set\n" in found.stderr
    assert "secret-key" not in found.output
    assert KEY not in found.output


def test_doctor_on_what_live_rules_miss(run):
    run.write("rules/more.yaml", "rules:\n" + NETWORK_RULES)
    shown = plain(run("doctor").stdout)
    assert " asked nobody: `sources` in the settings names none " in shown
    assert " fraudrecord is not set up fraudrecord.reports " in shown
    assert " reported: fraudrecord.reports " in shown
    assert "minfraud" not in shown  # which no rule reads


def test_doctor_on_what_the_policy_forbids(run):
    policy = run.folder / "rules/policy.yaml"
    policy.write_text(
        policy.read_text().replace("deny: 150}\n", "deny: 150}\n  budgets: {money: 0.02 EUR, personal_data: [ip]}\n", 1)
    )
    run.write(
        "kycrisk.yaml", f"sources: {{fraudrecord: {{key: {KEY}}}, ipqs: {{key: ipqs-key, ask: [ip], cost: 1 USD}}}}\n"
    )
    shown = plain(run("doctor").stdout)
    assert (
        "- fraudrecord would be sent email_hash, ip_hash, name_hash, which `budgets.personal_data` of the policy does "
        "not let out: what needs it is never asked" in shown
    )
    assert "- ipqs costs USD, and `budgets.money` of the policy is in EUR: it is never asked" in shown


def test_doctor_knows_public_resolvers(run):
    """`doctor` itself would ask that resolver."""
    run.write("kycrisk.yaml", "network: {resolver: [8.8.8.8]}\nsources: {dnsbl: {zones: [spamcop]}}\n")
    settings = read_settings(run.folder, environ={})
    (told,) = source_trouble(settings.sources, read_site(settings).ruleset)
    assert told.partition("kycrisk.yaml:")[2] == (
        "1:22: 8.8.8.8 is Google Public DNS, where questions are counted together with everybody's: Spamhaus and most "
        "other blocklists refuse them. Name a resolver of your own under `network.resolver`"
    )


def test_signals_are_shown_with_their_source(run):
    shown = run("signals", "fraudrecord").stdout
    assert shown.startswith("fraudrecord\n  fraudrecord.reports  int\n")


def test_signals_of_the_sites_own_lookups(run):
    run.write("kycrisk.yaml", "sources: {lookups: {file: lookups.yaml, hosts: [api.example.com]}}\n")
    run.write(
        "lookups.yaml",
        "lookups:\n  acme:\n    url: https://api.example.com/{ip.address}\n    sends: [ip]\n"
        "    signals: {acme.score: {type: int, path: score, question: How risky?}}\n",
    )
    assert run("signals", "acme").stdout == "lookups\n  acme.score  int\n      How risky?\n"
    assert '"acme.score"' in run("schema").stdout


# fraudrecord report and delete

PERSON = ("--name", "Zzyzx Qwfp-Testing", "--email", "zz@example.com")
REPORT = ("fraudrecord", "report", "--type", "chargeback", "--text", "three orders", "--value", "7", *PERSON)


@pytest.fixture
def reporting(run, httpserver: HTTPServer):
    """A folder with FraudRecord in its settings, and what arrived there."""
    arrived: list[dict[str, str]] = []

    def answer(request: Request) -> Response:
        arrived.append(dict(request.form))
        return Response("OK:abd2ce90ea864c03", content_type="text/html")

    httpserver.expect_request("/api/").respond_with_handler(answer)
    url = httpserver.url_for("/api/")
    run.write(
        "kycrisk.yaml",
        f"network: {{allow: [127.0.0.0/8, '::1/128']}}\nsources: {{fraudrecord: {{key: {KEY}, endpoint: '{url}'}}}}\n",
    )
    return run, arrived


def test_a_report(reporting, httpserver):
    run, arrived = reporting
    found = run(*REPORT, "--yes")
    assert (found.exit_code, found.stderr) == (0, "")
    assert found.stdout == f"abd2ce90ea864c03  {httpserver.url_for('/api/')}?showreport=abd2ce90ea864c03\n"
    (form,) = arrived
    hashes = {name: form.pop(name) for name in ("name", "email")}
    assert form == {
        "_action": "report",
        "_api": KEY,
        "_type": "chargeback",
        "_text": "three orders",
        "_value": "7",
    }
    assert all(re.fullmatch(r"[0-9a-f]{40}", value) for value in hashes.values())


def test_a_report_is_shown_and_confirmed_first(reporting):
    run, arrived = reporting
    refused = run(*REPORT, stdin="n\n")
    assert (refused.exit_code, arrived) == (1, [])
    assert "  name Zzyzx Qwfp-Testing (hashed)\n  email zz@example.com (hashed)\n" in refused.stderr
    assert "  chargeback, 7 of 10: three orders\n" in refused.stderr
    assert run(*REPORT, stdin="y\n").exit_code == 0
    assert len(arrived) == 1


def test_a_report_is_taken_back(reporting):
    run, arrived = reporting
    found = run("fraudrecord", "delete", "abd2ce90ea864c03", "--yes")
    assert (found.exit_code, found.stdout) == (0, "abd2ce90ea864c03 was taken back\n")
    assert arrived == [{"_action": "delete", "_api": KEY, "_code": "abd2ce90ea864c03"}]


FAULTS = [
    (
        "without the network",
        ("--offline", *REPORT, "--yes"),
        "kycrisk: FraudRecord is not spoken to without the network\nhelp: leave out --offline and `offline: true`\n",
    ),
    (
        "nobody",
        ("fraudrecord", "report", "--type", "x", "--text", "y", "--value", "1", "--yes"),
        "kycrisk: a report needs at least one field of the person\n"
        "help: give one of --name, --email, --ip, --phone, --company, --address\n",
    ),
    (
        "what is no code",
        ("fraudrecord", "delete", "nonsense", "--yes"),
        "kycrisk: `nonsense` is not the code of a report\n",
    ),
]


@pytest.mark.parametrize(("arguments", "message"), [row[1:] for row in FAULTS], ids=[row[0] for row in FAULTS])
def test_nothing_is_sent(reporting, arguments, message):
    run, arrived = reporting
    found = run(*arguments)
    assert (found.exit_code, found.stderr, arrived) == (2, message, [])


def test_fraudrecord_is_not_set_up(run):
    found = run(*REPORT, "--yes")
    assert (found.exit_code, found.stderr) == (2, "kycrisk: fraudrecord is not set up\n")


def test_a_refusal(run, httpserver: HTTPServer):
    httpserver.expect_request("/api/").respond_with_data("ERR:NOT-APPROVED", content_type="text/html")
    run.write(
        "kycrisk.yaml",
        "network: {allow: [127.0.0.0/8, '::1/128']}\n"
        f"sources: {{fraudrecord: {{key: {KEY}, endpoint: '{httpserver.url_for('/api/')}'}}}}\n",
    )
    found = run(*REPORT, "--yes")
    assert (found.exit_code, found.stderr.splitlines()[0]) == (
        2,
        "kycrisk: the reporter profile is not approved yet (`ERR:NOT-APPROVED`)",
    )


def test_the_sources_that_init_shows_are_right(site):
    """Without their marks, nothing is wrong with them but what a site has to bring itself."""
    lines = (site.folder / "kycrisk.yaml").read_text().splitlines()
    start = lines.index(next(line for line in lines if line.startswith("# network:")))
    shown = [line.removeprefix("# ") for line in lines[start:] if line.strip() and not line.startswith("# offline")]
    site.write("kycrisk.yaml", "\n".join(shown) + "\n")
    settings = read_settings(site.folder, environ={"SPAMHAUS_DQS_KEY": "a" * 26})
    missing = ("is not set", "cannot be read: no such file or directory")
    told = [problem.message for problem in settings.sources.problems]
    assert [message for message in told if not message.endswith(missing)] == []
    assert {"mail", "dnsbl", "stopforumspam"} == set(settings.sources.sources)
