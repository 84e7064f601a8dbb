"""How long does it take to judge one signup, beside the other engines? `python -m bench.evaluation`

The same 40 and 1,000 rules and the same 10,000 fact sets for all; the rules that fire are compared first, and an
engine that finds others makes the run fail.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from bench.alone import show
from bench.bare import bare_function
from bench.figure import Figure, Options, Section
from bench.isolation import EngineDied, Isolated
from bench.peers import Absent, installed, module_of, version_of
from bench.peers.peer import Peer
from bench.stopwatch import Contestant, FreshEachTurn, InProcess, Timing, race
from bench.workload import SEED, Facts, make_facts, make_rules, make_ruleset, without_a_third
from kycrisk.outcome import Finding
from kycrisk.ruleset.evaluate import compile_ruleset
from kycrisk.ruleset.reference import finding

SMALL, LARGE = 40, 1000
OURS, BARE, PARTIAL = "kycrisk", "bare function", "kycrisk, a third unknown"
#: Slow engines are compared on fewer fact sets at 1,000 rules; the results say on how many.
COMPARED_AT_LEAST, COMPARING_SECONDS = 2000, 4.0
WARM_UP = 20

Run = Callable[[Any], Any]
Fired = Callable[[int, int], list[list[str]]]


@dataclass(slots=True)
class Track:
    """One race: some rules, the contestants, how long each took to load and what could not take part."""

    rules: int
    facts: list[Facts]
    contestants: dict[str, Contestant] = field(default_factory=dict)
    fired: dict[str, Fired] = field(default_factory=dict)
    load_seconds: dict[str, float] = field(default_factory=dict)
    not_possible: dict[str, str] = field(default_factory=dict)
    isolated: list[Isolated] = field(default_factory=list)

    def add(
        self, name: str, run: Callable[[Any], Any], fired: Callable[[Any], Sequence[str]], inputs: list[Any]
    ) -> None:
        def answers(start: int, count: int) -> list[list[str]]:
            return [list(fired(run(each))) for each in inputs[start : start + count]]

        self.contestants[name] = InProcess(run, inputs)
        self.fired[name] = answers

    def add_peer(self, peer: Peer, shapes: dict[Callable[[Facts], Any], list[Any]]) -> None:
        if peer.isolated:
            self._add_isolated(peer)
            return
        rules = make_rules(self.rules)
        begun = perf_counter()
        loaded = peer.load(rules)
        self.load_seconds[peer.name] = perf_counter() - begun
        if loaded.prepare not in shapes:
            shapes[loaded.prepare] = [loaded.prepare(each) for each in self.facts]
        self.add(peer.name, loaded.run, loaded.fired, shapes[loaded.prepare])

    def _add_isolated(self, peer: Peer) -> None:
        module = module_of(peer)
        try:
            engine = Isolated.start(module, 0, self.rules, len(self.facts))
        except EngineDied as error:
            self.not_possible[peer.name] = str(error)
            return
        self.isolated.append(engine)
        self.contestants[peer.name], self.fired[peer.name] = engine, engine.fired
        self.load_seconds[peer.name] = engine.load_seconds


def run(options: Options) -> Section:
    """Both races, and what follows from them."""
    peers, absent = installed()
    facts = make_facts(500 if options.quick else 10_000)
    results: dict[int, dict[str, Any]] = {}
    timings: dict[int, dict[str, Timing]] = {}
    failures: list[str] = []
    for rules in (SMALL, LARGE):
        track = _track(rules, facts, peers)
        try:
            compared, wrong = _compare(track, options)
            failures += wrong
            turns = 3 if options.quick else 21 if rules == SMALL else 11
            timings[rules] = race(track.contestants, len(facts), turns)
        finally:
            for engine in track.isolated:
                engine.stop()
        results[rules] = _report(track, timings[rules], compared)
    return Section(
        name="evaluation",
        figures=_figures(timings, peers, absent),
        details={
            "fact_sets": len(facts),
            "peers": [_described(peer) for peer in peers],
            "absent": [{"distribution": each.distribution, "reason": each.reason} for each in absent],
            **{f"{rules}_rules": result for rules, result in results.items()},
        },
        failures=tuple(failures),
    )


def _described(peer: Peer) -> dict[str, Any]:
    return {
        "name": peer.name,
        "distribution": peer.distribution,
        "version": version_of(peer.distribution),
        "way": peer.way,
        "usual_way": peer.usual,
    }


def _track(rules: int, facts: list[Facts], peers: Sequence[Peer]) -> Track:
    track = Track(rules, facts)
    ruleset = make_ruleset(rules)
    begun = perf_counter()
    compiled = compile_ruleset(ruleset)
    track.load_seconds[OURS] = perf_counter() - begun
    track.add(OURS, compiled.verdict, lambda verdict: verdict.hits, facts)
    track.add(BARE, bare_function(ruleset.rules), lambda answer: answer[1], facts)
    shapes: dict[Callable[[Facts], Any], list[Any]] = {}
    for peer in peers:
        track.add_peer(peer, shapes)
    for name, inputs, other in (
        (OURS, facts, make_facts(WARM_UP, SEED + 1)),
        (PARTIAL, without_a_third(facts), without_a_third(make_facts(WARM_UP, SEED + 1))),
    ):  # kycrisk keeps verdicts by the rules that fired
        track.contestants[name] = FreshEachTurn(lambda: compile_ruleset(ruleset).verdict, inputs, other)
    return track


def _compare(track: Track, options: Options) -> tuple[dict[str, int], list[str]]:
    """On how many fact sets each engine was compared, and what differs. The reference interpreter is the measure
    for ours, ours for the others."""
    total, rules = len(track.facts), make_rules(track.rules)
    sampled = min(total, 40 * 10_000 // track.rules)
    reference = [[rule.id for rule in rules if finding(rule, each) is Finding.HIT] for each in track.facts[:sampled]]
    ours = track.fired[OURS](0, total)
    wrong = _differences(OURS, track.rules, ours, reference)
    compared = {OURS: sampled}
    for name, fired in track.fired.items():
        if name == OURS:
            continue
        step, done, begun = max(1, min(total, 100)), 0, perf_counter()
        least = min(total, 100 if options.quick else COMPARED_AT_LEAST if track.rules > SMALL else total)
        try:
            while done < total and (done < least or perf_counter() - begun < COMPARING_SECONDS):
                wrong += _differences(name, track.rules, fired(done, step), ours[done : done + step])
                done += step
        except EngineDied as error:
            track.not_possible[name] = str(error)
            track.contestants.pop(name)
        compared[name] = min(done, total)
    return compared, wrong[:50]


def _differences(name: str, rules: int, found: list[list[str]], expected: list[list[str]]) -> list[str]:
    return [
        f"{name} with {rules} rules: fired {sorted(theirs)}, expected {right}"
        for theirs, right in zip(found, expected, strict=False)
        if sorted(theirs) != right
    ]


def _report(track: Track, timings: dict[str, Timing], compared: dict[str, int]) -> dict[str, Any]:
    engines = {
        name: {
            **timing.as_json(),
            "load_ms": round(track.load_seconds[name] * 1000, 2) if name in track.load_seconds else None,
            "fired_rules_compared_on": compared.get(name),
            "times_kycrisk": round(timing.median / timings[OURS].median, 2),
        }
        for name, timing in timings.items()
    }
    return {"engines": engines, "not_possible": track.not_possible}


def _figures(
    timings: dict[int, dict[str, Timing]], peers: Sequence[Peer], absent: Sequence[Absent]
) -> tuple[Figure, ...]:
    small, large = timings[SMALL], timings[LARGE]
    ours = small[OURS].median
    usual = {peer.name: small[peer.name].median for peer in peers if peer.usual and peer.name in small}
    tuned = {peer.name: small[peer.name].median for peer in peers if not peer.usual and peer.name in small}
    return (
        Figure(name="40 rules, facts known", value=ours, unit="µs"),
        Figure(name="40 rules, bare function", value=small[BARE].median, unit="µs"),
        Figure(name="40 rules, times the bare function", value=ours / small[BARE].median, unit="×", bar=3),
        *(
            Figure(name=f"40 rules, times faster than {name}", value=time / ours, unit="×", bar=10, at_least=True)
            for name, time in usual.items()
        ),
        *(
            Figure(name=f"40 rules, times faster than {name}", value=time / ours, unit="×", note="not a usual way")
            for name, time in tuned.items()
        ),
        *(
            Figure(name=f"40 rules, times faster than {each.distribution}", value=None, unit="×", note=each.reason)
            for each in absent
        ),
        Figure(name="40 rules, a third of the facts unknown", value=small[PARTIAL].median, unit="µs", bar=30),
        Figure(name="1,000 rules, facts known", value=large[OURS].median, unit="µs"),
        Figure(name="1,000 rules, a third of the facts unknown", value=large[PARTIAL].median, unit="µs"),
        Figure(name="growth from 40 to 1,000 rules", value=large[OURS].median / ours, unit="×", bar=25),
        Figure(
            name="growth from 40 to 1,000 rules, a third unknown",
            value=large[PARTIAL].median / small[PARTIAL].median,
            unit="×",
            bar=25,
        ),
    )


if __name__ == "__main__":
    show(run)
