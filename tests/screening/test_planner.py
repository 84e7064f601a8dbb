"""The planner: it asks less than everything, and decides the same."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kycrisk.lookups.source import Consulted
from kycrisk.money import FREE, Money
from kycrisk.outcome import IfUnknown, Outcome, Score
from kycrisk.ruleset.condition import Velocity
from kycrisk.ruleset.evaluate import compile_ruleset
from kycrisk.ruleset.model import Policy, Ruleset
from kycrisk.ruleset.parse import parse_condition
from kycrisk.screening.consultation import Consultant, Findings
from kycrisk.screening.derived import Count, DerivedSignals
from kycrisk.screening.planner import Planner
from kycrisk.signals import Evidence, Unknown, Value, Why
from kycrisk.signup import EmailAddress, Signup
from kycrisk.sources.inquiry import Foregone, Inquiry, Stage
from kycrisk.sources.summary import Summary
from tests.ruleset.strategies import DOMAINS, MEMBERSHIP, SCOPE, SIGNALS, VALUES, VELOCITY, rule, rulesets

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
SIGNUP = Signup(
    account_id="a-1",
    email=EmailAddress(raw="a@example.com", valid=True, domain="example.com"),
    ip=ip_address("192.0.2.7"),
    submitted_at=NOW,
)
SUMMED = "bool.c"  # answered by no source, but by a summary: is one of the other two true?
LATE = Unknown(Why.TIMEOUT, "it did not answer")


@dataclass(frozen=True, slots=True)
class World:
    """Who answers what: sources with their answers, and what is known without them."""

    local: dict[str, Value]
    sources: tuple[Inquiry[str], ...]


def source(name: str, answers: dict[str, Value | Unknown], *, stage=Stage.FREE, price=FREE, needs=(), kept=False):
    """A source that answers at once, always the same."""
    known = {signal: value for signal, value in answers.items() if not isinstance(value, Unknown)}
    unknown = {signal: value for signal, value in answers.items() if isinstance(value, Unknown)}

    def key(signup: Signup, facts):
        missing = [signal for signal in needs if signal not in facts]
        return Unknown(Why.SKIPPED, f"{missing[0]} is not known") if missing else "key"

    async def ask(key: str, deadline: float) -> Consulted:
        return Consulted(known, unknown, cost=price, as_of=NOW)

    return Inquiry(
        name=name,
        signals=tuple(SIGNALS[signal] for signal in answers),
        key=key,
        kept=lambda key: Consulted(known, unknown, as_of=NOW, asked=False) if kept else None,
        ask=ask,
        timeout=5.0,
        stage=stage,
        price=price,
        needs=needs,
    )


@st.composite
def worlds(draw) -> World:
    """Every signal belongs to a source or is known, or not known, without one."""
    names = [name for name in DOMAINS if name != SUMMED]
    homes = {name: draw(st.integers(-1, 4)) for name in names}
    values = {name: draw(st.sampled_from(VALUES[name])) for name in names}
    silent = draw(st.sets(st.sampled_from(names), max_size=4))
    local = {name: values[name] for name in names if homes[name] == -1 and name not in silent}
    sources = []
    for home in range(5):
        answers = {name: LATE if name in silent else values[name] for name in names if homes[name] == home}
        stage = draw(st.sampled_from(Stage))
        price = Money(Decimal(draw(st.integers(1, 5))), "EUR") if stage is Stage.PAID else FREE
        before = [name for name in names if homes[name] < home]  # needs never go in a circle
        needs = tuple(draw(st.sets(st.sampled_from(before), max_size=1))) if home > 2 and before else ()
        if answers:
            sources.append(
                source(f"source-{home}", answers, stage=stage, price=price, needs=needs, kept=draw(st.booleans()))
            )
    return World(local, tuple(sources))


def either(known, unknown):
    """Kleene's `bool.a or bool.b`."""
    told = [known.get(name) for name in ("bool.a", "bool.b")]
    return {SUMMED: True if True in told else Unknown(Why.SKIPPED) if None in told else False}


