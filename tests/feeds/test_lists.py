"""The view that checks use: fresh, stale, missing, and what may be said then."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from kycrisk.feeds import snapshot
from kycrisk.feeds.catalogue import NEVER, Feed
from kycrisk.feeds.lists import Lists
from kycrisk.feeds.update import update
from kycrisk.signals import Origin, Unknown, Why
from tests.feeds.making import NOW, feed

DAY = timedelta(days=1)


def make(folder: Path, name: str, body: str, **settings: Any) -> Feed:
    """A feed whose list is compiled under `folder`."""
    source = folder / f"{name}.txt"
    source.write_text(body)
    made = feed(name=name, url=str(source), **settings)
    assert update([made], folder, now=NOW)[0].status == "updated"
    return made


def test_a_fresh_list_answers(tmp_path: Path) -> None:
    disposable = feed(name="trash", url=str(tmp_path / "trash.txt"))
    (tmp_path / "trash.txt").write_text("# As of: 2026-11-22\ntrash.example\n")
    update([disposable], tmp_path, now=NOW)
    lists = Lists.open([disposable], tmp_path, NOW)
    (active,) = lists.fresh("disposable_domain")
    assert active.find("a.trash.example") == "trash.example"
    assert active.find("gmail.com") is None
    assert (active.feed, active.size, active.as_of) == (disposable, 1, datetime(2026, 11, 22, tzinfo=UTC))
    assert active.snapshot == f"trash@sha256:{active.sha256}"
    assert active.sha256 == hashlib.sha256(b"# As of: 2026-11-22\ntrash.example\n").hexdigest()
    assert lists.unknown("disposable_domain") is None
    assert lists.missing("disposable_domain") == ()
    assert lists.origin("disposable_domain") == Origin("trash", active.as_of, (active.snapshot,))
    assert lists.good_until == datetime(2026, 11, 24, tzinfo=UTC)


def test_a_list_goes_stale_after_its_maximum_age(tmp_path: Path) -> None:
    tor = make(tmp_path, "tor-bulk", "# As of: 2026-11-14\n192.0.2.1\n", purpose="tor_exit", kind="networks")
    lists = Lists.open([tor], tmp_path, NOW)
    assert lists.fresh("tor_exit") == ()
    assert lists.unknown("tor_exit") == Unknown(Why.STALE_LIST, "`tor-bulk` is 9d old, at most 2d")
    (missing,) = lists.missing("tor_exit")
    assert missing.as_of == datetime(2026, 11, 14, tzinfo=UTC)
    assert lists.origin("tor_exit") == Origin("tor-bulk")
    assert lists.good_until == datetime.max.replace(tzinfo=UTC)


def test_the_last_moment_of_freshness(tmp_path: Path) -> None:
    tor = make(tmp_path, "tor", "# As of: 2026-11-23\n192.0.2.1\n", purpose="tor_exit", kind="networks")
    end = datetime(2026, 11, 25, tzinfo=UTC)
    assert Lists.open([tor], tmp_path, end).unknown("tor_exit") is None
    later = Lists.open([tor], tmp_path, end + timedelta(seconds=1))
    assert later.unknown("tor_exit") == Unknown(Why.STALE_LIST, "`tor` is 2d old, at most 2d")


def test_never_fetched(tmp_path: Path) -> None:
    lists = Lists.open([feed(name="web", url="https://lists.example/")], tmp_path, NOW)
    detail = "`web` was never fetched; run `kycrisk feeds update web`"
    assert lists.unknown("disposable_domain") == Unknown(Why.NOT_CONFIGURED, detail)
    assert lists.origin("disposable_domain") == Origin("web")


def test_no_feed_is_enabled(tmp_path: Path) -> None:
    lists = Lists.open([feed(enabled=False)], tmp_path, NOW)
    assert lists.unknown("tor_exit") == Unknown(Why.NOT_CONFIGURED, "no feed for `tor_exit` is enabled")
    assert lists.missing("disposable_domain") == ()
    assert lists.origin("tor_exit") == Origin("tor_exit")


def test_a_damaged_snapshot_is_missing_with_its_reason(tmp_path: Path) -> None:
    made = make(tmp_path, "trash", "trash.example\n")
    path = snapshot.path_of(tmp_path, "trash")
    path.write_bytes(path.read_bytes()[:-2] + b"!!")
    unknown = Lists.open([made], tmp_path, NOW).unknown("disposable_domain")
    assert unknown == Unknown(
        Why.MALFORMED_ANSWER,
        "the snapshot of `trash` is damaged: its checksum does not fit; run `kycrisk feeds update trash`",
    )


def test_a_feed_that_changed_its_purpose_is_to_be_fetched_again(tmp_path: Path) -> None:
    make(tmp_path, "trash", "trash.example\n")
    changed = feed(name="trash", url=str(tmp_path / "trash.txt"), purpose="mail_provider")
    unknown = Lists.open([changed], tmp_path, NOW).unknown("mail_provider")
    assert unknown is not None
    assert "was fetched as `disposable_domain` and is now `mail_provider`" in unknown.detail


def test_one_missing_list_of_two_is_a_gap(tmp_path: Path) -> None:
    here = make(tmp_path, "here", "trash.example\n")
    away = feed(name="away", url="https://lists.example/", trust="corroborating", lineage="other")
    lists = Lists.open([here, away], tmp_path, NOW)
    assert [one.feed.name for one in lists.fresh("disposable_domain")] == ["here"]
    unknown = lists.unknown("disposable_domain")
    assert unknown is not None
    assert unknown.why is Why.NOT_CONFIGURED
    assert lists.unknown("disposable_domain", "trusted") is None
    assert lists.unknown("disposable_domain", "corroborating") == unknown
    assert lists.fresh("disposable_domain", "corroborating") == ()
    assert lists.unknown("tor_exit", "trusted") == Unknown(
        Why.NOT_CONFIGURED, "no trusted feed for `tor_exit` is enabled"
    )


COPIES = [("the original is fresh", "here", "away", "here"), ("the copy is fresh", "here", "away", "away")]


@pytest.mark.parametrize(("fresh", "absent", "original"), [row[1:] for row in COPIES], ids=[row[0] for row in COPIES])
def test_a_missing_list_is_no_gap_while_its_copy_is_fresh(
    tmp_path: Path, fresh: str, absent: str, original: str
) -> None:
    copy = {"here": "away", "away": "here"}
    here = make(tmp_path, fresh, "trash.example\n", copy_of="" if original == fresh else copy[fresh])
    away = feed(name=absent, url="https://lists.example/", copy_of="" if original == absent else copy[absent])
    lists = Lists.open([here, away], tmp_path, NOW)
    assert lists.unknown("disposable_domain") is None
    assert [one.feed.name for one in lists.missing("disposable_domain")] == ["away"]


def test_several_gaps_are_named_together(tmp_path: Path) -> None:
    old = make(tmp_path, "old", "# As of: 2026-11-14\na.example\n")
    feeds = [feed(name="web", url="https://lists.example/"), feed(name="net", url="https://lists.example/"), old]
    assert Lists.open(feeds, tmp_path, NOW).unknown("disposable_domain") == Unknown(
        Why.NOT_CONFIGURED,
        "`web` was never fetched; `net` was never fetched; `old` is 9d old, at most 2d; run `kycrisk feeds update`",
    )


def test_facts_are_as_old_as_the_oldest_list(tmp_path: Path) -> None:
    first = make(tmp_path, "first", "# As of: 2026-11-22\na.example\n")
    second = make(tmp_path, "second", "# As of: 2026-11-23\nb.example\n", max_age=10 * DAY)
    lists = Lists.open([first, second], tmp_path, NOW)
    origin = lists.origin("disposable_domain")
    assert (origin.source, origin.as_of) == ("first, second", datetime(2026, 11, 22, tzinfo=UTC))
    assert [name.partition("@")[0] for name in origin.snapshots] == ["first", "second"]
    assert lists.good_until == datetime(2026, 11, 24, tzinfo=UTC)


def test_lists_that_are_installed_answer_without_an_update(tmp_path: Path) -> None:
    package = feed(name="package", url="package:disposable_email_domains", max_age=NEVER)
    providers = feed(name="providers", url="shipped:lists/mail_provider.txt", purpose="mail_provider", max_age=NEVER)
    lists = Lists.open([package, providers], tmp_path / "none", NOW)
    assert lists.fresh("disposable_domain")[0].find("x.mailinator.com") == "mailinator.com"
    assert lists.fresh("mail_provider")[0].find("gmail.com") == "gmail.com"
    assert lists.good_until == datetime.max.replace(tzinfo=UTC)
    update([package, providers], tmp_path, now=NOW, offline=True)
    again = Lists.open([package, providers], tmp_path, NOW)
    assert again.fresh("disposable_domain")[0].snapshot == lists.fresh("disposable_domain")[0].snapshot


def test_a_shipped_list_that_is_not_there(tmp_path: Path) -> None:
    lists = Lists.open([feed(url="shipped:lists/none.txt")], tmp_path, NOW)
    unknown = lists.unknown("disposable_domain")
    assert unknown is not None
    assert unknown.why is Why.NOT_CONFIGURED
    assert "no such file" in unknown.detail


def test_protection_that_came_after_a_list_was_compiled_holds(tmp_path: Path) -> None:
    made = make(tmp_path, "trash", "gmail.com\ntrash.example\n")
    assert Lists.open([made], tmp_path, NOW).fresh("disposable_domain")[0].find("gmail.com")
    (tmp_path / "guard.txt").write_text("gmail.com\n")
    guard = feed(name="guard", url=str(tmp_path / "guard.txt"), purpose="protected_domain")
    update([guard], tmp_path, now=NOW)
    lists = Lists.open([made, guard], tmp_path, NOW + DAY)
    assert lists.fresh("disposable_domain")[0].find("gmail.com") is None
    assert lists.fresh("disposable_domain")[0].find("trash.example") == "trash.example"


def test_an_age_that_never_ends(tmp_path: Path) -> None:
    made = make(tmp_path, "old", "# As of: 2001-01-01\na.example\n", max_age=timedelta(days=3_000_000))
    assert Lists.open([made], tmp_path, NOW).good_until == datetime.max.replace(tzinfo=UTC)


def test_lists_from_memory() -> None:
    lists = Lists.of(
        {
            "tor_exit": ["192.0.2.1", "2001:db8::1"],
            "disposable_domain": ["Trash.example", "gmail.com"],
            "protected_domain": ["Gmail.com"],
            feed(name="other", lineage="other", trust="corroborating"): ["trash.example"],
            "vpn": [],
        },
        missing={"drop": Unknown(Why.STALE_LIST, "old")},
    )
    assert lists.fresh("tor_exit")[0].find(ip_address("2001:db8::1")) == "2001:db8::1"
    assert [one.find("x.trash.example") for one in lists.fresh("disposable_domain")] == ["trash.example"] * 2
    assert lists.fresh("disposable_domain")[0].find("gmail.com") is None
    assert lists.unknown("vpn") is None
    assert lists.unknown("drop") == Unknown(Why.STALE_LIST, "old")
    assert lists.unknown("relay") == Unknown(Why.NOT_CONFIGURED, "no feed for `relay` is enabled")


def test_nonsense_from_memory_is_refused() -> None:
    with pytest.raises(ValueError, match="1 entries given for `tor-exit` make no sense"):
        Lists.of({"tor_exit": ["hello"]})


def test_a_purpose_that_does_not_exist_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(KeyError):
        Lists.of({}).fresh("tor_exits")
