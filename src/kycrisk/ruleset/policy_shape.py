"""How a policy, its attributes and its lists read in YAML."""

from __future__ import annotations

import keyword
from dataclasses import dataclass
from datetime import timedelta

from kycrisk.money import Money, parse_money
from kycrisk.outcome import IfUnknown, Outcome
from kycrisk.personal_data import Personal
from kycrisk.ruleset.model import AnalystList, ListKind, Policy
from kycrisk.ruleset.nodes import MappingNode, Node
from kycrisk.ruleset.reading import Reading
from kycrisk.ruleset.records import Field, Items, Named, Record, Values, as_it_is
from kycrisk.ruleset.shapes import Choice, Schema, Span, Text, Whole, choice_of
from kycrisk.signals import Signal, Subject, Type

MAX_THRESHOLD = 1_000_000_000
MAX_DEADLINE = timedelta(minutes=10)
_RAISING = {outcome.word: outcome for outcome in Outcome if outcome is not Outcome.ALLOW}


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount of money in a currency: `0.02 EUR`."""

    text: Text

    def read(self, node: Node, reading: Reading) -> Money:
        return parse_money(self.text.read(node, reading))

    def schema(self) -> Schema:
        return self.text.schema()


def _bands(values: Values, node: MappingNode, reading: Reading) -> tuple[tuple[int, Outcome], ...]:
    """The bands as they are written must rise, in outcome and in score."""
    if not node.entries:
        reading.wrong(node, "there is no band, so a score would mean nothing", "write `{verify: 70}`")
    bands = [(values[key.text], Outcome.from_word(key.text)) for key, _ in node.entries]
    for (low, below), (high, above), (key, _) in zip(bands, bands[1:], node.entries[1:], strict=False):
        if above <= below or high <= low:
            reading.wrong(key, f"the bands do not rise: `{above}: {high}` stands behind `{below}: {low}`",
                          "a more severe outcome comes later and needs a higher score")  # fmt: skip
    return tuple(bands)


_THRESHOLD = Whole(least=-MAX_THRESHOLD, most=MAX_THRESHOLD)
_BANDS = Record(
    what="`bands`",
    fields=tuple(
        Field(word, _THRESHOLD, f"The score from which on the outcome is at least `{word}`.") for word in _RAISING
    ),
    build=_bands,
)
_UNSETTLED = Record(
    what="the `unsettled` floor",
    fields=(
        Field("at_least", Choice(_RAISING), "A floor under decisions that unknown facts could still change.", True),
    ),
    build=as_it_is,
)
_MONEY = Amount(Text(most=40, pattern=r"[0-9]{1,9}(?:\.[0-9]{1,6})? [A-Z]{3}", like="`0.02 EUR`"))
_BUDGETS = Record(
    what="`budgets`",
    fields=(
        Field("money", _MONEY, "What the paid lookups of one screening may cost together."),
        Field("personal_data", Items(item=Choice({each.value: each.value for each in Personal}), distinct=True),
              "What of a signup may be told to others."),
    ),
    build=as_it_is,
)  # fmt: skip


def _policy(values: Values, node: MappingNode, reading: Reading) -> Policy:
    budgets = values.get("budgets", {})
    given = {key: values[key] for key in ("if_unknown", "deadline") if key in values}
    floor = {"unsettled_floor": values["unsettled"]["at_least"]} if "unsettled" in values else {}
    return Policy(
        bands=values["bands"],
        money=budgets.get("money"),
        personal_data=budgets.get("personal_data"),
        **given,
        **floor,
    )


POLICY = Record(
    what="the policy",
    fields=(
        Field("bands", _BANDS, "Which outcome a score means; below the first band it is `allow`.", True),
        Field("if_unknown", choice_of(IfUnknown), "What a rule that cannot be judged counts as, unless it says "
              "otherwise; `miss` when left out."),
        Field("unsettled", _UNSETTLED, "A floor under decisions that unknown facts could still change."),
        Field("deadline", Span(MAX_DEADLINE), "How long a screening may take; `800ms` when left out."),
        Field("budgets", _BUDGETS, "What a screening may spend, and tell others."),
    ),
    build=_policy,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class AttributeName:
    """A name that conditions can say: no word of the expression language, and no signal that exists."""

    text: Text

    def read(self, node: Node, reading: Reading) -> str:
        name = self.text.read(node, reading)
        last = name.removeprefix("signup.")
        if keyword.iskeyword(last) or last == "as_of":
            reading.wrong(node, f"`{last}` is a word of the language of conditions", "choose another name")
        if name in reading.scope.signals or name in reading.scope.aliases:
            reading.wrong(node, f"`{name}` is a signal already", "choose another name")
        return name

    def schema(self) -> Schema:
        return self.text.schema()


_QUESTION = Field("question", Text(most=300), "One sentence that asks it.", True)
ATTRIBUTES = Named(
    what="attributes",
    name=AttributeName(Text(most=64, pattern=r"signup\.[a-z][a-z0-9_]*", like="`signup.plan`")),
    item=Record(
        what="the declaration of an attribute",
        fields=(Field("type", choice_of(Type), "The type of its values.", True), _QUESTION),
        build=as_it_is,
    ),
    build=lambda name, values: Signal(
        name=name, type=values["type"], question=values["question"], subject=Subject.SIGNUP
    ),
)
LISTS = Named(
    what="lists",
    name=Text(most=64, pattern=r"[a-z0-9][a-z0-9_-]*", like="`known-customers`: small letters, digits, `-` and `_`"),
    item=Record(
        what="the declaration of a list",
        fields=(Field("kind", choice_of(ListKind), "What its entries are, and so how they match.", True), _QUESTION),
        build=as_it_is,
    ),
    build=lambda name, values: AnalystList(name=name, kind=values["kind"], question=values["question"]),
)