class Busy:
    """A history in which IPv4 addresses have signed up before."""

    source = "test"

    def count(self, velocity: Velocity, known: Mapping[str, Value], at: datetime) -> int:
        return 3 if known["ip.v"].version == 4 else 0  # type: ignore[union-attr]

    def add(self, known: Mapping[str, Value], at: datetime) -> None:
        raise AssertionError("nothing is added here")


DERIVED = DerivedSignals(
    answers=(
        (VELOCITY.name, "ip.v", Count(VELOCITY.derived, Busy())),
        (MEMBERSHIP.name, "str.s", lambda value: value == "Aa"),
    ),
    origins={},
)


def consult(ruleset: Ruleset, world: World, *, complete: bool, seconds: float = 60.0) -> Findings:
    compiled = compile_ruleset(ruleset)
    summary = Summary(signals=(SIGNALS[SUMMED],), reads=("bool.a", "bool.b"), of=either, source="both")
    consultant = Consultant(
        planner=Planner(compiled, world.sources, (summary,)),
        summaries=(summary,),
        policy=ruleset.policy,
    )
    known = dict(world.local)
    unknown = DERIVED.unknown({}, DERIVED.answer(known, NOW))

    async def run() -> Findings:
        deadline = asyncio.get_running_loop().time() + seconds
        evidence = Evidence(known, unknown)
        return await consultant.consult(SIGNUP, evidence, derived=DERIVED, deadline=deadline, complete=complete)

    return asyncio.run(run())


@given(rulesets(), worlds())
def test_the_planned_outcome_is_that_of_asking_everything(ruleset, world):
    compiled = compile_ruleset(ruleset)
    planned, everything = (consult(ruleset, world, complete=complete) for complete in (False, True))
    told, whole = (compiled.verdict(each.evidence.known, (), each.evidence.unknown) for each in (planned, everything))
    assert told.outcome is whole.outcome
    assert told.settled == whole.settled
    asked, most = ({each.check for each in found.lookups if each.asked} for found in (planned, everything))
    assert asked <= most
    assert {each.check for each in planned.lookups} == {each.name for each in world.sources}  # each is accounted for


@given(rulesets(), worlds())
def test_what_was_not_asked_is_unknown(ruleset, world):
    planned = consult(ruleset, world, complete=False)
    evidence = planned.evidence
    assert not evidence.known.keys() & evidence.unknown.keys()
    read = {name for rule in (*ruleset.live, *ruleset.shadow) for name in rule.signal_names}
    for inquiry in world.sources:
        assert read & inquiry.answers <= evidence.known.keys() | evidence.unknown.keys()


def test_order_of_asking():
    """Free ones together, then those that are counted, then the cheapest paid one, and no more once it is settled."""
    asked: list[str] = []

    def noting(name: str, signal: str, value: Value, **terms) -> Inquiry[str]:
        inquiry = source(name, {signal: value}, **terms)

        async def ask(key: str, deadline: float) -> Consulted:
            asked.append(name)
            return Consulted({signal: value}, cost=terms.get("price", FREE), as_of=NOW)

        return replace(inquiry, ask=ask)

    ruleset = _ruleset({"bool.a": 80, "int.x > 0": 80, "int.y > 2": 80, "float.f > 0.1": 80, "str.t == 'a'": 80})
    world = World(
        {},
        (
            noting("dear", "str.t", "a", stage=Stage.PAID, price=Money(Decimal("0.01"), "EUR")),
            noting("cheap", "int.y", 3, stage=Stage.PAID, price=Money(Decimal("0.002"), "EUR")),
            noting("counted", "float.f", 0.0, stage=Stage.SCARCE),
            noting("free", "bool.a", False),
            noting("free too", "int.x", 0),
        ),
    )
    found = consult(ruleset, world, complete=False)
    assert asked == ["free", "free too", "counted", "cheap"]
    assert [(each.check, each.asked, each.cost) for each in found.lookups][-2:] == [
        ("cheap", True, "0.002 EUR"),
        ("dear", False, ""),
    ]
    assert found.lookups[-1].why == "no answer could change the outcome"


