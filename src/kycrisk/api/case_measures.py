"""What Prometheus is told about verification cases."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import Metric

from kycrisk.api.measures import gauge
from kycrisk.verification.queue import Figures
from kycrisk.verification.state import State


def case_metrics(figures: Figures | None) -> Iterator[Metric]:
    """Cases by state, the reviewers' queue, what went out, and the median of how long a verification takes."""
    if figures is None:
        return
    states = [((state.value,), float(figures.states.get(state.value, 0))) for state in State]
    yield gauge("kycrisk_cases", "Verification cases by their state.", states, ("state",))
    yield gauge("kycrisk_reviews_waiting", "Cases that wait for a person.", [((), float(figures.waiting))])
    yield gauge("kycrisk_reviews_overdue", "Those that have waited for too long.", [((), float(figures.overdue))])
    yield gauge("kycrisk_case_actions_waiting", "Outgoing work of cases.", [((), float(figures.actions))])
    if figures.median_active is not None:
        words = "Median of the active time of the latest decided cases, waits for the customer left out."
        yield gauge("kycrisk_case_active_seconds", words, [((), figures.median_active.total_seconds())])
