"""A circuit breaker: a source that keeps failing is left alone for a while, then tried with one question.

`Circuit` is the state and its transitions, pure; `Breaker` holds the state of one source.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerTerms:
    """When a circuit opens and for how long; all times in seconds."""

    failures: int = 5
    within: float = 30.0
    first_rest: float = 10.0  # doubles with every failed probe
    longest_rest: float = 600.0
    probe_patience: float = 30.0  # a probe that never reports back is given up after this
    longest_wish: float = 86_400.0  # of a source that says `Retry-After`


DEFAULT_TERMS = BreakerTerms()


class Ticket(NamedTuple):
    """Leave to ask once. What becomes of it is told to the circuit, which forgets tickets of an earlier state."""

    generation: int
    probe: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Circuit:
    """Closed (`rests_until` is None), open (until that moment) or half-open (past it, with one probe at a time)."""

    failed_at: tuple[float, ...] = ()
    rests_until: float | None = None
    rests: int = 0  # how often in a row it has opened
    probe_since: float | None = None
    generation: int = 0

    def admitted(self, terms: BreakerTerms, now: float) -> tuple[Circuit, Ticket | None]:
        """The circuit after somebody wants to ask at `now`, and the leave to do so, or None."""
        if self.rests_until is None:
            return self, Ticket(self.generation, probe=False)
        if now < self.rests_until:
            return self, None
        if self.probe_since is not None and now < self.probe_since + terms.probe_patience:
            return self, None
        generation = self.generation + 1  # an older probe that reports back after all is not listened to
        return replace(self, probe_since=now, generation=generation), Ticket(generation, probe=True)

    def after_success(self, ticket: Ticket) -> Circuit:
        """The circuit after a question was answered."""
        if ticket.generation != self.generation:
            return self
        if ticket.probe:
            return Circuit(generation=self.generation + 1)
        return self

    def after_failure(self, terms: BreakerTerms, ticket: Ticket, now: float, retry_after: float = 0.0) -> Circuit:
        """The circuit after a question failed at `now`; a source that wants to be left alone (`retry_after`) is."""
        if ticket.generation != self.generation:
            return self
        failed_at = (*(at for at in self.failed_at if now - at < terms.within), now)
        if not ticket.probe and len(failed_at) < terms.failures and retry_after <= 0:
            return replace(self, failed_at=failed_at)
        rest = min(terms.first_rest * 2 ** min(self.rests, 30), terms.longest_rest)
        rest = max(rest, min(retry_after, terms.longest_wish))
        return Circuit(rests_until=now + rest, rests=self.rests + 1, generation=self.generation + 1)

    def after_nothing(self, ticket: Ticket) -> Circuit:
        """The circuit after a question was given up unasked: nothing was learnt, and a probe's place is free again."""
        if ticket.probe and ticket.generation == self.generation:
            return replace(self, probe_since=None)
        return self


class Breaker:
    """The circuit of one source over time."""

    __slots__ = ("_clock", "circuit", "terms")

    def __init__(self, clock: Callable[[], float], terms: BreakerTerms = DEFAULT_TERMS) -> None:
        self._clock, self.terms = clock, terms
        self.circuit = Circuit()

    def admit(self) -> Ticket | None:
        """Leave to ask now, or None while the source is left alone. Each ticket is handed back to one of the others."""
        self.circuit, ticket = self.circuit.admitted(self.terms, self._clock())
        return ticket

    def succeeded(self, ticket: Ticket) -> None:
        self.circuit = self.circuit.after_success(ticket)

    def failed(self, ticket: Ticket, retry_after: float = 0.0) -> None:
        self.circuit = self.circuit.after_failure(self.terms, ticket, self._clock(), retry_after)

    def let_go(self, ticket: Ticket) -> None:
        self.circuit = self.circuit.after_nothing(ticket)

    def seconds_left(self) -> float:
        """How long the source is still left alone; 0 when it may be asked."""
        rests_until = self.circuit.rests_until
        return 0.0 if rests_until is None else max(0.0, rests_until - self._clock())
