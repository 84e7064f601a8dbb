"""Lists that need no network."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import disposable_email_domains
import pytest

from kycrisk.feeds import sources
from kycrisk.feeds.failure import FeedFailure
from kycrisk.feeds.sources import read_local, url_problem, version_of

LIMIT = 1_000_000


def test_an_installed_package() -> None:
    local = read_local("package:disposable_email_domains", max_bytes=LIMIT)
    assert set(local.body.decode().split("\n")) == disposable_email_domains.blocklist


def test_a_shipped_list() -> None:
    assert b"\ngmail.com\n" in read_local("shipped:lists/mail_provider.txt", max_bytes=LIMIT).body


@pytest.mark.parametrize("form", ["{path}", "file://{path}", "file://localhost{path}"], ids=["path", "file", "host"])
def test_a_file(tmp_path: Path, form: str) -> None:
    path = tmp_path / "a list.txt"
    path.write_bytes(b"mailinator.com\n")
    os.utime(path, (1_795_000_000, 1_795_000_000))
    url = form.format(path=str(path).replace(" ", "%20") if form.startswith("file") else path)
    local = read_local(url, max_bytes=LIMIT)
    assert local.body == b"mailinator.com\n"
    assert local.modified_at == datetime.fromtimestamp(1_795_000_000, UTC)


def test_a_date_that_build_tools_write_says_nothing(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.touch()
    os.utime(path, (315_532_800, 315_532_800))  # 1980-01-01
    assert read_local(str(path), max_bytes=LIMIT).modified_at is None


def test_what_is_no_list(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(b"x" * 11)
    for name, words in (
        ("none", "cannot be read: no such file"),
        ("pipe", "is not a file"),
        ("large", "is larger"),
    ):
        with pytest.raises(FeedFailure, match=words):
            read_local(str(tmp_path / name), max_bytes=10)
    with pytest.raises(FeedFailure, match="is not a file"):
        read_local(str(tmp_path), max_bytes=10)


def test_a_package_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sources.PACKAGES, "no_such_module", ("no-such-package", "blocklist"))
    for ask in (
        lambda: read_local("package:no_such_module", max_bytes=9),
        lambda: version_of("package:no_such_module"),
    ):
        with pytest.raises(FeedFailure, match="the package `no-such-package` is not installed"):
            ask()


def test_a_package_without_its_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disposable_email_domains, "blocklist", ["mailinator.com", 7])
    with pytest.raises(FeedFailure, match="has no set of names `blocklist`"):
        read_local("package:disposable_email_domains", max_bytes=9)


def test_versions_of_built_in_lists_hold_still() -> None:
    for url in ("package:disposable_email_domains", "shipped:lists/mail_provider.txt"):
        assert version_of(url) == version_of(url) != ""


URLS = [
    ("https", "https://lists.example/a.txt", ""),
    ("path", "lists/a.txt", ""),
    ("file", "file:///srv/a.txt", ""),
    ("file on another machine", "file://server/a.txt", "does not name a file on this machine"),
    ("no host", "https:///a.txt", "names no host"),
    ("ftp", "ftp://lists.example/a.txt", "`ftp` is not a way to fetch lists"),
    ("unknown package", "package:os", "`os` is not a package that carries a list"),
    ("shipped outside", "shipped:../rules/x", "is not a path inside the shipped data"),
    ("blank", " ", "it is empty"),
]


@pytest.mark.parametrize(("url", "words"), [row[1:] for row in URLS], ids=[row[0] for row in URLS])
def test_urls(url: str, words: str) -> None:
    problem = url_problem(url)
    assert words in problem if words else problem == ""
