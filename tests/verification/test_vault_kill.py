"""kill -9 while pictures go into the vault and out of it: what was acknowledged opens, what was erased does not."""

import asyncio
import os
import random
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from kycrisk.store.failure import Erased, NotFound
from kycrisk.store.store import Store
from tests.store.conftest import KEY
from tests.verification.vault_process import content_of, vault_in

KILLS = {"quick": 4, "thorough": 12, "soak": 60}[os.environ.get("KYCRISK_TEST_PROFILE", "quick")]


def killed(path, url, number):
    """What a process said before it was killed, some time after it had begun to work."""
    command = [sys.executable, "-m", "tests.verification.vault_process", str(path), url, str(number)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        first = process.stdout.readline()  # at least one picture was put
        time.sleep(random.Random(number).uniform(0.0, 0.4))
        process.kill()
        rest = process.stdout.read()
    return [line.split() for line in (first + rest).splitlines() if line.count(" ") == 2]


@pytest.mark.heavy
def test_a_kill_loses_no_picture_and_brings_none_back(url, tmp_path):
    async def opened():
        clock = datetime.now(UTC) + timedelta(hours=2)  # so that what was left behind is old enough to be swept away
        return await Store.open(url, site_key=KEY, clock=lambda: clock, upgrade_tables=True)

    async def check(said):
        async with await opened() as store:
            vault = vault_in(store, tmp_path)
            told = {
                word: {case: file for what, case, file in said if what == word} for word in ("put", "erasing", "erased")
            }
            for case, file in told["put"].items():
                try:
                    picture = await vault.view(file, case=case, by="test", why="check")
                except (Erased, NotFound):
                    assert case in told["erasing"]
                else:
                    assert (picture.content, case in told["erased"]) == (content_of(case), False)
            await vault.sweep()
            there = {path.name for path in (tmp_path / "vault").rglob("*") if path.is_file()}
            rows = set(await store.read(lambda c: c.execute(text("SELECT id FROM vault_files")).scalars().all()))
            return there, rows, len(told["put"])

    async def prepared():
        await (await opened()).close()

    asyncio.run(prepared())
    said, count = [], 0
    for number in range(KILLS):
        said += killed(tmp_path, url, number)
        there, rows, count = asyncio.run(check(said))
        assert there == rows  # no file without a key, no key without a file
    assert count >= KILLS
