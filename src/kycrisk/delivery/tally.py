"""What deliveries and jobs are counted by, for whoever shows it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts since the process began. Written in one event loop, but for jobs, which end now and then."""

    attempts: Counter[tuple[str, str]] = field(default_factory=Counter)  # by endpoint and result
    given_up: Counter[str] = field(default_factory=Counter)  # by endpoint
    jobs: Counter[tuple[str, str]] = field(default_factory=Counter)  # by job and result
