"""Pauses grow from five seconds to six hours, and the last attempt comes three days after the first, or later."""

from datetime import timedelta

import pytest

from kycrisk.delivery.backoff import next_attempt
from tests.store.making import NOW


@pytest.mark.parametrize(
    ("attempts", "retry_after", "chance", "seconds"),
    [
        pytest.param(1, 0, 0.5, 5, id="first"),
        pytest.param(2, 0, 0.5, 15, id="second"),
        pytest.param(4, 0, 0.5, 135, id="fourth"),
        pytest.param(8, 0, 0.5, 10935, id="eighth"),
        pytest.param(9, 0, 0.5, 21600, id="longest"),
        pytest.param(500, 0, 0.5, 21600, id="stays-longest"),
        pytest.param(1, 0, 0.0, 4, id="a-fifth-less"),
        pytest.param(1, 0, 1.0, 6, id="a-fifth-more"),
        pytest.param(1, 120, 0.5, 120, id="asked-for"),
        pytest.param(9, 120, 0.5, 21600, id="asked-for-less-than-the-pause"),
        pytest.param(1, 10_000_000_000, 0.5, 86400, id="asked-for-too-much"),
    ],
)
def test_pauses(attempts, retry_after, chance, seconds):
    due = next_attempt(attempts, NOW, NOW, retry_after, lambda: chance)
    assert due == NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize("chance", [0.0, 0.37, 1.0])
def test_three_days_of_attempts(chance):
    now, attempts = NOW, 0
    while now is not None:
        last, attempts = now, attempts + 1
        now = next_attempt(attempts, NOW, now, 0, lambda: chance)
    assert timedelta(days=3) <= last - NOW <= timedelta(days=3, hours=7.2)
    assert 17 <= attempts <= 24
