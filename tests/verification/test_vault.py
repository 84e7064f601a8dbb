"""The vault: nothing lies open anywhere, a picture opens as what it was put in as, and a destroyed key erases it."""

import os
from datetime import datetime

import pytest
from sqlalchemy import text

from kycrisk.problems import Problems
from kycrisk.store.failure import Erased, NotFound
from kycrisk.verification.master_keys import MasterKeys, add_master_key, make_master_key, read_master_keys
from kycrisk.verification.vault import ORPHAN_AFTER, Vault, VaultDamaged, destroy, keep
from kycrisk.verification.vault_folder import FileMissing, VaultFolder
from tests.store.making import NOW

PLAIN = b"\xff\xd8\xff\xe0 a picture of ERIKSSON ANNA MARIA " * 200
OLD, NEW = bytes(range(32)), bytes(range(1, 33))


@pytest.fixture
def folder(tmp_path):
    return VaultFolder(tmp_path / "vault")


def all_bytes(path):
    return b"".join(each.read_bytes() for each in sorted(path.rglob("*")) if each.is_file())


def files_of(path):
    return sorted(each.name for each in (path / "vault").rglob("*") if each.is_file())


def dumped(store, table="vault_files"):
    return store.read(lambda c: repr(c.execute(text(f"SELECT * FROM {table}")).all()))


def set_age(path, moment):
    for each in (path / "vault").rglob("*"):
        os.utime(each, (moment.timestamp(), moment.timestamp()))


