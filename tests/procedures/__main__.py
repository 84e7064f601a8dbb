"""`make demo-kyc`."""

import asyncio
import sys
import tempfile
from pathlib import Path

from kycrisk.cli.folder import shipped_files
from tests.procedures import binance, hostkey, spacecore, stackbill
from tests.procedures.rows import ROWS, Ledger

WALKS = {"SpaceCore": spacecore, "StackBill": stackbill, "HOSTKEY": hostkey, "Binance/qPilot": binance}


def walk_all(say=print):
    """All four, each at a site of its own. Raises `AssertionError` for a row that is not fulfilled."""
    ledger = Ledger(say)
    for name, walk in WALKS.items():
        say(f"{name}:")
        with tempfile.TemporaryDirectory(prefix="kycrisk-demo-") as work:
            folder = Path(work)
            for relative, content in shipped_files():
                (folder / relative).parent.mkdir(parents=True, exist_ok=True)
                (folder / relative).write_bytes(content)
            asyncio.run(walk.walk(folder, ledger.row))
    return ledger


if __name__ == "__main__":
    done = walk_all()
    print(f"{len(done.fulfilled)} of {len(ROWS)}")
    sys.exit(1 if done.missing else 0)
