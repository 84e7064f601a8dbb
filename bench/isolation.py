"""A contestant in a process of its own, for engines that can crash the one they run in."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.connection import Connection
from time import perf_counter

from bench.stopwatch import InProcess
from bench.workload import make_facts, make_rules

#: An answer takes seconds; a hanging engine is given up after this many.
PATIENCE = 120.0


class EngineDied(RuntimeError):
    """The engine's process ended or does not answer."""


@dataclass(frozen=True, slots=True)
class Isolated:
    """An engine behind a pipe. The workload is drawn again in its process from the same seed."""

    process: multiprocessing.process.BaseProcess
    pipe: Connection
    load_seconds: float

    @classmethod
    def start(cls, module: str, position: int, rules: int, facts: int) -> Isolated:
        """Load the peer at `position` of a module's PEERS with the workload. Raises `EngineDied`."""
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, module, position, rules, facts), daemon=True)
        process.start()
        theirs.close()
        return cls(process, ours, float(_answer(ours)))

    def seconds(self, start: int, count: int) -> float:
        self.pipe.send(("seconds", start, count))
        return float(_answer(self.pipe))

    def fired(self, start: int, count: int) -> list[list[str]]:
        """The ids of the rules that fired, for each fact set from `start` on."""
        self.pipe.send(("fired", start, count))
        return list(_answer(self.pipe))

    def stop(self) -> None:
        self.process.terminate()
        self.process.join()


def _answer(pipe: Connection):  # type: ignore[no-untyped-def]
    try:
        if pipe.poll(PATIENCE):
            return pipe.recv()
    except (EOFError, OSError) as error:
        raise EngineDied("the engine's process ended") from error
    raise EngineDied(f"no answer within {PATIENCE:g} s")


def _serve(pipe: Connection, module: str, position: int, rules: int, facts: int) -> None:
    peer = import_module(f"bench.peers.{module}").PEERS[position]
    drawn = make_rules(rules)
    begun = perf_counter()
    loaded = peer.load(drawn)
    pipe.send(perf_counter() - begun)
    inputs = [loaded.prepare(each) for each in make_facts(facts)]
    contestant = InProcess(loaded.run, inputs)
    while True:
        question, start, count = pipe.recv()
        if question == "seconds":
            pipe.send(contestant.seconds(start, count))
        else:
            pipe.send([_listed(loaded.fired(loaded.run(each))) for each in inputs[start : start + count]])


def _listed(fired: Sequence[str]) -> list[str]:
    return list(fired)
