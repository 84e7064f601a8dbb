"""The copy of the decisions survives whatever kills whoever makes it."""

import asyncio
import random
import signal
import subprocess
import sys

import pytest

from kycrisk.backtest.archive import Archive
from kycrisk.store.store import Store
from tests.backtest.making import in_step, maker
from tests.backtest.test_archive import plain, whole
from tests.store.conftest import KEY

CODE = """
import asyncio, sys
from pathlib import Path
from kycrisk.backtest import keeping
from kycrisk.backtest.archive import Archive
from tests.backtest.making import in_step
from kycrisk.store.store import Store
from tests.store.conftest import KEY

keeping._PAGE, keeping._CHUNK = 50, 100

def told(done, total):
    print(done, flush=True)

async def go():
    async with await Store.open(sys.argv[1], site_key=KEY) as store:
        await in_step(store, Archive(Path(sys.argv[2]), KEY), most=200, progress=told)

asyncio.run(go())
"""
DECISIONS, KILLS = 3000, 8


@pytest.mark.heavy
def test_killed_at_any_moment_it_is_whole_in_the_end(url, tmp_path):
    """Killed by SIGKILL again and again while it is first built: nothing is lost, nothing is there twice."""
    source, folder = random.Random(5), tmp_path / "archive"

    async def fill():
        async with await Store.open(url, site_key=KEY, upgrade_tables=True) as store:
            make = maker()
            for start in range(0, DECISIONS, 500):
                made = [make.screening(f"a-{number}") for number in range(start, start + 500)]
                await asyncio.gather(*map(store.decisions.add, made))

    asyncio.run(fill())
    for _ in range(KILLS):
        process = subprocess.Popen([sys.executable, "-c", CODE, url, str(folder)], stdout=subprocess.PIPE, text=True)
        for _ in range(source.randrange(1, 12)):  # it goes on while this line is read: so it dies anywhere
            assert process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        process.communicate()
        manifest = Archive(folder, KEY).manifest()
        if manifest is not None:  # what is named is there, and whole
            assert [each.height for each in map(Archive(folder, KEY).read, manifest.segments)] == [
                each.rows for each in manifest.segments
            ]

    async def mended():
        async with await Store.open(url, site_key=KEY) as store:
            archive, anew = Archive(folder, KEY), Archive(tmp_path / "anew", KEY)
            _, kept = await in_step(store, archive, most=200)
            await in_step(store, anew)
            return plain(whole(archive)), plain(whole(anew)), kept.rebuilt, archive

    found, expected, rebuilt, archive = asyncio.run(mended())
    assert found.equals(expected)
    assert (found.height, rebuilt) == (DECISIONS, [])
    assert {path.name for path in folder.iterdir()} == {each.name for each in archive.manifest().segments} | {
        "lock",
        "manifest.json",
    }
