"""The canonical text of a ruleset: all that decisions depend on, and nothing else.

Its hash is the ruleset's version. A stored decision names that version, and with the stored text it can be made again
years later. In it: the policy, attributes, lists, and for each live and shadow rule its id, title, status, condition,
contribution, reason and `if_unknown`. Not in it: what no decision can show (comments, layout, descriptions, tags,
references, false positives, tests, drafts and retired rules).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from kycrisk.durations import format_duration, parse_duration
from kycrisk.money import Money
from kycrisk.outcome import AtLeast, AtMost, Contribution, IfUnknown, Outcome, Score
from kycrisk.ruleset.condition import All, AnyOf, Condition, Not
from kycrisk.ruleset.model import AnalystList, ListKind, Policy, Rule, Ruleset, Status
from kycrisk.ruleset.operands import Scope
from kycrisk.ruleset.parse import parse_condition
from kycrisk.ruleset.template import Hole, Template
from kycrisk.ruleset.words import condition_text
from kycrisk.signals import Signal, Subject, Type

#: The version of this text's form.
FORMAT = "kycrisk.ruleset/1"
Json = Any


def canonical_text(ruleset: Ruleset) -> str:
    """The canonical text: JSON on one line, keys sorted."""
    policy = ruleset.policy
    told = {
        "format": FORMAT,
        "policy": _policy(policy),
        "attributes": {
            name: {"type": signal.type.value, "question": signal.question} for name, signal in policy.attributes.items()
        },
        "lists": {name: {"kind": each.kind.value, "question": each.question} for name, each in policy.lists.items()},
        "rules": [_rule(rule) for rule in ruleset.rules if rule.status in (Status.LIVE, Status.SHADOW)],
    }
    return json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def version_of(ruleset: Ruleset) -> str:
    """`sha256:` and the hash of the canonical text."""
    return version_of_text(canonical_text(ruleset))


def version_of_text(text: str) -> str:
    """The version that a stored canonical text is of."""
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def ruleset_from_canonical(text: str, *, signals: Mapping[str, Signal], aliases: Mapping[str, str]) -> Ruleset:
    """The ruleset that a canonical text was made of, without what the text leaves out.

    `signals` is the catalogue; the attributes of the text come before it. Raises `ValueError` for a text of another
    form, and `ConditionErrors` for a condition that the catalogue no longer allows.
    """
    told = json.loads(text)
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        raise ValueError(f"the text is not a ruleset in the form `{FORMAT}`")
    attributes = {
        name: Signal(name=name, type=Type(each["type"]), question=each["question"], subject=Subject.SIGNUP)
        for name, each in told["attributes"].items()
    }
    lists = {
        name: AnalystList(name=name, kind=ListKind(each["kind"]), question=each["question"])
        for name, each in told["lists"].items()
    }
    scope = Scope(MappingProxyType({**signals, **attributes}), aliases, MappingProxyType(lists))
    return Ruleset(
        policy=_read_policy(told["policy"], attributes, lists),
        rules=tuple(_read_rule(each, scope) for each in told["rules"]),
        version=version_of_text(text),
        signals=scope.signals,
    )


def _policy(policy: Policy) -> Json:
    return {
        "bands": [[threshold, outcome.word] for threshold, outcome in policy.bands],
        "if_unknown": policy.if_unknown.value,
        "unsettled_floor": policy.unsettled_floor.word,
        "deadline": format_duration(policy.deadline),
        "money": policy.money and [str(policy.money.amount), policy.money.currency],
        "personal_data": policy.personal_data and list(policy.personal_data),
    }


def _read_policy(told: Json, attributes: dict[str, Signal], lists: dict[str, AnalystList]) -> Policy:
    deadline: timedelta = parse_duration(told["deadline"])
    return Policy(
        bands=tuple((threshold, Outcome.from_word(word)) for threshold, word in told["bands"]),
        if_unknown=IfUnknown(told["if_unknown"]),
        unsettled_floor=Outcome.from_word(told["unsettled_floor"]),
        deadline=deadline,
        money=told["money"] and Money(amount=Decimal(told["money"][0]), currency=told["money"][1]),
        personal_data=None if told["personal_data"] is None else tuple(told["personal_data"]),
        attributes=MappingProxyType(attributes),
        lists=MappingProxyType(lists),
    )


def _rule(rule: Rule) -> Json:
    return {
        "id": rule.id,
        "title": rule.title,
        "status": rule.status.value,
        "when": _condition(rule.condition),
        "contribution": _contribution(rule.contribution),
        "reason": [part if isinstance(part, str) else _hole(part) for part in rule.reason.parts],
        "if_unknown": rule.if_unknown.value,
    }


def _read_rule(told: Json, scope: Scope) -> Rule:
    condition = _read_condition(told["when"], scope)
    return Rule(
        id=told["id"],
        title=told["title"],
        status=Status(told["status"]),
        condition=condition,
        when=condition_text(condition),
        contribution=_read_contribution(told["contribution"]),
        reason=Template(tuple(part if isinstance(part, str) else Hole(**part) for part in told["reason"])),
        if_unknown=IfUnknown(told["if_unknown"]),
    )


def _hole(hole: Hole) -> Json:
    return {"signal": hole.signal, "as_of": hole.as_of}


def _contribution(contribution: Contribution) -> Json:
    match contribution:
        case Score(points):
            return {"score": points}
        case AtLeast(outcome, binding):
            return {"at_least": outcome.word, "binding": binding}
        case AtMost(outcome):
            return {"at_most": outcome.word}


def _read_contribution(told: Json) -> Contribution:
    match told:
        case {"score": int(points)}:
            return Score(points)
        case {"at_least": word, "binding": bool(binding)}:
            return AtLeast(Outcome.from_word(word), binding)
        case {"at_most": word}:
            return AtMost(Outcome.from_word(word))
    raise ValueError(f"`{told}` is no contribution")


def _condition(condition: Condition) -> Json:
    """Branches as JSON, leaves as text: a tree of the depth that YAML allows is beyond what one expression may nest."""
    match condition:
        case Not(item):
            return {"not": _condition(item)}
        case All(items):
            return {"all": [_condition(item) for item in items]}
        case AnyOf(items):
            return {"any": [_condition(item) for item in items]}
    return condition_text(condition)


def _read_condition(told: Json, scope: Scope) -> Condition:
    match told:
        case {"not": item}:
            return Not(_read_condition(item, scope))
        case {"all": items}:
            return All(tuple(_read_condition(item, scope) for item in items))
        case {"any": items}:
            return AnyOf(tuple(_read_condition(item, scope) for item in items))
    return parse_condition(told, scope, longest=len(told))
