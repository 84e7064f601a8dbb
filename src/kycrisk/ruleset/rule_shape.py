"""How a rule reads in YAML: its keys, and what each may hold."""

from __future__ import annotations

from dataclasses import dataclass

from kycrisk.outcome import AtLeast, AtMost, Contribution, Finding, IfUnknown, Outcome, Score
from kycrisk.ruleset.condition_shape import REASON, Given, When
from kycrisk.ruleset.model import Rule, RuleTest, Status
from kycrisk.ruleset.nodes import MappingNode, Node, SequenceNode
from kycrisk.ruleset.reading import Reading
from kycrisk.ruleset.records import Field, Items, Record, Values
from kycrisk.ruleset.shapes import Choice, Flag, Schema, Text, Whole, choice_of
from kycrisk.ruleset.words import condition_text

MAX_POINTS = 100_000


def _test(values: Values, node: MappingNode, reading: Reading) -> RuleTest:
    return RuleTest(
        name=values["name"],
        given=values["given"],
        expect=values["expect"],
        place=reading.source.place(node.start),
    )


TEST = Record(
    what="a test",
    fields=(
        Field("name", Text(most=200), "What the test is about, in a few words; unique within the rule.", True),
        Field("given", Given(), "The facts that are known; everything else is unknown.", True),
        Field("expect", choice_of(Finding, Finding.EXEMPT), "What the rule must find.", True),
    ),
    build=_test,
)


@dataclass(frozen=True, slots=True)
class Tests:
    """The tests of a rule; no two have the same name."""

    items: Items[RuleTest]

    def read(self, node: Node, reading: Reading) -> tuple[RuleTest, ...]:
        tests = self.items.read(node, reading)
        assert isinstance(node, SequenceNode)  # as `Items` has found
        first: dict[str, RuleTest] = {}
        for test, below in zip(tests, node.items, strict=True):
            if first.setdefault(test.name, test) is not test:
                reading.note(below, f"the rule has two tests named `{test.name}`",
                             f"the other one is on line {first[test.name].place.line}; rename one")  # fmt: skip
        return tests

    def schema(self) -> Schema:
        return self.items.schema()


def _contribution(values: Values) -> Contribution:
    if "score" in values:
        return Score(values["score"])
    if "at_most" in values:
        return AtMost(values["at_most"])
    return AtLeast(values["at_least"], values.get("binding", False))


def _rule(values: Values, node: MappingNode, reading: Reading) -> Rule:
    return Rule(
        id=values["id"],
        title=values["title"],
        status=values.get("status", Status.LIVE),
        condition=values["when"],
        when=condition_text(values["when"]),
        contribution=_contribution(values),
        reason=values["reason"],
        if_unknown=values.get("if_unknown", reading.if_unknown),
        description=values.get("description", ""),
        tags=values.get("tags", ()),
        references=values.get("references", ()),
        false_positives=values.get("false_positives", ()),
        tests=values.get("tests", ()),
        place=reading.source.place(node.start),
    )


_FLOORS = Choice(
    {outcome.word: outcome for outcome in Outcome if outcome is not Outcome.ALLOW},
    {"allow": ("`at_least: allow` raises nothing", "to lower an outcome, write `at_most: allow`")},
)
_CAPS = Choice(
    {outcome.word: outcome for outcome in Outcome if outcome is not Outcome.DENY},
    {"deny": ("`at_most: deny` lowers nothing", "cap at a lower outcome")},
)
_ID = Text(most=64, pattern=r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*", like="`tor-exit`: small letters, digits and hyphens")
_TAG = Text(most=64, pattern=r"[a-z0-9]+(?:-[a-z0-9]+)*", like="`own-list`: small letters, digits and hyphens")
_LINES = Items(item=Text(most=1000), distinct=True)

RULE = Record(
    what="a rule",
    fields=(
        Field("id", _ID, "The rule's name for ever: decisions, exemptions and reports refer to it.", True),
        Field("title", Text(most=200), "What a hit means, in a few words.", True),
        Field("description", Text(most=4000, lines=True), "Why the rule is as it is, for the next analyst."),
        Field("status", choice_of(Status), "`live` counts (the default), `shadow` is only reported, `draft` and "
              "`retired` are not evaluated."),
        Field("when", When(), "The condition: an expression, or a tree of `all:`, `any:` and `none:`.", True),
        Field("score", Whole(least=-MAX_POINTS, most=MAX_POINTS, zero="a score of 0 changes nothing"),
              "Points that a hit adds; negative points are trust."),
        Field("at_least", _FLOORS, "A floor under the outcome."),
        Field("at_most", _CAPS, "A cap over the outcome, for allow-lists and trusted customers."),
        Field("binding", Flag(), "Whether caps leave the floor alone."),
        Field("reason", REASON, "What the decision says of a hit; `{signal}` is filled in, `{signal.as_of}` is the "
              "date of the fact.", True),
        Field("if_unknown", choice_of(IfUnknown), "What the rule counts as when it cannot be judged and the outcome "
              "depends on it; the policy has the default."),
        Field("false_positives", _LINES, "Honest people whom the rule hits."),
        Field("references", _LINES, "Where the knowledge comes from."),
        Field("tags", Items(item=_TAG, distinct=True), "Words to find the rule by."),
        Field("tests", Tests(Items(item=TEST, most=200)), "What the rule must find, given what."),
    ),
    one_of=("score", "at_least", "at_most"),
    needs={"binding": "at_least"},
    build=_rule,
)  # fmt: skip
