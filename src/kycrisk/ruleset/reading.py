"""What a rule file is read with: its source, the names it may use, and the problems found so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kycrisk.outcome import IfUnknown
from kycrisk.ruleset.condition import SignalRef
from kycrisk.ruleset.nodes import Node, ScalarNode, Source
from kycrisk.ruleset.noting import Notes
from kycrisk.ruleset.offsets import index_of
from kycrisk.ruleset.operands import Scope
from kycrisk.ruleset.parse import ConditionErrors, parse_signal


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One file while it is read."""

    source: Source
    notes: Notes
    scope: Scope
    if_unknown: IfUnknown = IfUnknown.MISS  # the policy's
    resolved: dict[str, SignalRef] = field(default_factory=dict)  # derived signals that were named before

    def wrong(self, node: Node, message: str, help_: str = "") -> Any:
        """Note what is wrong with a node. Returns None, which is what a wrong value is read as."""
        self.notes.add(self.source.place(node.start), message, help_)
        return None

    def wrong_at(self, node: ScalarNode, offset: int, message: str, help_: str = "") -> None:
        """Note what is wrong at a character of a scalar's value."""
        self.notes.add(self.source.place(index_of(self.source.text, node, offset)), message, help_)

    def signal(self, text: str, node: ScalarNode, offset: int = 0) -> SignalRef | None:
        """The signal that a part of a scalar names, which begins at `offset`; None when it is none, which is noted."""
        name = self.scope.aliases.get(text, text)
        if name in self.scope.signals:
            return SignalRef(name, self.scope.signals[name].type)
        if text not in self.resolved:
            try:
                self.resolved[text] = parse_signal(text, self.scope)
            except ConditionErrors as wrong:
                for error in wrong.errors:
                    self.wrong_at(node, offset + error.offset, error.message, error.help)
                return None
        return self.resolved[text]
