"""Lookups that analysts declare in a file come into force with the rules, or both stay as they were."""

import ssl

import certifi
import pytest
import trustme
from pytest_httpserver import HTTPServer

LOOKUPS = """\
lookups:
  acme:
    url: {url}?ip={{ip.address}}
    timeout: 10s
    sends: [ip]
    signals:
      acme.score: {{type: int, path: score, question: How risky does Acme find the address?}}
"""
NAMED = LOOKUPS + "      acme.label: {{type: str, path: label, question: What does Acme call the address?}}\n"
SCORED = """
  - id: acme
    title: Acme warns
    when: acme.score >= 50
    score: 80
    reason: "Acme gives {acme.score}"
"""
LABELLED = SCORED.replace("acme.score >= 50", 'acme.label == "bot"').replace("{acme.score}", "{acme.label}")
PUBLIC = "198.41.0.99"  # documentation networks are not asked about
SECRET = "a-secret-of-acme"


class Site:
    """A working folder whose lookups a server on loopback answers."""

    def __init__(self, folder, server):
        self.folder, self.rules = folder, (folder / "rules" / "policy.yaml").read_text()
        self.url = server.url_for("/score")
        server.expect_request("/score").respond_with_json({"score": 90, "label": "bot"})

    def write(self, lookups, rules):
        path = self.folder / "lookups.yaml"
        path.unlink(missing_ok=True)
        if lookups is not None:
            path.write_text(lookups.format(url=self.url))
        (self.folder / "rules" / "policy.yaml").write_text(self.rules + rules)


@pytest.fixture
def site(folder, tmp_path, monkeypatch):
    (folder / "kycrisk.yaml").write_text(
        f"""\
rules: rules
network: {{timeout: 10s, allow: [127.0.0.0/8]}}
sources:
  lookups: {{file: lookups.yaml, hosts: [localhost], secrets: {{acme: {SECRET}}}}}
"""
    )
    authority, tls = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(tls)
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    monkeypatch.setattr(certifi, "where", lambda: str(tmp_path / "authority.pem"))
    with HTTPServer(host="localhost", ssl_context=tls, threaded=True) as server:
        yield Site(folder, server)


async def judged(api, account):
    return (await api.screen({"account_id": account, "ip": PUBLIC})).json()


def told(failed):
    return [str(problem) for problem in failed.problems.problems]


def test_lookups_and_the_rules_that_read_them_come_into_force_together(api, site):
    site.write(LOOKUPS, SCORED)

    async def body(api):
        assert (await judged(api, "a-1"))["evidence"]["acme.score"]["value"] == 90
        before = api.service.standing
        site.write(NAMED, LABELLED)
        assert await api.service.standings.reload() is None
        after = await judged(api, "a-2")
        assert (after["outcome"], after["evidence"]["acme.label"]["value"]) == ("verify", "bot")
        assert "acme.label" in api.service.signals
        kept = api.service.standings._sources
        site.write(NAMED, LABELLED.replace("score: 80", "score: 160"))
        assert await api.service.standings.reload() is None
        assert api.service.standings._sources is kept  # nothing is opened anew for the same lookups
        assert (await judged(api, "a-3"))["outcome"] == "deny"
        assert before.site.settings.sources.declared.keys() == {"acme.score"}

    api(body)


BROKEN = {
    "a mistake in a lookup": (
        LOOKUPS.replace("timeout: 10s", "timeout: soon"),
        ["lookups.yaml:4:14: `soon` is not a duration such as `24h`, `90s` or `7d`"],
    ),
    "no YAML": ("lookups: [", ["lookups.yaml:1:11: a value is missing here"]),
    "no file": (None, ["lookups.yaml: cannot be read: no such file or directory"]),
    "a signal that rules read is gone": (
        LOOKUPS.replace("acme.score", "acme.rank"),
        [
            "rules/policy.yaml:32:11: unknown signal `acme.score`",
            "rules/policy.yaml:34:26: unknown signal `acme.score`",
        ],
    ),
}


