"""Decisions as JSON and back, to the same bytes. The format is documented in docs/decision.md and versioned.

Values whose type JSON cannot tell (durations, times, addresses, sets) carry it, so a decision can be read and
replayed years later without the catalogue of signals it was made with.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from operator import is_
from typing import Any, TypeVar

from kycrisk.decision import FORMAT, Decision, Exemption, Lookup, MadeBy, Reason, Shadow, Undetermined
from kycrisk.outcome import Finding, Outcome
from kycrisk.signals import NO_ORIGIN, NOTHING, Evidence, Origin, Type, Unknown, Value, Why, fact_value
from kycrisk.value_json import bare_json, moment_text, text_json, told_json, type_words, value_json

__all__ = [
    "DecisionFormatError",
    "Shape",
    "decision_from_json",
    "decision_to_json",
    "moment_text",
    "taken_apart",
    "text_json",
    "value_json",
]

Part = TypeVar("Part")


class DecisionFormatError(ValueError):
    """The text is not a decision of this format."""


class Shape:
    """What decisions of one world have in common, as texts around places for what is their own: names of signals,
    sources, snapshots, what could not be judged. Every second text is such a place.

    Decisions have the same shape only where they share these objects themselves. So what a shape says that many have
    had is of the site: what is unknown about one signup, with words of its own, makes a shape of its own.
    """

    __slots__ = ("_alike", "texts", "uses")

    def __init__(self, texts: list[str], alike: tuple[object, ...]) -> None:
        self.texts = texts
        self.uses = 0  # decisions that had it
        self._alike = alike  # shapes are found by the identity of these, so they have to stay

    def filled(self, values: Sequence[str]) -> str:
        """The text with values in its places."""
        texts = self.texts.copy()
        texts[1::2] = values
        return "".join(texts)

    def made_of(self, *alike: object) -> bool:
        return all(map(is_, self._alike, alike))


def decision_to_json(decision: Decision) -> str:
    """The decision as one line of JSON."""
    shape, values = taken_apart(decision)
    return shape.filled(values)


def taken_apart(decision: Decision) -> tuple[Shape, list[str]]:
    """The decision's shape, and the values in its places: texts without control characters, as JSON has them."""
    evidence, undetermined, shadow = decision.evidence, decision.undetermined, decision.shadow
    known = evidence.known
    frames, names, unknown = _frames(evidence.origins), tuple(known), evidence.unknown or NOTHING
    key = (names, id(unknown), id(undetermined), id(shadow), decision.ruleset, decision.made_by)
    shape = frames.shapes.get(key)
    if shape is None or not shape.made_of(unknown, undetermined, shadow):
        if len(frames.shapes) >= _MOST_FRAMES:
            frames.shapes.clear()
        shape = frames.shapes[key] = Shape(_texts(frames, decision), (unknown, undetermined, shadow))
    shape.uses += 1
    values = [
        text_json(decision.id),
        text_json(decision.account_id),
        decision.outcome.word,
        str(decision.score),
        "true" if decision.settled else "false",
        decision.lowest.word,
        decision.highest.word,
        str(decision.lowest_score),
        str(decision.highest_score),
        ",".join([_reason_json(reason) for reason in decision.reasons]),
        _dumps([_exemption_dict(each) for each in decision.exempt]) if decision.exempt else "[]",
    ]
    values += [
        "true"
        if value is True
        else "false"
        if value is False
        else text_json(value)
        if type(value) is str
        else told_json[type(value)](value)
        for value in known.values()
    ]
    values += (
        ",".join([_lookup_json(each) for each in decision.lookups]),
        moment_text(decision.decided_at),
        repr(decision.took_ms),
    )
    return shape, values


def _texts(frames: _Frames, decision: Decision) -> list[str]:
    """The texts of a decision's shape."""
    evidence = decision.evidence
    head = [
        f'{{"format":"{FORMAT}","id":',
        ',"account_id":',
        ',"outcome":"',
        '","score":',
        ',"settled":',
        ',"bounds":{"outcome":["',
        '","',
        '"],"score":[',
        ",",
        ']},"reasons":[',
        f'],"undetermined":[{_kept_json(decision.undetermined, _undetermined_json)}],"exempt":',
        f',"shadow":[{_kept_json(decision.shadow, _shadow_json)}],"evidence":{{',
    ]
    facts = frames.template(tuple(evidence.known))
    if evidence.unknown:
        facts[-1] += ("," if evidence.known else "") + frames.missing(evidence.unknown)
    tail = [
        '},"lookups":[',
        f'],"ruleset":{text_json(decision.ruleset)}{_made_by_json(decision.made_by)},"decided_at":"',
        '","took_ms":',
        "}",
    ]
    texts = [*head[:-1], head[-1] + facts[0], *facts[1:-1], facts[-1] + tail[0], *tail[1:]]
    if len(facts) == 1:
        texts = [*head[:-1], head[-1] + facts[0] + tail[0], *tail[1:]]
    return [part for text in texts for part in (text, "")][:-1]


