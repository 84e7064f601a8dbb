"""Several processes behind one socket. The parent listens, starts them, replaces one that dies, and nothing else.

They are forks: each comes back from `share` with its place, and serves. When the parent is gone, however it ended, a
pipe tells them, and they stop as if they had been asked to.
"""

from __future__ import annotations

import logging
import os
import select
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_log = logging.getLogger(__name__)

BACKLOG = 2048
#: How long a process's successor waits, in seconds; twice as long after each that did not live for `RELIABLE`.
FIRST_PAUSE, LONGEST_PAUSE, RELIABLE = 0.2, 30.0, 10.0
_STOPS = {signal.SIGTERM, signal.SIGINT}
_HEEDED = {*_STOPS, signal.SIGHUP, signal.SIGCHLD}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One process's place among those that share a socket. `folder` is where they find each other."""

    number: int
    listening: socket.socket
    folder: Path
    life: int  # readable when the process is to stop
    ready: int

    def tell_ready(self) -> None:
        """Tell the parent that this process serves."""
        os.write(self.ready, b"r")
        os.close(self.ready)


@dataclass(slots=True)
class _Child:
    number: int
    ready: int
    since: float
    serves: bool = False


def share(
    count: int, host: str, port: int, *, stop_within: float, on_listening: Callable[[str, int], None]
) -> Place | None:
    """Start the processes. Each comes back with its place; the parent comes back when all have ended, with None.

    Raises `OSError` when nobody can listen there, and `SystemExit` with the first process's code when it cannot start.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.create_server((host, port), family=family, backlog=BACKLOG)
    folder = Path(tempfile.mkdtemp(prefix="kycrisk-"))
    parent = _Parent(count, listening, folder, stop_within, on_listening)
    try:
        place = parent.run()
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    if place is None:
        shutil.rmtree(folder, ignore_errors=True)
        listening.close()
    return place


class _Parent:
    """Signals are blocked in the parent, and taken one by one: no handler can come between a fork and what follows."""

    def __init__(
        self,
        count: int,
        listening: socket.socket,
        folder: Path,
        stop_within: float,
        on_listening: Callable[[str, int], None],
    ) -> None:
        self._count, self._listening, self._folder, self._stop_within = count, listening, folder, stop_within
        self._on_listening = on_listening
        self._life_read, self._life = os.pipe()
        self._children: dict[int, _Child] = {}
        self._due: dict[int, float] = {}  # when the successor of a number starts
        self._pauses: dict[int, float] = {}
        self._kill_at: float | None = None  # set when it is stopping
        self._code = 1  # of the process that ended last
        self._begun = False  # once the first process serves, whatever ends is replaced
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, _HEEDED)

    def run(self) -> Place | None:
        for number in range(self._count):
            place = self._started(number)
            if place is not None:
                return place
            if number == 0:  # it brings tables and keys up to date, and tells what is wrong; the others come after it
                self._await_ready()
        told = False
        while self._children or self._kill_at is None:
            self._heed(1.0 if told else 0.05)
            for number in [number for number, at in self._due.items() if at <= time.monotonic()]:
                del self._due[number]
                place = self._started(number)
                if place is not None:
                    return place
            if not told and self._kill_at is None and len(self._children) == self._count and self._all_serve():
                self._on_listening(*self._listening.getsockname()[:2])
                told = True
        return None

    def _all_serve(self) -> bool:
        return all(self._serves(child) for child in self._children.values())

    def _started(self, number: int) -> Place | None:
        """In the new process its place, in the parent nothing."""
        read, write = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid:
            os.close(write)
            self._children[pid] = _Child(number, read, time.monotonic())
            return None
        os.close(read)
        os.close(self._life)  # the parent's alone, so that it ends with it
        for child in self._children.values():
            os.close(child.ready)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
        return Place(number=number, listening=self._listening, folder=self._folder, life=self._life_read, ready=write)

    def _await_ready(self) -> None:
        """Wait for the first process. Raises `SystemExit` with its code when it ends instead, having said why."""
        [(pid, child)] = self._children.items()
        while not self._serves(child):
            self._heed(0.05)
            if pid not in self._children:
                raise SystemExit(self._code)
        self._begun = True

    def _serves(self, child: _Child) -> bool:
        if not child.serves and select.select([child.ready], [], [], 0)[0]:
            child.serves = os.read(child.ready, 1) != b""  # nothing: it ended before
        return child.serves

    def _heed(self, patience: float) -> None:
        """Take the next signal, if one comes; look after the processes in any case."""
        found = signal.sigtimedwait(_HEEDED, patience)
        number = found.si_signo if found is not None else None
        if number in _STOPS:
            self._stop()
        elif number == signal.SIGHUP:
            self._tell(signal.SIGHUP)
        self._reap()
        if self._kill_at is not None and time.monotonic() >= self._kill_at:
            self._tell(signal.SIGKILL)

    def _stop(self) -> None:
        if self._kill_at is None:
            self._kill_at = time.monotonic() + self._stop_within + 10
            self._due.clear()
            os.close(self._life)
        else:  # asked twice: at once
            self._tell(signal.SIGTERM)

    def _tell(self, number: signal.Signals) -> None:
        for pid in self._children:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def _reap(self) -> None:
        for pid, child in list(self._children.items()):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if not ended:
                continue
            del self._children[pid]
            os.close(child.ready)
            self._code = os.waitstatus_to_exitcode(status)
            if self._begun and self._kill_at is None:
                lived = time.monotonic() - child.since
                before = self._pauses.get(child.number, 0.0)
                pause = FIRST_PAUSE if lived >= RELIABLE else min(LONGEST_PAUSE, max(FIRST_PAUSE, 2 * before))
                self._pauses[child.number] = pause
                self._due[child.number] = time.monotonic() + pause
                _log.error("process %d ended with %d, another one is started", child.number, self._code)
