"""A process that puts pictures into a vault and erases some, and says of each when it is done, until it is killed."""

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path

from kycrisk.store.store import Store
from kycrisk.verification.master_keys import MasterKeys
from kycrisk.verification.vault import Vault
from kycrisk.verification.vault_folder import VaultFolder
from tests.store.conftest import KEY

MASTER = bytes(range(32))


def content_of(case):
    return f"picture of {case} ".encode() * 300


def vault_in(store, path):
    return Vault(store, VaultFolder(Path(path) / "vault"), MasterKeys([MASTER]))


async def work(path, url, prefix):
    async with await Store.open(url, site_key=KEY, clock=lambda: datetime.now(UTC)) as store:
        vault = vault_in(store, path)

        async def one(number):
            case = f"case_{prefix}_{number}"
            file = await vault.put(case, content_of(case), "image/jpeg")
            print("put", case, file.id, flush=True)
            if number % 3 == 0:
                print("erasing", case, file.id, flush=True)
                await vault.erase(case, by="test")
                print("erased", case, file.id, flush=True)

        print("ready", flush=True)
        for start in range(0, 100_000, 4):
            await asyncio.gather(*(one(start + place) for place in range(4)))


if __name__ == "__main__":
    asyncio.run(work(*sys.argv[1:]))
