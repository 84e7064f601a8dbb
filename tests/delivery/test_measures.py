"""What Prometheus is told of deliveries and jobs."""

from datetime import timedelta

from kycrisk.api.delivery_measures import delivery_metrics
from kycrisk.delivery.tally import Tally
from kycrisk.store.deliveries import Depth, State
from tests.store.making import NOW


def test_depth_age_dead_letters_attempts_and_jobs():
    tally = Tally()
    tally.attempts["ep_1", "failed"] += 3
    tally.jobs["recheck", "done"] += 2
    depths = [
        Depth("ep_1", State.WAITING, 7, NOW - timedelta(seconds=90)),
        Depth("ep_1", State.DEAD, 2, NOW - timedelta(days=4)),
    ]
    told = {
        (sample.name, *sample.labels.values()): sample.value
        for metric in delivery_metrics(tally, depths, NOW)
        for sample in metric.samples
    }
    assert told == {
        ("kycrisk_deliveries_waiting", "ep_1"): 7.0,
        ("kycrisk_deliveries_oldest_seconds", "ep_1"): 90.0,
        ("kycrisk_deliveries_dead", "ep_1"): 2.0,
        ("kycrisk_delivery_attempts_total", "ep_1", "failed"): 3.0,
        ("kycrisk_job_runs_total", "recheck", "done"): 2.0,
    }
