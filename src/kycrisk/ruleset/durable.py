"""Rulesets to nets of durable-rules, and its firings back to findings. Pure: the library itself is not imported here.

Every rule stands in two nets: in the one it fires when its condition is surely true, in the other when it is possibly
so. Both hold positive tests alone, because the library knows neither `not` nor null. Of what breaks it (2.0.28, read
from its source and measured; docs/engines.md), nothing is left to what an analyst or a customer writes:

- The rules are spread over nets small enough for each of its limits: 64 nodes waiting at once, 128 ways on from a test,
  256 rules at the end of one, 512 tests side by side, 255 fields in a fact, 32 brackets in a rule.
- Fields are named by number; the library knows names by a 32-bit hash, and that of these differ.
- Only flags, integers up to 2^53 and short plain texts are compared by it. Any other text is handed over as one that
  no rule mentions, so it equals none.
- A rule without tests of its own stands in every net and fires for every fact. Where it did not, nothing else that the
  net says is believed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from kycrisk.ruleset.alternatives import PLAIN_TEXT, Alternative, Plain, Test, Tested, alternatives
from kycrisk.ruleset.condition import Condition, SignalRef
from kycrisk.ruleset.generate import PartialFunction, generate_partial
from kycrisk.ruleset.model import Rule
from kycrisk.signals import Type, Value

MOST_ALTERNATIVES = 40  # of one net
MOST_FIELDS = 60  # of one net; where a value is unknown, a field says so in its place
ALWAYS = "always"
EVERY_FACT = "k"  # the field that every fact has, for the rule that always fires
OTHER_TEXT = "~"  # stands for a text that is not plain; no constant of a net looks like it

_OPERATORS = {"!=": "$neq", "<": "$lt", "<=": "$lte", ">": "$gt", ">=": "$gte"}
Json = dict[str, Any]
Fact = dict[str, Plain]


class Assertion(NamedTuple):
    """A fact and the net that it is for."""

    net: str
    fact: Fact


class NetConfusion(ValueError):
    """The nets said what cannot be."""


class Field(NamedTuple):
    """A field of a net's facts: the place of its value among the values of a signup, its name, and the name of the
    field that stands in its place where the value is unknown."""

    place: int
    name: str
    unknown: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """Some rules of a ruleset: the names of their two nets, and the fields of the facts for these."""

    surely: str
    possibly: str
    rules: frozenset[int]
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Nets:
    """Rules as nets. `definitions` is what the library loads: net → rule → condition, all of it JSON.

    The values of a signup are those of `signals` (name, and whether it is a text), then the truths of `computed`.
    """

    definitions: Mapping[str, Json]
    shards: tuple[Shard, ...]
    signals: tuple[tuple[str, bool], ...]
    computed: tuple[Condition, ...]
    judge: PartialFunction  # of the computed ones

    def assertions(self, known: Mapping[str, Value]) -> list[Assertion]:
        """The facts that one signup comes to. The nets of possible truth are asked where a field is unknown."""
        values = self._values(known)
        found: list[Assertion] = []
        for shard in self.shards:
            fact: Fact = {EVERY_FACT: 1}
            missing: Fact = {}
            for place, name, unknown in shard.fields:
                value = values[place]
                if value is None:
                    missing[unknown] = True
                else:
                    fact[name] = value
            found.append(Assertion(shard.surely, fact))
            if missing:
                found.append(Assertion(shard.possibly, {**fact, **missing}))
        return found

    def _values(self, known: Mapping[str, Value]) -> list[Plain | None]:
        given: list[Any] = [
            _plain_text(known[name]) if is_text and name in known else known.get(name) for name, is_text in self.signals
        ]
        truths: list[bool | None] = [False] * len(self.computed)
        true, unknown = self.judge(known.get)
        for index in true:
            truths[index] = True
        for index in unknown:
            truths[index] = None
        return given + truths

    def findings(self, asserted: Sequence[Assertion], fired: Sequence[Collection[str]]) -> tuple[list[int], list[int]]:
        """The indexes of the rules that hit, and of those that cannot be judged, from what fired for each assertion.

        Raises `NetConfusion` when a net did not see its fact, or rules fired that are not its own, or surely and not
        possibly.
        """
        if len(asserted) != len(fired):
            raise NetConfusion(f"{len(asserted)} facts were asserted, {len(fired)} were answered")
        told = {net: _indexes(net, names) for (net, _), names in zip(asserted, fired, strict=True)}
        hits: set[int] = set()
        unknown: set[int] = set()
        for shard in self.shards:
            surely = told[shard.surely]
            possibly = told.get(shard.possibly, surely)
            if not surely <= possibly <= shard.rules:
                raise NetConfusion(f"the net {shard.surely} cannot have fired {sorted(surely)} of {sorted(possibly)}")
            hits |= surely
            unknown |= possibly - surely
        return sorted(hits), sorted(unknown)


def _plain_text(value: Value) -> str:
    text = str(value)
    return text if PLAIN_TEXT.fullmatch(text) else OTHER_TEXT


def _indexes(net: str, names: Collection[str]) -> set[int]:
    """The rules whose alternatives fired."""
    if ALWAYS not in names:
        raise NetConfusion(f"the net {net} did not see its fact")
    try:
        return {int(name.split(".")[0]) for name in names if name != ALWAYS}
    except ValueError:
        raise NetConfusion(f"the net {net} fired what is not one of its rules") from None


def make_nets(rules: Iterable[Rule]) -> Nets:
    """The nets of some rules. A finding's index is the rule's place among them."""
    groups = _groups([alternatives(rule.condition) for rule in rules])
    tested = dict.fromkeys(each for group in groups for each in _tested(group.values()))
    signals = [each for each in tested if isinstance(each, SignalRef)]
    computed = [each for each in tested if not isinstance(each, SignalRef)]
    places: dict[Tested, int] = {each: place for place, each in enumerate([*signals, *computed])}
    shards: list[Shard] = []
    definitions: dict[str, Json] = {}
    for number, group in enumerate(groups):
        fields = {
            each: Field(places[each], f"f{index}", f"u{index}") for index, each in enumerate(_tested(group.values()))
        }
        shard = Shard(surely=f"s{number}", possibly=f"p{number}", rules=frozenset(group), fields=tuple(fields.values()))
        definitions[shard.surely] = _net(group, fields, possibly=False)
        definitions[shard.possibly] = _net(group, fields, possibly=True)
        shards.append(shard)
    return Nets(
        definitions=definitions,
        shards=tuple(shards),
        signals=tuple((each.name, each.type is Type.STR) for each in signals),
        computed=tuple(computed),
        judge=generate_partial(computed),
    )


def _groups(rules: Sequence[tuple[Alternative, ...]]) -> list[dict[int, tuple[Alternative, ...]]]:
    """The rules in their order, as many together as a net may hold."""
    groups: list[dict[int, tuple[Alternative, ...]]] = [{}]
    for index, alternatives_ in enumerate(rules):
        grown = {**groups[-1], index: alternatives_}
        if groups[-1] and not _fits(grown):
            groups.append({index: alternatives_})
        else:
            groups[-1] = grown
    return groups


def _fits(group: Mapping[int, tuple[Alternative, ...]]) -> bool:
    return sum(map(len, group.values())) <= MOST_ALTERNATIVES and len(_tested(group.values())) <= MOST_FIELDS


def _tested(rules: Iterable[tuple[Alternative, ...]]) -> dict[Tested, None]:
    """What the rules test, each once."""
    return dict.fromkeys(test.tested for rule in rules for alternative in rule for test in alternative)


def _net(group: Mapping[int, tuple[Alternative, ...]], fields: Mapping[Tested, Field], *, possibly: bool) -> Json:
    """One net: each alternative a rule of its own, so that no rule branches."""
    net: Json = {ALWAYS: {EVERY_FACT: 1}}
    for index, rule in group.items():
        for place, alternative in enumerate(rule):
            net[f"{index}.{place}"] = _rule([_test(test, fields[test.tested], possibly) for test in alternative])
    return net


def _rule(tests: list[Json]) -> Json:
    if not tests:
        return {EVERY_FACT: 1}
    return tests[0] if len(tests) == 1 else {"$and": tests}


def _test(test: Test, field: Field, possibly: bool) -> Json:
    """A test; where possible truth is enough, an unknown value passes it, too. Only one of both can be, so the rule
    never fires twice for it."""
    told: Json = {field.name: test.value}
    if test.op != "==":
        told = {_OPERATORS[test.op]: told}
    return {"$or": [told, {field.unknown: True}]} if possibly else told
