"""One worker process: started with some nets, asked about signups, stopped. It is never trusted and never waited for
longer than it was given."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import IO, Any

from kycrisk.ruleset.durable import Assertion

WORKER = Path(__file__).with_name("worker.py")
CANNOT_IMPORT = 3  # its exit code; it cannot be imported here, since it imports the library
#: More than the answers of 10,000 rules; a length beyond it is no length.
MOST_BYTES = 16_000_000


class WorkerGone(RuntimeError):
    """The process ended, or said what is no answer."""


class WorkerLate(RuntimeError):
    """No answer within the time that was given."""


class WorkerMissing(RuntimeError):
    """durable-rules cannot be imported by this Python; the message says why."""


class Worker:
    """A running process. One question at a time; after an error it is good for nothing but `stop`."""

    def __init__(self, nets: Mapping[str, Any]) -> None:
        """Start the process; `wait_ready` must follow. Raises `WorkerGone` when the system has no process to give."""
        try:
            ours, theirs = socket.socketpair()
        except OSError as error:
            raise WorkerGone(f"no socket for a worker: {error}") from None
        # what it prints, which must neither block it nor be seen
        self._said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - `stop` closes it
        try:
            with theirs:
                self.process = subprocess.Popen(
                    # -P: the folder of the file is no place to import from
                    [sys.executable, "-P", str(WORKER), str(theirs.fileno())],
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=self._said,
                    stderr=self._said,
                )
        except OSError as error:
            ours.close()
            self._said.close()
            raise WorkerGone(f"no process for a worker: {error}") from None
        self._socket = ours
        self._nets = nets
        self._asked = 0

    def wait_ready(self, patience: float) -> None:
        """Wait until the nets are loaded, at most some seconds.

        Raises `WorkerMissing` where the library is not installed, `WorkerGone` and `WorkerLate`.
        """
        try:
            self._ask({"nets": self._nets}, patience)
        except WorkerGone:
            with suppress(subprocess.TimeoutExpired):
                if self.process.wait(timeout=1) == CANNOT_IMPORT:
                    raise WorkerMissing(self._last_words()) from None
            raise

    def fired(self, asserted: Sequence[Assertion], patience: float) -> list[list[str]]:
        """The rules that fire for each fact of one signup. Raises `WorkerGone` and `WorkerLate`."""
        self._asked += 1
        answer = self._ask({"number": self._asked, "asserted": asserted}, patience)
        match answer:
            case {"number": self._asked, "fired": [*fired]} if all(_are_names(names) for names in fired):
                return fired
        raise WorkerGone("the worker's answer is not one to the question")

    def _ask(self, question: object, patience: float) -> Any:
        told = json.dumps(question).encode()
        until = monotonic() + patience
        try:
            self._within(until)
            self._socket.sendall(len(told).to_bytes(4, "big") + told)
            length = int.from_bytes(self._read(4, until), "big")
            if length > MOST_BYTES:
                raise WorkerGone(f"the worker announced an answer of {length} bytes")
            return json.loads(self._read(length, until))
        except TimeoutError:
            raise WorkerLate(f"no answer within {patience:g} s") from None
        except OSError as error:
            raise WorkerGone(f"the worker is gone: {error}") from None
        except ValueError:
            raise WorkerGone("the worker's answer is not JSON") from None

    def _read(self, length: int, until: float) -> bytes:
        found = bytearray()
        while len(found) < length:
            self._within(until)
            part = self._socket.recv(length - len(found))
            if not part:
                raise WorkerGone("the worker is gone")
            found += part
        return bytes(found)

    def _within(self, until: float) -> None:
        remaining = until - monotonic()
        if remaining <= 0:
            raise TimeoutError
        self._socket.settimeout(remaining)

    def _last_words(self) -> str:
        self._said.seek(0)
        lines = self._said.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "no reason given"

    def stop(self) -> None:
        """Kill the process, whatever it is doing. May be called twice."""
        self.process.kill()
        self.process.wait()
        self._socket.close()
        self._said.close()


def _are_names(names: object) -> bool:
    return isinstance(names, list) and all(isinstance(name, str) for name in names)
