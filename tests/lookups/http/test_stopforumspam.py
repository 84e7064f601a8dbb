"""Stop Forum Spam's API against a real server."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from pytest_httpserver import HTTPServer

from kycrisk.lookups.stopforumspam import SIGNALS, Spammer, StopForumSpam, StopForumSpamSettings
from kycrisk.signals import Unknown, Why
from tests.lookups.http.making import opened, run, soon

#: MD5 of `someone@example.com`.
HASH = "16d113840f999444259f73bac9ab8b10"
WHO = Spammer(ip="192.0.2.1", email="Someone@Example.com")


def asked(server: HTTPServer, who: Spammer = WHO, **settings):
    async def work():
        async with opened() as http:
            client = StopForumSpam(http, StopForumSpamSettings(endpoint=server.url_for("/api"), **settings))
            return await client.ask(who, soon())

    return run(work())


def test_both_addresses_in_one_question(httpserver: HTTPServer):
    answer = {
        "success": 1,
        "ip": {
            "value": "192.0.2.1",
            "appears": 1,
            "lastseen": "2026-10-07 05:48:53",
            "frequency": 255,
            "confidence": 97.5,
            "country": "ch",
            "asn": 64500,
        },
        "emailhash": {"value": HASH, "appears": 0, "frequency": 0, "confidence": 23.4},
    }
    httpserver.expect_request("/api", method="POST").respond_with_json(answer)
    known, unknown, _ = asked(httpserver)
    assert known == {
        "stopforumspam.ip_appears": True,
        "stopforumspam.ip_confidence": 97.5,
        "stopforumspam.ip_frequency": 255,
        "stopforumspam.ip_blacklisted": True,
        "stopforumspam.ip_last_seen": datetime(2026, 10, 7, 5, 48, 53, tzinfo=UTC),
        "stopforumspam.email_appears": False,
        "stopforumspam.email_confidence": 0.0,  # it came with 23.4, although the address does not appear
        "stopforumspam.email_frequency": 0,
        "stopforumspam.email_blacklisted": False,
    }
    assert unknown == {"stopforumspam.email_last_seen": Unknown(Why.NOT_PUBLISHED, "lastseen is not in the answer")}
    assert httpserver.log[0][0].form.to_dict() == {"json": "1", "ip": "192.0.2.1", "emailhash": HASH}


def test_the_address_in_plain_text(httpserver: HTTPServer):
    httpserver.expect_request("/api").respond_with_json({"success": 1, "email": {"appears": 1, "frequency": 2}})
    known, unknown, _ = asked(httpserver, parts=("email",), plain_email=True)
    assert known["stopforumspam.email_appears"] is True
    assert unknown["stopforumspam.email_confidence"] == Unknown(Why.NOT_PUBLISHED, "confidence is not in the answer")
    assert httpserver.log[0][0].form.to_dict() == {"json": "1", "email": "someone@example.com"}


@pytest.mark.parametrize(
    ("part", "why", "detail"),
    [
        pytest.param({"error": "invalid ip\n"}, Why.REFUSED, "invalid ip", id="an error of its own"),
        pytest.param(None, Why.MALFORMED_ANSWER, "there is no answer about the ip", id="missing"),
        pytest.param([], Why.MALFORMED_ANSWER, "there is no answer about the ip", id="a list"),
        pytest.param({"appears": "yes"}, Why.MALFORMED_ANSWER, "there is no answer about the ip", id="another word"),
    ],
)
def test_a_part_that_fails_for_itself(httpserver: HTTPServer, part, why, detail):
    answer = {"success": 1, "ip": part, "emailhash": {"appears": 0}}
    httpserver.expect_request("/api").respond_with_json(answer)
    known, unknown, _ = asked(httpserver)
    assert unknown["stopforumspam.ip_appears"] == Unknown(why, detail)
    assert known["stopforumspam.email_appears"] is False
    assert known["stopforumspam.email_frequency"] == 0


@pytest.mark.parametrize(
    ("field", "value", "signal"),
    [
        ("confidence", "high", "ip_confidence"),
        ("frequency", 1.5, "ip_frequency"),
        ("lastseen", "yesterday", "ip_last_seen"),
        ("confidence", 1e999, "ip_confidence"),
    ],
)
def test_odd_values(httpserver: HTTPServer, field, value, signal):
    part = {"appears": 1, "frequency": 1, "confidence": 1.0, "lastseen": "2026-10-07 05:48:53", field: value}
    httpserver.expect_request("/api").respond_with_data(
        json.dumps({"success": 1, "ip": part}).replace("Infinity", "1e999"), content_type="application/json"
    )
    known, unknown, _ = asked(httpserver, parts=("ip",))
    assert unknown[f"stopforumspam.{signal}"].why is Why.MALFORMED_ANSWER
    assert len(known) == 4


def test_a_refusal(httpserver: HTTPServer):
    httpserver.expect_request("/api").respond_with_json({"success": 0, "error": "request not understood"})
    known, unknown, _ = asked(httpserver)
    assert known == {}
    expected = Unknown(Why.REFUSED, "stop forum spam refuses: request not understood")
    assert unknown == {each.name: expected for each in SIGNALS}


def test_one_address_only(httpserver: HTTPServer):
    httpserver.expect_request("/api").respond_with_json({"success": 1, "ip": {"appears": 0}})
    known, unknown, _ = asked(httpserver, Spammer(ip="192.0.2.1"))
    assert known["stopforumspam.ip_appears"] is False
    assert known["stopforumspam.email_appears"] is False  # what is not there was never reported
    assert {name for name in unknown if "email" in name} == {"stopforumspam.email_last_seen"}


def test_nothing_to_ask_about(httpserver: HTTPServer):
    _, unknown, _ = asked(httpserver, Spammer())
    assert {each.why for each in unknown.values()} == {Why.SKIPPED}
    assert httpserver.log == []


def test_too_many_questions(httpserver: HTTPServer):
    httpserver.expect_request("/api").respond_with_data("", status=429, headers={"Retry-After": "60"})
    _, unknown, _ = asked(httpserver)
    assert unknown["stopforumspam.ip_appears"] == Unknown(Why.REFUSED, "the server has had too many questions")


@pytest.mark.parametrize(
    ("settings", "sends"),
    [
        ({}, {"ip", "email_hash"}),
        ({"parts": ("ip",)}, {"ip"}),
        ({"plain_email": True}, {"ip", "email"}),
    ],
)
def test_what_leaves_the_house(settings, sends):
    async def work():
        async with opened() as http:
            return StopForumSpam(http, StopForumSpamSettings(**settings)).sends

    assert run(work()) == sends
