"""The process in which durable-rules runs. It is started as a file and imports nothing of kycrisk, so it starts quickly
and holds nothing but nets and the facts of one signup.

The socket whose number it is given carries messages: four bytes of length, then JSON. The first one holds the nets
and is answered by what the library is; each of the others holds the facts of one signup, is answered by the names of
the rules that fired for each fact, and leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import json
import resource
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any

CANNOT_IMPORT = 3  # the exit code
try:
    from durable import engine
except ImportError as error:
    print(error, file=sys.stderr)
    sys.exit(CANNOT_IMPORT)

ALWAYS = "always"
#: The library can loop for ever inside C, where no exception reaches it. The process that waits for an answer kills
#: this one; should it be gone itself, the system's alarm does.
PATIENCE_LOADING, PATIENCE = 120.0, 10.0


class QuietHost(engine.Host):  # type: ignore[misc] # the library has no types
    """A host without its timer threads: they touch the memory that `delete_state` frees."""

    def _run(self) -> None:
        return


class Judge:
    """The nets, loaded."""

    def __init__(self, nets: dict[str, dict[str, Any]]) -> None:
        self._host = QuietHost()
        self._fired: list[str] = []
        self._signups = 0
        for name, rules in nets.items():
            definition = {
                rule: {"all": [{"m": condition}], "run": self._noting(rule)} for rule, condition in rules.items()
            }
            self._host.set_rulesets({name: definition})

    def _noting(self, rule: str) -> Callable[[Any], None]:
        # Exceptions in actions are swallowed, so an action does what cannot fail.
        return lambda _: self._fired.append(rule)

    def fired(self, asserted: list[tuple[str, dict[str, Any]]]) -> list[list[str]]:
        """The rules that fire for each fact.

        Ids of signups and facts are known to the library by a 32-bit hash. These are made here, of one length, and
        each is gone before the next comes, so none can be taken for another.
        """
        self._signups += 1
        signup = f"{self._signups:016x}"
        answers: list[list[str]] = []
        for net, fact in asserted:
            self._fired.clear()
            self._host.assert_fact(net, {**fact, "sid": signup, "id": signup})
            answers.append(list(dict.fromkeys(self._fired)))
            if ALWAYS not in self._fired:  # deleting the state of a fact that fired no rule crashes
                raise RuntimeError(f"the net {net} did not see its fact")
            self._host.delete_state(net, signup)
        return answers


def serve(connection: socket.socket) -> None:
    """Answer until the other side is gone."""
    with connection.makefile("rwb") as pipe:
        while head := pipe.read(4):
            question = json.loads(pipe.read(int.from_bytes(head, "big")))
            if "nets" in question:
                signal.setitimer(signal.ITIMER_REAL, PATIENCE_LOADING)
                judge = Judge(question["nets"])
                answer: dict[str, Any] = {"ready": True}
            else:
                signal.setitimer(signal.ITIMER_REAL, PATIENCE)
                answer = {"number": question["number"], "fired": judge.fired(question["asserted"])}
            signal.setitimer(signal.ITIMER_REAL, 0)
            told = json.dumps(answer).encode()
            pipe.write(len(told).to_bytes(4, "big") + told)
            pipe.flush()


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold what is known about a person
    with contextlib.suppress(BrokenPipeError, ConnectionResetError), socket.socket(fileno=int(sys.argv[1])) as ours:
        serve(ours)
