"""minFraud through the official SDK: its requests as `responses` answers them, and a real server for bodies."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import logging
import socket
import threading
import time
from decimal import Decimal

import pytest
import requests
import responses

from kycrisk.lookups import minfraud as minfraud_module
from kycrisk.lookups.asked import LookupFailure
from kycrisk.lookups.minfraud import (
    FACTORS_SIGNALS,
    INSIGHTS_SIGNALS,
    MinFraud,
    MinFraudSettings,
    SdkAnswer,
    Transaction,
    open_sdk,
    transaction,
)
from kycrisk.lookups.secrets import Redactor, Secret, guard_logs, unguard_logs
from kycrisk.money import Money
from kycrisk.problems import Problems
from kycrisk.signals import Unknown, Why
from tests.lookups.http.making import run, soon

KEY = Secret("minfraud-licence-key")
URL = "https://minfraud.maxmind.com/minfraud/v2.0/"
SCORE = {
    "id": "5bc5d6c2-b2c8-40af-87f4-6d61af86b6ae",
    "risk_score": 12.5,
    "funds_remaining": 10.5,
    "queries_remaining": 500,
    "ip_address": {"risk": 3.25},
    "disposition": {"action": "manual_review"},
}
INSIGHTS = SCORE | {"email": {"is_disposable": True, "is_high_risk": False, "is_free": True}}
FACTORS = INSIGHTS | {
    "risk_score_reasons": [
        {"multiplier": 45.0, "reasons": [{"code": "ANONYMOUS_IP", "reason": "Risk due to IP being an Anonymous IP"}]},
        {"multiplier": 1.8, "reasons": [{"code": "TIME_OF_DAY", "reason": "Risk due to local time of day"}]},
    ]
}
SHAPE = "the answer has not the shape of a minFraud answer"
SIGNUP = Transaction(ip="192.0.2.1", email="Jane.Doe+x@example.com", first_name="Jane", city="Bern", country="CH")


def asked(key: Transaction = SIGNUP, seconds: float = 5.0, method="ask", **settings):
    async def work():
        chosen = MinFraudSettings(account_id=42, key=KEY, **settings)
        client = MinFraud(open_sdk(chosen), chosen, Redactor([KEY]))
        redacting = guard_logs(client.redactor)
        try:
            return await getattr(client, method)(key, soon(seconds))
        finally:
            unguard_logs(redacting)
            await client.aclose()

    return run(work())


@pytest.fixture
def maxmind():
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


def sent(maxmind: responses.RequestsMock) -> dict:
    return json.loads(maxmind.calls[0].request.body)


def test_score(maxmind):
    maxmind.post(URL + "score", json=SCORE)
    known, unknown, cost = asked(price=Money(Decimal("0.005"), "USD"))
    assert known == {
        "minfraud.risk_score": 12.5,
        "minfraud.ip_risk": 3.25,
        "minfraud.disposition": "manual_review",
    }
    assert (unknown, str(cost)) == ({}, "0.005 USD")
    basic = base64.b64encode(f"42:{KEY.reveal()}".encode()).decode()
    assert maxmind.calls[0].request.headers["Authorization"] == f"Basic {basic}"
    assert sent(maxmind) == {
        "event": {"type": "account_creation"},
        "device": {"ip_address": "192.0.2.1"},
        "account": {},
        "email": {"address": hashlib.md5(b"jane.doe@example.com").hexdigest(), "domain": "example.com"},
        "billing": {},
    }


def test_insights(maxmind):
    maxmind.post(URL + "insights", json=INSIGHTS)
    known, unknown, _ = asked(service="insights")
    assert known["minfraud.email_disposable"] is True
    assert known["minfraud.email_high_risk"] is False
    assert (known.keys(), unknown) == ({signal.name for signal in INSIGHTS_SIGNALS}, {})


def test_factors(maxmind):
    maxmind.post(URL + "factors", json=FACTORS)
    known, unknown, _ = asked(service="factors")
    assert known["minfraud.reasons"] == frozenset({"ANONYMOUS_IP", "TIME_OF_DAY"})
    assert (known.keys(), unknown) == ({signal.name for signal in FACTORS_SIGNALS}, {})


def test_what_an_answer_leaves_out(maxmind):
    bare = {name: SCORE[name] for name in ("id", "risk_score", "funds_remaining", "queries_remaining")}
    maxmind.post(URL + "insights", json=bare)
    known, unknown, _ = asked(service="insights")
    assert known == {"minfraud.risk_score": 12.5}
    assert {each.why for each in unknown.values()} == {Why.NOT_PUBLISHED}


def test_everything_that_can_be_sent(maxmind):
    maxmind.post(URL + "score", json=SCORE)
    key = Transaction(
        ip="192.0.2.1",
        email="jane@example.com",
        first_name="Jane",
        last_name="Doe",
        company="Example",
        address="Street 1",
        city="Bern",
        region="be",
        postal_code="3000",
        country="CH",
        phone="+41446681800",
        user_agent="curl/8",
        account_id="a-1",
    )
    parts = ("ip", "email", "name", "address", "phone", "user_agent", "account")
    known, _, _ = asked(key, parts=parts, plain_email=True)
    assert known["minfraud.risk_score"] == 12.5
    assert sent(maxmind) == {
        "event": {"type": "account_creation"},
        "device": {"ip_address": "192.0.2.1", "user_agent": "curl/8"},
        "account": {"user_id": "a-1"},
        "email": {"address": "jane@example.com"},
        "billing": {
            "first_name": "Jane",
            "last_name": "Doe",
            "company": "Example",
            "address": "Street 1",
            "city": "Bern",
            "region": "BE",
            "postal": "3000",
            "country": "CH",
            "phone_number": "+41446681800",
        },
    }


def test_a_region_in_words_is_left_out():
    names = dict.fromkeys(Transaction.__slots__, "")
    assert transaction(names | {"region": "Canton of Bern"})["billing"]["region"] is None


@pytest.mark.parametrize(
    ("status", "body", "why", "detail", "against_source"),
    [
        (401, {"code": "AUTHORIZATION_INVALID", "error": f"no {KEY.reveal()}"}, Why.REFUSED,
         "MaxMind does not accept the account or its key", True),
        (402, {"code": "INSUFFICIENT_FUNDS", "error": "x"}, Why.OVER_BUDGET,
         "the account at MaxMind is out of funds", True),
        (403, {"code": "PERMISSION_REQUIRED", "error": "x"}, Why.REFUSED,
         "the account at MaxMind may not use this service", True),
        (400, {"code": "IP_ADDRESS_INVALID", "error": "x"}, Why.SKIPPED,
         "MaxMind cannot use what the signup says", False),
        (429, None, Why.REFUSED, "MaxMind answers 429", True),
        (500, None, Why.REFUSED, "MaxMind answers 500", True),
        (302, None, Why.REFUSED, "MaxMind answers 302", True),
        (200, "<html>", Why.MALFORMED_ANSWER, "the answer is not JSON", True),
        (200, [], Why.MALFORMED_ANSWER, SHAPE, True),
        (200, {}, Why.MALFORMED_ANSWER, SHAPE, True),
        (200, SCORE | {"ip_address": 7}, Why.MALFORMED_ANSWER, SHAPE, True),
    ],
)  # fmt: skip
def test_errors(maxmind, status, body, why, detail, against_source):
    text = body if isinstance(body, str) else "" if body is None else json.dumps(body)
    maxmind.post(URL + "score", body=text, status=status, content_type="application/json")
    with pytest.raises(LookupFailure) as caught:
        asked(method="query")
    assert caught.value.unknown == Unknown(why, detail)
    assert caught.value.against_source is against_source
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (requests.exceptions.ConnectTimeout("x"), Why.TIMEOUT),
        (requests.exceptions.ReadTimeout("x"), Why.TIMEOUT),
        (requests.exceptions.ConnectionError("x"), Why.REFUSED),
        (requests.exceptions.SSLError("x"), Why.REFUSED),
        (requests.exceptions.ChunkedEncodingError("x"), Why.MALFORMED_ANSWER),
        (requests.exceptions.InvalidHeader("x"), Why.REFUSED),
    ],
    ids=lambda each: type(each).__name__,
)
def test_connections_that_fail(maxmind, error, why):
    maxmind.post(URL + "score", body=error)
    assert asked().unknown["minfraud.risk_score"].why is why


@pytest.mark.parametrize(
    ("key", "detail"),
    [
        (Transaction(first_name="Jane"), "there is nothing to ask about"),
        (Transaction(email="not an address"), "MaxMind cannot use what the signup says"),
    ],
    ids=["neither address", "a broken address"],
)
def test_what_is_never_sent(maxmind, key, detail):
    assert asked(key).unknown["minfraud.risk_score"] == Unknown(Why.SKIPPED, detail)
    assert len(maxmind.calls) == 0


def test_a_body_of_too_many_bytes(maxmind):
    maxmind.post(URL + "score", body=json.dumps(SCORE | {"padding": "x" * 300_000}))
    assert asked().unknown["minfraud.risk_score"] == Unknown(Why.MALFORMED_ANSWER, "more than 262144 bytes came")


@pytest.fixture
def endless(monkeypatch):
    """A real server whose body never ends; the SDK is told to speak plain HTTP to it."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        connection, _ = listener.accept()
        with connection:
            connection.recv(65_536)
            head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
            try:
                connection.sendall(head)
                while True:
                    connection.sendall(b"1\r\n \r\n")
                    time.sleep(0.01)
            except OSError:
                return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    monkeypatch.setattr("minfraud.webservice._SCHEME", "http")
    mount = requests.Session.mount

    def mount_plain(session, prefix, adapter):
        mount(session, prefix.replace("https", "http"), adapter)

    monkeypatch.setattr(requests.Session, "mount", mount_plain)
    yield f"127.0.0.1:{listener.getsockname()[1]}"
    thread.join(5)
    listener.close()
    assert not thread.is_alive()  # our side has hung up


