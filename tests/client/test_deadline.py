"""The timeout bounds the whole call, whatever the other side does; and what is not a decision is none."""

from __future__ import annotations

import json
import socket
import ssl
import threading

import pytest
import trustme

from kycrisk.client import Client, Failure, Outcome, ScreeningFailed
from kycrisk.client.question import question
from tests.client.making import (
    BOTH,
    answering,
    by_client,
    dripping,
    hanging_up,
    raw_server,
    request,
    response,
    silent,
    timed,
)
from tests.service import SIGNUPS

both = pytest.mark.parametrize("screened", BOTH, ids=["sync", "async"])
KEY = "long-enough-key"
TLS = ssl.create_default_context()
TIMEOUT = 0.3
#: What a machine with other work may be late by.
LATE = 0.25

GOOD = {
    "format": "kycrisk.decision/1",
    "id": "dec_1",
    "account_id": "plain-customer",
    "outcome": "allow",
    "score": 0,
    "settled": True,
    "reasons": [],
}


def failed(screened, url, timeout=5.0, **settings):
    with pytest.raises(ScreeningFailed) as raised:
        screened(url, KEY, SIGNUPS["allow"], on_failure="raise", timeout=timeout, **settings)
    return raised.value


@pytest.mark.by_the_clock
@both
@pytest.mark.parametrize("answer", [silent, dripping], ids=["says nothing", "a byte now and then"])
def test_the_timeout_bounds_the_whole_call(screened, answer):
    with raw_server(answer) as url:
        seconds, failure = timed(lambda: failed(screened, url, TIMEOUT))
    assert failure.failure is Failure.TIMEOUT
    assert TIMEOUT - 0.01 <= seconds <= TIMEOUT + LATE


