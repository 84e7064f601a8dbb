"""A process that screens a store again, and says on its standard output what is done: it is there to be killed.

python -m tests.rescreening.rescreening_process FOLDER URL SIZE
"""

import asyncio
import os
import sys
from pathlib import Path

from tests.rescreening.making import rescreener
from tests.store.making import Clock


async def go(folder, url, size):
    clock = Clock()
    clock.forward(days=2)
    async with rescreener(Path(folder), url, clock, size=int(size)) as made:
        run, summary = await made.run(by="tests", on_rows=lambda rows: os.write(1, b"part\n"))
        os.write(1, f"run {run.id}: {summary.rows} accounts, {summary.news} news\n".encode())


if __name__ == "__main__":
    asyncio.run(go(*sys.argv[1:]))
