"""How a policy, its attributes and its lists read in YAML."""

from __future__ import annotations

import keyword
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from kycrisk.durations import format_duration, parse_duration
from kycrisk.outcome import IfUnknown, Outcome
from kycrisk.ruleset.model import AnalystList, ListKind, Money, Policy
from kycrisk.ruleset.nodes import MappingNode, Node
from kycrisk.ruleset.reading import Reading
from kycrisk.ruleset.shapes import Choice, Field, Items, Named, Record, Schema, Text, Whole, described, scalar
from kycrisk.signals import Signal, Subject, Type

MAX_THRESHOLD = 1_000_000_000
MAX_DEADLINE = timedelta(minutes=10)
#: What of a signup may be told to others, as `personal_data:` names it.
PERSONAL_DATA = ("email", "email_domain", "ip", "name", "company", "phone", "address", "user_agent")


@dataclass(frozen=True, slots=True)
class Span:
    """A positive duration."""

    most: timedelta

    def read(self, node: Node, reading: Reading) -> timedelta | None:
        value = scalar(node, reading, "a duration such as `800ms`")
        if value is None:
            return None
        if not isinstance(value, str):
            return reading.wrong(node, f"expected a duration, got {described(node)}",
                                 "write the unit behind the number: `800ms`, `2s`")  # fmt: skip
        try:
            found = parse_duration(value)
        except ValueError as error:
            return reading.wrong(node, str(error))
        if not timedelta(0) < found <= self.most:
            return reading.wrong(node, f"`{value}` is not between 0 and {format_duration(self.most)}")
        return found

    def schema(self) -> Schema:
        return {"type": "string", "pattern": "^(?:[0-9]{1,9}(?:ms|us|[wdhms]))+$"}


@dataclass(frozen=True, slots=True)
class Amount:
    """An amount of money in a currency: `0.02 EUR`."""

    text: Text = Text(most=40, pattern=r"[0-9]{1,9}(?:\.[0-9]{1,6})? [A-Z]{3}", like="`0.02 EUR`")

    def read(self, node: Node, reading: Reading) -> Money | None:
        text = self.text.read(node, reading)
        if text is None:
            return None
        amount, currency = text.split()
        return Money(amount=Decimal(amount), currency=currency)

    def schema(self) -> Schema:
        return self.text.schema()


def _bands(values: dict[str, int], node: MappingNode, reading: Reading) -> tuple[tuple[int, Outcome], ...] | None:
    """The bands as they are written must rise, in outcome and in score."""
    bands = [(values[key.text], Outcome.from_word(key.text)) for key, _ in node.entries]
    if not bands:
        return reading.wrong(node, "there is no band, so a score would mean nothing", "write `{verify: 70}`")
    for (low, below), (high, above), (key, _) in zip(bands, bands[1:], node.entries[1:], strict=False):
        if above <= below or high <= low:
            reading.wrong(key, f"the bands do not rise: `{above}: {high}` stands behind `{below}: {low}`",
                          "a more severe outcome comes later and needs a higher score")  # fmt: skip
            return None
    return tuple(bands)


_THRESHOLD = Whole(least=-MAX_THRESHOLD, most=MAX_THRESHOLD)
_BANDS = Record(
    what="bands",
    fields=tuple(
        Field(outcome.word, _THRESHOLD, f"The score from which on the outcome is at least `{outcome}`.")
        for outcome in Outcome
        if outcome is not Outcome.ALLOW
    ),
    build=_bands,
)
_UNSETTLED = Record(
    what="`unsettled`",
    fields=(
        Field("at_least", Choice({outcome.word: outcome for outcome in Outcome if outcome is not Outcome.ALLOW}),
              "A floor under every decision that unknown facts could still change.", True),
    ),
)  # fmt: skip
_BUDGETS = Record(
    what="budgets",
    fields=(
        Field("money", Amount(), "What the paid lookups of one screening may cost together."),
        Field("personal_data", Items(item=Choice({word: word for word in PERSONAL_DATA}), distinct=True),
              "What of a signup may be told to others."),
    ),
)  # fmt: skip


def _policy(values: dict[str, Any], node: MappingNode, reading: Reading) -> Policy:
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
        Field("if_unknown", Choice.of(IfUnknown), "What a rule that cannot be judged counts as, unless it says "
              "otherwise; `miss` when left out."),
        Field("unsettled", _UNSETTLED, "A floor under decisions that unknown facts could still change."),
        Field("deadline", Span(MAX_DEADLINE), "How long a screening may take; `800ms` when left out."),
        Field("budgets", _BUDGETS, "What a screening may spend, and tell others."),
    ),
    build=_policy,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _AttributeName(Text):
    """A name that conditions can say: no word of the expression language, and no signal that exists."""

    def read(self, node: Node, reading: Reading) -> str | None:
        name = Text.read(self, node, reading)
        if name is None:
            return None
        last = name.removeprefix("signup.")
        if keyword.iskeyword(last) or last == "as_of":
            return reading.wrong(node, f"`{last}` is a word of the language of conditions", "choose another name")
        if name in reading.scope.signals:
            return reading.wrong(node, f"`{name}` is a signal already", "choose another name")
        return name


_QUESTION = Field("question", Text(most=300), "One sentence that asks it.", True)
_ATTRIBUTE = Record(
    what="an attribute",
    fields=(Field("type", Choice.of(Type), "The type of its values.", True), _QUESTION),
)
ATTRIBUTES = Named(
    what="attributes",
    name=_AttributeName(most=64, pattern=r"signup\.[a-z][a-z0-9_]*", like="`signup.plan`"),
    item=_ATTRIBUTE,
)
_LIST = Record(
    what="a list",
    fields=(Field("kind", Choice.of(ListKind), "What its entries are, and so how they match.", True), _QUESTION),
)
LISTS = Named(
    what="lists",
    name=Text(most=64, pattern=r"[a-z0-9][a-z0-9_-]*", like="`known-customers`: small letters, digits, `-` and `_`"),
    item=_LIST,
)


def attributes(read: dict[str, Any]) -> dict[str, Signal]:
    """What `ATTRIBUTES` read, as signals."""
    return {
        name: Signal(name=name, type=each["type"], question=each["question"], subject=Subject.SIGNUP)
        for name, each in read.items()
    }


def lists(read: dict[str, Any]) -> MappingProxyType[str, AnalystList]:
    """What `LISTS` read, as lists."""
    return MappingProxyType(
        {name: AnalystList(name=name, kind=each["kind"], question=each["question"]) for name, each in read.items()}
    )
