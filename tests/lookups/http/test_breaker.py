"""The circuit breaker, as a pure state machine."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kycrisk.lookups.breaker import Breaker, BreakerTerms, Circuit, Ticket
from tests.lookups.http.making import Clock

TERMS = BreakerTerms()


def opened_breaker(clock: Clock) -> Breaker:
    breaker = Breaker(clock)
    for _ in range(5):
        ticket = breaker.admit()
        assert ticket is not None
        breaker.failed(ticket)
    return breaker


@pytest.mark.parametrize(
    ("moments", "open_"),
    [
        pytest.param((0, 1, 2, 3), False, id="four failures"),
        pytest.param((0, 1, 2, 3, 4), True, id="five failures"),
        pytest.param((0, 10, 20, 29, 29.9), True, id="five failures just within 30 seconds"),
        pytest.param((0, 10, 20, 29, 30), False, id="the first of five failures is 30 seconds old"),
        pytest.param((0, 20, 40, 60, 80, 100), False, id="many failures, each far from the others"),
    ],
)
def test_when_it_opens(moments, open_):
    clock = Clock()
    breaker = Breaker(clock)
    for moment in moments:
        clock.now = 1000.0 + moment
        breaker.failed(breaker.admit())
    assert (breaker.admit() is None) is open_


def test_success_between_failures_does_not_close_its_eyes():
    """Half of the answers failing is failing, too."""
    breaker = Breaker(Clock())
    for _ in range(5):
        breaker.succeeded(breaker.admit())
        breaker.failed(breaker.admit())
    assert breaker.admit() is None


def test_one_probe_when_the_rest_is_over():
    clock = Clock()
    breaker = opened_breaker(clock)
    clock.now += 9.9
    assert breaker.admit() is None
    assert breaker.seconds_left() == pytest.approx(0.1)
    clock.now += 0.2
    assert breaker.admit().probe is True
    assert breaker.admit() is None


def test_a_good_probe_closes_it():
    clock = Clock()
    breaker = opened_breaker(clock)
    clock.now += 10
    breaker.succeeded(breaker.admit())
    assert [breaker.admit().probe for _ in range(3)] == [False, False, False]
    assert breaker.circuit.failed_at == ()


def test_it_backs_off_to_ten_minutes():
    clock = Clock()
    breaker = opened_breaker(clock)
    rests = [breaker.seconds_left()]
    for _ in range(8):
        clock.now += breaker.seconds_left()
        breaker.failed(breaker.admit())
        rests.append(breaker.seconds_left())
    assert rests == [10, 20, 40, 80, 160, 320, 600, 600, 600]


@pytest.mark.parametrize(
    ("wish", "rest"),
    [
        pytest.param(3600.0, 3600.0, id="an hour"),
        pytest.param(1.0, 10.0, id="less than our own patience"),
        pytest.param(1e9, 86_400.0, id="for ever"),
    ],
)
def test_retry_after_opens_it_at_once(wish, rest):
    breaker = Breaker(Clock())
    breaker.failed(breaker.admit(), retry_after=wish)
    assert breaker.seconds_left() == rest


def test_a_probe_that_is_given_up_leaves_its_place():
    clock = Clock()
    breaker = opened_breaker(clock)
    clock.now += 10
    breaker.let_go(breaker.admit())
    assert breaker.admit().probe is True


def test_a_probe_that_never_reports_back_is_replaced():
    clock = Clock()
    breaker = opened_breaker(clock)
    clock.now += 10
    lost = breaker.admit()
    clock.now += 30
    second = breaker.admit()
    assert second.probe is True
    breaker.succeeded(lost)  # too late: it speaks of an earlier time
    assert breaker.admit() is None


def test_what_began_before_it_opened_does_not_move_it():
    clock = Clock()
    breaker = Breaker(clock)
    early = [breaker.admit() for _ in range(3)]
    for _ in range(5):
        breaker.failed(breaker.admit())
    breaker.succeeded(early[0])
    breaker.failed(early[1])
    breaker.let_go(early[2])
    assert breaker.seconds_left() == 10


_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.floats(0, 120)),
        st.tuples(st.just("ask"), st.just(0.0)),
        st.tuples(st.just("success"), st.integers(0, 9)),
        st.tuples(st.just("failure"), st.integers(0, 9)),
        st.tuples(st.just("wish"), st.integers(0, 9)),
        st.tuples(st.just("nothing"), st.integers(0, 9)),
    ),
    max_size=80,
)


@given(_STEPS)
def test_whatever_happens(steps):
    """Never two live probes, no leave while open, opened only for a reason, and never shut for good."""
    now, circuit = 0.0, Circuit()
    out: list[tuple[Ticket, float]] = []
    for step, argument in steps:
        before = circuit
        if step == "wait":
            now += argument
        elif step == "ask":
            circuit, ticket = circuit.admitted(TERMS, now)
            if ticket is None:
                assert before.rests_until is not None
                continue
            assert before.rests_until is None or now >= before.rests_until
            live = [each for each, since in out if each.probe and each.generation == before.generation
                    and now < since + TERMS.probe_patience and before.probe_since is not None]  # fmt: skip
            assert not (ticket.probe and live)
            assert ticket.probe is (before.rests_until is not None)
            out.append((ticket, now))
        elif out:
            ticket, _ = out.pop(argument % len(out))
            match step:
                case "success":
                    circuit = circuit.after_success(ticket)
                case "failure":
                    circuit = circuit.after_failure(TERMS, ticket, now)
                case "wish":
                    circuit = circuit.after_failure(TERMS, ticket, now, retry_after=900.0)
                case "nothing":
                    circuit = circuit.after_nothing(ticket)
            if circuit.rests_until is not None and circuit.rests_until != before.rests_until:
                rest = circuit.rests_until - now
                recent = [at for at in before.failed_at if now - at < TERMS.within]
                assert ticket.probe or step == "wish" or len(recent) >= TERMS.failures - 1
                assert TERMS.first_rest <= rest + 1e-6
                assert rest <= (900.0 if step == "wish" else TERMS.longest_rest) + 1e-6
        assert len(circuit.failed_at) < TERMS.failures
    later = now + TERMS.longest_rest + 900.0 + TERMS.probe_patience
    assert circuit.admitted(TERMS, later)[1] is not None
