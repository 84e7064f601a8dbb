"""Slices screened in this process: while one is judged, the next is read."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from kycrisk.rescreening.engines.engine import Screened
from kycrisk.rescreening.kernel import Kernel
from kycrisk.rescreening.pinned import open_pinned
from kycrisk.rescreening.slices import Slice, screen_slice


@dataclass(frozen=True, slots=True)
class LocalEngine:
    """Screens `threads` slices at a time, in their order."""

    threads: int = 2

    def screen(self, pinned: Path, digest: str, slices: Sequence[Slice]) -> Iterator[Screened]:
        """The results of slices."""
        kernel = Kernel(open_pinned(pinned, digest))
        with ThreadPoolExecutor(self.threads, thread_name_prefix="kycrisk-rescreen") as pool:
            pending: deque[tuple[Slice, Future[Screened]]] = deque()
            try:
                for each in slices:
                    pending.append((each, pool.submit(_screened, kernel, each)))
                    if len(pending) > self.threads:
                        yield pending.popleft()[1].result()
                while pending:
                    yield pending.popleft()[1].result()
            finally:
                for _, future in pending:
                    future.cancel()


def _screened(kernel: Kernel, each: Slice) -> Screened:
    return Screened(each, screen_slice(kernel, each))
