"""The copy of the decisions: what it holds, and that it stays in step whatever happens to it or to the store."""

import errno
import itertools
import json
from datetime import timedelta

import polars as pl
import pytest

from kycrisk.backtest.archive import Archive, BrokenSegment
from kycrisk.backtest.part import from_bytes, merged, to_bytes
from kycrisk.ruleset.columns.values import unpacked
from kycrisk.store.retention import Durations
from kycrisk.store.sealing import SiteKey
from tests.backtest.making import archive_of, in_step, maker, past
from tests.store.making import NOW


def whole(archive):
    """Everything that the archive holds, sorted by decision."""
    return merged([archive.read(each) for each in archive.manifest().segments])


def plain(part):
    """A part without the numbers of its texts, which depend on how it came about."""
    texts = {name: pl.Series(part.texts[name]).gather(part.frame[name]) for name in part.texts}
    frame = part.frame.with_columns(series.alias(name) for name, series in texts.items())
    return frame.select(sorted(frame.columns))


def test_decisions_lie_in_columns(run, clock, tmp_path):
    async def body(store):
        await past(store, maker(), clock, 12)
        archive = archive_of(tmp_path)
        _, kept = await in_step(store, archive)
        return kept.added, whole(archive), (await store.accounts.get("a-3")).pseudonym

    added, part, pseudonym = run(body)
    row = part.frame.row(3, named=True)
    assert added == part.height == 12
    assert (row["id"], row["account"], row["at"], row["outcome"]) == (
        "dec_00000004",
        pseudonym,
        NOW + timedelta(hours=3),
        "allow",
    )
    assert (row["bool:ip.tor_exit"], row["str:email.local"], row['int:signups(ip.address, "1h")']) == (
        False,
        "user3",
        0,
    )
    assert str(unpacked(row["ip:ip.address"])) == "192.0.2.3"
    assert part.texts["ruleset"][row["ruleset"]].startswith("sha256:")
    assert json.loads(part.texts["findings"][part.frame["findings"][1]])["hit"] == ["tor"]


def test_what_was_asked_in_vain_is_told_apart_from_what_was_never_gathered(run, clock, tmp_path):
    async def body(store):
        await past(store, maker(), clock, 6)
        archive = archive_of(tmp_path)
        await in_step(store, archive)
        return whole(archive)

    part = run(body)
    gaps = [json.loads(part.texts["gaps"][number]) for number in part.frame["gaps"]]
    assert part.frame["bool:ip.blocklisted"].to_list() == [None, False, False, False, False, None]
    assert gaps == [{"ip.blocklisted": "timeout"}, {}, {}, {}, {}, {"ip.blocklisted": "timeout"}]


def test_it_is_kept_in_step_piece_by_piece(run, clock, tmp_path):
    async def body(store):
        make, archive, sizes = maker(), archive_of(tmp_path), []
        for _ in range(9):
            await past(store, make, clock, 7)
            manifest, kept = await in_step(store, archive, most=40)
            sizes.append((kept.added, manifest.rows, max(each.rows for each in manifest.segments)))
        anew = Archive(tmp_path / "anew", archive._site)
        await in_step(store, anew)
        _, again = await in_step(store, archive)
        files = sorted(path.name for path in archive.folder.glob("*.segment"))
        return sizes, plain(whole(archive)), plain(whole(anew)), again, files, manifest

    sizes, found, anew, again, files, manifest = run(body)
    assert [added for added, _, _ in sizes] == [7] * 9
    assert sizes[-1][1] == 63
    assert all(largest <= 40 for _, _, largest in sizes)
    assert found.equals(anew)
    assert not again
    assert files == sorted(each.name for each in manifest.segments)


def test_who_has_the_folder_reads_nothing(run, clock, tmp_path):
    async def body(store):
        await past(store, maker(), clock, 5)
        await in_step(store, archive_of(tmp_path))

    run(body)
    folder = tmp_path / "archive"
    raw = b"".join(path.read_bytes() for path in folder.iterdir())
    assert [text for text in (b"user1", b"PAR1", b"192.0.2", b"email.address", b"tor") if text in raw] == []
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    stranger = Archive(folder, SiteKey(bytes(32)))
    with pytest.raises(BrokenSegment, match="does not open"):
        stranger.read(stranger.manifest().segments[0])


def test_an_erased_account_leaves_it(run, clock, tmp_path):
    async def body(store):
        await past(store, maker(), clock, 24)
        archive = archive_of(tmp_path)
        await in_step(store, archive)
        before = {path.name for path in archive.folder.glob("*.segment")}
        await store.personal_data.erase("a-2", "ann", "asked for")
        manifest, kept = await in_step(store, archive)
        after = {path.name for path in archive.folder.glob("*.segment")}
        return kept, manifest, whole(archive), (await store.accounts.get("a-2")).pseudonym, before & after

    kept, manifest, part, pseudonym, left = run(body)
    mine = part.frame.filter(pl.col("account") == pseudonym)
    assert (kept.erased, manifest.rows, mine.height) == (2, 24, 2)
    assert left == set()
    texts = [name for name in mine.columns if name.startswith(("str:", "ip:"))]
    assert mine.select(pl.col(texts).null_count()).row(0) == (2,) * len(texts)
    assert mine["bool:ip.tor_exit"].to_list() == [False, False]
    assert mine["erased"].all()
    assert part.frame.filter(~pl.col("erased"))["str:email.local"].null_count() == 0


