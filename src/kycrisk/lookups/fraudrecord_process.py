"""The process beside ours in which FraudRecord's hashes are computed."""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from pathlib import Path

from kycrisk.lookups import fraudrecord_worker
from kycrisk.lookups.asked import LookupFailure
from kycrisk.signals import Why

#: Values waiting to be hashed, above which nobody would see theirs in time.
MAX_WAITING = 256

#: By its path and without `site`: nothing of this package, and nothing of the program around it, is imported there.
_COMMAND = (sys.executable, "-I", "-S", str(Path(fraudrecord_worker.__file__)))


class HashProcess:
    """One process that hashes values in the order in which they come. It starts with the first, and anew when it died.

    It belongs to one event loop; close it with `aclose`. It ends with this process too, when its input ends.
    """

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._waiting: deque[asyncio.Future[str]] = deque()
        self._starting = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """The process, None when there is none (yet)."""
        return self._process.pid if self._process else None

    async def hash(self, value: bytes) -> str:
        """The hash of a prepared value. Raises `LookupFailure` when the process cannot be had, or ends before it."""
        if len(self._waiting) >= MAX_WAITING:
            raise _failure(Why.OVER_BUDGET, f"{MAX_WAITING} values wait to be hashed already")
        process = await self._started()
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        assert process.stdin is not None
        process.stdin.write(value.hex().encode() + b"\n")  # short, and the queue is bounded, so nothing has to drain
        return await future

    async def aclose(self) -> None:
        """End the process, and whoever still waits."""
        if self._process is not None:
            self._process.kill()
        if self._reader is not None:
            await asyncio.wait([self._reader])

    async def _started(self) -> asyncio.subprocess.Process:
        async with self._starting:
            if self._process is None:
                pipe = asyncio.subprocess.PIPE
                try:
                    self._process = await asyncio.create_subprocess_exec(*_COMMAND, stdin=pipe, stdout=pipe)
                except OSError as error:
                    reason = (error.strerror or str(error)).lower()
                    raise _failure(Why.OVER_BUDGET, f"no process to hash in: {reason}") from None
                self._reader = asyncio.create_task(self._read(self._process))
            return self._process

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        """Hand each line to the one who waits longest, until the process ends."""
        assert process.stdout is not None
        while line := await process.stdout.readline():
            future = self._waiting.popleft()
            if not future.done():
                future.set_result(line.strip().decode())
        self._process = None
        waiting, self._waiting = self._waiting, deque()
        for future in waiting:
            if not future.done():
                future.set_exception(_failure(Why.TIMEOUT, "the process that hashes has ended"))
        await process.wait()


def _failure(why: Why, detail: str) -> LookupFailure:
    return LookupFailure(why, detail, against_source=False, reached=False)