@pytest.mark.row("S4")
def test_neither_disk_nor_database_holds_a_picture_in_the_clear(run, folder, tmp_path):
    async def body(store):
        vault = Vault(store, folder, MasterKeys([OLD]))
        file = await vault.put("case_1", PLAIN, "image/jpeg")
        opened = await vault.view(file.id, case="case_1", by="ann", why="review")
        log = [each.action for each in (await store.audit.page(limit=10)).items]
        return file, opened, log, await dumped(store)

    file, opened, log, rows = run(body)
    assert (opened.content, opened.media_type, file.size) == (PLAIN, "image/jpeg", len(PLAIN))
    everything = all_bytes(tmp_path) + rows.encode()
    assert [
        word for word in (b"ERIKSSON", PLAIN[:12], PLAIN[-30:], OLD, OLD.hex().encode()) if word in everything
    ] == []
    assert log == ["vault.viewed"]
    assert b"ERIKSSON" not in repr(opened).encode()
    [written] = (tmp_path / "vault").glob("*/*")
    assert (written.stat().st_mode & 0o777, written.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_a_picture_opens_only_as_what_it_was_put_in_as(run, folder, tmp_path):
    async def body(store):
        vault = Vault(store, folder, MasterKeys([OLD]))
        one, two = [await vault.put(case, PLAIN, "image/png") for case in ("case_1", "case_2")]
        with pytest.raises(NotFound, match=r"case `case_2` has no picture"):
            await vault.view(one.id, case="case_2", by="ann", why="review")
        paths = {each.name: each for each in (tmp_path / "vault").glob("*/*")}
        kept = paths[one.id].read_bytes()
        found = []
        for change in (
            lambda: paths[one.id].write_bytes(paths[two.id].read_bytes()),
            lambda: paths[one.id].write_bytes(kept[:-1]),
            lambda: paths[one.id].write_bytes(kept[:20] + b"x" + kept[21:]),
            lambda: paths[one.id].write_bytes(b""),
            paths[one.id].unlink,
        ):
            change()
            with pytest.raises(VaultDamaged) as damaged:
                await vault.view(one.id, case="case_1", by="ann", why="review")
            found.append(str(damaged.value))
        paths[one.id].write_bytes(kept)
        moved = text("UPDATE vault_files SET \"case\" = 'case_3' WHERE id = :id")
        await store.write(lambda tx: tx.connection.execute(moved, {"id": one.id}).rowcount)
        with pytest.raises(VaultDamaged, match="does not open"):
            await vault.view(one.id, case="case_3", by="ann", why="review")
        return one.id, found

    id_, found = run(body)
    assert found == [f"the file `{id_}` does not open"] * 4 + [f"the file `{id_}` is missing"]


def test_to_destroy_a_key_erases_the_picture(run, folder, tmp_path):
    async def body(store):
        vault = Vault(store, folder, MasterKeys([OLD]))
        one, two = [await vault.put(case, PLAIN, "image/png") for case in ("case_1", "case_2")]
        await store.write(lambda tx: destroy(tx, "case_1", by="jane"))
        with pytest.raises(Erased):
            await vault.view(one.id, case="case_1", by="ann", why="review")
        before = files_of(tmp_path)
        row = await dumped(store)
        assert await vault.erase("case_1", by="jane") == 0
        with pytest.raises(NotFound):
            await vault.view(one.id, case="case_1", by="ann", why="review")
        return one, two, before, row, files_of(tmp_path), await vault.files("case_1"), await vault.files("case_2")

    one, two, before, row, after, gone, left = run(body)
    assert (before, after) == (sorted([one.id, two.id]), [two.id])
    assert row.count("None") >= 1  # the key
    assert (gone, [each.id for each in left]) == ((), [two.id])


def test_files_of_a_transaction_that_failed_are_swept_away_later(run, clock, folder, tmp_path):
    async def body(store):
        vault = Vault(store, folder, MasterKeys([OLD]))
        kept = await vault.put("case_1", PLAIN, "image/png")
        sealed = await vault.seal("case_1", PLAIN, "image/png")
        half = next((tmp_path / "vault").glob("*/*")).with_name(".file_0000.abc")
        half.write_bytes(b"half")

        def fails(tx):
            keep(tx, sealed)
            raise ValueError("the rest of the change is refused")

        with pytest.raises(ValueError, match="the rest"):
            await store.write(fails)
        set_age(tmp_path, NOW)
        clock.now = NOW + ORPHAN_AFTER
        young = await vault.sweep(), len(files_of(tmp_path))
        clock.forward(seconds=1)
        old = await vault.sweep(), files_of(tmp_path)
        return kept.id, young, old

    kept, young, old = run(body)
    assert (young, old) == ((0, 3), (1, [kept]))


def test_the_master_key_can_be_changed(run, folder):
    async def body(store):
        before = Vault(store, folder, MasterKeys([OLD]))
        files = [await before.put("case_1", PLAIN + bytes([number]), "image/png") for number in range(3)]
        both = Vault(store, folder, MasterKeys([OLD, NEW]))
        opened = (await both.view(files[0].id, case="case_1", by="ann", why="review")).content
        counts = await both.rewrap(), await both.rewrap()
        after = Vault(store, folder, MasterKeys([NEW]))
        contents = [(await after.view(each.id, case="case_1", by="ann", why="review")).content[-1] for each in files]
        with pytest.raises(VaultDamaged, match="does not open"):
            await before.view(files[0].id, case="case_1", by="ann", why="review")
        return opened, counts, contents

    opened, counts, contents = run(body)
    assert (opened == PLAIN + b"\0", counts, contents) == (True, (3, 0), [0, 1, 2])


def test_master_keys_are_made_once_and_added_whole(tmp_path):
    path = tmp_path / "state/master.keys"
    made = make_master_key(path)
    assert make_master_key(path).current == made.current
    added = add_master_key(path)
    assert (added.current == made.current, path.stat().st_mode & 0o777) == (False, 0o600)
    assert read_master_keys(path).unwrap(made.current, made.wrap(b"k" * 32, "x"), "x") == b"k" * 32
    assert [each.name for each in path.parent.iterdir()] == ["master.keys"]
    lines = path.read_text().split()
    assert [line for line in lines if line in repr(added)] == []


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "there is no master key"),
        ("abc\n", "not a master key"),
        (f"{'00' * 32}\nzz\n{'00' * 31}\n", ":3: not a master key"),
        ("é", "not a master key"),
    ],
)
def test_files_that_hold_no_master_keys(tmp_path, content, says):
    path = tmp_path / "master.keys"
    path.write_text(content)
    with pytest.raises(Problems, match=says):
        read_master_keys(path)
    with pytest.raises(Problems, match="cannot be read"):
        read_master_keys(tmp_path / "none")


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "file_", f"file_{'0' * 32}/x", f"file_{'G' * 32}"])
def test_names_that_are_none_of_ours_lead_nowhere(folder, name):
    from_outside = [folder.read, lambda id_: folder.write(id_, b""), lambda id_: folder.delete([id_])]
    for act in from_outside:
        with pytest.raises(FileMissing):
            act(name)


def test_a_full_disk_leaves_nothing_behind(folder, tmp_path, monkeypatch):
    def full(number):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("kycrisk.verification.vault_folder.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        folder.write(f"file_{'0' * 32}", b"content")
    assert files_of(tmp_path) == []
    assert folder.older_than(datetime.max.replace(year=3000)) == []
