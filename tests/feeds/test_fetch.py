"""Lists from the network, against a real server that misbehaves."""

from __future__ import annotations

import gzip
import itertools
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import httpx
import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from kycrisk.feeds.failure import FeedFailure
from kycrisk.feeds.fetch import Fetched, fetch, new_client

BODY = b"mailinator.com\ntrash.example\n"
LIMIT = 100_000


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=60) as client:
        yield client


def got(client: httpx.Client, url: str, **settings: object) -> Fetched | None:
    return fetch(client, url, **{"max_bytes": LIMIT, **settings})  # type: ignore[arg-type]


def test_a_list_with_what_names_its_version(httpserver: HTTPServer, client: httpx.Client) -> None:
    headers = {"ETag": '"v1"', "Last-Modified": "Sun, 22 Nov 2026 08:00:00 GMT"}
    httpserver.expect_request("/list").respond_with_data(BODY, headers=headers, content_type="text/plain")
    assert got(client, httpserver.url_for("/list")) == Fetched(
        body=BODY,
        received=len(BODY),
        etag='"v1"',
        last_modified="Sun, 22 Nov 2026 08:00:00 GMT",
        modified_at=datetime(2026, 11, 22, 8, 0, tzinfo=UTC),
    )


def test_a_list_that_did_not_change_is_not_sent_again(httpserver: HTTPServer, client: httpx.Client) -> None:
    sent: list[tuple[str | None, str | None]] = []

    def answer(request: Request) -> Response:
        sent.append((request.headers.get("If-None-Match"), request.headers.get("If-Modified-Since")))
        return Response(status=304)

    httpserver.expect_request("/list").respond_with_handler(answer)
    url, date = httpserver.url_for("/list"), "Sun, 22 Nov 2026 08:00:00 GMT"
    assert got(client, url, etag='"v1"', last_modified=date) is None
    assert sent == [('"v1"', date)]


def test_a_packed_list(httpserver: HTTPServer, client: httpx.Client) -> None:
    packed = gzip.compress(BODY)
    httpserver.expect_request("/list").respond_with_data(packed, headers={"Content-Encoding": "gzip"})
    fetched = got(client, httpserver.url_for("/list"))
    assert fetched is not None
    assert (fetched.body, fetched.received) == (BODY, len(packed))


def test_redirects_are_followed(httpserver: HTTPServer, client: httpx.Client) -> None:
    httpserver.expect_request("/old").respond_with_data("", status=302, headers={"Location": "/new"})
    httpserver.expect_request("/new").respond_with_data(BODY)
    fetched = got(client, httpserver.url_for("/old"))
    assert fetched is not None
    assert fetched.body == BODY


def plain(data: bytes = BODY, status: int = 200, **headers: str) -> Response:
    return Response(data, status, {name.replace("_", "-"): value for name, value in headers.items()})


BAD = [
    ("server error", plain(b"oops", 500), "the server answers 500 internal server error"),
    ("not found", plain(b"<html>", 404), "the server answers 404 not found"),
    ("partial content", plain(BODY, 206), "the server answers 206 partial content"),
    (
        "html",
        plain(b"<html>", Content_Type="text/html; charset=utf-8"),
        "sends `text/html`, which is not a list",
    ),
    ("picture", plain(b"GIF89a", Content_Type="image/gif"), "sends `image/gif`, which is not a list"),
    (
        "redirect to a file",
        plain(b"", 302, Location="file:///etc/passwd"),
        "`, which is not a web address",
    ),
    ("redirect to nowhere", plain(b"", 302), "the server answers 302 found"),
    ("redirect to itself", plain(b"", 302, Location="/list"), "more than 5 redirects"),
    ("too long, announced", plain(b"x" * (LIMIT + 1)), "announces 100001 bytes, at most 100000 are taken"),
    (
        "unasked packing",
        plain(b"x", Content_Encoding="br"),
        "packs the list as `br`, which it was not asked for",
    ),
    (
        "gzip bomb",
        plain(gzip.compress(b"0" * 5_000_000), Content_Encoding="gzip"),
        "unpacks to more than 100000",
    ),
    (
        "gzip, cut off",
        plain(gzip.compress(BODY)[:-9], Content_Encoding="gzip"),
        "the gzip packing is cut off",
    ),
    ("gzip, damaged", plain(b"not gzip", Content_Encoding="gzip"), "the gzip packing is damaged"),
    (
        "gzip, bad checksum",
        plain(gzip.compress(BODY)[:-8] + b"\0" * 8, Content_Encoding="gzip"),
        "is damaged",
    ),
]


