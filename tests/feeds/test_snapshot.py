"""Snapshots on disk: written whole, checked when read, the last good one kept."""

from __future__ import annotations

import os
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest

from kycrisk.feeds import snapshot
from kycrisk.feeds.match import AddressSet, AnySet, DomainSet, NetworkSet
from kycrisk.feeds.snapshot import DamagedSnapshot, Header, Snapshot
from tests.feeds.making import NOW

HEADER = Header(
    name="sample",
    purpose="disposable_domain",
    kind="domains",
    url="https://lists.example/domains.txt",
    as_of=NOW,
    as_of_from="list",
    fetched_at=NOW,
    checked_at=NOW,
    sha256="0" * 64,
    source_bytes=12,
    entries=2,
    dropped={"protected": 1},
    recipe="1",
    version='"tag"',
)
NETWORKS = ["8.8.8.0/24", "9.9.9.9", "2a00::/32", "2a00:1:2:3:4::/80"]

SETS: list[tuple[str, str, AnySet]] = [
    ("domains", "disposable_domain", DomainSet(frozenset({"a.example", "b.example"}))),
    ("addresses", "email_blocklist", AddressSet(frozenset({"a@x.example", "ü@x.example"}))),
    ("networks", "blocklist", NetworkSet.of(map(ip_network, NETWORKS))),
    ("no entries", "disposable_domain", DomainSet(frozenset())),
    ("no networks", "blocklist", NetworkSet.of([])),
]


@pytest.mark.parametrize(("purpose", "entries"), [row[1:] for row in SETS], ids=[row[0] for row in SETS])
def test_what_is_written_is_read(tmp_path: Path, purpose: str, entries: AnySet) -> None:
    written = Snapshot(replace(HEADER, purpose=purpose, entries=len(entries)), entries)
    snapshot.write(tmp_path / "feeds", written)
    assert snapshot.load(tmp_path / "feeds", "sample") == written
    assert snapshot.read_header(tmp_path / "feeds", "sample") == written.header


def test_none_was_written(tmp_path: Path) -> None:
    assert snapshot.load(tmp_path, "sample") is None
    assert snapshot.read_header(tmp_path / "nowhere", "sample") is None


def test_a_new_header_keeps_the_entries(tmp_path: Path) -> None:
    snapshot.write(tmp_path, Snapshot(HEADER, SETS[0][2]))
    newer = replace(HEADER, version='"newer"')
    snapshot.rewrite_header(tmp_path, newer)
    assert snapshot.load(tmp_path, "sample") == Snapshot(newer, SETS[0][2])


def flipped(raw: bytes) -> bytes:
    return raw[:-1] + bytes([raw[-1] ^ 1])


DAMAGE = [
    ("a bit flipped", flipped, "its checksum does not fit"),
    ("cut off", lambda raw: raw[:-3], "bytes of entries instead of"),
    ("something appended", lambda raw: raw + b"x", "bytes of entries instead of"),
    ("empty", lambda raw: b"", "not a list that this version"),
    ("another version", lambda raw: raw.replace(b"list 1", b"list 9", 1), "not a list that this version"),
    ("header cut off", lambda raw: raw[:60], "not a list that this version"),
    ("header is no json", lambda raw: raw.replace(b'"name"', b"'name'", 1), "its header makes no sense"),
    ("header lacks a key", lambda raw: raw.replace(b'"sha256"', b'"sha255"', 1), "its header makes no sense"),
    ("time without zone", lambda raw: raw.replace(b"+00:00", b"", 1), "its header makes no sense"),
    (
        "unknown purpose",
        lambda raw: raw.replace(b"disposable_domain", b"another_purpose_x", 1),
        "its header makes no",
    ),
    (
        "another count",
        lambda raw: raw.replace(b'"entries":2', b'"entries":3', 1),
        "it holds 2 entries instead of 3",
    ),
    (
        "another shape",
        lambda raw: raw.replace(b"disposable_domain", b"tor_exit", 1),
        "its entries are cut off",
    ),
]


@pytest.mark.parametrize(("harm", "words"), [row[1:] for row in DAMAGE], ids=[row[0] for row in DAMAGE])
def test_damage_is_noticed(tmp_path: Path, harm: object, words: str) -> None:
    assert callable(harm)
    snapshot.write(tmp_path, Snapshot(HEADER, SETS[0][2]))
    path = snapshot.path_of(tmp_path, "sample")
    path.write_bytes(harm(path.read_bytes()))
    with pytest.raises(DamagedSnapshot, match=words):
        snapshot.load(tmp_path, "sample")


def test_a_folder_in_its_place_is_damage(tmp_path: Path) -> None:
    snapshot.path_of(tmp_path, "sample").mkdir()
    with pytest.raises(DamagedSnapshot, match="it cannot be read: is a directory"):
        snapshot.load(tmp_path, "sample")


def test_a_failed_write_leaves_the_last_one_and_no_rubbish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Snapshot(HEADER, SETS[0][2])
    snapshot.write(tmp_path, first)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        snapshot.write(tmp_path, Snapshot(replace(HEADER, entries=0), DomainSet(frozenset())))
    assert snapshot.load(tmp_path, "sample") == first
    assert [path.name for path in tmp_path.iterdir()] == ["sample.list"]


def test_other_users_may_read_it(tmp_path: Path) -> None:
    snapshot.write(tmp_path, Snapshot(HEADER, SETS[0][2]))
    assert snapshot.path_of(tmp_path, "sample").stat().st_mode & 0o777 == 0o644