@pytest.mark.by_the_clock
@both
def test_connecting_counts(screened):
    """A listener whose queue is full lets further connections hang."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        address = listener.getsockname()
        filling = [socket.socket() for _ in range(4)]
        for each in filling:
            each.setblocking(False)
            each.connect_ex(address)
        seconds, failure = timed(lambda: failed(screened, f"http://127.0.0.1:{address[1]}", TIMEOUT))
        for each in filling:
            each.close()
    assert failure.failure is Failure.TIMEOUT
    assert TIMEOUT - 0.01 <= seconds <= TIMEOUT + LATE


@pytest.mark.by_the_clock
def test_the_handshake_counts_and_leaves_no_connection():
    gone = threading.Event()

    def ended(connection, _):
        silent(connection, b"")
        gone.set()

    with raw_server(ended) as url:
        settings = {"on_failure": "review", "timeout": TIMEOUT, "tls": TLS}
        with Client(url.replace("http:", "https:"), KEY, **settings) as client:
            seconds, screening = timed(lambda: client.screen(SIGNUPS["allow"]))
            assert gone.wait(5)
    assert (screening.failed, screening.why) == (True, "no answer in time")
    assert TIMEOUT - 0.01 <= seconds <= TIMEOUT + LATE


@pytest.mark.by_the_clock
@both
def test_looking_up_the_name_counts(screened, monkeypatch):
    hung = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **named: hung.wait(10) and [])
    try:
        seconds, failure = timed(lambda: asked_without_waiting_for_threads(screened, hung))
    finally:
        hung.set()
    assert failure.failure is Failure.TIMEOUT
    assert TIMEOUT - 0.01 <= seconds <= TIMEOUT + LATE


def asked_without_waiting_for_threads(screened, hung):
    """`asyncio.run` waits for its threads when it ends, so the resolver is let go as soon as the answer is there."""
    found = []

    def answered(failure):
        hung.set()
        found.append(failure)
        return Outcome.REVIEW

    screened("http://kycrisk.example", KEY, SIGNUPS["allow"], on_failure=answered, timeout=TIMEOUT)
    return found[0]


@pytest.mark.by_the_clock
@both
def test_waiting_for_a_connection_counts(screened):
    with raw_server(silent) as url, Client(url, KEY, on_failure="review", timeout=5, connections=1):
        seconds, failure = timed(lambda: failed(screened, url, TIMEOUT, connections=1))
    assert failure.failure is Failure.TIMEOUT
    assert seconds <= TIMEOUT + LATE


@pytest.mark.by_the_clock
def test_a_call_that_was_given_up_holds_no_connection():
    """With one connection in all, the next call is answered."""
    with (
        raw_server(silent, answering("201 Created", json.dumps(GOOD).encode())) as url,
        Client(url, KEY, on_failure="review", timeout=TIMEOUT, connections=1) as client,
    ):
        assert [client.screen(SIGNUPS["allow"]).outcome for _ in range(3)] == [
            Outcome.REVIEW,
            Outcome.ALLOW,
            Outcome.ALLOW,
        ]


@pytest.mark.parametrize(
    ("left", "own", "expected"),
    [
        (0.8, None, 680),
        (0.8, 300, 300),
        (0.2, 300, 170),
        (0.005, None, 10),
        (0.005, 300, 10),
        (60.0, None, 51_000),
        (60.0, 60_000 - 1, 51_000),
    ],
    ids=["a share", "the callers own", "of what is left", "the least", "the least of the own", "long", "own and long"],
)
def test_the_servers_share_of_the_time(left, own, expected):
    asked = question(SIGNUPS["allow"], idempotency_key=None, deadline_ms=own, timeout=61.0)
    assert asked.deadline_in(left) == expected


def test_the_server_is_told_its_share():
    told = []

    def answer(connection, _):
        told.append(request(connection))
        connection.sendall(response("201 Created", json.dumps(GOOD).encode()))

    with raw_server(answer) as url:
        by_client(url, KEY, SIGNUPS["allow"], how={"deadline_ms": 1500}, on_failure="raise", timeout=60)
    [line] = [line for line in told[0].split(b"\r\n") if line.lower().startswith(b"kycrisk-deadline-ms:")]
    assert line.split(b":")[1].strip() == b"1500"


def test_closing_lets_nobody_wait():
    asked, found = threading.Event(), []

    def answer(connection, _):
        request(connection)
        asked.set()
        silent(connection, b"")

    with raw_server(answer) as url:
        client = Client(url, KEY, on_failure="verify", timeout=30)
        thread = threading.Thread(target=lambda: found.append(client.screen(SIGNUPS["allow"])))
        thread.start()
        assert asked.wait(10)
        client.close()
        thread.join(10)
    assert [(screening.outcome, screening.why) for screening in found] == [(Outcome.VERIFY, "the client was closed")]


@both
def test_a_certificate_of_nobody_we_know_is_no_server(screened):
    authority = trustme.CA()
    theirs, ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(theirs)
    authority.configure_trust(ours)

    def answer(connection, _):
        with theirs.wrap_socket(connection, server_side=True) as encrypted:
            answering("201 Created", json.dumps(GOOD).encode())(encrypted, b"")

    with raw_server(answer) as url:
        url = url.replace("http:", "https:")
        assert screened(url, KEY, SIGNUPS["allow"], on_failure="raise", timeout=5, tls=ours)[0].id == "dec_1"
        failure = failed(screened, url)
    assert (failure.failure, failure.why) == (Failure.UNREACHABLE, "the server cannot be reached")


@both
def test_connections_are_kept(screened):
    accepted = []

    def answer(connection, _):
        accepted.append(connection)
        answering("201 Created", json.dumps(GOOD).encode())(connection, b"")

    with raw_server(answer) as url:
        found = screened(url, KEY, *[SIGNUPS["allow"]] * 5, on_failure="raise", timeout=60)
    assert [screening.id for screening in found] == ["dec_1"] * 5
    assert len(accepted) == 1


@both
def test_a_broken_connection_is_tried_once_more_with_the_same_key(screened):
    seen = []

    def breaking(connection, _):
        seen.append(request(connection))
        connection.close()

    def answer(connection, _):
        seen.append(request(connection))
        connection.sendall(response("201 Created", json.dumps(GOOD).encode()))

    with raw_server(breaking, answer) as url:
        [found] = screened(url, KEY, SIGNUPS["allow"], on_failure="raise", timeout=60)
    keys = [line for asked in seen for line in asked.split(b"\r\n") if line.lower().startswith(b"idempotency-key:")]
    assert found.id == "dec_1"
    assert len(keys) == 2
    assert keys[0] == keys[1]


@both
def test_it_is_not_tried_a_third_time(screened):
    with raw_server(hanging_up) as url:
        failure = failed(screened, url)
    assert (failure.failure, failure.why) == (Failure.BROKEN, "the answer is cut off or not HTTP")


@both
@pytest.mark.parametrize(
    ("status", "body", "headers", "failure", "why"),
    [
        ("401 Unauthorized", b"{}", [], Failure.REFUSED, "the server does not accept the key"),
        ("403 Forbidden", b"", [], Failure.REFUSED, "the key may not screen"),
        ("404 Not Found", b"<html>", [], Failure.REFUSED, "there is no screening at this address"),
        ("409 Conflict", b"{}", [], Failure.CONFLICT, "another signup came under this idempotency key"),
        ("413 Content Too Large", b"{}", [], Failure.SIGNUP, "the signup is too large"),
        ("422 X", b'{"errors":[{"place":"ip"}]}', [], Failure.SIGNUP, "the server cannot use the signup (1 problem)"),
        ("429 Too Many Requests", b"{}", ["Retry-After: 7"], Failure.BUSY, "the key has asked too often"),
        ("500 Internal Server Error", b"oops", [], Failure.BROKEN, "the server answers 500"),
        ("503 Service Unavailable", b"{}", ["Retry-After: 7"], Failure.BUSY, "the server cannot take the signup now"),
        ("302 Found", b"", ["Location: https://example.com/"], Failure.BROKEN, "the server answers 302"),
        ("201 Created", b"<html>", [], Failure.BROKEN, "the answer is not a JSON object"),
        ("201 Created", b"[" * 100_000, [], Failure.BROKEN, "the answer is not a JSON object"),
        ("201 Created", b" " * 1_100_000, [], Failure.BROKEN, "the answer has more than 1048576 bytes"),
        ("201 Created", b"{}", [], Failure.BROKEN, "the answer is not a decision"),
    ],
    ids=lambda value: value if isinstance(value, str) and value[:3].isdigit() else None,
)
def test_answers_that_are_no_decision(screened, status, body, headers, failure, why):
    with raw_server(answering(status, body, *headers)) as url:
        found = failed(screened, url)
    assert (found.failure, found.why) == (failure, why)
    assert found.retry_after == (7.0 if headers == ["Retry-After: 7"] else None)


@both
@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"format": "kycrisk.decision/2"}, "the answer is not in the format of a decision"),
        ({"account_id": "somebody-else"}, "the answer is about another account"),
        ({"outcome": "fine"}, "the answer is not a decision"),
        ({"outcome": None}, "the answer is not a decision"),
        ({"score": True}, "the answer is not a decision"),
        ({"settled": "yes"}, "the answer is not a decision"),
        ({"reasons": [{"rule": "x"}]}, "the answer is not a decision"),
        ({"reasons": None}, "the answer is not a decision"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else None,
)
def test_a_decision_that_is_not_whole_is_none(screened, changed, why):
    with raw_server(answering("201 Created", json.dumps({**GOOD, **changed}).encode())) as url:
        found = failed(screened, url)
    assert (found.failure, found.why) == (Failure.BROKEN, why)


@both
def test_no_proxy_of_the_environment_sees_the_key(screened, monkeypatch):
    with raw_server(answering("201 Created", json.dumps(GOOD).encode())) as url, raw_server(silent) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy)
        monkeypatch.setenv("ALL_PROXY", proxy)
        monkeypatch.delenv("NO_PROXY", raising=False)
        assert screened(url, KEY, SIGNUPS["allow"], on_failure="raise", timeout=60)[0].id == "dec_1"
