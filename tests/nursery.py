"""Processes that are there to be killed, forked from one that has imported everything.

A start then costs what the subject's own start costs, without two seconds of imports each time: two hundred kills are a
matter of minutes. They are processes all the same, each with its own memory, files and sockets, and die of a SIGKILL.

    with Nursery("tests.store.writing") as nursery, nursery.start(url, prefix) as process:
        process.stdout.readline()
        process.kill()
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import traceback
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_LARGEST = 65_536


class Started:
    """A process of the nursery; what it writes to its standard output is read from `stdout`."""

    def __init__(self, nursery, pid, stdout):
        self.pid, self.stdout, self._nursery, self._ended = pid, stdout, nursery, None

    def send_signal(self, number):
        if self._ended is None:  # until then it keeps its number, also when it is dead
            os.kill(self.pid, number)

    def kill(self):
        self.send_signal(signal.SIGKILL)

    def wait(self):
        """How it ended, as `subprocess` says it."""
        if self._ended is None:
            self._ended = self._nursery.ask({"wait": self.pid})["ended"]
        return self._ended

    def poll(self):
        if self._ended is None:
            self._ended = self._nursery.ask({"poll": self.pid})["ended"]
        return self._ended


class Nursery:
    """Forks processes that call `main(*arguments)` of a module."""

    def __init__(self, module):
        self._module = module

    def __enter__(self):
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [sys.executable, "-m", "tests.nursery", str(theirs.fileno()), self._module]
            self._process = subprocess.Popen(command, cwd=ROOT, pass_fds=[theirs.fileno()])
        return self

    def __exit__(self, *error):
        self._ours.close()  # the nursery ends
        self._process.wait()

    def ask(self, told, files=()):
        socket.send_fds(self._ours, [json.dumps(told).encode()], files)
        return json.loads(self._ours.recv(_LARGEST))

    @contextmanager
    def start(self, *arguments, environ=None, output=None):
        """A process, which is killed at the end where it still runs. Its output goes to the file `output`, if given."""
        reading, writing = (None, output.fileno()) if output is not None else os.pipe()
        try:
            told = {"arguments": arguments, "environ": environ or {}}
            pid = self.ask(told, [writing, writing if output is not None else 2])["pid"]
        finally:
            if output is None:
                os.close(writing)
        process = Started(self, pid, None if reading is None else os.fdopen(reading, "rb"))
        try:
            yield process
        finally:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


def _ended(pid, options):
    found, status = os.waitpid(pid, options)
    return os.waitstatus_to_exitcode(status) if found else None


def _run(main, told, files, asked):
    """What a forked process does; it never returns."""
    asked.close()
    code = 1  # also of what is no `Exception`
    try:
        for ours, wanted in zip(files, (1, 2), strict=True):
            os.dup2(ours, wanted)
        os.environ.update(told["environ"])
        main(*told["arguments"])
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except Exception:  # noqa: BLE001 - as the interpreter itself would
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _serve(asked, main):
    while True:
        message, files, _, _ = socket.recv_fds(asked, _LARGEST, 2)
        if not message:
            return
        told = json.loads(message)
        if "arguments" in told:
            pid = os.fork() or _run(main, told, files, asked)
            answer = {"pid": pid}
        elif "wait" in told:
            answer = {"ended": _ended(told["wait"], 0)}
        else:
            answer = {"ended": _ended(told["poll"], os.WNOHANG)}
        for each in files:
            os.close(each)
        asked.send(json.dumps(answer).encode())


if __name__ == "__main__":
    _module = importlib.import_module(sys.argv[2])
    gc.collect()
    gc.freeze()  # no process looks through what was imported for garbage, which copies it all
    _serve(socket.socket(fileno=int(sys.argv[1])), _module.main)
