"""New versions that look like accidents: held, released, refused; the last good one stays active meanwhile."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from copy import copy
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from kycrisk.feeds import snapshot
from kycrisk.feeds.catalogue import Feed
from kycrisk.feeds.lists import Lists
from kycrisk.feeds.match import AnySet
from kycrisk.feeds.quarantine.gate import NothingHeld, Quarantine, decide, held_version, left_out
from kycrisk.feeds.quarantine.judge import Site
from kycrisk.feeds.quarantine.lasting import lasting
from kycrisk.feeds.quarantine.reasons import Flip, Flips, Reason
from kycrisk.feeds.quarantine.record import quarantine_folder, read_record
from kycrisk.feeds.update import UpdateResult, update
from tests.feeds.making import NOW, feed

DAY = timedelta(days=1)
NAMES = [f"trash-{number}.example" for number in range(1000)]
NETWORKS = [f"11.{number // 250}.{number % 250}.0/28" for number in range(1000)]


class ListSite:
    """A list in a file, that is written and brought up to date day by day."""

    def __init__(self, folder: Path, quarantine: Quarantine | None = None, **settings: object) -> None:
        self.file, self.folder = folder / "list.txt", folder / "lists"
        self.feed: Feed = feed(url=str(self.file), **settings)
        self.guard = feed(name="guard", url="shipped:lists/protected_domain.txt", purpose="protected_domain")
        self.quarantine = quarantine or Quarantine()
        self.now: datetime = NOW

    def comes(self, names: list[str], days: float = 1.0) -> UpdateResult:
        """The next version."""
        self.now += DAY * days
        self.file.write_text("\n".join(names) + "\n")
        moment = self.now.timestamp()
        os.utime(self.file, (moment, moment))
        return update([self.guard, self.feed], self.folder, now=self.now, quarantine=self.quarantine)[1]

    def kinds(self) -> list[str]:
        held = held_version(self.feed, self.folder)
        return [reason.kind for reason in held.reasons] if held else []

    def active(self) -> int:
        stored = snapshot.load(self.folder, self.feed.name)
        return len(stored.entries) if stored else 0

    def decide(self, *, release: bool, sha256: str = "") -> None:
        decide(self.feed, self.folder, release=release, by="kim", why="looked", now=self.now, sha256=sha256)


@pytest.fixture
def site(tmp_path: Path) -> ListSite:
    return ListSite(tmp_path)


DOMAIN_VERSIONS = [
    ("a few more", [*NAMES, "new.example", "newer.example"], []),
    ("a few less", NAMES[:-3], []),
    ("the same in another order", NAMES[::-1], []),
    ("cut off in the middle", NAMES[:500], ["removed"]),
    ("nearly all is gone", NAMES[:3], ["removed"]),
    ("another list instead", [f"shop-{number}.example" for number in range(1000)], ["added", "removed"]),
    ("another list merged into it", [*NAMES, *(f"shop-{number}.example" for number in range(3000))], ["added"]),
    ("one very popular domain", [*NAMES, "gmail.com"], ["popular"]),
    ("one that is popular in one country", [*NAMES, "seznam.cz"], ["popular"]),
    ("what is above a popular domain", [*NAMES, "co.jp"], ["suffix"]),
    ("one protected domain", [*NAMES, "hey.com"], []),
    ("several protected domains", [*NAMES, "hey.com", "i.ua"], ["protected"]),
    ("a suffix of a registry", [*NAMES, "co.uk"], ["suffix"]),
    ("a top-level domain", [*NAMES, "com"], ["suffix"]),
    ("a suffix of a provider", [*NAMES, "duckdns.org"], []),
    ("names that only look alike", [*NAMES, "gmail.com.example", "notgmail.example"], []),
]


@pytest.mark.parametrize(
    ("names", "kinds"), [row[1:] for row in DOMAIN_VERSIONS], ids=[row[0] for row in DOMAIN_VERSIONS]
)
def test_the_second_version_of_a_list_of_domains(site: ListSite, names: list[str], kinds: list[str]) -> None:
    assert site.comes(NAMES).status == "updated"
    result = site.comes(names)
    assert (result.status, site.kinds()) == ("held" if kinds else "updated", kinds)
    assert site.active() == (1000 if kinds else len(set(names) - {"hey.com", "duckdns.org"}))


NETWORK_VERSIONS = [
    ("one more", [*NETWORKS, "12.0.0.0/24"], []),
    (
        "half of it is new",
        [*NETWORKS[:500], *(f"12.0.{number // 8}.{number % 8 * 32}/28" for number in range(500))],
        [],
    ),
    ("cut off in the middle", NETWORKS[:400], ["shrunk"]),
    ("everything", [*NETWORKS, "0.0.0.0/0"], ["wide"]),
    ("wider than any list has a reason to", [*NETWORKS, "0.0.0.0/7"], ["wide"]),
    ("a private block", [*NETWORKS, "10.0.0.0/8"], ["wide"]),
    ("a private address that strayed in", [*NETWORKS, "10.1.2.3"], []),
    ("a /9 beside small networks", [*NETWORKS, "14.0.0.0/9"], ["wide"]),
    ("a /9 with a large part of a cloud in it", [*NETWORKS, "13.0.0.0/9"], ["wide", "popular"]),
    ("a public resolver", [*NETWORKS, "8.8.8.8"], ["popular"]),
    ("a network with a public resolver in it", [*NETWORKS, "2606:4700:4700::/48"], ["popular"]),
    ("a root name server", [*NETWORKS, "192.36.148.0/24"], ["popular"]),
    ("a cloud's network in two halves", [*NETWORKS, "140.82.112.0/21", "140.82.120.0/21"], ["popular"]),
    ("addresses within a cloud", [*NETWORKS, "140.82.112.7", "104.16.3.0/24", "2606:4700:1::/48"], []),
    ("many private networks, none of them a block", [*NETWORKS, *(f"10.{each}.0.0/24" for each in range(99))], []),
]


@pytest.mark.parametrize(
    ("networks", "kinds"), [row[1:] for row in NETWORK_VERSIONS], ids=[row[0] for row in NETWORK_VERSIONS]
)
def test_the_second_version_of_a_list_of_networks(tmp_path: Path, networks: list[str], kinds: list[str]) -> None:
    site = ListSite(tmp_path, purpose="blocklist", kind="networks")
    assert site.comes(NETWORKS).status == "updated"
    assert (site.comes(networks).status, site.kinds()) == ("held" if kinds else "updated", kinds)


FIRST_VERSIONS = [
    ("a clean list", NAMES, []),
    ("a dirty list", [*NAMES, "qq.com", "naver.com", "co.id"], []),
    (
        "a list of mailbox providers by mistake",
        [
            "gmail.com",
            "outlook.com",
            "yahoo.com",
            "gmx.de",
            "web.de",
            "mail.ru",
            "qq.com",
            "aol.com",
            "wp.pl",
            *NAMES[1:],
            "free.fr",
        ],
        ["popular"],
    ),
    ("one of the site's own domains", [*NAMES, "shop.example"], ["own"]),
    ("what is above one of the site's own domains", [*NAMES, "own.example"], ["own"]),
]


@pytest.mark.parametrize(
    ("names", "kinds"), [row[1:] for row in FIRST_VERSIONS], ids=[row[0] for row in FIRST_VERSIONS]
)
def test_the_first_version(tmp_path: Path, names: list[str], kinds: list[str]) -> None:
    site = ListSite(tmp_path, Quarantine(site=Site(own=("shop.example", "mail.own.example", "203.0.113.0/24"))))
    result = site.comes(names)
    assert (result.status, site.kinds()) == ("held" if kinds else "updated", kinds)
    assert (result.as_of is None) == bool(kinds)
    lists = Lists.open([site.feed], site.folder, site.now)
    assert bool(lists.missing("disposable_domain")) == bool(kinds)


def test_own_networks(tmp_path: Path) -> None:
    site = ListSite(tmp_path, Quarantine(site=Site(own=("9.9.0.0/16",))), purpose="blocklist", kind="networks")
    assert site.comes([*NETWORKS, "9.8.0.0/24"]).status == "updated"
    assert (site.comes([*NETWORKS, "9.9.7.7"]).status, site.kinds()) == ("held", ["own"])
    assert (site.comes([*NETWORKS, "9.0.0.0/8"]).status, site.kinds()[0]) == ("held", "own")


def test_what_is_held_is_not_active_and_says_why(site: ListSite) -> None:
    site.comes(NAMES)
    result = site.comes(NAMES[:100])
    assert result.reason == (
        "it removes 900 of 1,000 entries; up to 252 are believed as nothing is known of earlier changes; "
        "the list of 2026-11-24 stays in place"
    )
    assert (result.entries, result.as_of) == (1000, NOW + DAY)
    held = held_version(site.feed, site.folder)
    assert held is not None
    assert (held.entries, held.added, held.removed, held.flips, held.since) == (100, 0, 900, None, NOW + 2 * DAY)
    assert held.removed_examples[:2] == ("trash-100.example", "trash-101.example")
    assert len(held.removed_examples) == 10
    lists = Lists.open([site.feed], site.folder, site.now)
    assert lists.fresh("disposable_domain")[0].size == 1000


def test_a_released_version_is_active_and_its_level_is_accepted(site: ListSite) -> None:
    site.comes(NAMES)
    site.comes(NAMES[:100])
    site.decide(release=True)
    assert (site.active(), site.kinds()) == (100, [])
    assert site.comes([*NAMES[:100], "new.example"]).status == "updated"
    [verdict] = read_record(site.folder, "sample").verdicts
    assert (verdict.released, verdict.by, verdict.why, verdict.at) == (True, "kim", "looked", NOW + 2 * DAY)


def test_a_refused_version_is_not_offered_again_and_the_next_is_judged_anew(site: ListSite) -> None:
    site.comes(NAMES)
    site.comes(NAMES[:100])
    site.decide(release=False)
    again = site.comes(NAMES[:100])
    assert (again.status, again.reason, site.kinds(), site.active()) == (
        "refused",
        "kim refused this version on 2026-11-25; the list of 2026-11-24 stays in place",
        [],
        1000,
    )
    assert (site.comes(NAMES[:101]).status, site.kinds(), site.active()) == ("held", ["removed"], 1000)
    assert (site.comes([*NAMES, "new.example"]).status, site.kinds(), site.active()) == ("updated", [], 1001)


def test_a_newer_version_takes_the_place_of_the_one_that_waits(site: ListSite) -> None:
    site.comes(NAMES)
    site.comes(NAMES[:100])
    assert site.comes(NAMES[:100]).status == "held"
    site.comes(NAMES[:90])
    held = held_version(site.feed, site.folder)
    assert held is not None
    assert (held.entries, held.since) == (90, NOW + 2 * DAY)
    with pytest.raises(NothingHeld, match="is not held any more"):
        site.decide(release=True, sha256="0" * 64)
    assert site.active() == 1000
    site.decide(release=True, sha256=held.sha256[:8])
    assert site.active() == 90


def test_a_good_version_ends_the_wait(site: ListSite) -> None:
    site.comes(NAMES)
    site.comes(NAMES[:100])
    assert site.comes([*NAMES, "new.example"]).status == "updated"
    assert site.kinds() == []
    with pytest.raises(NothingHeld, match="nothing of `sample` is held"):
        site.decide(release=True)


def test_a_revert_to_an_earlier_version_is_fine(site: ListSite) -> None:
    site.comes(NAMES)
    site.comes(NAMES[:100])
    site.decide(release=True)
    assert (site.comes(NAMES).status, site.active()) == ("updated", 1000)


def test_a_list_is_judged_by_its_own_past(tmp_path: Path) -> None:
    """What is much for a list that hardly changes is nothing for one that changes by a third each day."""
    calm, lively = ListSite(tmp_path / "calm"), ListSite(tmp_path / "lively")
    for each, step in ((calm, 2), (lively, 250)):
        each.file.parent.mkdir()
        for day in range(40):
            names = [f"trash-{number + day * step}.example" for number in range(1000)]
            if each.comes(names).status == "held":
                each.decide(release=True)
    many = [f"trash-{number + 39 * step + 200}.example" for number in range(1000)]
    assert lively.comes([*many[:-250], *(f"other-{number}.example" for number in range(250))]).status == "updated"
    calm_names = [f"trash-{number + 39 * 2}.example" for number in range(1000)]
    assert (calm.comes(calm_names[:800]).status, calm.kinds()) == ("held", ["removed"])


def test_what_was_named_before_is_no_news(site: ListSite) -> None:
    site.comes([*NAMES, "gmail.com"])
    assert site.comes([*NAMES, "gmail.com", "new.example"]).status == "updated"
    assert site.comes([*NAMES, "new.example"]).status == "updated"
    assert (site.comes([*NAMES, "gmail.com"]).status, site.kinds()) == ("updated", [])  # the same bytes as once
    assert (site.comes([*NAMES, "gmail.com", "outlook.com"]).status, site.kinds()) == ("held", ["popular"])


def test_a_list_from_elsewhere_has_no_past(site: ListSite, tmp_path: Path) -> None:
    site.comes(NAMES)
    site.feed = replace(site.feed, url=str(tmp_path / "other.txt"))
    site.file = tmp_path / "other.txt"
    assert (site.comes(NAMES[:100]).status, site.active()) == ("updated", 100)


def test_a_list_that_is_dated_before_the_active_one(site: ListSite) -> None:
    site.comes(["# As of: 2026-11-20", *NAMES])
    assert (site.comes(["# As of: 2026-10-01", *NAMES[:999]]).status, site.kinds()) == ("held", ["older"])
    assert site.comes(["# As of: 2026-11-21", *NAMES[:998]]).status == "updated"


FLIPS = [
    ("nobody", Flips(accounts=1000, flips=0), []),
    ("as many as may", Flips(accounts=1000, flips=5), []),
    (
        "more than may",
        Flips(accounts=1000, flips=6, examples=(Flip(account="a-1", before="pass", after="verify"),)),
        ["flips"],
    ),
    ("not known", None, []),
]


@pytest.mark.parametrize(("flips", "kinds"), [row[1:] for row in FLIPS], ids=[row[0] for row in FLIPS])
def test_a_version_that_would_flip_customers(tmp_path: Path, flips: Flips | None, kinds: list[str]) -> None:
    asked: list[int] = []

    def judge(feed: Feed, entries: AnySet) -> Flips | None:
        asked.append(len(entries))
        return flips if len(entries) > 1000 else None

    site = ListSite(tmp_path, Quarantine(flips=judge))
    site.comes(NAMES)
    assert (site.comes([*NAMES, "new.example"]).status, site.kinds()) == ("held" if kinds else "updated", kinds)
    assert asked == [1000, 1001]
    held = held_version(site.feed, site.folder)
    assert (held.flips if held else None) == (flips if kinds else None)


def test_what_fails_to_be_logged_is_not_released(site: ListSite) -> None:
    site.comes(NAMES)
    site.comes(NAMES[:100])

    def keep(held: object) -> None:
        raise ConnectionError("no store")

    with pytest.raises(ConnectionError):
        decide(site.feed, site.folder, release=True, by="kim", why="looked", now=site.now, keep=keep)
    assert (site.active(), site.kinds()) == (1000, ["removed"])


def test_a_record_that_makes_no_sense_counts_as_none(site: ListSite) -> None:
    site.comes(NAMES)
    site.comes(NAMES[:100])
    path = quarantine_folder(site.folder) / "sample.json"
    for text in ("", "{}", "[]", '{"format": 1}', '{"format": 1, "steps": 3}', "\x00"):
        path.write_text(text)
        assert site.kinds() == []
    assert (site.comes(NAMES[:100]).status, site.active()) == ("held", 1000)
    assert json.loads(path.read_text())["held"]["entries"] == 100


def test_two_updaters_at_once_hold_it_once(site: ListSite) -> None:
    site.comes(NAMES)
    site.file.write_text("\n".join(NAMES[:100]))
    results: list[UpdateResult] = []

    def run() -> None:
        results.append(update([site.feed], site.folder, now=site.now + DAY)[0])

    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [result.status for result in results] == ["held"] * 6
    assert (site.active(), site.kinds()) == (1000, ["removed"])
    left = sorted(path.name for path in quarantine_folder(site.folder).iterdir() if path.name.startswith("sample"))
    assert left == ["sample.json", "sample.list", "sample.lock"]


KILLED = """
import os, sys
from datetime import datetime
from pathlib import Path
from kycrisk.feeds.catalogue import NEVER, Feed
from kycrisk.feeds.quarantine import gate
from datetime import timedelta
calls = int(sys.argv[3])
real = os.replace
def replace(*given):
    global calls
    if calls == 0:
        os._exit(9)
    calls -= 1
    real(*given)
