"""What the service counts and times, for Prometheus. Kept lean, as it is told of every request: no locks, as only the
event loop writes, and no labels looked up by dictionary of strings but once."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from kycrisk.decision import Decision

BUCKETS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
Gauges = Callable[[], Iterable[Metric]]


class Timing:
    """How often something took how long."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts, self.total = [0] * (len(BUCKETS) + 1), 0.0

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(BUCKETS, seconds)] += 1
        self.total += seconds

    def buckets(self) -> list[tuple[str, float]]:
        """As Prometheus has them: each with all below it."""
        found, below = [], 0
        for bound, count in zip((*map(str, BUCKETS), "+Inf"), self.counts, strict=True):
            below += count
            found.append((bound, float(below)))
        return found


class Measures(Collector):
    """Everything that is counted. `gauges` are asked when somebody looks."""

    def __init__(self) -> None:
        self.stages = {stage: Timing() for stage in ("read", "check", "consult", "store", "whole")}
        self._read, self._check, self._consult, self._store, self._whole = self.stages.values()
        self.requests: Counter[tuple[str, str, int]] = Counter()
        self.outcomes: Counter[tuple[str, bool]] = Counter()
        self.repeated = 0
        self.lookups: Counter[tuple[str, str]] = Counter()
        self.problems: Counter[str] = Counter()
        self.reloads: Counter[str] = Counter()
        self.gauges: list[Gauges] = []
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    # stages of a screening (`Stages`)

    def read(self, seconds: float) -> None:
        self._read.add(seconds)

    def checked(self, seconds: float) -> None:
        self._check.add(seconds)

    def consulted(self, seconds: float) -> None:
        self._consult.add(seconds)

    def stored(self, seconds: float) -> None:
        self._store.add(seconds)

    def answered(self, seconds: float, repeated: bool) -> None:
        self._whole.add(seconds)
        self.repeated += repeated

    def decided(self, decision: Decision) -> None:
        self.outcomes[decision.outcome.word, decision.settled] += 1
        for lookup in decision.lookups:
            if lookup.asked:
                self.lookups[
                    lookup.check, "unanswered" if lookup.why and not lookup.why.startswith("kept") else "answered"
                ] += 1

    def reloaded(self, good: bool) -> None:
        self.reloads["taken" if good else "refused"] += 1

    def text(self) -> bytes:
        """Everything, in Prometheus' text form."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        seconds = HistogramMetricFamily(
            "kycrisk_screening_stage_seconds", "How long the stages of a screening take.", labels=["stage"]
        )
        for stage, timing in self.stages.items():
            seconds.add_metric([stage], timing.buckets(), timing.total)
        yield seconds
        yield _counter("kycrisk_http_requests", "Requests.", ("method", "route", "status"), self.requests)
        yield _counter("kycrisk_decisions", "Decisions that were stored.", ("outcome", "settled"), self.outcomes)
        yield _counter(
            "kycrisk_repeated_answers", "Answers given again under an idempotency key.", (), {(): self.repeated}
        )
        yield _counter("kycrisk_lookups", "Questions to sources.", ("source", "result"), self.lookups)
        problems = {(kind,): count for kind, count in self.problems.items()}
        yield _counter("kycrisk_problems", "Problem documents.", ("kind",), problems)
        yield _counter(
            "kycrisk_reloads", "Reloads of rules and lists.", ("result",), {(k,): n for k, n in self.reloads.items()}
        )
        for gauges in self.gauges:
            yield from gauges()


def _counter(name: str, help_: str, labels: Iterable[str], counted: object) -> CounterMetricFamily:
    names = tuple(labels)
    family = CounterMetricFamily(name, help_, labels=names)
    assert isinstance(counted, dict)
    for key, count in counted.items():
        family.add_metric([_label(part) for part in key], count)
    return family


def gauge(
    name: str, help_: str, values: Iterable[tuple[tuple[str, ...], float]], labels: tuple[str, ...] = ()
) -> Metric:
    """A gauge with its values."""
    family = GaugeMetricFamily(name, help_, labels=labels)
    for key, value in values:
        family.add_metric(key, value)
    return family


def _label(part: object) -> str:
    return str(part).lower() if isinstance(part, bool) else str(part)