@pytest.mark.parametrize(("lookups", "problems"), BROKEN.values(), ids=BROKEN)
def test_what_is_broken_leaves_rules_and_lookups_as_they_were(api, site, lookups, problems):
    site.write(LOOKUPS, SCORED)

    async def body(api):
        version = api.service.standing.ruleset.version
        site.write(lookups, SCORED.replace("score: 80", "score: 160"))  # good rules wait for good lookups
        failed = await api.service.standings.reload()
        assert [each.replace(f"{site.folder}/", "") for each in told(failed)] == problems
        decision = await judged(api, "a-1")
        assert (decision["outcome"], decision["ruleset"]) == ("verify", version)
        assert decision["evidence"]["acme.score"]["value"] == 90
        refused = (await api.ask("GET", "/v1/rulesets/active")).json()["refused"]["errors"]
        assert [f"{each['place']}: {each['message']}".replace(f"{site.folder}/", "") for each in refused] == problems
        site.write(LOOKUPS, SCORED.replace("score: 80", "score: 160"))
        assert await api.service.standings.reload() is None
        assert (await judged(api, "a-2"))["outcome"] == "deny"

    api(body)


def test_a_lookup_that_was_broken_at_the_start_does_not_hold_up_rules(api, site):
    site.write(LOOKUPS.replace("timeout: 10s", "timeout: soon"), SCORED)

    async def body(api):
        assert (await judged(api, "a-1"))["evidence"]["acme.score"]["unknown"] == "not_configured"
        site.write(LOOKUPS.replace("timeout: 10s", "timeout: soon"), SCORED.replace("score: 80", "score: 160"))
        assert await api.service.standings.reload() is None
        site.write(LOOKUPS, SCORED)
        assert await api.service.standings.reload() is None
        assert (await judged(api, "a-2"))["evidence"]["acme.score"]["value"] == 90

    api(body)


def test_a_secret_that_only_a_later_lookup_uses_is_not_shown(api, site):
    site.write(LOOKUPS.replace("timeout: 10s", "timeout: soon"), "")

    async def body(api):
        text = f"the key is {SECRET}"
        site.write(LOOKUPS + '    headers: {{Authorization: "Bearer {{secret:acme}}"}}\n', "")
        assert await api.service.standings.reload() is None
        assert SECRET not in api.service.standings._sources.redactor.redact(text)

    api(body)


START = {
    "unknown signals only": (
        "lookups: [",
        SCORED + LABELLED.replace("id: acme", "id: label"),
        [
            "lookups.yaml:1:11: a value is missing here",
            "rules/policy.yaml:32:11: `acme.score`, `acme.label` are unknown while the lookups cannot be read",
        ],
    ),
    "other problems come behind": (
        None,
        SCORED + SCORED.replace("id: acme", "id: other").replace("score: 80", "score: many"),
        [
            "lookups.yaml: cannot be read: no such file or directory",
            "rules/policy.yaml:32:11: `acme.score` is unknown while the lookups cannot be read",
            "rules/policy.yaml:39:12: expected a whole number, got `many`",
        ],
    ),
    "a lookup whose signals cannot be read": (
        LOOKUPS.replace("type: int", "type: whole"),
        SCORED,
        [
            "lookups.yaml:7:26: `whole` is not a type",
            "rules/policy.yaml:32:11: `acme.score` is unknown while the lookups cannot be read",
        ],
    ),
    "lookups that have nothing to do with it": (
        LOOKUPS,
        SCORED.replace("acme.score >=", "acme.scare >="),
        ["rules/policy.yaml:32:11: unknown signal `acme.scare`"],
    ),
}


@pytest.mark.heavy
@pytest.mark.parametrize(("lookups", "rules", "problems"), START.values(), ids=START)
def test_at_the_start_the_lookups_come_first_and_once(server, site, lookups, rules, problems):
    site.write(lookups, rules)
    started = server.kycrisk("serve", "--port", "0", "--upgrade")
    assert started.returncode == 2
    lines = [line.replace(f"{site.folder}/", "") for line in started.stderr.splitlines()]
    assert [line for line in lines if ".yaml:" in line] == problems
