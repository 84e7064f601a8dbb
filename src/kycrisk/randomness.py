"""Random bytes of the operating system, drawn many at a time.

Each call of the system lets other threads run (CPython gives up its lock for it), and to get the lock back takes longer
than the call. A screening needs some five small draws: ids, salts, nonces.
"""

from __future__ import annotations

import os
import threading

_DRAWN = 4096


class _Pool(threading.local):
    """What a thread has drawn and not used yet."""

    def __init__(self) -> None:
        self.bytes, self.at = b"", 0


_pool = _Pool()


def _begin_anew() -> None:
    _pool.bytes, _pool.at = b"", 0


# Or two processes would use the same bytes. Only the thread that forks lives on in the child.
os.register_at_fork(after_in_child=_begin_anew)


def random_bytes(count: int) -> bytes:
    """So many random bytes, fit for keys; never the same ones twice."""
    pool = _pool
    first = pool.at
    behind = first + count
    if behind > len(pool.bytes):
        if count > _DRAWN:
            return os.urandom(count)
        pool.bytes, first, behind = os.urandom(_DRAWN), 0, count
    pool.at = behind
    return pool.bytes[first:behind]
