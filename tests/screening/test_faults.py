"""Sources that fail: every subset of six, in five ways. In time, no false listing, and each silence has its name."""

from __future__ import annotations

import asyncio
import os
import re
import threading
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from random import Random
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from kycrisk.checks.catalogue import ALIASES
from kycrisk.lookups.dnsbl import ZoneInUse
from kycrisk.lookups.dnsbl_health import canaries
from kycrisk.outcome import Outcome
from kycrisk.ruleset.evaluate import CompiledRuleset, compile_ruleset
from kycrisk.ruleset.load import load_ruleset
from kycrisk.screening.derived import DerivedSignals
from kycrisk.screening.network import AskedAbout, Consulted, Network
from kycrisk.settings import read_settings
from kycrisk.signals import Evidence
from kycrisk.sources.catalogue import signals_of_site
from kycrisk.sources.dnsbl import shipped_zones
from kycrisk.sources.opening import open_sources
from tests.lookups.dns.server import NameServer, name_server
from tests.sources.making import NOW, signup

SIGNUP = signup(email="jane@shop.example.com", ip="198.41.0.99", first_name="Zzyzx", last_name="Qwfp-Testing")
NOBODY = DerivedSignals((), {})

#: The sources, each with a fact that accuses and how its rule reads.
RULES = {
    "mail": "mail.disposable_host or not mail.accepts",
    "spamcop": "dnsbl.spamcop_weight >= 1",
    "spamhaus-dbl": "dnsbl.spamhaus_dbl_weight >= 1",
    "stopforumspam": "stopforumspam.ip_appears",
    "abuseipdb": "abuseipdb.score > 50",
    "fraudrecord": "fraudrecord.reports > 0",
}
NAMES = tuple(RULES)
ZONES = {"spamcop": "99.0.41.198.bl.spamcop.net", "spamhaus-dbl": "shop.example.com.dbl.spamhaus.org"}

#: How the name server and the web servers fail.
WAYS: dict[str, tuple[dict[str, Any], Any]] = {
    "silent": ({"drops": 10**6}, "hang"),
    "refusing": ({"rcode": "REFUSED"}, Response("no", 403)),
    "broken": ({"rcode": "SERVFAIL"}, Response("oops", 500)),
    "garbled": ({"records": ["@ 300 IN A 198.51.100.1"]}, Response("<html>Sign in to the Wi-Fi</html>", 200)),
    "overloaded": ({"rcode": "REFUSED", "bare": True}, Response("later", 429, {"Retry-After": "60"})),
}
ANSWERS = {
    "stopforumspam": '{"success": 1, "ip": {"value": "198.41.0.99", "appears": 0, "frequency": 0}}',
    "abuseipdb": '{"data": {"ipAddress": "198.41.0.99", "abuseConfidenceScore": 0, "totalReports": 0, '
    '"numDistinctUsers": 0, "isWhitelisted": false, "isTor": false, "usageType": "x"}}',
    "fraudrecord": "<report>0-0-0.0-0123456789abcdef</report>",
}


@pytest.fixture(scope="module")
def web() -> Iterator[HTTPServer]:
    """A server for all three services; the first part of the path says how it fails, `well` that it does not."""
    closing = threading.Event()

    def answer(request: Request) -> Response:
        _, way, service, *_ = request.path.split("/")
        if way == "well":
            return Response(
                ANSWERS[service], content_type="application/json" if service != "fraudrecord" else "text/html"
            )
        failure = WAYS[way][1]
        if failure == "hang":
            closing.wait(30)
            return Response("too late", 503)
        return Response(failure.get_data(), failure.status_code, dict(failure.headers))

    with HTTPServer(threaded=True) as server:
        server.expect_request(re.compile("/.*")).respond_with_handler(answer)
        yield server
        closing.set()


@pytest.fixture(scope="module")
def compiled(tmp_path_factory) -> CompiledRuleset:
    folder = tmp_path_factory.mktemp("rules")
    (folder / "policy.yaml").write_text("policy:\n  bands: {verify: 40}\n  if_unknown: miss\n")
    lines = [
        f"  - id: {name}\n    title: {name}\n    when: {when}\n    score: 50\n    reason: {name} says so\n"
        for name, when in RULES.items()
    ]
    (folder / "rules.yaml").write_text("rules:\n" + "".join(lines))
    settings = read_settings(tmp_path_factory.mktemp("empty"))
    return compile_ruleset(load_ruleset(folder, signals=signals_of_site(settings.sources), aliases=ALIASES))


def site(folder: Path, dns: NameServer, web: HTTPServer, way: str, failing: tuple[str, ...], timeout: str) -> Path:
    """Settings in which some of the six fail."""

    def url(service: str) -> str:
        return web.url_for(f"/{way if service in failing else 'well'}/{service}/")

    folder.mkdir(parents=True)
    (folder / "kycrisk.yaml").write_text(
        f"""\
network: {{timeout: {timeout}, resolver: ["127.0.0.1:{dns.port}"], allow: [127.0.0.0/8]}}
sources:
  mail: {{}}
  dnsbl: {{zones: [spamcop, spamhaus-dbl]}}
  stopforumspam: {{ask: [ip], endpoint: "{url("stopforumspam")}"}}
  abuseipdb: {{key: not-a-real-key, endpoint: "{url("abuseipdb")}"}}
  fraudrecord: {{key: 0123456789abcdef, fields: [email], endpoint: "{url("fraudrecord")}"}}
"""
    )
    return folder


