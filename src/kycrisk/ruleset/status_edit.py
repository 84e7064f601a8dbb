"""A rule's status changed in the text of its file, and nothing else of the file: comments and layout stay."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from kycrisk.ruleset.compose import compose
from kycrisk.ruleset.model import Status
from kycrisk.ruleset.nodes import MappingNode, ScalarNode, SequenceNode, Source
from kycrisk.ruleset.noting import Notes


def with_status(files: Mapping[str, str], rule: str, status: Status) -> dict[str, str] | None:
    """The rule files with one rule's status changed; None when no file holds the rule."""
    for name, text in files.items():
        edited = _edited(name, text, rule, status)
        if edited is not None:
            return {**files, name: edited}
    return None


def _edited(name: str, text: str, rule: str, status: Status) -> str | None:
    source = Source(name, text)
    root = compose(source, Notes())
    for node in _rules(root):
        values = {key.text: value for key, value in node.entries}
        found, now = values.get("id"), values.get("status")
        if not isinstance(found, ScalarNode) or found.text != rule:
            continue
        if isinstance(now, ScalarNode):
            return f"{text[: now.start]}{status.value}{text[now.end :]}"
        if node.flow:
            return f"{text[: found.end]}, status: {status.value}{text[found.end :]}"
        [key] = [key for key, value in node.entries if value is found]
        _, column = source.position(key.start)
        return f"{text[: found.end]}\n{' ' * (column - 1)}status: {status.value}{text[found.end :]}"
    return None


def _rules(root: object) -> Iterator[MappingNode]:
    if isinstance(root, MappingNode):
        for key, value in root.entries:
            if key.text == "rules" and isinstance(value, SequenceNode):
                yield from (item for item in value.items if isinstance(item, MappingNode))