@pytest.mark.by_the_clock
def test_a_body_that_never_ends(endless):
    """The asker leaves at the deadline, and the thread ends by the SDK's own timeout."""
    begun = time.monotonic()
    answer = asked(seconds=0.1, host=endless, timeout=0.3)
    assert time.monotonic() - begun < 0.3
    assert answer.unknown["minfraud.risk_score"] == Unknown(Why.TIMEOUT, "minFraud does not answer in time")


@pytest.mark.by_the_clock
def test_a_body_that_outlasts_the_sdks_timeout(endless):
    answer = asked(seconds=5.0, host=endless, timeout=0.2)
    assert answer.unknown["minfraud.risk_score"] == Unknown(Why.TIMEOUT, "MaxMind does not answer in time")


def test_the_key_is_in_no_log(maxmind, caplog):
    caplog.set_level(logging.DEBUG)
    maxmind.post(URL + "score", body=f"{KEY.reveal()}", status=500)
    answer = asked()
    assert KEY.reveal() not in caplog.text + repr(answer)


def test_threads_answer_side_by_side():
    """The loop goes on while the SDK blocks."""

    class Blocking:
        def __init__(self):
            self.barrier = threading.Barrier(4, timeout=10)

        def ask(self, transaction):
            self.barrier.wait()  # passes only when four are here at once
            return SdkAnswer(risk_score=1.0, ip_risk=None, disposition=None)

        def close(self): ...

    async def work():
        settings = MinFraudSettings(account_id=42, key=KEY)
        client = MinFraud(Blocking(), settings, Redactor([KEY]))
        try:
            return await asyncio.gather(*(client.ask(Transaction(ip=f"192.0.2.{n}"), soon()) for n in range(4)))
        finally:
            await client.aclose()

    assert [answer.known for answer in run(work())] == [{"minfraud.risk_score": 1.0}] * 4


