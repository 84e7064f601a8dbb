"""AbuseIPDB against a real server."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from pytest_httpserver import HTTPServer

from kycrisk.lookups.abuseipdb import SIGNALS, AbuseIpdb, AbuseIpdbSettings
from kycrisk.lookups.asked import LookupFailure
from kycrisk.lookups.secrets import Secret, guard_logs, unguard_logs
from kycrisk.signals import Unknown, Why
from tests.lookups.http.making import opened, run, soon

KEY = Secret("abuseipdb-key-of-the-tests")
IP = ip_address("192.0.2.1")
DATA = {
    "ipAddress": "192.0.2.1",
    "isPublic": True,
    "ipVersion": 4,
    "isWhitelisted": False,
    "abuseConfidenceScore": 88,
    "countryCode": "CH",
    "usageType": "Data Center/Web Hosting/Transit",
    "isp": "Example",
    "domain": "example.com",
    "hostnames": [],
    "isTor": True,
    "totalReports": 12,
    "numDistinctUsers": 5,
    "lastReportedAt": "2026-11-22T08:00:00+00:00",
}


def asked(server: HTTPServer, ip=IP, method="ask"):
    async def work():
        async with opened(secrets=[KEY]) as http:
            redacting = guard_logs(http.redactor)
            try:
                client = AbuseIpdb(http, AbuseIpdbSettings(key=KEY, endpoint=server.url_for("/api/v2")))
                return await getattr(client, method)(ip, soon())
            finally:
                unguard_logs(redacting)

    return run(work())


def test_an_answer(httpserver: HTTPServer):
    httpserver.expect_request("/api/v2/check").respond_with_json({"data": DATA})
    known, unknown, _ = asked(httpserver)
    assert known == {
        "abuseipdb.score": 88,
        "abuseipdb.reports": 12,
        "abuseipdb.reporters": 5,
        "abuseipdb.whitelisted": False,
        "abuseipdb.tor": True,
        "abuseipdb.usage_type": "Data Center/Web Hosting/Transit",
    }
    assert unknown == {}
    request = httpserver.log[0][0]
    assert request.args.to_dict() == {"ipAddress": "192.0.2.1", "maxAgeInDays": "30"}
    assert request.headers["Key"] == KEY.reveal()
    assert request.headers["Accept"] == "application/json"


def test_nulls_are_not_published(httpserver: HTTPServer):
    data = DATA | {"isWhitelisted": None, "usageType": None}
    httpserver.expect_request("/api/v2/check").respond_with_json({"data": data})
    known, unknown, _ = asked(httpserver)
    assert unknown == {
        "abuseipdb.whitelisted": Unknown(Why.NOT_PUBLISHED, "isWhitelisted is not in the answer"),
        "abuseipdb.usage_type": Unknown(Why.NOT_PUBLISHED, "usageType is not in the answer"),
    }
    assert known["abuseipdb.score"] == 88


def test_ipv6_in_another_spelling(httpserver: HTTPServer):
    data = DATA | {"ipAddress": "2001:DB8:0:0::1"}
    httpserver.expect_request("/api/v2/check").respond_with_json({"data": data})
    known, _, _ = asked(httpserver, ip_address("2001:db8::1"))
    assert known["abuseipdb.score"] == 88


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        pytest.param({"data": DATA | {"ipAddress": "192.0.2.2"}}, "the answer is about another address", id="another"),
        pytest.param({"data": DATA | {"ipAddress": 7}}, "the answer is about another address", id="no address"),
        pytest.param({"data": []}, "the answer has no object `data`", id="a list"),
        pytest.param({}, "the answer has no object `data`", id="nothing"),
    ],
)
def test_answers_of_another_shape(httpserver: HTTPServer, body, detail):
    httpserver.expect_request("/api/v2/check").respond_with_json(body)
    known, unknown, _ = asked(httpserver)
    assert known == {}
    assert unknown == {each.name: Unknown(Why.MALFORMED_ANSWER, detail) for each in SIGNALS}


@pytest.mark.parametrize(
    ("status", "body", "detail"),
    [
        (
            429,
            {"errors": [{"detail": "Daily rate limit of 1000 requests exceeded.", "status": 429}]},
            "the server has had too many questions: Daily rate limit of 1000 requests exceeded.",
        ),
        (
            401,
            {"errors": [{"detail": f"Authentication failed for {KEY.reveal()}", "status": 401}]},
            "the server does not accept the key: Authentication failed for [redacted]",
        ),
        (
            422,
            {
                "errors": [
                    {"detail": "The ip address must be valid.", "status": 422, "source": {"parameter": "ipAddress"}}
                ]
            },
            "the server cannot use the question: The ip address must be valid.",
        ),
        (500, {"errors": "oops"}, "the server answers 500"),
    ],
)
def test_errors(httpserver: HTTPServer, status, body, detail):
    httpserver.expect_request("/api/v2/check").respond_with_json(body, status=status, headers={"Retry-After": "29241"})
    with pytest.raises(LookupFailure) as caught:
        asked(httpserver, method="query")
    assert caught.value.unknown == Unknown(Why.REFUSED, detail)
    assert caught.value.retry_after == 29_241.0


def test_the_key_is_in_no_log(httpserver: HTTPServer, caplog):
    caplog.set_level("DEBUG")
    httpserver.expect_request("/api/v2/check").respond_with_json({"data": DATA})
    asked(httpserver)
    ours = [record for record in caplog.records if record.name != "werkzeug"]
    assert ours
    assert all(KEY.reveal() not in record.getMessage() for record in ours)


@pytest.mark.parametrize("days", [0, 366])
def test_days_that_cannot_be(days):
    with pytest.raises(ValueError, match="looks back 1 to 365 days"):
        AbuseIpdbSettings(key=KEY, max_age_days=days)
