"""The sections `network`, `budget` and `sources` of the settings, judged part by part.

A mistake costs the source that it is about, and nothing else: whoever runs a service that decides about signups would
rather have it decide without one source than not at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from functools import partial
from types import MappingProxyType
from typing import Annotated, NamedTuple, cast

from pydantic import Field

from kycrisk.documents import At, Document
from kycrisk.lookups.budget import Limits
from kycrisk.problems import Place, Problem, Problems, did_you_mean
from kycrisk.signals import Unknown, Why
from kycrisk.sources.catalogue import shipped_signals
from kycrisk.sources.choice import DEFAULT_TIMEOUT, Choice
from kycrisk.sources.form import Cost, Form, NameServer, PrivateNetwork, Surroundings, Timeout
from kycrisk.sources.kind import Judged, Part, Spending
from kycrisk.sources.kinds import KINDS

SECTIONS = ("network", "budget", "sources")
_SECRETS = frozenset({"key", "keys", "secrets"})
_POINTERS = frozenset({"env", "file"})  # `{env: NAME}`: what stands there is no secret itself


class NetworkForm(Form):
    """What all sources share."""

    timeout: Timeout = Field(default=DEFAULT_TIMEOUT, description="how long a source may take that does not say")
    resolver: list[NameServer] = Field(
        default_factory=list, min_length=1, max_length=3, description="the name servers to ask; else the system's"
    )
    random_case: bool = Field(default=False, description='letters of random case ("0x20") make answers harder to forge')
    allow: list[PrivateNetwork] = Field(
        default_factory=list, description="networks that may be asked by HTTP although they are not public"
    )


class BudgetForm(Form):
    """What all sources together may use in a day (UTC), kept across restarts."""

    money: list[Cost] = Field(default_factory=list, min_length=1, description="at most so much, in each currency")
    questions: dict[str, Annotated[int, Field(ge=0)]] = Field(
        default_factory=dict, description="at most so many questions to a source, or to a zone"
    )


def is_confidential(at: At) -> bool:
    """Whether a value of the settings may be a key, or something that stands in the place of one."""
    if at[-1:] and at[-1] in _POINTERS:
        return False
    if not _SECRETS.isdisjoint(at) or at[-1:] == ("endpoint",):
        return True
    if at[:1] != ("sources",) or len(at) == 1:
        return False
    kind = KINDS.get(str(at[1]))
    return kind is None or len(at) == 2 or at[2] not in kind.form.model_fields


class _Section(NamedTuple):
    """A section that was read as far as it makes sense: what is wrong, and which of its keys are left out for it."""

    form: Form
    problems: tuple[Problem, ...]
    broken: frozenset[str]


def read_choice(document: Document, around: Surroundings, *, offline: bool = False) -> Choice:
    """The sources that a settings document chooses. What is wrong with it is among the result, never raised."""
    network = _section(document, NetworkForm, "network", around)
    budget = _section(document, BudgetForm, "budget", around)
    form, budgets = cast(NetworkForm, network.form), cast(BudgetForm, budget.form)
    limits, twice = _limits(document, budgets)
    quotas = document.at("budget", "questions") if "questions" in budget.broken else ()
    counted = frozenset(quotas if isinstance(quotas, Mapping) else ())
    spending = Spending(limits=limits, doubt=bool(budget.broken), quotas_in_doubt=counted)
    sources, strangers = _sources(document, around, form.timeout, spending)
    held = {
        name: _held_back(document, found, spending, network.broken)
        for name, found in sources.items()
        if found.in_use is not None
    }
    in_use = {name: found.in_use for name, found in sources.items() if found.in_use and not held[name]}
    out = {name: each.message for name, each in held.items() if each}
    out |= {name: each.problems[0].message for name, each in sources.items() if not each.in_use and each.problems}
    servers = {server: document.place("network", "resolver", at) for at, server in enumerate(form.resolver)}
    declared = {name: signal for each in sources.values() for name, signal in each.declared.items()}
    lookups_file = next((each.file for each in sources.values() if each.file), None)
    problems = [*network.problems, *budget.problems, *twice, *_uncounted(document, budgets, sources)]
    problems += [problem for each in sources.values() for problem in each.problems]
    problems += [*strangers, *(each for each in held.values() if each and each.help)]
    choice = Choice(
        sources=MappingProxyType(in_use),
        out_of_use=MappingProxyType({name: _out(name, why) for name, why in out.items()}),
        unusable=MappingProxyType({name: why for each in sources.values() for name, why in each.unusable.items()}),
        declared=MappingProxyType(declared),
        undeclared=tuple(problem for each in sources.values() for problem in each.undeclared),
        lookups_file=lookups_file,
        again=partial(read_choice, document, around, offline=offline) if lookups_file else None,
        resolver=tuple(servers),
        resolver_places=tuple(servers.values()),
        random_case=form.random_case,
        timeout=form.timeout,
        allowed=tuple(form.allow),
        limits=limits,
        problems=tuple(sorted(problems, key=partial(_where, document.path))),
    )
    return choice.without_network() if offline else choice


def _where(path: str, problem: Problem) -> tuple[bool, int, int]:
    """Problems are shown in the order of their places, those of other files behind."""
    place = problem.place
    return (place.path != path, place.line, place.column) if isinstance(place, Place) else (place != path, 0, 0)


def _out(name: str, why: str) -> Unknown:
    return Unknown(Why.NOT_CONFIGURED, f"{name} is out of use: {why}")


def _section(document: Document, form: type[Form], name: str, around: Surroundings) -> _Section:
    """A section key by key: one that makes no sense is left out, which its problems say."""
    given = document.at(name)
    if given is None:
        return _Section(form(), (), frozenset())
    if not isinstance(given, Mapping):
        problem = Problem(document.place(name), f"`{name}` is not a mapping of `key: value`")
        return _Section(form(), (problem,), frozenset(form.model_fields))
    problems: list[Problem] = []
    broken: set[str] = set()
    for key in given:
        others = [(name, other) for other in given if other != key]
        try:
            document.read(form, (name,), context=around, but=others)
        except Problems as wrong:
            problems += wrong.problems
            broken.add(key)
    read = document.read(form, (name,), context=around, but=[(name, key) for key in broken])
    return _Section(read, tuple(problems), frozenset(broken))


def _sources(
    document: Document, around: Surroundings, timeout: timedelta, spending: Spending
) -> tuple[dict[str, Judged], list[Problem]]:
    """Each source that stands in the settings, judged; and what stands there and is none."""
    given = document.at("sources")
    if given is None:
        return {}, []
    if not isinstance(given, Mapping):
        return {}, [Problem(document.place("sources"), "`sources` is not a mapping of `key: value`")]
    judged: dict[str, Judged] = {}
    strangers: list[Problem] = []
    names = frozenset(name for kind in KINDS.values() for name in (kind.name, *kind.counted()))
    for name in given:
        kind = KINDS.get(name)
        if kind is None:
            help_ = did_you_mean(name, KINDS) or "known: " + ", ".join(KINDS)
            strangers.append(Problem(document.key_place("sources", name), f"there is no source `{name}`", help_))
            continue
        part = Part(
            document=document,
            at=("sources", name),
            around=around,
            timeout=timeout,
            signals=shipped_signals(),
            names=names,
            spending=spending,
        )
        judged[name] = kind.judge(part)
    return judged, strangers


def _limits(document: Document, budgets: BudgetForm) -> tuple[Limits, list[Problem]]:
    money: dict[str, Decimal] = {}
    twice: list[Problem] = []
    for index, amount in enumerate(budgets.money):
        if amount.currency in money:
            place = document.place("budget", "money", index)
            twice.append(Problem(place, f"a budget in {amount.currency} stands twice", "keep one of them"))
        money[amount.currency] = min(amount.amount, money.get(amount.currency, amount.amount))
    return Limits(money=MappingProxyType(money), questions=MappingProxyType(dict(budgets.questions))), twice


def _uncounted(document: Document, budgets: BudgetForm, sources: Mapping[str, Judged]) -> list[Problem]:
    """Quotas of what is no source."""
    counted = {name for each in sources.values() if each.in_use for name in each.in_use.counted}
    known = sorted(counted | {name for kind in KINDS.values() for name in kind.counted()})
    return [
        Problem(
            document.key_place("budget", "questions", name),
            f"there is no source `{name}` to count the questions of",
            did_you_mean(name, known) or "name a source, a blocklist or a lookup",
        )
        for name in budgets.questions
        if name not in known
    ]


def _held_back(document: Document, judged: Judged, spending: Spending, network: frozenset[str]) -> Problem | None:
    """Why a source that is set up well is not asked all the same. Nothing is spent by a budget that is not understood,
    and nobody is asked but those who were meant. Without a help it only follows from a problem that is told of."""
    source = judged.in_use
    assert source is not None
    if source.by_dns and "resolver" in network:
        return Problem(document.place("network", "resolver"), "the resolver to ask is not understood")
    if doubtful := sorted(source.counted & spending.quotas_in_doubt):
        place = document.key_place("budget", "questions", doubtful[0])
        return Problem(place, f"the quota of `{doubtful[0]}` is not understood, so it is not asked")
    message, help_ = spending.refusal(source.name, source.price)
    return Problem(document.place("sources", source.name, "cost"), message, help_) if message else None