def _ruleset(rules: dict[str, int], **policy) -> Ruleset:
    made = tuple(
        rule(index, parse_condition(when.replace("'", '"'), SCOPE), Score(points), IfUnknown.MISS)
        for index, (when, points) in enumerate(rules.items())
    )
    bands = ((70, Outcome.VERIFY),)
    return Ruleset(policy=Policy(bands=bands, **policy), rules=made, version="sha256:test", signals=SIGNALS)


CHEAP = Money(Decimal("0.002"), "EUR")


@pytest.mark.parametrize(
    ("policy", "inquiry", "why"),
    [
        pytest.param(
            {"money": Money(Decimal("0.001"), "EUR")},
            {"stage": Stage.PAID, "price": CHEAP},
            "over_budget (more than the policy's 0.001 EUR for a screening)",
            id="too dear",
        ),
        pytest.param(
            {"money": Money(Decimal("5"), "USD")},
            {"stage": Stage.PAID, "price": CHEAP},
            "over_budget (the policy has no budget in EUR)",
            id="another currency",
        ),
        pytest.param(
            {"personal_data": ("ip",)},
            {"sends": frozenset({"email", "ip"})},
            "over_budget (email may not leave the house, by the policy)",
            id="personal data",
        ),
    ],
)
def test_budgets_of_the_policy(policy, inquiry, why):
    plain = source("acme", {"bool.a": True})
    found = consult(_ruleset({"bool.a": 80}, **policy), World({}, (replace(plain, **inquiry),)), complete=False)
    assert [(each.check, each.asked, each.why) for each in found.lookups] == [("acme", False, why)]
    assert str(found.evidence.unknown["bool.a"]) == why


def test_what_is_kept_costs_nothing():
    paid = source("acme", {"bool.a": True}, stage=Stage.PAID, price=CHEAP, kept=True)
    found = consult(_ruleset({"bool.a": 80}, money=Money(Decimal(0), "EUR")), World({}, (paid,)), complete=False)
    (lookup,) = found.lookups
    assert (lookup.asked, lookup.why, lookup.cost) == (False, "kept since 2026-11-25T12:00:00Z", "")
    assert found.evidence.known["bool.a"] is True


def test_what_is_foregone_is_not_asked():
    plain = source("acme", {"bool.a": True})
    foregone = replace(plain, key=lambda signup, known: Foregone({"bool.a": False}))
    found = consult(_ruleset({"bool.a": 80}), World({}, (foregone,)), complete=False)
    assert (found.evidence.known["bool.a"], found.lookups) == (False, ())


def test_a_source_that_fails_inside_accuses_nobody(caplog):
    plain = source("acme", {"bool.a": True})

    async def broken(key: str, deadline: float) -> Consulted:
        raise ZeroDivisionError

    found = consult(_ruleset({"bool.a": 80}), World({}, (replace(plain, ask=broken),)), complete=False)
    assert str(found.evidence.unknown["bool.a"]) == "malformed_answer (acme failed inside)"
    assert [record.message for record in caplog.records] == ["the source acme failed inside"]


def test_no_time_left():
    found = consult(_ruleset({"bool.a": 80}), World({}, (source("acme", {"bool.a": True}),)), complete=False, seconds=0)
    assert [(each.asked, each.why) for each in found.lookups] == [(False, "timeout (no time was left to ask)")]


def test_who_hangs_is_left_behind():
    """A source that does not keep its own time is left after its timeout; the outcome does not wait for one that is
    not needed any more."""
    plain = source("hung", {"bool.a": True})

    async def hang(key: str, deadline: float) -> Consulted:
        await asyncio.Event().wait()
        raise AssertionError

    hung = replace(plain, ask=hang, timeout=0.01)
    late = consult(_ruleset({"bool.a": 80}), World({}, (hung,)), complete=False)
    assert [(each.asked, each.why) for each in late.lookups] == [(True, "timeout (hung did not answer in time)")]
    patient = replace(plain, ask=hang, timeout=50.0)
    answered = source("quick", {"int.x": 1})
    rules = _ruleset({"bool.a": 80, "int.x > 0": 80})
    quick = consult(rules, World({}, (patient, answered)), complete=False)
    assert [(each.check, each.why) for each in quick.lookups] == [
        ("quick", ""),
        ("hung", "skipped (the outcome was settled before it answered)"),
    ]
