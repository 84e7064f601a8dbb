"""The HTTP client, against real servers that misbehave."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import ip_network

import httpx
import pytest
import respx
import trustme
from pytest_httpserver import HTTPServer

from kycrisk.lookups.asked import LookupFailure
from kycrisk.lookups.http import retry_after, short
from kycrisk.lookups.http_guard import GuardedTransport, system_resolve
from kycrisk.lookups.http_request import HttpRequest
from kycrisk.lookups.secrets import Secret, guard_logs, unguard_logs
from kycrisk.signals import Why
from tests.lookups.http.making import LOOPBACK, NOW, TLS, Clock, opened, resolving, run, soon

KEY = Secret("s3cret-key-of-ours")


def fetched(url: str, seconds: float = 5.0, how: str = "json", settings=None, **request):
    """The answer, or the failure, of one request."""

    async def work():
        async with opened(**(settings or {})) as http:
            try:
                return await getattr(http, how)(HttpRequest(url=url, **request), soon(seconds))
            except LookupFailure as failure:
                return failure

    return run(work())


def said(failure: LookupFailure) -> tuple[Why, str]:
    assert isinstance(failure, LookupFailure)
    return failure.unknown.why, failure.unknown.detail


@contextmanager
def raw_server(answer: Callable[[socket.socket], None], host: str = "127.0.0.1") -> Iterator[str]:
    """A server that does to each connection what it is told."""
    listener = socket.create_server((host, 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                try:
                    connection.recv(65_536)
                    answer(connection)
                except OSError:
                    pass

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://{host}:{listener.getsockname()[1]}/"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def endless(head: bytes, chunk: bytes, pause: float = 0.0) -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        connection.sendall(head)
        while True:
            connection.sendall(chunk)
            time.sleep(pause)

    return answer


JSON_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


IN_A_MINUTE = "Mon, 23 Nov 2026 12:01:00 GMT"


def test_a_json_object(httpserver: HTTPServer):
    httpserver.expect_request("/", query_string={"q": "ä b", "a": "1"}).respond_with_json({"score": 7})
    assert fetched(httpserver.url_for("/"), params={"q": "ä b", "a": "1"}) == {"score": 7}


@pytest.mark.parametrize(
    "content_type", ["application/json; charset=utf-8", "application/rdap+json", "text/plain", "APPLICATION/JSON"]
)
def test_types_that_json_comes_as(httpserver: HTTPServer, content_type):
    httpserver.expect_request("/").respond_with_data('{"a": 1}', content_type=content_type)
    assert fetched(httpserver.url_for("/")) == {"a": 1}


@pytest.mark.parametrize(
    ("body", "content_type", "detail"),
    [
        pytest.param("<html>hello", "text/html", "the server sends `text/html`, not JSON", id="a web page"),
        pytest.param("<html>hello", "application/json", "the answer is not JSON", id="a web page that says it is JSON"),
        pytest.param("", "application/json", "the answer is not JSON", id="nothing"),
        pytest.param("{} {}", "application/json", "the answer is not JSON", id="two objects"),
        pytest.param('{"a": NaN}', "application/json", "the answer is not JSON", id="NaN"),
        pytest.param("[" * 50_000, "application/json", "the answer is not JSON", id="very deep"),
        pytest.param('{"a": ' + "9" * 5000 + "}", "application/json", "the answer is not JSON", id="a huge number"),
        pytest.param("[1]", "application/json", "the answer is not a JSON object", id="a list"),
        pytest.param("null", "application/json", "the answer is not a JSON object", id="null"),
        pytest.param("GIF89a", "image/gif", "the server sends `image/gif`, not JSON", id="a picture"),
    ],
)
def test_what_is_not_json(httpserver: HTTPServer, body, content_type, detail):
    httpserver.expect_request("/").respond_with_data(body, content_type=content_type)
    assert said(fetched(httpserver.url_for("/"))) == (Why.MALFORMED_ANSWER, detail)


@pytest.mark.parametrize(
    ("status", "headers", "why", "detail", "against_source", "wait"),
    [
        (400, {}, Why.REFUSED, "the server does not understand the question", False, 0.0),
        (401, {}, Why.REFUSED, "the server does not accept the key", True, 0.0),
        (402, {}, Why.REFUSED, "the server wants to be paid", True, 0.0),
        (403, {}, Why.REFUSED, "the server forbids the question", False, 0.0),
        (404, {}, Why.REFUSED, "the server knows nothing there", False, 0.0),
        (422, {}, Why.REFUSED, "the server cannot use the question", False, 0.0),
        (429, {"Retry-After": "120"}, Why.REFUSED, "the server has had too many questions", True, 120.0),
        (429, {"Retry-After": IN_A_MINUTE}, Why.REFUSED, "the server has had too many questions", True, 60.0),
        (418, {}, Why.REFUSED, "the server answers 418", False, 0.0),
        (500, {}, Why.REFUSED, "the server answers 500", True, 0.0),
        (503, {"Retry-After": "5"}, Why.REFUSED, "the server answers 503", True, 5.0),
        (204, {}, Why.REFUSED, "the server answers 204", False, 0.0),
    ],
)  # fmt: skip
def test_what_is_no_success(httpserver: HTTPServer, status, headers, why, detail, against_source, wait):
    httpserver.expect_request("/").respond_with_data("", status=status, headers=headers)
    failure = fetched(httpserver.url_for("/"), settings={"now": lambda: NOW})
    assert said(failure) == (why, detail)
    assert (failure.status, failure.against_source, failure.retry_after) == (status, against_source, wait)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120.0),
        ("Mon, 23 Nov 2026 13:00:00 GMT", 3600.0),
        ("Mon, 23 Nov 2020 13:00:00 GMT", 0.0),
        ("", 0.0),
        ("soon", 0.0),
        ("-5", 0.0),
        ("٣", 0.0),
        ("9" * 40, 999_999_999.0),
    ],
)
def test_retry_after(text, seconds):
    assert retry_after(text, NOW) == seconds


# bodies and times


def test_an_endless_body():
    head = JSON_HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    with raw_server(endless(head, b"1000\r\n" + b" " * 4096 + b"\r\n")) as url:
        assert said(fetched(url, max_bytes=100_000)) == (Why.MALFORMED_ANSWER, "more than 100000 bytes came")


@pytest.mark.by_the_clock
def test_a_body_that_trickles():
    head = JSON_HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    with raw_server(endless(head, b"1\r\n \r\n", pause=0.01)) as url:
        begun = time.monotonic()
        assert said(fetched(url, seconds=0.2)) == (Why.TIMEOUT, "the server does not answer in time")
        assert time.monotonic() - begun < 1.0


def test_an_error_page_without_an_end():
    head = b"HTTP/1.1 500 Oops\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n"
    with raw_server(endless(head, b"1000\r\n" + b" " * 4096 + b"\r\n")) as url:
        assert said(fetched(url)) == (Why.MALFORMED_ANSWER, "more than 65536 bytes came")


def test_headers_without_an_end():
    with raw_server(endless(b"HTTP/1.1 200 OK\r\n", b"X-Padding: " + b"x" * 4096 + b"\r\n")) as url:
        assert said(fetched(url)) == (Why.MALFORMED_ANSWER, "the answer is cut off or not HTTP")


@pytest.mark.by_the_clock
def test_a_silent_server():
    done = threading.Event()
    with raw_server(lambda connection: done.wait(5)) as url:
        begun = time.monotonic()
        failure = fetched(url, seconds=0.1)
        assert time.monotonic() - begun < 0.5
        done.set()
    assert said(failure) == (Why.TIMEOUT, "the server does not answer in time")


@pytest.mark.parametrize(
    ("sent", "detail"),
    [
        pytest.param(b"", "the answer is cut off or not HTTP", id="hangs up at once"),
        pytest.param(b"220 mail.example.com ESMTP\r\n", "the answer is cut off or not HTTP", id="another protocol"),
        pytest.param(JSON_HEAD + b"Content-Length: 100\r\n\r\n{", "the answer is cut off or not HTTP", id="cut off"),
        pytest.param(
            JSON_HEAD + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
            "the server packs the answer, which it was not asked for",
            id="packed",
        ),
    ],
)
def test_broken_answers(sent, detail):
    with raw_server(lambda connection: connection.sendall(sent)) as url:
        assert said(fetched(url)) == (Why.MALFORMED_ANSWER, detail)


def test_nobody_there():
    with socket.create_server(("127.0.0.1", 0)) as gone:
        url = f"http://127.0.0.1:{gone.getsockname()[1]}/"
    failure = fetched(url)
    assert said(failure) == (Why.REFUSED, "the server cannot be reached")
    assert failure.reached is False


# the second try


@pytest.mark.parametrize(
    ("first", "request_", "asked", "found"),
    [
        pytest.param(503, {}, 2, {"a": 1}, id="a gateway stumbles"),
        pytest.param(503, {"repeatable": False}, 1, None, id="not when it would be charged twice"),
        pytest.param(500, {}, 1, None, id="not for an error that will come again"),
        pytest.param(429, {}, 1, None, id="not for too many questions"),
    ],
)
def test_one_more_try(httpserver: HTTPServer, first, request_, asked, found):
    httpserver.expect_ordered_request("/").respond_with_data("", status=first)
    httpserver.expect_ordered_request("/").respond_with_json({"a": 1})
    answer = fetched(httpserver.url_for("/"), **request_)
    assert len(httpserver.log) == asked
    assert answer == found if found else answer.status == first


def test_never_a_third_try(httpserver: HTTPServer):
    httpserver.expect_request("/").respond_with_data("", status=503)
    assert fetched(httpserver.url_for("/")).status == 503
    assert len(httpserver.log) == 2


def test_no_second_try_when_the_server_names_a_time(httpserver: HTTPServer):
    httpserver.expect_request("/").respond_with_data("", status=503, headers={"Retry-After": "1"})
    fetched(httpserver.url_for("/"))
    assert len(httpserver.log) == 1


@pytest.mark.parametrize(
    ("error", "repeatable", "tries", "expected"),
    [
        pytest.param(httpx.ReadError, True, 2, None, id="broke while reading"),
        pytest.param(httpx.ReadError, False, 1, "the connection broke", id="broke while reading, not repeatable"),
        pytest.param(httpx.ConnectError, False, 2, None, id="was never made, so nothing is charged twice"),
        pytest.param(httpx.RemoteProtocolError, True, 2, None, id="a kept connection was closed meanwhile"),
        pytest.param(httpx.ConnectTimeout, True, 1, "the server cannot be reached in time", id="a timeout"),
        pytest.param(httpx.LocalProtocolError, True, 1, "the request cannot be sent as it is", id="our own mistake"),
    ],
)
def test_a_connection_that_breaks(error, repeatable, tries, expected):
    with respx.mock(assert_all_called=False) as router:
        router.get("http://localhost/").mock(side_effect=[error("secret words"), httpx.Response(200, json={"a": 1})])
        transport = httpx.MockTransport(router.async_handler)
        answer = fetched("http://localhost/", settings={"transport": transport}, repeatable=repeatable)
        assert len(router.calls) == tries
    assert (answer == {"a": 1}) if expected is None else answer.unknown.detail == expected


def test_no_second_try_without_time_for_it():
    with respx.mock(assert_all_called=False) as router:
        router.get("http://localhost/").mock(side_effect=[httpx.ReadError("x"), httpx.Response(200, json={})])
        transport = httpx.MockTransport(router.async_handler)
        failure = fetched("http://localhost/", seconds=0.015, settings={"transport": transport})
        assert len(router.calls) == 1
    assert said(failure) == (Why.REFUSED, "the connection broke")


# whom it connects to


@pytest.mark.parametrize(
    ("host", "kind"),
    [
        ("127.0.0.1", "loopback"),
        ("[::1]", "loopback"),
        ("10.0.0.1", "private"),
        ("169.254.169.254", "link-local"),
        ("192.168.1.1", "private"),
        ("100.64.0.1", "shared"),
        ("0.0.0.0", "unspecified"),
        ("[::ffff:127.0.0.1]", "mapped"),
        ("[64:ff9b::7f00:1]", "translation"),
        ("[fd00::1]", "private"),
        ("[fe80::1]", "link-local"),
        ("192.0.2.1", "documentation"),
    ],
)
def test_private_addresses_are_refused(host, kind):
    failure = fetched(f"http://{host}:9/", settings={"allowed": ()})
    assert said(failure) == (Why.REFUSED, f"`{host.strip('[]')}` is at a {kind} address")
    assert (failure.against_source, failure.reached) == (False, False)


@pytest.mark.parametrize(
    ("addresses", "detail"),
    [
        pytest.param(["127.0.0.1"], "`evil.example` is at a loopback address", id="a name for this machine"),
        pytest.param(["8.8.8.8", "10.0.0.1"], "`evil.example` is at a private address", id="one bad among good"),
        pytest.param(["fd00::1"], "`evil.example` is at a private address", id="IPv6"),
        pytest.param([], "the name `evil.example` has no address", id="no address"),
    ],
)
def test_names_of_private_addresses_are_refused(addresses, detail):
    settings = {"allowed": (), "resolve": resolving({"evil.example": addresses})}
    assert said(fetched("http://evil.example/", settings=settings)) == (Why.REFUSED, detail)


@pytest.mark.parametrize("host", ["2130706433", "127.1", "0x7f.0.0.1", "0177.0.0.1"])
def test_addresses_in_odd_dress_go_through_the_resolver(host):
    failure = fetched(f"http://{host}:9/", settings={"allowed": (), "resolve": system_resolve})
    assert any(words in failure.unknown.detail for words in ("loopback address", "does not resolve", "is not a URL"))


def test_a_name_that_answers_differently_the_second_time(httpserver: HTTPServer):
    """DNS rebinding: what was judged is what is connected to, however the name answers later."""
    httpserver.expect_request("/").respond_with_json({"a": 1})
    asked: list[str] = []

    async def rebinding(host, deadline):
        asked.append(host)
        return await resolving({host: ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]})(host, deadline)

    async def work():
        async with opened(resolve=rebinding) as http:
            request = HttpRequest(url=f"http://rebind.example:{httpserver.port}/")
            first = await http.json(request, soon())
            with pytest.raises(LookupFailure, match=r"`rebind.example` is at a private address"):
                await http.json(request, soon())
            return first

    assert run(work()) == {"a": 1}
    assert len(asked) == 2  # once for each connection or question, and never behind our back
    assert httpserver.log[0][0].headers["Host"] == f"rebind.example:{httpserver.port}"


def test_a_redirect_to_a_private_address(httpserver: HTTPServer):
    with raw_server(lambda connection: pytest.fail("it was asked"), host="127.0.0.2") as inner:
        httpserver.expect_request("/").respond_with_data("", status=302, headers={"Location": inner})
        settings = {"allowed": (ip_network("127.0.0.1/32"),)}
        failure = fetched(httpserver.url_for("/").replace("localhost", "127.0.0.1"), redirects=3, settings=settings)
    assert said(failure) == (Why.REFUSED, "`127.0.0.2` is at a loopback address")


@pytest.mark.parametrize(
    ("location", "request_", "detail"),
    [
        pytest.param("/next", {}, "the server redirects", id="not asked to follow"),
        pytest.param(
            "/next", {"redirects": 3, "method": "POST", "form": {"a": "1"}}, "the server redirects", id="a post"
        ),
        pytest.param("ftp://localhost/x", {"redirects": 3}, "not encrypted or not of the web", id="not of the web"),
        pytest.param("file:///etc/passwd", {"redirects": 3}, "not encrypted or not of the web", id="a file"),
        pytest.param(
            "http://other.example/",
            {"redirects": 3, "hosts": frozenset({"localhost"})},
            "redirects to `other.example`, which may not be asked",
            id="to a host that is not allowed",
        ),
        pytest.param("/", {"redirects": 3}, "the server redirects", id="in a circle"),
    ],
)
def test_redirects_that_are_not_followed(httpserver: HTTPServer, location, request_, detail):
    httpserver.expect_request("/").respond_with_data("", status=302, headers={"Location": location})
    failure = fetched(httpserver.url_for("/"), **request_)
    assert detail in failure.unknown.detail


def test_redirects_that_are_followed_leave_the_key_behind(httpserver: HTTPServer):
    port = httpserver.port
    httpserver.expect_request("/a").respond_with_data("", status=301, headers={"Location": "/b"})
    httpserver.expect_request("/b").respond_with_data(
        "", status=302, headers={"Location": f"http://127.0.0.1:{port}/c"}
    )
    httpserver.expect_request("/c").respond_with_json({"a": 1})
    headers = {"Key": KEY.reveal()}
    assert fetched(httpserver.url_for("/a"), redirects=3, headers=headers) == {"a": 1}
    assert [request.headers.get("Key") for request, _ in httpserver.log] == [KEY.reveal(), KEY.reveal(), None]


# encryption


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@contextmanager
def tls_server(authority: trustme.CA, name: str) -> Iterator[HTTPServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    with HTTPServer(host="127.0.0.1", ssl_context=context) as server:
        server.expect_request("/").respond_with_json({"name": name})
        yield server


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def test_the_certificate_is_of_the_name_and_not_of_the_address(authority):
    with tls_server(authority, "good.example") as server:
        settings = {
            "tls": trusting(authority),
            "resolve": resolving({"good.example": ["127.0.0.1"], "bad.example": ["127.0.0.1"]}),
        }
        assert fetched(f"https://good.example:{server.port}/", settings=settings) == {"name": "good.example"}
        failure = fetched(f"https://bad.example:{server.port}/", settings=settings)
    assert said(failure) == (Why.REFUSED, "the server cannot be reached")


def test_a_connection_of_one_name_does_not_serve_another(authority):
    """Both names have the same address, and the certificate was checked for the first."""

    async def work(server):
        resolve = resolving({"good.example": ["127.0.0.1"], "bad.example": ["127.0.0.1"]})
        async with opened(tls=trusting(authority), resolve=resolve) as http:
            await http.json(HttpRequest(url=f"https://good.example:{server.port}/"), soon())
            with pytest.raises(LookupFailure, match="the server cannot be reached"):
                await http.json(HttpRequest(url=f"https://bad.example:{server.port}/"), soon())

    with tls_server(authority, "good.example") as server:
        run(work(server))


def test_an_unknown_authority(authority):
    with tls_server(authority, "good.example") as server:
        settings = {"resolve": resolving({"good.example": ["127.0.0.1"]})}
        failure = fetched(f"https://good.example:{server.port}/", settings=settings)
    assert said(failure) == (Why.REFUSED, "the server cannot be reached")


# pooling, cookies, logs


def test_connections_are_kept():
    connections: list[socket.socket] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        connections.append(connection)
        for _ in range(5):
            connection.recv(65_536)
            connection.sendall(JSON_HEAD + b"Content-Length: 2\r\n\r\n{}")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()

    async def work():
        async with opened() as http:
            request = HttpRequest(url=f"http://127.0.0.1:{listener.getsockname()[1]}/")
            return [await http.json(request, soon()) for _ in range(5)]

    assert run(work()) == [{}] * 5
    thread.join(5)
    listener.close()
    connections[0].close()
    assert len(connections) == 1


@pytest.mark.parametrize(("pause", "kept"), [(1.0, 100), (61.0, 64)], ids=["all in use", "long unused"])
def test_pools_of_many_hosts_are_bounded(pause, kept):
    async def work():
        clock = Clock()
        guard = GuardedTransport(
            resolving({f"h{number}.example": ["127.0.0.1"] for number in range(100)}),
            allowed=LOOPBACK,
            tls=TLS,
            limits=httpx.Limits(),
            clock=clock,
        )
        with socket.create_server(("127.0.0.1", 0)) as gone:
            port = gone.getsockname()[1]
        for number in range(100):
            request = httpx.Request("GET", f"http://h{number}.example:{port}/", extensions={"deadline": soon()})
            with pytest.raises(httpx.ConnectError):
                await guard.handle_async_request(request)
            clock.now += pause if number == 50 else 0.1
        found = len(guard._pools)
        await guard.aclose()
        return found

    assert run(work()) == kept


def test_nobody_recognises_us_by_a_cookie(httpserver: HTTPServer):
    httpserver.expect_request("/").respond_with_json({}, headers={"Set-Cookie": "id=1; Path=/"})

    async def work():
        async with opened() as http:
            for _ in range(2):
                await http.json(HttpRequest(url=httpserver.url_for("/")), soon())

    run(work())
    assert [request.headers.get("Cookie") for request, _ in httpserver.log] == [None, None]


def test_a_proxy_of_the_environment_is_not_asked(httpserver: HTTPServer, monkeypatch):
    """It would resolve names itself, and so undo what the guard is for."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    httpserver.expect_request("/").respond_with_json({})
    assert fetched(httpserver.url_for("/")) == {}


