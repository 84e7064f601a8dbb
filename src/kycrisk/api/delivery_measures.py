"""What of deliveries and jobs is measured, for Prometheus."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from prometheus_client.core import CounterMetricFamily, Metric

from kycrisk.api.measures import gauge
from kycrisk.delivery.tally import Tally
from kycrisk.store.deliveries import Depth, State


def delivery_metrics(tally: Tally, depths: Iterable[Depth], now: datetime) -> Iterator[Metric]:
    """Queue depth and oldest age, dead letters, attempts, and runs of jobs."""
    waiting = [each for each in depths if each.state is State.WAITING]
    dead = [each for each in depths if each.state is State.DEAD]
    by = ("endpoint",)
    yield gauge(
        "kycrisk_deliveries_waiting",
        "Messages that are not delivered yet.",
        [((each.endpoint,), each.count) for each in waiting],
        by,
    )
    yield gauge(
        "kycrisk_deliveries_oldest_seconds",
        "Age of the oldest message that is not delivered yet.",
        [((each.endpoint,), (now - each.oldest).total_seconds()) for each in waiting],
        by,
    )
    yield gauge(
        "kycrisk_deliveries_dead", "Messages that were given up.", [((each.endpoint,), each.count) for each in dead], by
    )
    attempts = CounterMetricFamily(
        "kycrisk_delivery_attempts", "Attempts to deliver a message.", labels=("endpoint", "result")
    )
    for (endpoint, result), count in tally.attempts.items():
        attempts.add_metric((endpoint, result), count)
    yield attempts
    jobs = CounterMetricFamily("kycrisk_job_runs", "Runs of recurring jobs.", labels=("job", "result"))
    for (job, result), count in tally.jobs.items():
        jobs.add_metric((job, result), count)
    yield jobs
