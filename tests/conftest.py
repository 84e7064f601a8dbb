"""Profiles of the random tests (`make test` runs the quick one, `.ci/run` the thorough one); the screening server."""

import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.service import serving

_QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
settings.register_profile("quick", max_examples=100, deadline=None, suppress_health_check=_QUIET)
settings.register_profile("thorough", max_examples=2500, deadline=None, suppress_health_check=_QUIET)
settings.register_profile("soak", max_examples=25_000, deadline=None, suppress_health_check=_QUIET)
settings.load_profile(os.environ.get("KYCRISK_TEST_PROFILE", "quick"))


#: What stands above the store is tested on SQLite by `make test`, and on PostgreSQL with the heavy tests.
ABOVE_THE_STORE = ("api", "delivery", "rescreening", "web")
FOLDER = Path(__file__).parent

#: Deadlines are kept on a machine that is there in time. What is too slow by itself is too slow five times over.
TRIES_BY_THE_CLOCK = 5


def pytest_collection_modifyitems(items):
    for item in items:
        if item.get_closest_marker("by_the_clock"):
            item.add_marker(pytest.mark.flaky(reruns=TRIES_BY_THE_CLOCK - 1))
        above = item.path.relative_to(FOLDER).parts[0] in ABOVE_THE_STORE
        if above and "postgresql" in getattr(getattr(item, "callspec", None), "id", ""):
            item.add_marker(pytest.mark.heavy)


def pytest_terminal_summary(terminalreporter):
    """What was skipped is said, a line a reason, and what tests counted, a line a test."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(report.longrepr[2].removeprefix("Skipped: ") for report in skipped)
    for reason, number in reasons.items():
        terminalreporter.write_line(f"{number} skipped: {reason}")
    for outcome in ("passed", "failed"):
        for report in terminalreporter.stats.get(outcome, []):
            if report.when == "call" and report.user_properties:
                told = ", ".join(f"{number} {name}" for name, number in report.user_properties)
                terminalreporter.write_line(f"{report.nodeid.rpartition('/')[2]}: {told}")


@pytest.fixture
def counted(record_property):
    """Called with numbers by name, it has them said at the end, a line a test. Before the assertions, so that a test
    that fails says them, too."""

    def say(**numbers):
        for name, number in numbers.items():
            record_property(name.replace("_", " "), number)

    return say


@pytest.fixture(scope="session")
def screening_server(tmp_path_factory):
    """`kycrisk serve`, one for all tests of what calls it."""
    with serving(tmp_path_factory.mktemp("service") / "site") as running:
        yield running
