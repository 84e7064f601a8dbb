"""Answers kept in memory, and across restarts."""

from __future__ import annotations

import json
import os
import stat
from datetime import timedelta

import pytest

from kycrisk.lookups.cache import CacheTerms, Kept, MemoryResults, TtlCache
from kycrisk.lookups.cache_file import SLACK, FileResults
from kycrisk.problems import Problems
from tests.lookups.http.making import NOW, Clock, run

LATER = NOW + timedelta(hours=1)


@pytest.mark.parametrize(
    ("ttl", "after", "kept"),
    [
        pytest.param(60, 59.9, True, id="within its time"),
        pytest.param(60, 60, False, id="its time is over"),
        pytest.param(1, 29, True, id="a short time is drawn out to the least"),
        pytest.param(1, 31, False, id="but not further"),
        pytest.param(10_000, 299, True, id="a long time"),
        pytest.param(10_000, 300, False, id="is cut to the most"),
    ],
)
def test_lifetimes_are_clamped(ttl, after, kept):
    clock = Clock()
    cache = TtlCache(clock, CacheTerms(least=30, most=300))
    cache.put("key", "value", ttl)
    clock.now += after
    assert (cache.get("key") == "value") is kept


def test_nothing_is_kept_for_no_time():
    cache = TtlCache(Clock())
    cache.put("key", "old", 10)
    cache.put("key", "new", 0)
    assert cache.get("key") is None


def test_the_longest_unused_entry_goes_first():
    cache = TtlCache(Clock(), CacheTerms(entries=2))
    cache.put("a", 1, 10)
    cache.put("b", 2, 10)
    cache.get("a")
    cache.put("c", 3, 10)
    assert [cache.get(key) for key in "abc"] == [1, None, 3]
    assert len(cache) == 2


@pytest.mark.parametrize("terms", [{"entries": 0}, {"least": 5, "most": 4}, {"least": -1}], ids=str)
def test_terms_that_cannot_be(terms):
    with pytest.raises(ValueError, match="a cache keeps"):
        CacheTerms(**terms)


def test_memory_is_bounded():
    async def work():
        results = MemoryResults(entries=2)
        for key in "abc":
            await results.put("space", key, Kept(key))
        return [await results.get("space", key) for key in "abc"]

    assert run(work()) == [None, Kept("b"), Kept("c")]


def opened(path):
    return FileResults.open(path, lambda: NOW)


def kept_in(path, *keys):
    results = opened(path)
    found = [run(results.get("space", key)) for key in keys]
    results.close()
    return found


def written(path, *entries):
    results = opened(path)
    for key, kept in entries:
        run(results.put("space", key, kept))
    results.close()


def test_a_restart(tmp_path):
    path = tmp_path / "state" / "results.jsonl"
    written(path, ("a", Kept("one")), ("b", Kept("zwei ü\n", LATER)), ("a", Kept("two")))
    assert kept_in(path, "a", "b", "c") == [Kept("two"), Kept("zwei ü\n", LATER), None]


def test_what_is_past_its_time_is_not_read(tmp_path):
    path = tmp_path / "results.jsonl"
    written(path, ("a", Kept("one", NOW)))
    assert kept_in(path, "a") == [None]


@pytest.mark.parametrize(
    "tail",
    [
        pytest.param(b'["space","a",null,"cut o', id="a line cut off by a crash"),
        pytest.param(b"\xff\xfe\n", id="bytes that are no text"),
        pytest.param(b"{}\n", id="another shape"),
        pytest.param(b'["space","a","2026-11-23","no zone"]\n', id="a moment without a zone"),
        pytest.param(b'["space","a",null,7]\n', id="not a text"),
        pytest.param(b"\n\n", id="empty lines"),
    ],
)
def test_broken_lines_do_not_hide_the_others(tmp_path, tail):
    path = tmp_path / "results.jsonl"
    written(path, ("a", Kept("one")))
    with path.open("ab") as file:
        file.write(tail)
    written(path, ("b", Kept("two")))
    assert kept_in(path, "a", "b") == [Kept("one"), Kept("two")]


def test_the_file_does_not_grow_for_ever(tmp_path):
    path = tmp_path / "results.jsonl"
    written(path, *((str(number % 10), Kept(str(number))) for number in range(3 * SLACK)))
    assert len(path.read_bytes().splitlines()) <= SLACK + 21
    assert kept_in(path, "9") == [Kept(str(3 * SLACK - 1))]


def test_the_file_is_nobody_elses(tmp_path):
    path = tmp_path / "results.jsonl"
    written(path, ("a", Kept("one")))
    results = opened(path)
    results.compact()
    results.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [json.loads(line) for line in path.read_text().splitlines()] == [["space", "a", None, "one"]]
    assert os.listdir(tmp_path) == ["results.jsonl"]


def test_a_place_where_no_file_can_be(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Problems, match=r"results.jsonl: cannot be used"):
        opened(tmp_path / "file" / "results.jsonl")
