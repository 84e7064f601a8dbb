"""The shapes of lists and mappings in rule files, made of the shapes of their values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic

from kycrisk.problems import did_you_mean
from kycrisk.ruleset.nodes import MappingNode, Node, ScalarNode, SequenceNode
from kycrisk.ruleset.reading import Reading, Wrong, described
from kycrisk.ruleset.shapes import Read, Schema, Shape

Values = dict[str, Any]  # the values of a record's keys, each as its shape reads it


@dataclass(frozen=True, slots=True, kw_only=True)
class Items(Generic[Read]):
    """A list whose items have one shape. With `distinct`, no value stands twice."""

    item: Shape[Read]
    distinct: bool = False
    most: int = 100

    def read(self, node: Node, reading: Reading) -> tuple[Read, ...]:
        if not isinstance(node, SequenceNode):
            help_ = f"write `[{node.text[:40]}]`" if isinstance(node, ScalarNode) and node.text else ""
            reading.wrong(node, f"expected a list, got {described(node)}", help_)
        if len(node.items) > self.most:
            reading.wrong(node, f"the list has {len(node.items)} items, at most {self.most} are read")
        found = reading.each(lambda item: self.item.read(item, reading), node.items)
        if self.distinct:
            for at, value in enumerate(found):
                if value in found[:at]:
                    reading.note(node.items[at], f"`{value}` stands in the list twice", "keep one of them")
        return tuple(found)

    def schema(self) -> Schema:
        distinct = {"uniqueItems": True} if self.distinct else {}
        return {"type": "array", "items": self.item.schema(), "maxItems": self.most, **distinct}


@dataclass(frozen=True, slots=True)
class Field:
    """A key of a record: its name, its shape, and what it is for."""

    name: str
    shape: Shape[Any]
    help: str
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Record(Generic[Read]):
    """A mapping with fixed keys. `build` makes its value once every key is right.

    Of the keys in `one_of`, exactly one stands there. `needs` names keys that have no meaning without another.
    """

    what: str  # "a rule"
    fields: tuple[Field, ...]
    build: Callable[[Values, MappingNode, Reading], Read]
    one_of: tuple[str, ...] = ()
    needs: Mapping[str, str] = field(default_factory=dict)

    def entries(self, node: Node, reading: Reading) -> dict[str, tuple[ScalarNode, Node]]:
        """The known keys with their nodes; others are noted. Raises `Wrong` when it is no mapping."""
        if not isinstance(node, MappingNode):
            keys = ", ".join(f"`{each.name}:`" for each in self.fields[:3])
            reading.wrong(node, f"expected {self.what}, got {described(node)}", f"write keys and values: {keys}")
        known = {each.name for each in self.fields}
        for key, _ in node.entries:
            if key.text not in known:
                near = did_you_mean(key.text[:80], known)
                keys = ", ".join(each.name for each in self.fields)
                reading.note(key, f"{self.what} has no key `{key.text[:80]}`", near or f"its keys are {keys}")
        return {key.text: (key, value) for key, value in node.entries if key.text in known}

    def read(self, node: Node, reading: Reading) -> Read:
        entries = self.entries(node, reading)
        assert isinstance(node, MappingNode)  # as `entries` has found
        complete = self._complete(node, entries, reading)
        present = [each for each in self.fields if each.name in entries]
        values = reading.each(lambda each: each.shape.read(entries[each.name][1], reading), present)
        if not complete or len(entries) < len(node.entries):
            raise Wrong
        return self.build({each.name: value for each, value in zip(present, values, strict=True)}, node, reading)

    def _complete(self, node: Node, entries: Mapping[str, tuple[ScalarNode, Node]], reading: Reading) -> bool:
        missing = [each for each in self.fields if each.required and each.name not in entries]
        for each in missing:
            meant = each.help[:1].lower() + each.help[1:].rstrip(".")
            reading.note(node, f"{self.what} needs `{each.name}:`", f"`{each.name}:` is {meant}")
        chosen = [name for name in self.one_of if name in entries]
        words = ", ".join(f"`{name}:`" for name in self.one_of)
        if self.one_of and not chosen:
            reading.note(node, f"{self.what} needs exactly one of {words}", "say what a hit of it means")
        for name in chosen[1:]:
            reading.note(entries[name][0], f"{self.what} has only one of {words}, and there is `{chosen[0]}:` already",
                         "make two of it")  # fmt: skip
        lonely = [name for name, other in self.needs.items() if name in entries and other not in entries]
        for name in lonely:
            reading.note(entries[name][0], f"`{name}:` has no meaning without `{self.needs[name]}:`", "leave it out")
        return not missing and not lonely and (not self.one_of or len(chosen) == 1)

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
class Named(Generic[Read]):
    """A mapping whose keys are names that the author chooses. `build` makes the value of a name and what it names."""

    what: str  # "lists"
    name: Shape[str]
    item: Record[Values]
    build: Callable[[str, Values], Read]
    most: int = 1000

    def read(self, node: Node, reading: Reading) -> dict[str, Read]:
        """The values by name. What is wrong is noted and left out: the rest may still be referred to."""
        if not isinstance(node, MappingNode):
            reading.wrong(node, f"expected {self.what} by name, got {described(node)}")
        if len(node.entries) > self.most:
            reading.wrong(node, f"there are {len(node.entries)} {self.what}, at most {self.most} are read")
        found: dict[str, Read] = {}
        for key, below in node.entries:
            try:
                parts = reading.each(lambda shape_and_node: shape_and_node[0].read(shape_and_node[1], reading),
                                     self._parts(key, below))  # fmt: skip
            except Wrong:
                continue
            found[parts[0]] = self.build(parts[0], parts[1])
        return found

    def _parts(self, key: ScalarNode, below: Node) -> tuple[tuple[Shape[Any], Node], ...]:
        return ((self.name, key), (self.item, below))

    def schema(self) -> Schema:
        names = {key: value for key, value in self.name.schema().items() if key != "type"}
        return {
            "type": "object",
            "propertyNames": names,
            "additionalProperties": self.item.schema(),
            "maxProperties": self.most,
        }


def as_it_is(values: Values, node: MappingNode, reading: Reading) -> Values:
    """Builds nothing: the values are what a record is read as."""
    return values
