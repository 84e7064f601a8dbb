"""A worker's post: one serves at a time, and one that crashed, hung or served long enough is followed by another.

Whoever asks never waits for a worker to start: that happens in a thread, and until then there is nobody at the post.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Any

from kycrisk.durable_engine.process import Worker, WorkerGone, WorkerLate, WorkerMissing
from kycrisk.ruleset.durable import Assertion

#: A signup leaves no memory behind (bench/durable.py measures it); a worker is relieved all the same before it is old.
MOST_SIGNUPS = 1_000_000
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 30.0  # seconds before the next worker, doubled with each that fails
RELIABLE = 60.0  # seconds of service after which a failure is the first one again


class NobodyThere(RuntimeError):
    """The next worker is still starting, or the present one is busy with other signups."""


class Post:
    """Where the worker of one ruleset's nets stands. Safe to share between threads."""

    def __init__(self, nets: Mapping[str, Any], *, patience: float, most_signups: int = MOST_SIGNUPS) -> None:
        """A post that is not manned yet. Loading the nets may take `patience` seconds."""
        self._nets, self._patience, self._most_signups = nets, patience, most_signups
        self._lock = threading.Lock()  # held while the worker is asked or changed
        self._worker: Worker | None = None
        self._starting: Worker | None = None  # the next one, while it loads the nets
        self._manned, self._closed = threading.Event(), threading.Event()
        self._since, self._signups, self._failures = 0.0, 0, 0
        self._relief_comes = False
        self._process = os.getpid()

    @property
    def pid(self) -> int | None:
        """The process at the post."""
        worker = self._worker
        return worker.process.pid if worker else None

    @property
    def busy(self) -> bool:
        """Whether the worker is being asked, or changed."""
        return self._lock.locked()

    def open(self) -> None:
        """Start the first worker. Raises `WorkerMissing` where the library cannot be had; any other failure is
        followed by another attempt, as later on."""
        try:
            self._take_over(self._started())
        except WorkerMissing:
            raise
        except (WorkerGone, WorkerLate):
            self._failures = 1
            self._call_next()

    def wait_manned(self, patience: float) -> bool:
        """Whether a worker is there, after at most some seconds."""
        return self._manned.wait(patience)

    def fired(self, asserted: Sequence[Assertion], patience: float) -> list[list[str]]:
        """The rules that fire for each fact of one signup; half of the time may go by waiting for other signups.

        Raises `NobodyThere`, and `WorkerGone` or `WorkerLate` when the worker failed; it is replaced then.
        """
        if os.getpid() != self._process:
            self._leave_to_the_parent()
        if not self._manned.is_set() or not self._lock.acquire(timeout=patience / 2):
            raise NobodyThere
        try:
            worker = self._worker
            if worker is None:
                raise NobodyThere
            try:
                fired = worker.fired(asserted, patience / 2)
            except (WorkerGone, WorkerLate):
                self._dismiss()
                raise
            self._signups += 1
            if self._signups >= self._most_signups and not self._relief_comes:
                self._call_next()
            return fired
        finally:
            self._lock.release()

    def dismiss(self) -> None:
        """Replace the worker: what it says is not to be believed."""
        with self._lock:
            if self._worker is not None:
                self._dismiss()

    def close(self) -> None:
        """Stop the worker for good. May be called twice."""
        self._closed.set()
        if os.getpid() != self._process:
            return
        starting = self._starting
        if starting is not None:
            starting.process.kill()
        with self._lock:
            self._clear()

    def _dismiss(self) -> None:
        self._failures = 1 if monotonic() - self._since >= RELIABLE else self._failures + 1
        self._clear()
        if not self._relief_comes:
            self._call_next()

    def _clear(self) -> None:
        self._manned.clear()
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.stop()

    def _call_next(self) -> None:
        self._relief_comes = True
        threading.Thread(target=self._man, name="kycrisk durable", daemon=True).start()

    def _man(self) -> None:
        """Start workers until one is ready; the one at the post, if any, serves until then."""
        while True:
            pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (self._failures - 1)) if self._failures else 0.0
            if self._closed.wait(pause):
                return
            try:
                worker = self._started()
            except (WorkerGone, WorkerLate, WorkerMissing):
                self._failures += 1
            else:
                self._take_over(worker)
                return

    def _started(self) -> Worker:
        worker = self._starting = Worker(self._nets)
        try:
            worker.wait_ready(self._patience)
        except (WorkerGone, WorkerLate, WorkerMissing):
            worker.stop()
            raise
        finally:
            self._starting = None
        return worker

    def _take_over(self, worker: Worker) -> None:
        with self._lock:
            self._clear()
            self._relief_comes = False
            if self._closed.is_set():
                worker.stop()
                return
            self._worker, self._since, self._signups = worker, monotonic(), 0
            self._manned.set()

    def _leave_to_the_parent(self) -> None:
        """After a fork: the worker answers the process that started it, so this one gets its own."""
        self._process, self._lock = os.getpid(), threading.Lock()
        self._worker, self._starting, self._relief_comes = None, None, False
        self._manned.clear()
        self._call_next()
