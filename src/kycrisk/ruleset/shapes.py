"""The shapes of single values in rule files. Each reads a node, and says the same in JSON Schema.

That both come from one place is what keeps an editor's opinion of a file and the loader's the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from typing import Any, Generic, Protocol, TypeVar

from kycrisk.durations import format_duration, parse_duration
from kycrisk.problems import did_you_mean
from kycrisk.ruleset.nodes import Node, ScalarNode
from kycrisk.ruleset.reading import Reading, described
from kycrisk.ruleset.scalars import Trap, meaning

Schema = dict[str, Any]
Read = TypeVar("Read")
Read_co = TypeVar("Read_co", covariant=True)


class Shape(Protocol[Read_co]):
    """What a value must look like."""

    def read(self, node: Node, reading: Reading) -> Read_co:
        """The value. Raises `Wrong` when it is none, which is noted."""

    def schema(self) -> Schema:
        """The same as JSON Schema."""


def scalar(node: Node, reading: Reading, wanted: str) -> bool | int | float | str:
    """What a scalar means. Raises `Wrong` when it is empty, or means different things to different readers."""
    if not isinstance(node, ScalarNode):
        reading.wrong(node, f"expected {wanted}, got {described(node)}")
    value = meaning(node)
    if isinstance(value, Trap):
        reading.wrong(node, value.message, value.help)
    if value is None:
        reading.wrong(node, f"a value is missing, expected {wanted}", "write one, or leave the key out")
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A text of one line (`lines=True`: of many), trimmed."""

    most: int
    lines: bool = False
    pattern: str = ""
    like: str = ""  # what a text of this pattern looks like, for the message

    def read(self, node: Node, reading: Reading) -> str:
        value = scalar(node, reading, "a text")
        if not isinstance(value, str):
            shown = node.text if isinstance(node, ScalarNode) else ""
            help_ = f"it looks like {self.like}" if self.pattern else f'write "{shown}" in quotes'
            reading.wrong(node, f"expected a text, got {described(node)}", help_)
        text = value.strip()
        if not text:
            reading.wrong(node, "the text is empty", "write one, or leave the key out")
        if len(text) > self.most:
            reading.wrong(node, f"the text has {len(text)} characters, at most {self.most} are read")
        if not self.lines and "\n" in text:
            reading.wrong(node, "the text has a line break", "write it on one line, or fold it with `>-`")
        if self.pattern and not re.fullmatch(self.pattern, text, re.ASCII):
            reading.wrong(node, f"`{text[:80]}` does not look like {self.like}")
        return text

    def schema(self) -> Schema:
        pattern = {"pattern": f"^(?:{self.pattern})$"} if self.pattern else {}
        return {"type": "string", "minLength": 1, "maxLength": self.most, **pattern}


@dataclass(frozen=True, slots=True)
class Choice(Generic[Read]):
    """One of a few words; the value is what the word stands for. `refused` words get a message and a help of theirs."""

    words: Mapping[str, Read]
    refused: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def read(self, node: Node, reading: Reading) -> Read:
        allowed = ", ".join(self.words)
        value = scalar(node, reading, f"one of {allowed}")
        if isinstance(value, str) and value in self.refused:
            reading.wrong(node, *self.refused[value])
        if not isinstance(value, str) or value not in self.words:
            near = did_you_mean(value, self.words) if isinstance(value, str) else ""
            reading.wrong(node, f"expected one of {allowed}, got {described(node)}", near)
        return self.words[value]

    def schema(self) -> Schema:
        return {"enum": list(self.words)}


Member = TypeVar("Member", bound=Enum)


def choice_of(enum: type[Member], *without: Member) -> Choice[Member]:
    """One of the values of an enum, in their own words."""
    return Choice({str(each.value): each for each in enum if each not in without})


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """A whole number."""

    least: int
    most: int
    zero: str = ""  # why zero is wrong; empty where it is not

    def read(self, node: Node, reading: Reading) -> int:
        value = scalar(node, reading, "a whole number")
        if isinstance(value, bool) or not isinstance(value, int):
            help_ = "leave out the quotes" if isinstance(value, str) and re.fullmatch(r"[-+]?[0-9]+", value) else ""
            reading.wrong(node, f"expected a whole number, got {described(node)}", help_)
        if not self.least <= value <= self.most:
            reading.wrong(node, f"the number is not between {self.least} and {self.most}")
        if value == 0 and self.zero:
            reading.wrong(node, self.zero)
        return value

    def schema(self) -> Schema:
        bounds: Schema = {"type": "integer", "minimum": self.least, "maximum": self.most}
        return bounds | ({"not": {"const": 0}} if self.zero else {})


@dataclass(frozen=True, slots=True)
class Flag:
    """`true` or `false`."""

    def read(self, node: Node, reading: Reading) -> bool:
        value = scalar(node, reading, "`true` or `false`")
        if not isinstance(value, bool):
            reading.wrong(node, f"expected `true` or `false`, got {described(node)}", "leave out the quotes")
        return value

    def schema(self) -> Schema:
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class Span:
    """A positive duration."""

    most: timedelta

    def read(self, node: Node, reading: Reading) -> timedelta:
        value = scalar(node, reading, "a duration such as `800ms`")
        if not isinstance(value, str):
            reading.wrong(node, f"expected a duration, got {described(node)}",
                          "write the unit behind the number: `800ms`, `2s`")  # fmt: skip
        try:
            found = parse_duration(value)
        except ValueError as error:
            reading.wrong(node, str(error))
        if not timedelta(0) < found <= self.most:
            reading.wrong(node, f"`{value}` is not between 0 and {format_duration(self.most)}")
        return found

    def schema(self) -> Schema:
        return {"type": "string", "pattern": "^(?:[0-9]{1,9}(?:ms|us|[wdhms]))+$"}