def arrange(dns: NameServer, way: str, failing: tuple[str, ...]) -> None:
    """What the name server does: ordinary mail and no listings, but for what fails."""
    if "mail" in failing:
        for name in ("shop.example.com", "example.com"):
            dns.on(name, **WAYS[way][0] | ({"cut": 10} if way == "garbled" else {}))
    else:
        dns.give("shop.example.com", "MX", "10 mx.example.com.")
        dns.give("mx.example.com", "A", "198.41.0.4")
        dns.give("example.com", "NS", "ns.example.com.")
    for zone, name in ZONES.items():
        if zone in failing:
            dns.on(name, **WAYS[way][0])
        for canary in canaries(ZoneInUse(next(each for each in shipped_zones() if each.name == zone))):
            if canary.must_be_listed:
                dns.give(canary.query.name, "A", "127.0.0.2" if zone == "spamcop" else "127.0.1.2")


async def consult(
    folder: Path,
    compiled: CompiledRuleset,
    web: HTTPServer,
    way: str,
    failing: tuple[str, ...],
    *,
    timeout: float,
    within: float,
) -> Consulted:
    """What comes of a screening that asks everything."""
    async with name_server() as dns:
        arrange(dns, way, failing)
        settings = read_settings(site(folder, dns, web, way, failing, f"{timeout}s"))
        assert settings.sources.problems == ()
        sources = await open_sources(settings.sources, state=settings.state, now=lambda: NOW, random=Random(7))
        network = Network(sources, compiled)
        try:
            question = AskedAbout(SIGNUP, Evidence({}))
            (consulted,) = await network.consult([question], NOBODY, within=within, complete=True)
            return consulted
        finally:
            await network.aclose()


#: What a source may take, in seconds. Who does not fail is given more time where the machine was too busy for less.
PATIENCE = (1, 5, 25)

#: All 63 subsets where there is time for them; else each alone, each pair, and all of them.
THOROUGH = os.environ.get("KYCRISK_TEST_PROFILE", "quick") != "quick"
SUBSETS = [subset for size in (range(1, 7) if THOROUGH else (1, 2, 6)) for subset in combinations(NAMES, size)]


async def consult_patiently(
    folder: Path, compiled: CompiledRuleset, web: HTTPServer, way: str, failing: tuple[str, ...]
) -> Consulted:
    """The same, asked again with more time where one that does not fail was too late: that is the machine's doing."""
    for timeout in PATIENCE:
        within = 5.0 * timeout
        consulted = await consult(folder / str(timeout), compiled, web, way, failing, timeout=timeout, within=within)
        assert consulted.took_ms < within * 1000 + 50
        late = {each.check for each in consulted.findings.lookups if each.why.startswith("timeout")}
        if late <= set(failing):
            break
    return consulted


@pytest.mark.heavy
@pytest.mark.parametrize("way", WAYS)
def test_every_subset_of_six_failing(way, tmp_path, compiled, web):
    async def all_of_them() -> list[Consulted]:
        few = asyncio.Semaphore(4)

        async def one(number: int, failing: tuple[str, ...]) -> Consulted:
            async with few:
                return await consult_patiently(tmp_path / str(number), compiled, web, way, failing)

        return await asyncio.gather(*(one(number, failing) for number, failing in enumerate(SUBSETS)))

    for failing, consulted in zip(SUBSETS, asyncio.run(all_of_them()), strict=True):
        evidence = consulted.findings.evidence
        verdict = compiled.verdict(evidence.known, (), evidence.unknown)
        assert verdict.hits == (), failing  # nobody accuses
        assert verdict.outcome is Outcome.ALLOW
        assert set(verdict.unknown) == set(failing)  # and nobody is cleared who was not looked at
        assert not verdict.settled
        said = {lookup.check: lookup for lookup in consulted.findings.lookups}
        assert [name for name in NAMES if not said[name].asked] == []
        for rule in compiled.live:
            if rule.id in failing:
                assert said[rule.id].why, failing
                assert any(signal in evidence.unknown for signal in rule.signal_names)
            else:
                assert evidence.known.keys() >= set(rule.signal_names)


@pytest.mark.by_the_clock
def test_all_hung_under_one_deadline(tmp_path, compiled, web):
    """Each source might take ten seconds; the screening has 300 ms, and 50 more to come to its answer."""

    async def fastest() -> Consulted:
        tries = [
            await consult(tmp_path / str(number), compiled, web, "silent", NAMES, timeout=10, within=0.3)
            for number in range(5)
        ]
        return min(tries, key=lambda each: each.took_ms)

    consulted = asyncio.run(fastest())
    assert 290 <= consulted.took_ms <= 350
    assert {lookup.check for lookup in consulted.findings.lookups if lookup.why.startswith("timeout")} == set(NAMES)


def test_none_failing(tmp_path, compiled, web):
    consulted = asyncio.run(consult_patiently(tmp_path / "site", compiled, web, "well", ()))
    verdict = compiled.verdict(consulted.findings.evidence.known, (), consulted.findings.evidence.unknown)
    assert (verdict.outcome, verdict.settled, verdict.unknown) == (Outcome.ALLOW, True, ())
