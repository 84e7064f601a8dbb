"""The same rules and the same facts for every engine, drawn from a seed.

The mix is that of a hosting provider's rules: most ask for one signal or compare a number, some ask for a word of a
short list or for a part of a text, and about one in six is a tree of these. A rule fires for one signup in twenty or
so. `not` stands over signals, comparisons and lists only, because durable-rules has no "does not match" for texts.
The first 40 of 1,000 rules are the 40 rules.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from types import MappingProxyType
from typing import TypeVar

from kycrisk.outcome import AtLeast, AtMost, Contribution, IfUnknown, Outcome, Score
from kycrisk.ruleset.condition import (
    All,
    AnyOf,
    Compare,
    Condition,
    Literal,
    Not,
    OneOf,
    SignalRef,
    TextTest,
    signal_refs,
)
from kycrisk.ruleset.model import Policy, Rule, Ruleset, Status
from kycrisk.ruleset.template import Hole, Template
from kycrisk.ruleset.words import condition_text
from kycrisk.signals import Signal, Subject, Type, Value

SEED = 20261123
Facts = dict[str, Value]
Drawn = TypeVar("Drawn")

BOOLS = tuple(
    f"{subject}.{word}"
    for subject, words in {
        "email": "disposable role plus_tag random_local forwarder free mixed_script undeliverable",
        "ip": "tor_exit datacenter vpn relay drop bogon residential_proxy end_user hijacked",
        "phone": "given valid voip country_differs",
        "name": "keyboard_walk digits differs_from_email single_word",
        "account": "country_differs company_given reseller",
    }.items()
    for word in words.split()
)
INTS = (
    "email.disposable_lists",
    "email.local_length",
    "email.digits",
    "ip.blocklists",
    "ip.signups_day",
    "ip.network_signups_day",
    "fraud.reports",
    "phone.signups_week",
    "account.orders",
)
FLOATS = ("fraud.score", "name.oddity", "email.entropy")
WORDS = {
    "email.tld": ("com", "net", "org", "de", "fr", "shop", "xyz", "top", "icu", "io", "club", "online"),
    "ip.country": ("DE", "FR", "US", "GB", "NL", "PL", "BR", "IN", "ID", "VN", "NG", "RU", "UA", "TR", "ES", "IT"),
    "phone.country": ("DE", "FR", "US", "GB", "NL", "PL", "BR", "IN", "ID", "VN", "NG", "RU", "UA", "TR", "ES", "IT"),
    "phone.type": ("mobile", "fixed", "voip", "toll_free", "premium", "unknown"),
    "signup.plan": ("vps1", "vps2", "vps4", "dedicated", "reseller", "trial", "storage"),
}
_SYLLABLES = (
    "mail",
    "temp",
    "box",
    "cloud",
    "net",
    "web",
    "shop",
    "fast",
    "drop",
    "inbox",
    "post",
    "team",
    "lab",
    "max",
)
TEXTS = ("email.domain", "email.local", "signup.agent")

SIGNALS: dict[str, Signal] = {
    name: Signal(name, type_, f"What is {name}?", Subject.SIGNUP, "bench")
    for type_, names in {
        Type.BOOL: BOOLS,
        Type.INT: INTS,
        Type.FLOAT: FLOATS,
        Type.STR: (*WORDS, *TEXTS),
    }.items()
    for name in names
}


def make_rules(count: int, seed: int = SEED) -> tuple[Rule, ...]:
    """The first `count` rules of the workload."""
    source = random.Random(f"rules {seed}")
    return tuple(_rule(index, source) for index in range(count))


def make_ruleset(count: int, seed: int = SEED) -> Ruleset:
    """The same rules with a policy, as the loader would give them."""
    policy = Policy(bands=((40, Outcome.REVIEW), (70, Outcome.VERIFY), (150, Outcome.DENY)))
    return Ruleset(
        policy=policy, rules=make_rules(count, seed), version=f"bench-{count}", signals=MappingProxyType(SIGNALS)
    )


def make_facts(count: int, seed: int = SEED) -> list[Facts]:
    """Fact sets in which every signal is known."""
    source = random.Random(f"facts {seed}")
    return [_facts(source) for _ in range(count)]


def without_a_third(facts: Sequence[Facts], seed: int = SEED) -> list[Facts]:
    """The same fact sets with each fact unknown with probability 1/3."""
    source = random.Random(f"unknown {seed}")
    return [{name: value for name, value in each.items() if source.random() >= 1 / 3} for each in facts]


def policy_yaml() -> str:
    """The policy as an analyst writes it."""
    return "policy:\n  bands: {review: 40, verify: 70, deny: 150}\n  if_unknown: miss\n"


def rules_yaml(rules: Sequence[Rule]) -> str:
    """The rules as an analyst writes them, with a title, a reason and two tests each."""
    return "rules:\n" + "\n".join(_yaml(rule) for rule in rules)


def _yaml(rule: Rule) -> str:
    key, value = _contribution_yaml(rule.contribution)
    return "\n".join(
        (
            f"  - id: {rule.id}",
            f"    title: {rule.title}",
            f"    when: {_quoted(rule.when)}",
            f"    {key}: {value}",
            f'    reason: "{rule.title}: {{{rule.signal_names[0]}}}"',
            "    tags: [bench]",
            "    false_positives: [people who travel]",
            "    tests:",
            "      - {name: nothing is known, given: {}, expect: unknown}",
            "",
        )
    )


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _contribution_yaml(contribution: Contribution) -> tuple[str, str]:
    match contribution:
        case Score(points):
            return "score", str(points)
        case AtLeast(outcome):
            return "at_least", str(outcome)
        case AtMost(outcome):
            return "at_most", str(outcome)


def _rule(index: int, source: random.Random) -> Rule:
    condition = _condition(source)
    points = source.choice((5, 10, 10, 15, 15, 20, 25, 35, -10))
    contribution: Contribution = Score(points)
    if index % 20 == 13:
        contribution = AtLeast(Outcome.REVIEW)
    elif index % 20 == 19:
        contribution = AtMost(Outcome.VERIFY)
    return Rule(
        id=f"r{index:04}",
        title=f"Rule number {index}",
        status=Status.LIVE,
        condition=condition,
        when=condition_text(condition),
        contribution=contribution,
        reason=Template((f"Rule number {index}: ", Hole(signal_refs(condition)[0].name))),
        if_unknown=IfUnknown.MISS,
    )


def _condition(source: random.Random) -> Condition:
    (kind,) = source.choices(("bool", "guarded", "number", "word", "text", "tree"), (25, 15, 22, 12, 10, 16))
    match kind:
        case "bool":
            return _bool(source)
        case "guarded":
            return All((_bool(source), Not(_bool(source))))
        case "number":
            return _number(source)
        case "word":
            return All((_word(source), _number(source)))
        case "text":
            return _text(source)
    return _tree(source)


def _tree(source: random.Random) -> Condition:
    """What an analyst writes with `all:`, `any:` and `none:`."""
    match source.randrange(3):
        case 0:
            return All((AnyOf((_bool(source), _bool(source), _number(source))), Not(_word(source))))
        case 1:
            return AnyOf((All((_bool(source), _word(source))), All((_number(source), _text(source)))))
    return All((_number(source), AnyOf((_bool(source), _text(source))), Not(AnyOf((_bool(source), _number(source))))))


def _bool(source: random.Random) -> SignalRef:
    return SignalRef(source.choice(BOOLS), Type.BOOL)


def _number(source: random.Random) -> Compare:
    if source.random() < 0.25:
        signal = SignalRef(source.choice(FLOATS), Type.FLOAT)
        return Compare(source.choice((">", ">=")), signal, Literal(source.choice((0.9, 0.93, 0.95, 0.98)), Type.FLOAT))
    op = source.choice((">=", ">=", ">", "=="))
    return Compare(op, SignalRef(source.choice(INTS), Type.INT), Literal(source.randrange(5, 9), Type.INT))


def _word(source: random.Random) -> OneOf:
    name = source.choice(tuple(WORDS))
    return OneOf(SignalRef(name, Type.STR), frozenset(source.sample(WORDS[name], source.randrange(2, 5))))


def _text(source: random.Random) -> TextTest:
    signal = SignalRef(source.choice(TEXTS), Type.STR)
    op = source.choice(("starts_with", "ends_with", "contains"))
    return TextTest(op, signal, Literal(source.choice(_SYLLABLES), Type.STR))


def _facts(source: random.Random) -> Facts:
    facts: Facts = {name: source.random() < 0.05 for name in BOOLS}
    facts |= {name: min(int(source.expovariate(0.6)), 40) for name in INTS}
    facts |= {name: source.randrange(101) / 100 for name in FLOATS}
    facts |= {name: source.choice(words) for name, words in WORDS.items()}
    facts |= {name: _made_up(source) for name in TEXTS}
    return facts


def _made_up(source: random.Random) -> str:
    """A word of three syllables and a number; no two signups have the same."""
    return "".join(source.choice(_SYLLABLES) for _ in range(3)) + str(source.randrange(10**6))
