"""Rule files in one layout: indentation, the order of a rule's keys, quotes, blank lines.

The text is moved, not written anew: every comment, every aligned column and every expression stays as its author wrote
it. A comment on lines of its own belongs to what stands below it, one that is indented deeper to what stands above.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from kycrisk.problems import Problem, Problems
from kycrisk.ruleset.compose import compose
from kycrisk.ruleset.layout import Layout, Line, Verbatim
from kycrisk.ruleset.nodes import MappingNode, Node, ScalarNode, SequenceNode, Source
from kycrisk.ruleset.noting import Notes, TooManyProblems
from kycrisk.ruleset.scalars import meaning


def format_rules(text: str, path: str = "") -> str:
    """The same rules in the one layout. Raises `Problems` for what is no YAML that rule files may hold.

    Laying out twice changes nothing more, and no layout changes a ruleset's version.
    """
    lines_ended = re.sub(r"\r\n?", "\n", text)
    source = Source(path, lines_ended if lines_ended.endswith("\n") or not text else lines_ended + "\n")
    root = _composed(source)
    if not isinstance(root, MappingNode) or root.flow:
        return source.text
    layout = Layout(source)
    lines = layout.mapping(root, 0, 0, len(layout.lines), path=())
    formatted = "\n".join(_without_doubled_blanks(lines)) + "\n"
    if _sense(_composed(Source(path, formatted))) != _sense(root):
        raise Problems([Problem(path, "cannot be laid out without a change of meaning", "write it in a simpler way")])
    return formatted


def _composed(source: Source) -> Node | None:
    notes = Notes()
    try:
        root = compose(source, notes)
    except TooManyProblems:
        root = None
    if notes.problems:
        raise Problems(notes.sorted())
    return root


def _sense(node: Node | None) -> object:
    """What a node says, without its layout: the order of keys does not count."""
    match node:
        case ScalarNode():
            return meaning(node)
        case SequenceNode(_, _, items):
            return [_sense(item) for item in items]
        case MappingNode(_, _, entries):
            return {key.text: _sense(value) for key, value in entries}
    return None


def _without_doubled_blanks(lines: Sequence[Line]) -> list[str]:
    kept: list[str] = []
    for line in lines:
        if isinstance(line, Verbatim):
            kept.append(line.text)
        elif line or (kept and kept[-1]):
            kept.append(line)
    while kept and not kept[-1]:
        kept.pop()
    return kept