def test_what_is_past_its_retention_leaves_it(run, clock, tmp_path):
    async def body(store):
        await past(store, maker(), clock, 24)
        archive = archive_of(tmp_path)
        await in_step(store, archive)
        await store.retention.apply(Durations(decisions=timedelta(hours=10)), now=clock)
        manifest, kept = await in_step(store, archive)
        left = {each.seq for each in await store.decision_history.after(0, 100)}
        _, again = await in_step(store, archive)
        return kept.retired, set(whole(archive).frame["seq"]), left, manifest.last, again

    retired, held, left, last, again = run(body)
    assert (retired, held, last) == (14, left, 24)
    assert not again


def test_when_everything_is_past_its_retention(run, clock, tmp_path):
    async def body(store):
        make = maker()
        await past(store, make, clock, 6)
        archive = archive_of(tmp_path)
        await in_step(store, archive)
        clock.forward(days=9)
        await store.retention.apply(Durations(decisions=timedelta(days=1)), now=clock)
        empty, _ = await in_step(store, archive)
        await past(store, make, clock, 2)
        manifest, kept = await in_step(store, archive)
        return empty.rows, manifest.rows, kept.rebuilt

    assert run(body) == (0, 2, [])


def broken_file(archive):
    path = next(archive.folder.glob("*.segment"))
    path.write_bytes(path.read_bytes()[:-40])


def missing_file(archive):
    next(archive.folder.glob("*.segment")).unlink()


def broken_manifest(archive):
    (archive.folder / "manifest.json").write_text("{")


def left_over(archive):
    """What a process that died before it named them leaves."""
    (archive.folder / "000000000001-000000000009-00000000.segment").write_bytes(b"half")
    (archive.folder / ".manifest.json.12345678").write_bytes(b"half")


def everything_gone(archive):
    for path in archive.folder.iterdir():
        path.unlink()


DAMAGE = [
    ("a file that is missing", missing_file, "no such file or directory: built anew from the store"),
    ("a manifest that cannot be read", broken_manifest, "the manifest cannot be read: everything is built anew"),
    ("files of a process that died", left_over, ""),
    ("a folder that was emptied", everything_gone, ""),
]  # fmt: skip


@pytest.mark.parametrize(("damage", "told"), [row[1:] for row in DAMAGE], ids=[row[0] for row in DAMAGE])
def test_damage_is_named_and_mended(run, clock, tmp_path, damage, told):
    async def body(store):
        make, archive = maker(), archive_of(tmp_path)
        await past(store, make, clock, 12)
        await in_step(store, archive)
        before = plain(whole(archive))
        damage(archive)
        await past(store, make, clock, 1)
        manifest, kept = await in_step(store, archive)
        files = {path.name for path in archive.folder.iterdir()}
        return before, plain(whole(archive)), kept.rebuilt, files, {each.name for each in manifest.segments}

    before, after, rebuilt, files, named = run(body)
    assert after.filter(pl.col("seq") <= 12).select(before.columns).equals(before)
    assert after.height == 13
    assert files == named | {"lock", "manifest.json"}
    assert [each.rpartition("segment: ")[2] for each in rebuilt] == ([told] if told else [])


FULL = [("while a segment is written", 0, 0), ("while the manifest is written", 2, 0), ("at the second segment", 4, 40)]


@pytest.mark.parametrize(("written", "rows"), [row[1:] for row in FULL], ids=[row[0] for row in FULL])
def test_a_full_disk_leaves_it_as_it_was(run, clock, tmp_path, monkeypatch, written, rows):
    """Files and their folder are put on the disk in turns; after so many the disk is full."""

    async def body(store):
        archive, count = archive_of(tmp_path), itertools.count()

        def full(file):
            if next(count) >= written:
                raise OSError(errno.ENOSPC, "no space left on device")

        await past(store, maker(), clock, 63)
        monkeypatch.setattr("kycrisk.backtest.keeping._PAGE", 20)
        with monkeypatch.context() as patched:
            patched.setattr("kycrisk.backtest.archive.os.fsync", full)
            with pytest.raises(OSError, match="no space left"):
                await in_step(store, archive, most=40)
        left = archive.manifest()
        _, kept = await in_step(store, archive, most=40)
        anew = Archive(tmp_path / "anew", archive._site)
        await in_step(store, anew)
        named = {each.name for each in archive.manifest().segments} | {"manifest.json", "lock"}
        return (
            left,
            kept,
            plain(whole(archive)),
            plain(whole(anew)),
            {path.name for path in archive.folder.iterdir()},
            named,
        )

    left, kept, found, anew, files, named = run(body)
    assert (left.rows if left else 0) == rows
    assert (kept.added, kept.rebuilt) == (63 - rows, [])
    assert found.equals(anew)
    assert files == named


def test_another_store_in_the_same_place_is_noticed(run, clock, tmp_path):
    async def first(store):
        await past(store, maker("x"), clock, 5)
        await in_step(store, archive_of(tmp_path))

    async def second(store):
        archive = archive_of(tmp_path)
        manifest = archive.manifest()
        with archive.changing():
            archive.name(type(manifest)(last=4, last_id="dec_of_another", segments=manifest.segments))
        _, kept = await in_step(store, archive)
        return kept.rebuilt, whole(archive).height

    run(first)
    assert run(second) == (["the store is not the one that was copied: everything is built anew"], 5)


def test_bytes_and_back(run, clock, tmp_path):
    async def body(store):
        await past(store, maker(), clock, 5)
        archive = archive_of(tmp_path)
        await in_step(store, archive)
        return whole(archive)

    part = run(body)
    back = from_bytes(to_bytes(part))
    assert back.frame.equals(part.frame)
    assert back.texts == part.texts
    some = from_bytes(to_bytes(part), lambda names: [name for name in names if name in ("seq", "bool:ip.tor_exit")])
    assert some.frame.columns == ["seq", "bool:ip.tor_exit"]
