"""The shapes that values in rule files may have. Each reads a node, and says the same in JSON Schema.

That both come from one place is what keeps an editor's opinion of a file and the loader's the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol

from kycrisk.problems import did_you_mean
from kycrisk.ruleset.nodes import BrokenNode, MappingNode, Node, ScalarNode, SequenceNode
from kycrisk.ruleset.reading import Reading
from kycrisk.ruleset.scalars import Plain, Trap, meaning

Schema = dict[str, Any]


class Shape(Protocol):
    """What a value must look like."""

    def read(self, node: Node, reading: Reading) -> Any:
        """The value, or None when it is wrong, which is noted."""

    def schema(self) -> Schema:
        """The same as JSON Schema."""


def scalar(node: Node, reading: Reading, wanted: str) -> Plain:
    """What a scalar means; None when it is none, is empty, or means different things to different readers (noted)."""
    if isinstance(node, ScalarNode):
        value = meaning(node)
        if isinstance(value, Trap):
            reading.wrong(node, value.message, value.help)
            return None
        if value is None:
            reading.wrong(node, f"a value is missing, expected {wanted}", "write one, or leave the key out")
        return value
    if not isinstance(node, BrokenNode):
        reading.wrong(node, f"expected {wanted}, got {described(node)}")
    return None


def described(node: Node) -> str:
    """What stands there, in words."""
    if isinstance(node, MappingNode):
        return "a mapping"
    if isinstance(node, SequenceNode):
        return "a list"
    if not isinstance(node, ScalarNode):
        return "an alias"
    shown = node.text if len(node.text) <= 40 else node.text[:37] + "..."
    match meaning(node):
        case bool():
            return f"the yes or no `{shown}`"
        case int() | float():
            return f"the number `{shown}`"
        case None:
            return "nothing"
    return f"`{shown}`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A text of one line (`lines=True`: of many), trimmed."""

    most: int
    lines: bool = False
    pattern: str = ""
    like: str = ""  # what a text of this pattern looks like, for the help

    def read(self, node: Node, reading: Reading) -> str | None:
        value = scalar(node, reading, "a text")
        if value is None:
            return None
        if not isinstance(value, str):
            shown = node.text if isinstance(node, ScalarNode) else ""
            return reading.wrong(node, f"expected a text, got {described(node)}", f'write "{shown}" in quotes')
        text = value.strip()
        if not text:
            return reading.wrong(node, "the text is empty", "write one, or leave the key out")
        if len(text) > self.most:
            return reading.wrong(node, f"the text has {len(text)} characters, at most {self.most} are read")
        if not self.lines and "\n" in text:
            return reading.wrong(node, "the text has a line break", "write it on one line, or fold it with `>-`")
        if self.pattern and not re.fullmatch(self.pattern, text, re.ASCII):
            return reading.wrong(node, f"`{text[:80]}` does not look like {self.like}")
        return text

    def schema(self) -> Schema:
        pattern = {"pattern": f"^(?:{self.pattern})$"} if self.pattern else {}
        return {"type": "string", "minLength": 1, "maxLength": self.most, **pattern}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words; the value is what the word stands for."""

    words: Mapping[str, Any]

    @classmethod
    def of(cls, enum: type[Enum], *without: Enum) -> Choice:
        return cls({str(each.value): each for each in enum if each not in without})

    def read(self, node: Node, reading: Reading) -> Any:
        value = scalar(node, reading, f"one of {', '.join(self.words)}")
        if value is None:
            return None
        if isinstance(value, str) and value in self.words:
            return self.words[value]
        near = did_you_mean(value, self.words) if isinstance(value, str) else ""
        return reading.wrong(node, f"expected one of {', '.join(self.words)}, got {described(node)}", near)

    def schema(self) -> Schema:
        return {"enum": list(self.words)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """A whole number."""

    least: int
    most: int
    zero: str = ""  # why zero is wrong; empty where it is not

    def read(self, node: Node, reading: Reading) -> int | None:
        value = scalar(node, reading, "a whole number")
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            help_ = "leave out the quotes" if isinstance(value, str) and re.fullmatch(r"[-+]?[0-9]+", value) else ""
            return reading.wrong(node, f"expected a whole number, got {described(node)}", help_)
        if not self.least <= value <= self.most:
            return reading.wrong(node, f"the number is not between {self.least} and {self.most}")
        if value == 0 and self.zero:
            return reading.wrong(node, self.zero)
        return value

    def schema(self) -> Schema:
        bounds: Schema = {"type": "integer", "minimum": self.least, "maximum": self.most}
        return bounds | ({"not": {"const": 0}} if self.zero else {})


@dataclass(frozen=True, slots=True)
class Flag:
    """`true` or `false`."""

    def read(self, node: Node, reading: Reading) -> bool | None:
        value = scalar(node, reading, "`true` or `false`")
        if isinstance(value, bool) or value is None:
            return value
        return reading.wrong(node, f"expected `true` or `false`, got {described(node)}")

    def schema(self) -> Schema:
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """A list whose items have one shape. With `distinct`, no value stands twice; the value is a tuple."""

    item: Shape
    distinct: bool = False
    least: int = 0
    most: int = 100

    def read(self, node: Node, reading: Reading) -> tuple[Any, ...] | None:
        if not isinstance(node, SequenceNode):
            if not isinstance(node, BrokenNode):
                help_ = f"write `[{node.text[:40]}]`" if isinstance(node, ScalarNode) and node.text else ""
                reading.wrong(node, f"expected a list, got {described(node)}", help_)
            return None
        if not self.least <= len(node.items) <= self.most:
            return reading.wrong(node, f"the list has {len(node.items)} items, expected {self.least} to {self.most}")
        found = [self.item.read(item, reading) for item in node.items]
        if self.distinct:
            for at, value in enumerate(found):
                if value is not None and value in found[:at]:
                    reading.wrong(node.items[at], f"`{value}` stands in the list twice", "keep one of them")
        return None if any(value is None for value in found) else tuple(found)

    def schema(self) -> Schema:
        bounds: Schema = {"type": "array", "items": self.item.schema(), "maxItems": self.most}
        return (
            bounds | ({"minItems": self.least} if self.least else {}) | ({"uniqueItems": True} if self.distinct else {})
        )


@dataclass(frozen=True, slots=True)
class Field:
    """A key of a record: its name, its shape, and what it is for."""

    name: str
    shape: Shape
    help: str
    required: bool = False


def _as_it_is(values: dict[str, Any], node: MappingNode, reading: Reading) -> Any:
    return values


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A mapping with fixed keys. `build` makes the value of it once every key is right.

    Of the keys in `one_of`, exactly one stands there. `needs` names keys that have no meaning without another.
    """

    what: str  # "a rule"
    fields: tuple[Field, ...]
    one_of: tuple[str, ...] = ()
    needs: Mapping[str, str] = field(default_factory=dict)
    build: Callable[[dict[str, Any], MappingNode, Reading], Any] = _as_it_is

    def entries(self, node: Node, reading: Reading) -> dict[str, tuple[ScalarNode, Node]] | None:
        """The keys that are known, with their nodes; what is wrong with the keys is noted."""
        if not isinstance(node, MappingNode):
            if not isinstance(node, BrokenNode):
                reading.wrong(node, f"expected {self.what}, got {described(node)}", self.usage())
            return None
        known = {each.name for each in self.fields}
        for key, _ in node.entries:
            if key.text not in known:
                near = did_you_mean(key.text[:80], known)
                keys = ", ".join(each.name for each in self.fields)
                reading.wrong(key, f"{self.what} has no key `{key.text[:80]}`", near or f"its keys are {keys}")
        return {key.text: (key, value) for key, value in node.entries if key.text in known}

    def read(self, node: Node, reading: Reading) -> Any:
        entries = self.entries(node, reading)
        if entries is None or not isinstance(node, MappingNode):
            return None
        complete = self._complete(node, entries, reading)
        values = {
            each.name: each.shape.read(entries[each.name][1], reading) for each in self.fields if each.name in entries
        }
        if not complete or len(entries) < len(node.entries) or any(value is None for value in values.values()):
            return None
        return self.build(values, node, reading)

    def _complete(self, node: Node, entries: Mapping[str, tuple[ScalarNode, Node]], reading: Reading) -> bool:
        missing = [each for each in self.fields if each.required and each.name not in entries]
        for each in missing:
            reading.wrong(node, f"{self.what} needs `{each.name}:`", each.help)
        chosen = [name for name in self.one_of if name in entries]
        words = ", ".join(f"`{name}:`" for name in self.one_of)
        if self.one_of and not chosen:
            reading.wrong(node, f"{self.what} needs exactly one of {words}", "say what a hit of it means")
        for name in chosen[1:]:
            reading.wrong(entries[name][0], f"{self.what} has only one of {words}, and has `{chosen[0]}:` already",
                          "make two rules of it")  # fmt: skip
        lonely = [name for name, other in self.needs.items() if name in entries and other not in entries]
        for name in lonely:
            reading.wrong(entries[name][0], f"`{name}:` has no meaning without `{self.needs[name]}:`")
        return not missing and not lonely and (not self.one_of or len(chosen) == 1)

    def usage(self) -> str:
        return f"write {', '.join(f'`{each.name}: ...`' for each in self.fields[:3])}"

    def schema(self) -> Schema:
        required = [each.name for each in self.fields if each.required]
        return {
            "type": "object",
            "properties": {each.name: each.shape.schema() | {"description": each.help} for each in self.fields},
            "additionalProperties": False,
            **({"required": required} if required else {}),
            **({"oneOf": [{"required": [name]} for name in self.one_of]} if self.one_of else {}),
            **({"dependentRequired": {name: [other] for name, other in self.needs.items()}} if self.needs else {}),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A mapping whose keys are names that the author chooses; `build` gets each name and its value."""

    what: str
    name: Text
    item: Shape
    most: int = 1000

    def read(self, node: Node, reading: Reading) -> dict[str, Any] | None:
        """The values by name. What is wrong is noted, and does not hide the rest."""
        if not isinstance(node, MappingNode):
            if not isinstance(node, BrokenNode):
                reading.wrong(node, f"expected {self.what} by name, got {described(node)}")
            return None
        if len(node.entries) > self.most:
            return reading.wrong(node, f"there are {len(node.entries)} {self.what}, at most {self.most} are read")
        read = {self.name.read(key, reading): self.item.read(value, reading) for key, value in node.entries}
        return {name: value for name, value in read.items() if name is not None and value is not None}

    def schema(self) -> Schema:
        names = {key: value for key, value in self.name.schema().items() if key != "type"}
        return {
            "type": "object",
            "propertyNames": names,
            "additionalProperties": self.item.schema(),
            "maxProperties": self.most,
        }
