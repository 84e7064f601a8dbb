"""Random bytes of the operating system, drawn many at a time.

Each call of the system lets other threads run (CPython gives up its lock for it), and to get the lock back takes longer
than the call. A screening needs some five small draws: ids, salts, nonces.
"""

from __future__ import annotations

import os
import threading

_DRAWN = 4096


class _Pool(threading.local):
    """What a thread has drawn and not used yet. A fork begins anew, or two processes would use the same bytes."""

    def __init__(self) -> None:
        self.bytes, self.at, self.process = b"", 0, 0


_pool = _Pool()


def random_bytes(count: int) -> bytes:
    """So many random bytes, fit for keys; never the same ones twice."""
    pool = _pool
    if pool.at + count > len(pool.bytes) or pool.process != os.getpid():
        if count > _DRAWN:
            return os.urandom(count)
        pool.bytes, pool.at, pool.process = os.urandom(_DRAWN), 0, os.getpid()
    taken = pool.bytes[pool.at : pool.at + count]
    pool.at += count
    return taken