def test_logs_and_failures_hold_no_key(httpserver: HTTPServer, caplog):
    path = f"/json/ip/{KEY.reveal()}/192.0.2.1"
    httpserver.expect_request(path).respond_with_data("", status=503)
    caplog.set_level(logging.DEBUG)

    async def work():
        async with opened(secrets=[KEY]) as http:
            redacting = guard_logs(http.redactor)
            request = HttpRequest(url=httpserver.url_for(path), headers={"Key": KEY.reveal()})
            try:
                await http.json(request, soon())
            except LookupFailure as failure:
                return failure, http.refusal(await http.fetch(request, soon()), f"no such key {KEY.reveal()}"), request
            finally:
                unguard_logs(redacting)

    failure, refusal, request = run(work())
    ours = [record for record in caplog.records if record.name != "werkzeug"]  # the server, which is not ours
    assert len(ours) > 5  # httpx and httpcore do write
    written = [record.getMessage() + repr(vars(record)) for record in ours]
    for text in (*written, repr(failure), str(refusal), repr(refusal.unknown), repr(request)):
        assert KEY.reveal() not in text
    assert refusal.unknown.detail == "the server answers 503: no such key [redacted]"
    assert failure.__cause__ is None
    assert failure.__context__ is None or failure.__suppress_context__


@pytest.mark.parametrize(
    ("text", "shown"),
    [("two\nlines\x1b[31m", "two lines [31m"), ("x" * 300, "x" * 117 + "..."), ("  a \t b ", "a b"), ("", "")],
)
def test_somebody_elses_words(text, shown):
    assert short(text) == shown


def test_the_systems_resolver():
    async def work():
        return sorted({str(each) for each in await system_resolve("localhost", soon())})

    assert "127.0.0.1" in run(work())


@pytest.mark.parametrize("host", ["a" * 300 + ".example", "no-such-name.invalid", "bad..name"])
def test_names_that_do_not_resolve(host):
    async def work():
        await system_resolve(host, soon(10))

    with pytest.raises(LookupFailure, match=r"does not resolve|not resolved in time"):
        run(work())
