"""What does it cost to have durable-rules decide? `python -m bench.durable`

The same rules and facts as in `evaluation`, for 40, 200 and 1,000 rules: a signup on durable-rules as kycrisk runs it
(in its worker process, three-valued, each answer checked), on durable-rules alone, on the default engine and on the
other peers; then what loading takes, and what is left in memory by each reload. On a busy machine the worker waits for
a processor at every signup; the fastest turn, which is noted too, shows what it takes without.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, closing
from importlib.util import find_spec
from typing import Any

from bench.alone import show
from bench.evaluation import OURS, PARTIAL, WARM_UP, Track
from bench.figure import Figure, Options, Section
from bench.fresh import in_fresh_processes, middle
from bench.peers import installed, version_of
from bench.stopwatch import FreshEachTurn, InProcess, Timing, race
from bench.workload import SEED, Facts, make_facts, make_ruleset, without_a_third
from kycrisk.durable_engine.engine import DurableEngine
from kycrisk.ruleset.evaluate import compile_ruleset

RULES = (40, 200, 1000)
GUARDED, GUARDED_PARTIAL = "kycrisk on durable-rules", "kycrisk on durable-rules, a third unknown"
PATIENCE = 10.0  # seconds for a signup: here it is measured, not kept

#: One JSON object: milliseconds of a load and kB that each of ten reloads leaves behind, in a process of its own.
_RELOADS = """
import gc, json, sys
from importlib import util
from pathlib import Path
from statistics import median
from time import perf_counter
from bench.workload import make_ruleset
from kycrisk.durable_engine import process
from kycrisk.durable_engine.engine import DurableEngine
from kycrisk.ruleset.durable import make_nets
from kycrisk.ruleset.evaluate import compile_ruleset

def kb(pid="self"):
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))

def generated(turn):
    return compile_ruleset(ruleset)

def in_one_process(turn):
    nets = make_nets(ruleset.live).definitions
    return worker.Judge({f"{name}v{turn}": net for name, net in nets.items()})

def in_the_worker(turn):
    engine = DurableEngine(compile_ruleset(ruleset))
    workers.append(kb(engine.post.pid))
    engine.close()

way, count = sys.argv[1], int(sys.argv[2])
ruleset, workers = make_ruleset(count), []
if way == "in_one_process":
    spec = util.spec_from_file_location("worker", process.WORKER)
    worker = util.module_from_spec(spec)
    spec.loader.exec_module(worker)
load = globals()[way]
kept = load(0)
gc.collect()
before, times = kb(), []
for turn in range(1, 11):
    begun = perf_counter()
    kept = load(turn)
    times.append(perf_counter() - begun)
    gc.collect()
told = {"load_ms": median(times) * 1000, "kept_kb": (kb() - before) / 10, "worker_kb": max(workers, default=0)}
print(json.dumps(told))
"""
WAYS = {"generated": OURS, "in_one_process": "durable-rules in one process", "in_the_worker": GUARDED}


def run(options: Options) -> Section:
    """The races and the reloads; nothing where durable-rules is not installed."""
    if find_spec("durable_rules_engine") is None:
        note = "durable-rules is not installed"
        return Section(name="durable", figures=(Figure(name=GUARDED, value=None, unit="µs", note=note),), details={})
    facts = make_facts(200 if options.quick else 2000)
    timings: dict[int, dict[str, Timing]] = {}
    reloads: dict[int, dict[str, dict[str, float]]] = {}
    failures: list[str] = []
    for rules in RULES[:1] if options.quick else RULES:
        failures += _differences(rules, facts[: 100 if options.quick else 40_000 // rules])
        timings[rules] = _raced(rules, facts, 3 if options.quick else 11)
        reloads[rules] = {name: _reload(way, rules, 1 if options.quick else 3) for way, name in WAYS.items()}
    return Section(
        name="durable",
        figures=tuple(figure for rules in timings for figure in _figures(rules, timings[rules], reloads[rules])),
        details={
            "durable_rules": version_of("durable-rules"),
            "fact_sets": len(facts),
            **{
                f"{rules}_rules": {
                    "engines": {name: timing.as_json() for name, timing in timings[rules].items()},
                    "reloads": reloads[rules],
                }
                for rules in timings
            },
        },
        failures=tuple(failures),
    )


def _differences(rules: int, facts: Sequence[Facts]) -> list[str]:
    """Where durable-rules itself, unchecked, finds what the default engine does not."""
    compiled = compile_ruleset(make_ruleset(rules))
    with closing(DurableEngine(compiled, deadline=PATIENCE)) as engine:
        return [
            f"durable-rules with {rules} rules: {found}, expected {expected}"
            for each in [*facts, *without_a_third(facts)]
            if (found := engine.judge_alone(each).verdict) != (expected := compiled.verdict(each))
        ][:5]


def _raced(rules: int, facts: list[Facts], turns: int) -> dict[str, Timing]:
    ruleset = make_ruleset(rules)
    track = Track(rules, facts)
    shapes: dict[Any, list[Any]] = {}
    with ExitStack() as stack:
        for peer in installed()[0]:
            track.add_peer(peer, shapes)
        for isolated in track.isolated:
            stack.callback(isolated.stop)
        engine = stack.enter_context(closing(DurableEngine(compile_ruleset(ruleset), deadline=PATIENCE)))
        for name, guarded, inputs, other in (
            (OURS, GUARDED, facts, make_facts(WARM_UP, SEED + 1)),
            (PARTIAL, GUARDED_PARTIAL, without_a_third(facts), without_a_third(make_facts(WARM_UP, SEED + 1))),
        ):
            track.contestants[name] = FreshEachTurn(lambda: compile_ruleset(ruleset).verdict, inputs, other)
            track.contestants[guarded] = InProcess(engine.judge, inputs)
        return race(track.contestants, len(facts), turns)


def _reload(way: str, rules: int, times: int) -> dict[str, float]:
    answers = in_fresh_processes(_RELOADS, (way, str(rules)), times)
    return {key: round(middle(answers, key), 2) for key in ("load_ms", "kept_kb", "worker_kb")}


def _figures(rules: int, timings: dict[str, Timing], reloads: dict[str, dict[str, float]]) -> list[Figure]:
    ours = timings[OURS].median
    return [
        *(
            Figure(
                name=f"{rules:,} rules, {name}",
                value=timing.median,
                unit="µs",
                note=f"fastest turn {timing.fastest:,.3g}; {timing.median / ours:,.1f} times kycrisk",
            )
            for name, timing in sorted(timings.items(), key=lambda item: item[1].median)
        ),
        *(
            Figure(name=f"{rules:,} rules, loading: {name}", value=told["load_ms"], unit="ms")
            for name, told in reloads.items()
        ),
        *(
            Figure(name=f"{rules:,} rules, left in memory by a reload: {name}", value=told["kept_kb"] / 1000, unit="MB")
            for name, told in reloads.items()
        ),
        Figure(
            name=f"{rules:,} rules, size of the worker process", value=reloads[GUARDED]["worker_kb"] / 1000, unit="MB"
        ),
    ]


if __name__ == "__main__":
    show(run)
