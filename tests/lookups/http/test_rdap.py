"""RDAP against a real server, and its bootstrap file."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from pytest_httpserver import HTTPServer

from kycrisk.lookups.budget import Budget, Limits
from kycrisk.lookups.cache import MemoryResults
from kycrisk.lookups.rdap import SIGNALS, TERMS, Rdap, RdapSettings
from kycrisk.lookups.rdap_bootstrap import Bootstrap, read_bootstrap
from kycrisk.lookups.source import Source
from kycrisk.problems import Problems
from kycrisk.signals import Unknown, Why
from tests.lookups.http.making import NOW, Clock, opened, run, soon

REGISTERED = datetime(2026, 11, 20, 12, tzinfo=UTC)
ANSWER = {
    "objectClassName": "domain",
    "ldhName": "EXAMPLE.COM",
    "events": [
        {"eventAction": "last changed", "eventDate": "2026-11-22T00:00:00Z"},
        {"eventAction": "registration", "eventDate": "2026-11-20T12:00:00Z"},
        {"eventAction": "expiration", "eventDate": "2027-11-20T12:00:00Z"},
    ],
}


def asked(server: HTTPServer, domain: str = "example.com"):
    async def work():
        async with opened() as http:
            settings = RdapSettings(bootstrap=Bootstrap({"com": server.url_for("/rdap/")}))
            return await Rdap(http, settings, lambda: NOW).ask(domain, soon())

    return run(work())


def replying(server: HTTPServer, answer, **options) -> None:
    server.expect_request("/rdap/domain/example.com").respond_with_json(
        answer, content_type="application/rdap+json", **options
    )


def test_a_registration_date(httpserver: HTTPServer):
    replying(httpserver, ANSWER)
    known, unknown, _ = asked(httpserver)
    assert known == {"domain.registered": REGISTERED, "domain.age": timedelta(days=3)}
    assert unknown == {}
    assert httpserver.log[0][0].headers["Accept"] == "application/rdap+json"


def test_a_registry_that_sends_its_askers_on(httpserver: HTTPServer):
    moved = httpserver.url_for("/registrar/domain/example.com")
    httpserver.expect_request("/rdap/domain/example.com").respond_with_data("", status=302, headers={"Location": moved})
    httpserver.expect_request("/registrar/domain/example.com").respond_with_json(ANSWER)
    assert asked(httpserver).known["domain.age"] == timedelta(days=3)


def test_the_age_grows_while_the_answer_is_kept(httpserver: HTTPServer):
    replying(httpserver, ANSWER)
    now = [NOW]

    async def work():
        async with opened() as http:
            kept = MemoryResults()
            settings = RdapSettings(bootstrap=Bootstrap({"com": httpserver.url_for("/rdap/")}))
            client = Rdap(http, settings, lambda: now[0])
            ages = []
            for days in (0, 7, 0):
                now[0] += timedelta(days=days)
                source = Source(
                    client,
                    TERMS,
                    budget=Budget(Limits(), kept, lambda: now[0]),
                    kept=kept,
                    now=lambda: now[0],
                    clock=Clock(),
                )
                ages += [(await source.ask("example.com", soon())).known["domain.age"].days for _ in range(2)]
                await source.aclose()
            return ages

    assert run(work()) == [3, 3, 10, 10, 10, 10]
    assert len(httpserver.log) == 1


@pytest.mark.parametrize(
    ("answer", "why", "detail"),
    [
        pytest.param(
            ANSWER | {"events": []}, Why.NOT_PUBLISHED, "the registry publishes no registration date", id="no events"
        ),
        pytest.param(
            {"objectClassName": "domain"}, Why.NOT_PUBLISHED, "the registry publishes no registration date", id="bare"
        ),
        pytest.param(
            ANSWER | {"objectClassName": "nameserver"},
            Why.MALFORMED_ANSWER,
            "the answer is not about a domain",
            id="another object",
        ),
        pytest.param(
            ANSWER | {"ldhName": "example.net"},
            Why.MALFORMED_ANSWER,
            "the answer is about another domain",
            id="another domain",
        ),
        pytest.param(
            ANSWER | {"events": [{"eventAction": "registration", "eventDate": "2026-11-20"}]},
            Why.MALFORMED_ANSWER,
            "the registration date: `'2026-11-20T00:00:00'` has no time zone; write `Z` or an offset behind it",
            id="a date without a time zone",
        ),
        pytest.param(
            ANSWER | {"events": [{"eventAction": "registration"}]},
            Why.MALFORMED_ANSWER,
            "the registration date: expected datetime, got `None`",
            id="an event without a date",
        ),
        pytest.param({}, Why.MALFORMED_ANSWER, "the answer is not about a domain", id="nothing"),
    ],
)
def test_answers_without_a_date(httpserver: HTTPServer, answer, why, detail):
    replying(httpserver, answer)
    known, unknown, _ = asked(httpserver)
    assert known == {}
    assert unknown == {each.name: Unknown(why, detail) for each in SIGNALS}


def test_a_domain_that_the_registry_does_not_have(httpserver: HTTPServer):
    replying(httpserver, {"errorCode": 404}, status=404)
    assert asked(httpserver).unknown["domain.age"] == Unknown(Why.NOT_PUBLISHED, "the registry has no such domain")


@pytest.mark.parametrize(
    ("domain", "why"),
    [
        ("example.de", Why.NOT_PUBLISHED),
        ("com", Why.SKIPPED),
        ("", Why.SKIPPED),
        ("../../etc.com", Why.SKIPPED),
        ("a b.com", Why.SKIPPED),
        ("EXAMPLE.COM", Why.SKIPPED),
        ("x" * 64 + ".com", Why.SKIPPED),
    ],
)
def test_domains_that_nobody_is_asked_about(httpserver: HTTPServer, domain, why):
    assert asked(httpserver, domain).unknown["domain.age"].why is why
    assert httpserver.log == []


def test_the_bootstrap_file(tmp_path):
    path = tmp_path / "dns.json"
    services = [
        [["com", "NET"], ["http://plain.example/", "https://rdap.example/v1"]],
        [["co.example"], ["https://other.example/rdap/"]],
        [["odd"], ["ftp://odd.example/"]],
        ["broken"],
    ]
    path.write_text(json.dumps({"version": "1.0", "services": services}))
    bootstrap = read_bootstrap(path)
    assert [bootstrap.server(each) for each in ("a.com", "b.a.net", "a.co.example", "a.odd", "a.de")] == [
        "https://rdap.example/v1/",
        "https://rdap.example/v1/",
        "https://other.example/rdap/",
        None,
        None,
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<html>", "is not an RDAP bootstrap file"),
        ("[]", "is not an RDAP bootstrap file"),
        ("[" * 100_000, "is not an RDAP bootstrap file"),
        ('{"services": {}}', "is not an RDAP bootstrap file"),
        ('{"services": []}', "names no server"),
        (None, "cannot be read: no such file or directory"),
    ],
    ids=["a web page", "a list", "very deep", "another shape", "empty", "missing"],
)
def test_bootstrap_files_that_are_none(tmp_path, text, message):
    path = tmp_path / "dns.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(Problems, match=message) as caught:
        read_bootstrap(path)
    assert "help: download" in str(caught.value)
