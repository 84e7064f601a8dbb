"""The PHP client that the panels share: against the server, and against servers that misbehave."""

from __future__ import annotations

import base64
import json
import re

import pytest

from tests.client.making import NEVER, answering, dripping, hanging_up, raw_server, request, response, silent
from tests.client.test_deadline import GOOD
from tests.integrations.conftest import ROOT
from tests.service import SIGNUPS

SOURCE = ROOT / "php" / "KycriskClient.php"
KEY = "long-enough-key"


@pytest.mark.parametrize(
    "copy",
    [
        "whmcs/modules/fraud/kycrisk/lib/KycriskClient.php",
        "fossbilling/modules/Kycrisk/KycriskClient.php",
        "paymenter/extensions/Others/Kycrisk/KycriskClient.php",
    ],
)
def test_the_copies_are_the_same(copy):
    assert (ROOT / copy).read_bytes() == SOURCE.read_bytes(), (
        f"cp integrations/php/KycriskClient.php integrations/{copy}"
    )


@pytest.fixture
def screened(php):
    def ask(url, *signups, key=KEY, **settings):
        scenario = {
            "settings": {"base_url": url, "key": key, "on_failure": "review", "timeout_ms": 5000, **settings},
            "signups": [each if isinstance(each, list) else [each, None] for each in signups],
        }
        return php("client.php", SOURCE, scenario)

    return ask


def test_decisions(service, screened):
    found = screened(service.url, *SIGNUPS.values(), key=service.key)
    assert [(each["outcome"], each["score"], each["failure"]) for each in found["screenings"]] == [
        ("allow", 0, ""),
        ("review", 45, ""),
        ("verify", 70, ""),
        ("deny", 0, ""),
    ]
    assert re.sub("dec_[0-9a-f]+", "dec_…", found["lines"][2]) == (
        "kycrisk: verify, score 70 (dec_…) because: Throwaway mailbox"
    )


def test_the_same_signup_gets_the_stored_decision(service, screened):
    signup = {**SIGNUPS["verify"], "account_id": "php-twice"}
    spelled = {**dict(reversed(signup.items())), "company": "  ", "phone": None}  # what was not given is not sent
    first, second, other = screened(service.url, signup, spelled, {**signup, "first_name": "Sam"}, key=service.key)[
        "screenings"
    ]
    assert first == second
    assert first["id"] != other["id"]


def test_a_key_of_the_callers_own_is_sent(service, screened):
    signup = {**SIGNUPS["allow"], "account_id": "php-own-key"}
    found = screened(
        service.url, [signup, "php-order-1"], [{**signup, "last_name": "X"}, "php-order-1"], key=service.key
    )["screenings"]
    assert [each["failure"] for each in found] == ["", "conflict"]
    assert service.asked[-2:] == ["php-order-1", "php-order-1"]


@pytest.mark.by_the_clock
@pytest.mark.parametrize("answer", [silent, dripping], ids=["says nothing", "a byte now and then"])
def test_the_timeout_bounds_the_whole_call(screened, answer):
    with raw_server(answer) as url:
        found = screened(url, SIGNUPS["allow"], timeout_ms=300)
    assert found["lines"] == ["kycrisk: no decision (timeout): no answer in time; the outcome is review"]
    assert 0.29 <= found["seconds"][0] <= 0.55


@pytest.mark.by_the_clock
def test_the_handshake_counts(screened):
    with raw_server(silent) as url:
        found = screened(url.replace("http:", "https:"), SIGNUPS["allow"], timeout_ms=300)
    assert found["screenings"][0]["failure"] == "timeout"
    assert 0.29 <= found["seconds"][0] <= 0.55


