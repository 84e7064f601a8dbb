"""IPQualityScore against a real server. Its key is part of the path."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from kycrisk.lookups.ipqs import Ipqs, IpqsSettings
from kycrisk.lookups.secrets import Secret, guard_logs, unguard_logs
from kycrisk.money import Money
from kycrisk.signals import Unknown, Why
from tests.lookups.http.making import opened, run, soon

KEY = Secret("IpqsKeyOfTheTests/42")
PATH = "/api/json/ip/IpqsKeyOfTheTests/42/192.0.2.1"  # as the server reads it


def asked(server: HTTPServer, key: str = "192.0.2.1", **settings):
    async def work():
        async with opened(secrets=[KEY]) as http:
            redacting = guard_logs(http.redactor)
            endpoint = server.url_for("/api/json")
            try:
                client = Ipqs(http, IpqsSettings(**{"key": KEY, "kind": "ip", "endpoint": endpoint, **settings}))
                return await client.ask(key, soon())
            finally:
                unguard_logs(redacting)

    return run(work())


@pytest.mark.parametrize(
    ("kind", "key", "path", "signal"),
    [
        ("ip", "2001:db8::1", "/ip/IpqsKeyOfTheTests%2F42/2001%3Adb8%3A%3A1", "ipqs.ip_score"),
        ("email", "a/b?c@example.com", "/email/IpqsKeyOfTheTests%2F42/a%2Fb%3Fc%40example.com", "ipqs.email_score"),
        ("phone", "+41446681800", "/phone/IpqsKeyOfTheTests%2F42/%2B41446681800", "ipqs.phone_score"),
    ],
)
def test_each_kind(httpserver: HTTPServer, kind, key, path, signal):
    seen = []

    def answer(request: Request) -> Response:
        seen.append(request.environ["REQUEST_URI"])
        return Response('{"success": true, "fraud_score": 75}', content_type="application/json")

    httpserver.expect_request(re.compile(".*")).respond_with_handler(answer)
    price = Money(Decimal("0.003"), "USD")
    known, unknown, cost = asked(httpserver, key, kind=kind, options={"strictness": "1"}, price=price)
    assert (known, unknown, str(cost)) == ({signal: 75}, {}, "0.003 USD")
    assert seen == [f"/api/json{path}?strictness=1"]


@pytest.mark.parametrize(
    ("body", "why", "detail"),
    [
        (
            {"success": False, "message": f"Invalid key {KEY.reveal()}."},
            Why.REFUSED,
            "ipqualityscore refuses: Invalid key [redacted].",
        ),
        ({"success": False}, Why.REFUSED, "ipqualityscore refuses: without a reason"),
        ({}, Why.REFUSED, "ipqualityscore refuses: without a reason"),
        ({"success": True}, Why.NOT_PUBLISHED, "fraud_score is not in the answer"),
        ({"success": True, "fraud_score": "75"}, Why.MALFORMED_ANSWER, "fraud_score: expected int, got `'75'`"),
        ({"success": True, "fraud_score": 101}, Why.MALFORMED_ANSWER, "a fraud score of 101 is none"),
    ],
)
def test_what_is_no_score(httpserver: HTTPServer, body, why, detail):
    httpserver.expect_request(PATH).respond_with_json(body)
    known, unknown, _ = asked(httpserver)
    assert (known, unknown) == ({}, {"ipqs.ip_score": Unknown(why, detail)})


def test_the_path_is_in_no_log(httpserver: HTTPServer, caplog):
    caplog.set_level("DEBUG")
    httpserver.expect_request(PATH).respond_with_json({"success": True, "fraud_score": 1})
    asked(httpserver)
    text = "".join(record.getMessage() for record in caplog.records if record.name != "werkzeug")
    assert "/api/json/ip/[redacted]/192.0.2.1" in text
    assert "IpqsKeyOfTheTests" not in text


def test_nothing_to_ask_about(httpserver: HTTPServer):
    _, unknown, _ = asked(httpserver, "")
    assert unknown["ipqs.ip_score"].why is Why.SKIPPED
    assert httpserver.log == []


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "url"}, "is asked about ip, email or phone, not about `url`"),
        ({"kind": "ip", "options": {"strict": "1"}}, "has no option `strict`"),
    ],
)
def test_settings_that_cannot_be(settings, message):
    with pytest.raises(ValueError, match=message):
        IpqsSettings(key=KEY, **settings)
