"""What a rule file is read with: its source, the names it may use, and the problems found so far."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NoReturn, TypeVar

from kycrisk.outcome import IfUnknown
from kycrisk.ruleset.condition import SignalRef
from kycrisk.ruleset.nodes import BrokenNode, MappingNode, Node, ScalarNode, SequenceNode, Source
from kycrisk.ruleset.noting import Notes
from kycrisk.ruleset.offsets import index_of
from kycrisk.ruleset.operands import Scope
from kycrisk.ruleset.parse import ConditionErrors, parse_signal
from kycrisk.ruleset.scalars import Trap, meaning

Item = TypeVar("Item")
Value = TypeVar("Value")


class Wrong(Exception):
    """A value is wrong, and what is wrong with it is noted; what stands beside it is still read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One file while it is read."""

    source: Source
    notes: Notes
    scope: Scope
    if_unknown: IfUnknown = IfUnknown.MISS  # the policy's
    resolved: dict[str, SignalRef] = field(default_factory=dict)  # derived signals that were named before

    def note(self, node: Node, message: str, help_: str = "") -> None:
        """Note what is wrong with a node whose value can be used all the same."""
        self.notes.add(self.source.place(node.start), message, help_)

    def wrong(self, node: Node, message: str, help_: str = "") -> NoReturn:
        """Note what is wrong with a node, and give it up. What was noted before (an alias) is not noted again."""
        if not isinstance(node, BrokenNode):
            self.note(node, message, help_)
        raise Wrong

    def note_at(self, node: ScalarNode, offset: int, message: str, help_: str = "") -> None:
        """Note what is wrong at a character of a scalar's value."""
        self.notes.add(self.source.place(index_of(self.source.text, node, offset)), message, help_)

    def each(self, read: Callable[[Item], Value], items: Iterable[Item]) -> list[Value]:
        """What all items are read as, so that a wrong one does not hide the problems of the next. Raises `Wrong`."""
        found: list[Value] = []
        failed = False
        for item in items:
            try:
                found.append(read(item))
            except Wrong:
                failed = True
        if failed:
            raise Wrong
        return found

    def signal(self, text: str, node: ScalarNode, offset: int = 0) -> SignalRef:
        """The signal that a part of a scalar names, which begins at `offset`. Raises `Wrong` when it is none."""
        name = self.scope.aliases.get(text, text)
        if name in self.scope.signals:
            return SignalRef(name, self.scope.signals[name].type)
        if text not in self.resolved:
            try:
                self.resolved[text] = parse_signal(text, self.scope)
            except ConditionErrors as wrong:
                for error in wrong.errors:
                    self.note_at(node, offset + error.offset, error.message, error.help)
                raise Wrong from None
        return self.resolved[text]


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
        case Trap():
            return f"`{shown}` without quotes"
    return f"`{shown}`"