@pytest.mark.parametrize(
    ("status", "body", "failure", "why"),
    [
        ("401 Unauthorized", b"{}", "refused", "the server does not accept the key"),
        ("404 Not Found", b"<html>", "refused", "there is no screening at this address"),
        ("409 Conflict", b"{}", "conflict", "another signup came under this idempotency key"),
        ("422 X", b"{}", "signup", "the server cannot use the signup"),
        ("429 Too Many Requests", b"{}", "busy", "the key has asked too often"),
        ("500 Internal Server Error", b"oops", "broken", "the server answers 500"),
        ("302 Found", b"", "broken", "the server answers 302"),
        ("201 Created", b"<html>", "broken", "the answer is not a decision about this account"),
        ("201 Created", b"[" * 100_000, "broken", "the answer is not a decision about this account"),
        ("201 Created", b" " * 1_100_000, "broken", "the answer has more than 1048576 bytes"),
        (
            "201 Created",
            json.dumps({**GOOD, "account_id": "somebody-else"}).encode(),
            "broken",
            "the answer is not a decision about this account",
        ),
        (
            "201 Created",
            json.dumps({**GOOD, "outcome": "fine"}).encode(),
            "broken",
            "the answer is not a decision about this account",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and value[:3].isdigit() else None,
)
def test_answers_that_are_no_decision(screened, status, body, failure, why):
    with raw_server(answering(status, body, "Location: http://127.0.0.1:9/")) as url:
        [found] = screened(url, SIGNUPS["allow"])["screenings"]
    assert (found["failure"], found["why"], found["outcome"], found["id"]) == (failure, why, "review", "")


def test_a_broken_connection_is_tried_once_more_with_the_same_key(screened):
    seen = []

    def breaking(connection, _):
        seen.append(request(connection))
        connection.close()

    def answer(connection, _):
        seen.append(request(connection))
        connection.sendall(response("201 Created", json.dumps(GOOD).encode()))

    with raw_server(breaking, answer) as url:
        [found] = screened(url, SIGNUPS["allow"])["screenings"]
    keys = [line for asked in seen for line in asked.split(b"\r\n") if line.lower().startswith(b"idempotency-key:")]
    assert found["id"] == "dec_1"
    assert len(keys) == 2
    assert keys[0] == keys[1]


@pytest.mark.parametrize("word", ["allow", "review", "verify", "deny"])
def test_the_fallback_is_what_the_operator_chose(screened, word):
    assert screened(NEVER, SIGNUPS["deny"], on_failure=word)["screenings"][0]["outcome"] == word
    with raw_server(hanging_up) as url:
        assert screened(url, SIGNUPS["deny"], on_failure=word)["screenings"][0]["outcome"] == word


@pytest.mark.parametrize(
    ("word", "expected"), [("allow", "review"), ("review", "review"), ("verify", "verify"), ("deny", "deny")]
)
def test_whoever_signs_up_cannot_choose_allow_by_sending_nonsense(service, screened, word, expected):
    signup = {**SIGNUPS["deny"], "first_name": "a\x07b"}
    [found] = screened(service.url, signup, key=service.key, on_failure=word)["screenings"]
    assert (found["failure"], found["outcome"]) == ("signup", expected)


def test_bytes_that_are_no_text_do_not_break_the_call(service, screened):
    """PHP's strings are bytes, and a form can send any."""
    latin_1 = "base64:" + base64.b64encode("Müller".encode("latin-1")).decode()
    found = screened(service.url, {**SIGNUPS["allow"], "last_name": latin_1}, key=service.key)["screenings"]
    assert [(each["failure"], each["outcome"]) for each in found] == [("", "allow")]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"base_url": "kycrisk.example"}, "`base_url` is not of the form `https://host`"),
        ({"base_url": "file:///etc/passwd"}, "`base_url` is not of the form `https://host`"),
        ({"base_url": "http://me:pass@host"}, "`base_url` holds more than scheme, host, port and path"),
        ({"key": ""}, "`key` is not an API key"),
        ({"key": "with\r\nX-Header: y"}, "`key` is not an API key"),
        ({"timeout_ms": 0}, "`timeout_ms` is 50 to 60000"),
        ({"timeout_ms": "soon"}, "`timeout_ms` is 50 to 60000"),
        ({"on_failure": ""}, "`on_failure` is `allow` (fail open), `review`, `verify` or `deny` (fail closed)"),
        ({"on_failure": "open"}, "`on_failure` is `allow` (fail open), `review`, `verify` or `deny` (fail closed)"),
        ({"key": "", "timeout_ms": 1}, "`key` is not an API key; `timeout_ms` is 50 to 60000"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else None,
)
def test_settings_that_cannot_be(screened, changed, message):
    settings = {"base_url": "http://127.0.0.1:9", "key": KEY, **changed}
    found = screened(settings.pop("base_url"), key=settings.pop("key"), **settings)
    assert found["error"] == f"kycrisk: {message}"
    assert KEY not in found["dumped"]


def test_nothing_shows_the_key(service, screened):
    found = screened(service.url, SIGNUPS["verify"], key=service.key)
    assert found["dumped"].count("Kycrisk\\Client") >= 1
    assert "not serialized" in found["dumped"]
    assert service.key not in json.dumps(found)
