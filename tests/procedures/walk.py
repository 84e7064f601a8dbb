"""All four procedures, one after the other, each at a site of its own."""

import asyncio
import tempfile
from pathlib import Path

from kycrisk.cli.folder import shipped_files
from tests.procedures import binance, hostkey, spacecore, stackbill
from tests.procedures.rows import Ledger

WALKS = {"SpaceCore": spacecore, "StackBill": stackbill, "HOSTKEY": hostkey, "Binance/qPilot": binance}


def walk_all(say=print):
    """The ledger of what was fulfilled. Raises `AssertionError` for a row that is not."""
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