@pytest.mark.parametrize(("response", "words"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_bad(httpserver: HTTPServer, client: httpx.Client, response: Response, words: str) -> None:
    httpserver.expect_request("/list").respond_with_response(response)
    with pytest.raises(FeedFailure, match=words):
        got(client, httpserver.url_for("/list"))


def test_an_encrypted_list_is_not_fetched_in_the_open() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(301, headers={"Location": "http://lists.example/list"})

    with (
        httpx.Client(transport=httpx.MockTransport(answer)) as client,
        pytest.raises(FeedFailure, match="not encrypted"),
    ):
        got(client, "https://lists.example/list")


def test_urls_that_are_none() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(301, headers={"Location": "http://lists.example:port/"})

    with httpx.Client(transport=httpx.MockTransport(answer)) as client:
        with pytest.raises(FeedFailure, match="invalid url in location header: invalid port"):
            got(client, "http://lists.example/")
        with pytest.raises(FeedFailure, match="the URL, or one that it leads to, is none: invalid port"):
            got(client, "http://lists.example:port/")


def test_a_version_that_cannot_be_sent_back_is_forgotten() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers=[(b"ETag", '"ü"'.encode())], content=iter([BODY]))

    with httpx.Client(transport=httpx.MockTransport(answer)) as client:
        fetched = got(client, "https://lists.example/list")
    assert fetched is not None
    assert fetched.etag == ""


@contextmanager
def raw_server(*parts: bytes, repeat: bytes = b"") -> Iterator[str]:
    """A server of bytes, for answers that no HTTP library would give; `repeat` is sent until nobody listens."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65_536)
            try:
                for part in itertools.chain(parts, itertools.repeat(repeat) if repeat else ()):
                    connection.sendall(part)
            except OSError:
                return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/list"
    finally:
        thread.join(5)
        listener.close()


def test_a_body_that_is_cut_off(client: httpx.Client) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 500\r\n\r\n"
    with raw_server(head, BODY) as url, pytest.raises(FeedFailure, match="cut off"):
        got(client, url)


def test_an_endless_body_is_given_up_at_the_limit(client: httpx.Client) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"
    seen: list[int] = []
    with (
        raw_server(head, repeat=b"mailinator.com\n" * 500) as url,
        pytest.raises(FeedFailure, match="more than 100000 bytes"),
    ):
        got(client, url, on_bytes=lambda received, expected: seen.append(received))
    assert max(seen) <= LIMIT


def test_a_body_that_trickles_is_given_up_at_the_deadline(client: httpx.Client) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"
    ticks = itertools.count(0, 400)
    with (
        raw_server(head, repeat=b"mailinator.com\n") as url,
        pytest.raises(FeedFailure, match="longer than 300 seconds"),
    ):
        got(client, url, clock=lambda: float(next(ticks)))


ERRORS: list[tuple[str, Callable[[], Exception], str]] = [
    ("refused", lambda: httpx.ConnectError("Connection refused"), "cannot be reached: connection refused"),
    ("no connection in time", lambda: httpx.ConnectTimeout(""), "cannot be reached in time"),
    ("silence", lambda: httpx.ReadTimeout(""), "the server stopped sending"),
    ("proxy", lambda: httpx.ProxyError("407 Proxy Authentication Required"), "the proxy refuses: 407"),
    ("reset", lambda: httpx.ReadError(""), "the transfer failed: readerror"),
]


@pytest.mark.parametrize(("error", "words"), [row[1:] for row in ERRORS], ids=[row[0] for row in ERRORS])
def test_errors_of_the_network_are_put_in_words(error: Callable[[], Exception], words: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise error()

    with (
        httpx.Client(transport=httpx.MockTransport(answer)) as client,
        pytest.raises(FeedFailure, match=words),
    ):
        got(client, "https://lists.example/list")


def test_the_proxy_of_the_environment_is_used(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", httpserver.url_for("/"))
    asked: list[str] = []

    def answer(request: Request) -> Response:
        asked.append(f"{request.host} {request.headers['User-Agent']}")
        return plain()

    httpserver.expect_request("/list").respond_with_handler(answer)
    with new_client("1.2.3") as client:
        fetched = got(client, "http://lists.example/list")
    assert fetched is not None
    assert fetched.body == BODY
    assert asked == ["lists.example kycrisk/1.2.3"]