os.replace = replace
feed = Feed(name="sample", title="Sample", purpose="disposable_domain", kind="domains", url=sys.argv[2],
            licence="CC0-1.0", lineage="sample", trust="trusted", refresh=timedelta(hours=1), max_age=timedelta(days=2))
gate.decide(feed, Path(sys.argv[1]), release=True, by="kim", why="looked", now=datetime.fromisoformat(sys.argv[4]))
"""


@pytest.mark.parametrize(
    ("renames", "active", "kinds"),
    [(0, 1000, ["removed"]), (1, 100, []), (2, 100, [])],
    ids=["before the list is in its place", "before it is forgotten", "not at all"],
)
def test_a_release_that_is_killed(site: ListSite, renames: int, active: int, kinds: list[str]) -> None:
    site.comes(NAMES)
    site.comes(NAMES[:100])
    command = [sys.executable, "-c", KILLED, site.folder, site.feed.url, str(renames), site.now.isoformat()]
    ended = subprocess.run(command, check=False).returncode
    assert ended == (9 if renames < 2 else 0)
    assert (site.active(), site.kinds()) == (active, kinds)
    if kinds:
        site.decide(release=True)
        assert site.active() == 100
    assert site.comes([*NAMES[:100], "new.example"]).status == "updated"
    assert read_record(site.folder, "sample").held is None


def _old(day: int, upto: int = 600) -> list[str]:
    """Addresses that are there for long; three of them go every day."""
    return [f"11.0.{number // 250}.{number % 250}" for number in range(3 * day, upto)]


def _young(day: int, count: int = 600) -> list[str]:
    """Addresses that are there for a day."""
    return [f"12.{day}.{number // 250}.{number % 250}" for number in range(count)]


RENEWALS = [
    ("as on every day", [*_old(40), *_young(40)], []),
    ("a few more of the old ones go", [*_old(40, 590), *_young(40)], []),
    ("all of the old ones go, and young ones stay instead", [*_young(39, 300), *_young(40, 800)], ["lasting"]),
    ("half of the old ones go", [*_old(40, 360), *_young(40, 850)], ["lasting"]),
    ("the old ones as a network", [*_young(39, 300), *_young(40, 800), "11.0.0.0/22"], []),
]


@pytest.fixture(scope="module")
def renewed(tmp_path_factory: pytest.TempPathFactory) -> ListSite:
    """A list of addresses of which the young half is renewed every day: its size says nothing."""
    site = ListSite(tmp_path_factory.mktemp("renewed"), purpose="blocklist", kind="networks")
    assert [site.comes([*_old(day), *_young(day)]).status for day in range(40)] == ["updated"] * 40
    return site


@pytest.mark.parametrize(("networks", "kinds"), [row[1:] for row in RENEWALS], ids=[row[0] for row in RENEWALS])
def test_entries_that_were_there_for_long(
    renewed: ListSite, tmp_path: Path, networks: list[str], kinds: list[str]
) -> None:
    site = copy(renewed)
    site.folder = tmp_path / "lists"
    shutil.copytree(renewed.folder, site.folder)
    assert (site.comes(networks).status, site.kinds()) == ("held" if kinds else "updated", kinds)
    assert all(len(reason.examples) == 10 for reason in held_reasons(site))


def held_reasons(site: ListSite) -> tuple[Reason, ...]:
    held = held_version(site.feed, site.folder)
    return held.reasons if held else ()


LASTING = [
    ("too few to tell", dict.fromkeys(_old(0, 29), 0), 100, None),
    ("none of them is old", dict.fromkeys(_old(0, 100), 71), 100, None),
    ("all are old, some are gone", dict.fromkeys(_old(0, 100), 70), 100, (100, 40)),
]


@pytest.mark.parametrize(("known", "today", "told"), [row[1:] for row in LASTING], ids=[row[0] for row in LASTING])
def test_what_became_of_old_entries(known: dict[str, int], today: int, told: tuple[int, int] | None) -> None:
    found = lasting(known, today, _old(0, 60).__contains__)
    assert (None if found is None else (found.there, found.gone)) == told


def test_what_a_version_is_taken_without(site: ListSite) -> None:
    assert site.comes([*NAMES, "i.ua"]).left_out == ()  # named from the beginning
    result = site.comes([*NAMES, "i.ua", "hey.com", "new.example"])
    assert (result.status, result.entries, result.left_out) == ("updated", 1001, ("hey.com",))
    assert site.comes([*NAMES, "i.ua", "hey.com"]).left_out == ()
    told = [(each.at, each.names) for each in left_out(site.feed, site.folder)]
    assert told == [(site.now - DAY, ("hey.com",))]
    stored = snapshot.load(site.folder, site.feed.name)
    assert stored is not None
    assert (stored.header.dropped, stored.header.shared) == ({"protected": 2}, ("i.ua", "hey.com"))