def test_without_the_extra(monkeypatch):
    monkeypatch.setattr(minfraud_module, "find_spec", lambda name: None)
    with pytest.raises(Problems, match="minfraud: the SDK is not installed") as caught:
        open_sdk(MinFraudSettings(account_id=42, key=KEY))
    assert 'help: install it with `pip install "kycrisk[minfraud]"`' in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "sends"),
    [
        ({}, {"ip", "email_hash", "email_domain"}),
        ({"plain_email": True}, {"ip", "email", "email_domain"}),
        ({"parts": ("ip", "name", "user_agent")}, {"ip", "name", "user_agent"}),
    ],
)
def test_what_leaves_the_house(settings, sends):
    chosen = MinFraudSettings(account_id=42, key=KEY, **settings)
    assert MinFraud(open_sdk(chosen), chosen, Redactor([KEY])).sends == sends


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"service": "chargeback"}, "not `chargeback`"), ({"parts": ("ip", "card")}, "`card` is nothing")],
)
def test_settings_that_cannot_be(settings, message):
    with pytest.raises(ValueError, match=message):
        MinFraudSettings(account_id=42, key=KEY, **settings)


def test_one_question_by_what_is_sent():
    chosen = MinFraudSettings(account_id=42, key=KEY, parts=("ip",))
    client = MinFraud(open_sdk(chosen), chosen, Redactor([KEY]))
    same = client.cache_key(Transaction(ip="192.0.2.1", email="a@example.com"))
    assert same == client.cache_key(Transaction(ip="192.0.2.1", email="b@example.com"))
    assert same != client.cache_key(Transaction(ip="192.0.2.2"))