def _made_by_json(made_by: MadeBy | None) -> str:
    """`,"engine":…,"after":…`; nothing of a default engine that was asked for, so that such decisions stay short."""
    if made_by is None:
        return ""
    after = f',"after":{text_json(made_by.after)}' if made_by.after else ""
    return f',"engine":{text_json(made_by.engine)}{after}'


def _dumps(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


# evidence


class _Frames:
    """What stands around the facts of one world's evidence: names before them, origins behind them.

    Evidence of one world nearly always knows the same signals, so the texts around all known facts are kept with the
    shapes of its decisions; and so are the texts of the gaps, which signups of one site share.
    """

    __slots__ = ("gaps", "origins", "shapes")

    def __init__(self, origins: Mapping[str, Origin]) -> None:
        self.origins = origins
        self.shapes: dict[tuple[Any, ...], Shape] = {}
        self.gaps: dict[int, tuple[Mapping[str, Unknown], str]] = {}

    def template(self, names: tuple[str, ...]) -> list[str]:
        """The texts before, between and behind the values of these facts."""
        befores = [f'{text_json(name)}:{{"value":' for name in names]
        behinds = [f"{self.origin(name)}}}" for name in names]
        if not names:
            return [""]
        return [befores[0], *map("{},{}".format, behinds, befores[1:]), behinds[-1]]

    def missing(self, unknown: Mapping[str, Unknown]) -> str:
        """The unknown facts."""
        kept = self.gaps.get(id(unknown))
        if kept is None or kept[0] is not unknown:
            facts = [f"{text_json(name)}:{{{_unknown_json(why)}{self.origin(name)}}}" for name, why in unknown.items()]
            if len(self.gaps) >= _MOST_FRAMES:
                self.gaps.clear()
            kept = self.gaps[id(unknown)] = (unknown, ",".join(facts))
        return kept[1]

    def origin(self, name: str) -> str:
        return _origin_json(self.origins.get(name, NO_ORIGIN))


_FRAMES: dict[int, _Frames] = {}  # by the identity of the origins, which all decisions of one world share
_MOST_FRAMES = 64


def _frames(origins: Mapping[str, Origin]) -> _Frames:
    frames = _FRAMES.get(id(origins))
    if frames is None or frames.origins is not origins:
        if len(_FRAMES) >= _MOST_FRAMES:
            _FRAMES.clear()
        frames = _FRAMES[id(origins)] = _Frames(origins)
    return frames


def _origin_json(origin: Origin) -> str:
    """`,"source":…,"as_of":…,"snapshot":…` of an origin."""
    as_of = f',"as_of":"{moment_text(origin.as_of)}"' if origin.as_of else ""
    snapshot = f',"snapshot":{_dumps(list(origin.snapshots))}' if origin.snapshots else ""
    return f',"source":{text_json(origin.source)}{as_of}{snapshot}'


def _unknown_json(unknown: Unknown) -> str:
    detail = f',"detail":{text_json(unknown.detail)}' if unknown.detail else ""
    return f'"unknown":"{unknown.why.value}"{detail}'


def _facts_json(facts: Mapping[str, Value | Unknown]) -> str:
    return ",".join(
        [
            f"{text_json(name)}:{{{_unknown_json(value)}}}"
            if isinstance(value, Unknown)
            else f"{text_json(name)}:{bare_json[type(value)](value)}"
            for name, value in facts.items()
        ]
    )


def _reason_json(reason: Reason) -> str:
    return (
        f'{{"rule":{text_json(reason.rule)},"title":{text_json(reason.title)},"finding":"{reason.finding.value}",'
        f'"contribution":"{reason.contribution}","text":{text_json(reason.text)},'
        f'"facts":{{{_facts_json(reason.facts)}}}}}'
    )


def _undetermined_json(each: Undetermined) -> str:
    return (
        f'{{"rule":{text_json(each.rule)},"title":{text_json(each.title)},"contribution":"{each.contribution}",'
        f'"why":{{{_facts_json(each.why)}}}}}'
    )


def _shadow_json(each: Shadow) -> str:
    return f'{{"rule":{text_json(each.rule)},"finding":"{each.finding.value}","contribution":"{each.contribution}"}}'


_KEPT: dict[int, tuple[tuple[Any, ...], str]] = {}  # by identity: many decisions share what they could not judge
_MOST_KEPT = 1024


def _kept_json(items: tuple[Part, ...], to_json: Callable[[Part], str]) -> str:
    if not items:
        return ""
    kept = _KEPT.get(id(items))
    if kept is None or kept[0] is not items:
        if len(_KEPT) >= _MOST_KEPT:
            _KEPT.clear()
        kept = _KEPT[id(items)] = (items, ",".join([to_json(each) for each in items]))
    return kept[1]


def _exemption_dict(each: Exemption) -> dict[str, str]:
    return {
        "rule": each.rule,
        "subject": each.subject,
        "until": moment_text(each.until),
        "by": each.by,
        "reason": each.reason,
    }


def _lookup_json(each: Lookup) -> str:
    return (
        f'{{"check":{text_json(each.check)},"asked":{"true" if each.asked else "false"},"why":{text_json(each.why)},'
        f'"ms":{each.ms!r},"cost":{text_json(each.cost)}}}'
    )


# and back


def decision_from_json(text: str | bytes) -> Decision:
    """The decision that a text holds. Raises `DecisionFormatError` when it is not one of this format."""
    try:
        raw = json.loads(text)
    except ValueError as error:
        raise DecisionFormatError(f"not JSON: {error}") from None
    if not isinstance(raw, dict) or raw.get("format") != FORMAT:
        found = raw.get("format") if isinstance(raw, dict) else None
        raise DecisionFormatError(f"expected a decision with format `{FORMAT}`, got `{found}`")
    try:
        return _decision(raw)
    except KeyError as error:
        raise DecisionFormatError(f"the decision has no {error}, or a word that is not known") from None
    except (TypeError, ValueError, AttributeError) as error:
        raise DecisionFormatError(f"the decision is malformed: {error}") from None


def _decision(raw: dict[str, Any]) -> Decision:
    evidence = _evidence(raw["evidence"])
    (lowest, highest), (lowest_score, highest_score) = raw["bounds"]["outcome"], raw["bounds"]["score"]
    return Decision(
        id=raw["id"],
        account_id=raw["account_id"],
        outcome=Outcome.from_word(raw["outcome"]),
        score=raw["score"],
        settled=raw["settled"],
        lowest=Outcome.from_word(lowest),
        highest=Outcome.from_word(highest),
        lowest_score=lowest_score,
        highest_score=highest_score,
        reasons=tuple(_reason(each, evidence) for each in raw["reasons"]),
        undetermined=tuple(_undetermined(each) for each in raw["undetermined"]),
        exempt=tuple(
            Exemption(each["rule"], each["subject"], datetime.fromisoformat(each["until"]), each["by"], each["reason"])
            for each in raw["exempt"]
        ),
        shadow=tuple(Shadow(each["rule"], Finding(each["finding"]), each["contribution"]) for each in raw["shadow"]),
        evidence=evidence,
        ruleset=raw["ruleset"],
        decided_at=datetime.fromisoformat(raw["decided_at"]),
        lookups=tuple(
            Lookup(each["check"], each["asked"], each["why"], each["ms"], each["cost"]) for each in raw["lookups"]
        ),
        took_ms=raw["took_ms"],
        made_by=MadeBy(raw["engine"], raw.get("after", "")) if "engine" in raw else None,
    )


def _evidence(raw: dict[str, Any]) -> Evidence:
    return Evidence(
        known={name: _value(fact) for name, fact in raw.items() if "value" in fact},
        unknown={name: _unknown(fact) for name, fact in raw.items() if "unknown" in fact},
        origins={name: _origin(fact) for name, fact in raw.items()},
    )


def _value(fact: dict[str, Any]) -> Value:
    value = fact["value"]
    declared = fact.get("type") or type_words[type(value)]
    return fact_value(Type(declared), value)


def _unknown(fact: dict[str, Any]) -> Unknown:
    return Unknown(Why(fact["unknown"]), fact.get("detail", ""))


def _origin(fact: dict[str, Any]) -> Origin:
    as_of = fact.get("as_of")
    return Origin(fact["source"], datetime.fromisoformat(as_of) if as_of else None, tuple(fact.get("snapshot", ())))


def _reason(raw: dict[str, Any], evidence: Evidence) -> Reason:
    facts = {name: evidence.known.get(name, _missing(raw["facts"][name])) for name in raw["facts"]}
    return Reason(raw["rule"], raw["title"], Finding(raw["finding"]), raw["contribution"], raw["text"], facts)


def _missing(raw: Any) -> Value | Unknown:
    return _unknown(raw) if isinstance(raw, dict) else raw


def _undetermined(raw: dict[str, Any]) -> Undetermined:
    why = {name: _unknown(fact) for name, fact in raw["why"].items()}
    return Undetermined(raw["rule"], raw["title"], raw["contribution"], why)
