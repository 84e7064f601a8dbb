"""Bringing lists up to date: what changes, what stays, and what is said about it."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from kycrisk.feeds import snapshot
from kycrisk.feeds.catalogue import NEVER, Feed
from kycrisk.feeds.update import Progress, UpdateResult, update
from tests.feeds.making import NOW, feed

LIST = b"mailinator.com\ntrash.example\n"
HOUR = timedelta(hours=1)


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=60) as client:
        yield client


def one(feed: Feed, folder: Path, client: httpx.Client | None = None, now: datetime = NOW) -> UpdateResult:
    return update([feed], folder, now=now, client=client)[0]


def listed(folder: Path, key: str, name: str = "sample") -> str | None:
    stored = snapshot.load(folder, name)
    assert stored is not None
    return stored.entries.find(key)


def serve(server: HTTPServer, body: bytes, status: int = 200, **headers: str) -> str:
    """Answer with this from now on."""
    server.clear()
    named = {name.replace("_", "-"): value for name, value in {"Content_Type": "text/plain", **headers}.items()}
    server.expect_request("/list").respond_with_data(body, status, headers=named)
    return server.url_for("/list")


def test_the_first_list(httpserver: HTTPServer, client: httpx.Client, tmp_path: Path) -> None:
    remote = feed(url=serve(httpserver, LIST + b"co.id\nnot a domain\n" + b"a.example\n" * 20))
    result = one(remote, tmp_path, client)
    assert (result.status, result.entries, result.reason) == ("updated", 3, "")
    assert result.dropped == {"public suffix": 1, "malformed": 1, "repeated": 19}
    assert result.received == len(LIST) + 6 + 13 + 200
    assert (result.as_of, len(result.sha256)) == (NOW, 64)
    assert listed(tmp_path, "x.mailinator.com") == "mailinator.com"


def test_it_is_not_asked_for_before_it_is_due(httpserver: HTTPServer, client: httpx.Client, tmp_path: Path) -> None:
    remote = feed(url=serve(httpserver, LIST))
    one(remote, tmp_path, client)
    assert one(remote, tmp_path, client, NOW + HOUR * 0.9).status == "not_due"
    assert len(httpserver.log) == 1
    assert update([remote], tmp_path, now=NOW, client=client, force=True)[0].status == "unchanged"
    assert one(remote, tmp_path, client, NOW + HOUR).status == "unchanged"
    assert one(remote, tmp_path, client, NOW - HOUR).status == "unchanged"  # a clock set back does not block it
    assert len(httpserver.log) == 4


def test_not_modified_counts_as_seen_now(httpserver: HTTPServer, client: httpx.Client, tmp_path: Path) -> None:
    remote = feed(url=serve(httpserver, LIST, ETag='"v1"'))
    one(remote, tmp_path, client)
    asked: list[str | None] = []

    def answer(request: Request) -> Response:
        asked.append(request.headers.get("If-None-Match"))
        return Response(status=304)

    httpserver.clear()
    httpserver.expect_request("/list").respond_with_handler(answer)
    result = one(remote, tmp_path, client, NOW + 5 * HOUR)
    assert asked == ['"v1"']
    assert (result.status, result.as_of, result.entries) == ("unchanged", NOW + 5 * HOUR, 2)
    assert one(remote, tmp_path, client, NOW + 5.5 * HOUR).status == "not_due"


def test_not_modified_does_not_make_a_dated_list_younger(
    httpserver: HTTPServer, client: httpx.Client, tmp_path: Path
) -> None:
    remote = feed(url=serve(httpserver, b"# As of: 2026-11-20\n" + LIST, ETag='"v1"'))
    one(remote, tmp_path, client)
    serve(httpserver, b"", 304)
    assert one(remote, tmp_path, client, NOW + 5 * HOUR).as_of == datetime(2026, 11, 20, tzinfo=UTC)


def test_a_snapshot_made_another_way_is_not_confirmed_but_fetched(
    httpserver: HTTPServer, client: httpx.Client, tmp_path: Path
) -> None:
    remote = feed(url=serve(httpserver, LIST, ETag='"v1"'))
    one(remote, tmp_path, client)
    stored = snapshot.load(tmp_path, "sample")
    assert stored is not None
    snapshot.rewrite_header(tmp_path, replace(stored.header, recipe="of an older version"))
    assert one(remote, tmp_path, client).status == "updated"
    assert "If-None-Match" not in httpserver.log[-1][0].headers


AGES = [
    (
        "by the list itself",
        b"# Last Update: 2026-11-21T00:00:00Z\n",
        "Sun, 22 Nov 2026 08:00:00 GMT",
        "2026-11-21T00:00",
    ),
    ("by the server", b"", "Sun, 22 Nov 2026 08:00:00 GMT", "2026-11-22T08:00"),
    ("by nothing but the moment", b"", "", "2026-11-23T12:00"),
    ("a list from the future", b"# Last Update: 2030-01-01T00:00:00Z\n", "", "2026-11-23T12:00"),
    ("a date that is none", b"", "yesterday", "2026-11-23T12:00"),
]


@pytest.mark.parametrize(("head", "modified", "as_of"), [row[1:] for row in AGES], ids=[row[0] for row in AGES])
def test_age(
    httpserver: HTTPServer, client: httpx.Client, tmp_path: Path, head: bytes, modified: str, as_of: str
) -> None:
    headers = {"Last_Modified": modified} if modified else {}
    result = one(feed(url=serve(httpserver, head + LIST, **headers)), tmp_path, client)
    assert result.as_of == datetime.fromisoformat(as_of).replace(tzinfo=UTC)


BAD = [
    (
        "html",
        {"body": b"<html>Sign in", "Content_Type": "text/html"},
        "sends `text/html`, which is not a list",
    ),
    ("html in disguise", {"body": b"<!doctype html>"}, "it is a web page, not a list"),
    ("empty", {"body": b""}, "it is empty"),
    ("server error", {"body": b"", "status": 503}, "the server answers 503 service unavailable"),
    ("too few entries", {"body": b"mailinator.com\n"}, "only 1 entries are left, expected at least 2"),
    (
        "gzip bomb",
        {"body": gzip.compress(b"0" * 9_000_000), "Content_Encoding": "gzip"},
        "unpacks to more than 1000000",
    ),
    ("gzip bomb in a file", {"body": gzip.compress(b"0" * 9_000_000)}, "unpacks to more than 1000000"),
    ("prose", {"body": b"We are down for maintenance.\n"}, "1 of its 1 entries make no sense"),
]


@pytest.mark.parametrize(("answer", "words"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_a_bad_answer_leaves_the_last_good_list(
    httpserver: HTTPServer, client: httpx.Client, tmp_path: Path, answer: dict[str, object], words: str
) -> None:
    remote = feed(url=serve(httpserver, LIST), minimum=2, max_bytes=1_000_000)
    one(remote, tmp_path, client)
    serve(httpserver, **answer)  # type: ignore[arg-type]
    result = one(remote, tmp_path, client, NOW + 2 * HOUR)
    assert result.status == "failed"
    assert words in result.reason
    assert result.reason.endswith("; the list of 2026-11-23 stays in place")
    assert (result.entries, result.as_of) == (2, NOW)
    assert listed(tmp_path, "mailinator.com") == "mailinator.com"


def test_a_bad_first_answer_leaves_nothing(httpserver: HTTPServer, client: httpx.Client, tmp_path: Path) -> None:
    result = one(feed(url=serve(httpserver, b"")), tmp_path, client)
    assert (result.status, result.reason, result.as_of) == ("failed", "it is empty", None)
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_is_gone(client: httpx.Client, tmp_path: Path) -> None:
    result = one(feed(url="http://127.0.0.1:1/list"), tmp_path, client)
    assert result.status == "failed"
    assert "the server cannot be reached" in result.reason


def test_a_damaged_snapshot_is_repaired_though_it_is_not_due(
    httpserver: HTTPServer, client: httpx.Client, tmp_path: Path
) -> None:
    remote = feed(url=serve(httpserver, LIST, ETag='"v1"'))
    one(remote, tmp_path, client)
    path = snapshot.path_of(tmp_path, "sample")
    path.write_bytes(path.read_bytes()[:-1])
    assert one(remote, tmp_path, client).status == "updated"
    assert listed(tmp_path, "trash.example") == "trash.example"


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    source = tmp_path / "list.txt"
    source.write_bytes(LIST)
    result = one(feed(url=str(source)), tmp_path / "file" / "feeds")
    assert result.status == "failed"
    assert "not a directory" in result.reason


def test_a_file_is_read_again_at_every_update(tmp_path: Path) -> None:
    source = tmp_path / "list.txt"
    local = feed(url=str(source))
    missing = one(local, tmp_path / "feeds")
    assert (missing.status, "no such file" in missing.reason) == ("failed", True)
    source.write_bytes(LIST)
    assert one(local, tmp_path / "feeds").status == "updated"
    assert one(local, tmp_path / "feeds").status == "unchanged"
    source.write_bytes(LIST + b"more.example\n")
    assert one(local, tmp_path / "feeds").entries == 3
    source.write_bytes(gzip.compress(LIST))
    assert one(local, tmp_path / "feeds").entries == 2
    source.unlink()
    assert one(local, tmp_path / "feeds").status == "failed"
    assert listed(tmp_path / "feeds", "mailinator.com") == "mailinator.com"


def test_offline_reads_what_needs_no_network(tmp_path: Path) -> None:
    source = tmp_path / "list.txt"
    source.write_bytes(LIST)
    feeds = [
        feed(name="web", url="https://lists.example/list"),
        feed(name="path", url=str(source)),
        feed(name="file", url=f"file://{source}"),
        feed(name="package", url="package:disposable_email_domains", max_age=NEVER),
        feed(name="shipped", url="shipped:lists/mail_provider.txt", purpose="mail_provider"),
        feed(name="off", url=str(source), enabled=False),
    ]
    results = update(feeds, tmp_path / "feeds", now=NOW, offline=True)
    assert [(result.feed.name, result.status, result.reason) for result in results] == [
        ("web", "skipped", "needs the network"),
        ("path", "updated", ""),
        ("file", "updated", ""),
        ("package", "updated", ""),
        ("shipped", "updated", ""),
        ("off", "skipped", "disabled in the catalogue"),
    ]


def test_protected_domains_are_left_out_whatever_the_order(tmp_path: Path) -> None:
    (tmp_path / "guard.txt").write_bytes(b"gmail.com\n")
    (tmp_path / "alias.txt").write_bytes(b"duck.com\n")
    (tmp_path / "list.txt").write_bytes(LIST + b"gmail.com\nduck.com\n")
    feeds = [
        feed(url=str(tmp_path / "list.txt")),
        feed(name="guard", url=str(tmp_path / "guard.txt"), purpose="protected_domain"),
        feed(name="alias", url=str(tmp_path / "alias.txt"), purpose="mail_forwarder"),
    ]
    results = update(feeds, tmp_path / "feeds", now=NOW)
    assert [result.feed.name for result in results] == ["sample", "guard", "alias"]
    assert results[0].dropped == {"protected": 2}
    assert listed(tmp_path / "feeds", "gmail.com") is None
    (tmp_path / "guard.txt").write_bytes(b"gmail.com\ntrash.example\n")
    assert update(feeds, tmp_path / "feeds", now=NOW)[0].dropped == {"protected": 3}


def test_bogons_of_a_firewall_list_are_never_listed(tmp_path: Path) -> None:
    source = tmp_path / "level1.netset"
    source.write_bytes(b"# Entries : 4 subnets, 50331904 unique IPs\n10.0.0.0/8\n127.0.0.0/8\n0.0.0.0/8\n8.8.8.0/24\n")
    result = one(feed(url=str(source), purpose="blocklist", kind="netset"), tmp_path / "feeds")
    assert (result.entries, result.dropped) == (1, {"special-purpose": 3})
    stored = snapshot.load(tmp_path / "feeds", "sample")
    assert stored is not None
    assert stored.entries.find(ip_address("10.1.2.3")) is None
    assert stored.entries.find(ip_address("8.8.8.8")) == "8.8.8.0/24"


def test_without_a_client_one_is_made(httpserver: HTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")
    (result,) = update([feed(url=serve(httpserver, LIST))], tmp_path, now=NOW)
    assert result.status == "updated"
    assert httpserver.log[0][0].headers["User-Agent"].startswith("kycrisk/")


def test_progress_tells_bytes_and_results(httpserver: HTTPServer, client: httpx.Client, tmp_path: Path) -> None:
    steps: list[Progress] = []
    feeds = [feed(url=serve(httpserver, LIST)), feed(name="off", enabled=False)]
    update(feeds, tmp_path, now=NOW, client=client, on_progress=steps.append)
    told = [
        (
            step.feed.name,
            step.number,
            step.of,
            step.received,
            step.expected,
            step.result and step.result.status,
        )
        for step in steps
    ]
    assert told == [
        ("sample", 1, 2, 0, None, None),
        ("sample", 1, 2, 29, 29, None),
        ("sample", 1, 2, 29, None, "updated"),
        ("off", 2, 2, 0, None, None),
        ("off", 2, 2, 0, None, "skipped"),
    ]
