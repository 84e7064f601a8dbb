"""The lines of a YAML file, moved to one indentation and order together with the comments that belong to them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from kycrisk.problems import Problem, Problems
from kycrisk.ruleset.nodes import MappingNode, Node, ScalarNode, SequenceNode, Source
from kycrisk.ruleset.quoting import requoted
from kycrisk.ruleset.rule_shape import RULE, TEST

INDENT = 2
#: Where keys have an order of their own: that of the tables that the loader reads by.
_RANKS: dict[tuple[str, ...], dict[str, int]] = {
    path: {field.name: at for at, field in enumerate(fields)}
    for path, fields in ((("rules", "-"), RULE.fields), (("rules", "-", "tests", "-"), TEST.fields))
}
_MARKER = re.compile(r"^(?:---|\.\.\.)(?:[ ]+|$)")
_HEADER = re.compile(r"[|>](?:[-+]?([1-9])?|([1-9])[-+])[ \t]*(?:#.*)?$")


@dataclass(frozen=True, slots=True)
class Verbatim:
    """A line inside a value, whose blanks may matter."""

    text: str


Line = str | Verbatim


@dataclass(frozen=True, slots=True)
class _Entry:
    """A key or an item: the comments above it, and its lines."""

    name: str
    lead: list[Line]
    body: list[Line]


class Layout:
    def __init__(self, source: Source) -> None:
        self.source, self.text = source, source.text
        self.lines = source.text.split("\n")

    def line_of(self, index: int) -> int:
        return self.source.position(index)[0] - 1

    def column(self, index: int) -> int:
        return self.source.position(index)[1] - 1

    def mapping(self, node: MappingNode, indent: int, begin: int, stop: int, path: tuple[str, ...]) -> list[Line]:
        """The lines of a block mapping, whose own lines and comments stand in lines `begin` to `stop`."""
        column = self.column(node.entries[0][0].start)
        entries: list[_Entry] = []
        for at, (key, value) in enumerate(node.entries):
            start = self.line_of(key.start)
            self.check_key(key)
            following = self.line_of(node.entries[at + 1][0].start) if at + 1 < len(node.entries) else stop
            end = self.split(self.last_line(key, value, column) + 1, following, column)
            lead = self.comments(begin, start, indent)
            body = self.value(key.start, value, column, indent, end, (*path, key.text))
            entries.append(_Entry(key.text, lead, body))
            begin = end
        tail = self.comments(begin, stop, indent)
        return [*_joined(_ordered(entries, path)), *tail]

    def sequence(self, node: SequenceNode, indent: int, begin: int, stop: int, path: tuple[str, ...]) -> list[Line]:
        """The lines of a block sequence."""
        column = self.column(node.start)
        dashes = [self.dash(item, column) for item in node.items]
        entries: list[_Entry] = []
        for at, item in enumerate(node.items):
            following = dashes[at + 1] if at + 1 < len(dashes) else stop
            end = self.split(max(self.last_line(item, item, column), dashes[at]) + 1, following, column)
            lead = self.comments(begin, dashes[at], indent)
            begin = max(dashes[at], self.line_of(item.start))
            if begin > dashes[at]:  # a dash on a line of its own: what stands beside and below it goes above it
                beside = self.lines[dashes[at]][column + 1 :]
                lead += [
                    line for line in self.as_comments([beside, *self.lines[dashes[at] + 1 : begin]], indent) if line
                ]
            entries.append(self.item(item, lead, column, indent, begin, end, path))
            begin = end
        blank: list[Line] = [""] if path == ("rules",) else []
        spaced = [
            _Entry(each.name, blank + each.lead if at else each.lead, each.body) for at, each in enumerate(entries)
        ]
        return [*_joined(spaced), *self.comments(begin, stop, indent)]

    def item(
        self, item: Node, lead: list[Line], column: int, indent: int, begin: int, end: int, path: tuple[str, ...]
    ) -> _Entry:
        """A list item, its dash in front of its first line; comments that come to stand before that go above it."""
        if _is_block(item):
            below = self.block(item, indent + INDENT, begin, end, (*path, "-"))
        else:
            below = self.value(item.start, item, column, indent + INDENT, end, path, shift=indent - column)
        found = (at for at, line in enumerate(below) if isinstance(line, Verbatim) or _is_content(line))
        first = next(found, 0)  # an item may be empty
        above = [_reindented(line, indent) for line in below[:first] if line]
        opening = below[first]
        dashed = " " * indent + "-" + " " * (INDENT - 1) + text_of_line(opening).lstrip()
        opened: Line = Verbatim(dashed) if isinstance(opening, Verbatim) else dashed.rstrip()
        return _Entry("-", [*lead, *above], [opened, *below[first + 1 :]])

    def block(self, node: Node, indent: int, begin: int, stop: int, path: tuple[str, ...]) -> list[Line]:
        if isinstance(node, MappingNode):
            return self.mapping(node, indent, begin, stop, path)
        assert isinstance(node, SequenceNode)
        return self.sequence(node, indent, begin, stop, path)

    def value(
        self,
        start: int,
        value: Node,
        column: int,
        indent: int,
        end: int,
        path: tuple[str, ...],
        shift: int | None = None,
    ) -> list[Line]:
        """The lines from `start` (a key, or an item that is no block) to the end of its value, and comments behind."""
        first = self.line_of(start)
        if _is_block(value):
            opening = " " * indent + self.text[start : start + len(self.lines[first]) - self.column(start)].rstrip()
            return [opening, *self.block(value, indent + INDENT, first + 1, end, path)]
        last = self.last_line(value, value, column)
        lines = self.written(start, value, last)
        moved = indent - column if shift is None else shift
        verbatim = len(lines) > 1
        body: list[Line] = [Verbatim(" " * indent + lines[0]) if verbatim else (" " * indent + lines[0]).rstrip()]
        hanging = isinstance(value, ScalarNode) and value.style in ("|", ">")
        least = 0 if hanging else column + moved + 1
        body += [Verbatim(_shifted(line, moved, least)) for line in lines[1:]]
        # a comment behind a text that hangs below its key would become a part of it, were it indented as deep
        return [*body, *self.comments(last + 1, end, indent if hanging else indent + INDENT)]

    def written(self, start: int, value: Node, last: int) -> list[str]:
        """The text of an inline value from `start` on, with the quotes that it needs."""
        stop = self.source.start(last + 1) + len(self.lines[last])
        quoted = requoted(self.text, value) if isinstance(value, ScalarNode) else None
        if quoted is None:
            return self.text[start:stop].split("\n")
        return (self.text[start : value.start] + quoted + self.text[value.end : stop]).split("\n")

    def check_key(self, key: ScalarNode) -> None:
        before = self.lines[self.line_of(key.start)][: self.column(key.start)]
        if before.strip(" -"):
            place = self.source.place(key.start)
            raise Problems([Problem(place, "a key that is written behind `?` or `---` is not laid out",
                                    "write `key: value` on a line of its own")])  # fmt: skip

    def dash(self, item: Node, column: int) -> int:
        """The line of an item's dash."""
        line = self.line_of(item.start)
        while self.lines[line][column : column + 1] != "-" or self.lines[line][:column].strip(" -"):
            line -= 1
        return line

    def last_line(self, first: Node, node: Node, column: int) -> int:
        """The last line that belongs to a value."""
        if isinstance(node, MappingNode) and not node.flow:
            key, value = node.entries[-1]
            return max(self.line_of(key.start), self.last_line(key, value, self.column(key.start)))
        if isinstance(node, SequenceNode) and not node.flow:
            item = node.items[-1]
            return self.last_line(item, item, self.column(node.start))
        if isinstance(node, ScalarNode) and node.style and node.style in "|>":
            return self.last_of_block_scalar(node, column)
        return max(self.line_of(first.start), self.line_of(max(node.start, node.end - 1)))

    def last_of_block_scalar(self, node: ScalarNode, column: int) -> int:
        """Its lines are indented deeper than the key; comments behind it less deep than its first line."""
        header = self.line_of(node.start)
        marks = self.lines[header][self.column(node.start) :]
        found = _HEADER.match(marks)
        explicit = found and (found[1] or found[2])
        depth = column + int(explicit) if explicit else 0
        last = header
        for at in range(header + 1, len(self.lines)):
            line = self.lines[at]
            if not line.strip(" "):
                last = at if "+" in marks.split("#")[0] else last
                continue
            here = len(line) - len(line.lstrip(" "))
            depth = depth or max(here, column + 1)
            if here < depth:
                break
            last = at
        return last

    def split(self, begin: int, end: int, column: int) -> int:
        """Where, between two entries, the comments and blank lines begin that belong to the second."""
        for at in range(begin, end):
            line = self.lines[at]
            if line.strip() and len(line) - len(line.lstrip()) <= column:
                while at > begin and not self.lines[at - 1].strip():
                    at -= 1
                return at
        while end > begin and not self.lines[end - 1].strip():
            end -= 1
        return end

    def comments(self, begin: int, end: int, indent: int) -> list[Line]:
        return self.as_comments(self.lines[begin:end], indent)

    def as_comments(self, lines: Sequence[str], indent: int) -> list[Line]:
        """Comments and blank lines at a new indentation; document markers go away."""
        found: list[Line] = []
        for line in lines:
            text = _MARKER.sub("", line.rstrip()).strip()
            if text or not line.strip():
                found.append(" " * indent + text if text else "")
        return found


def _is_block(node: Node) -> bool:
    return isinstance(node, (MappingNode, SequenceNode)) and not node.flow


def _is_content(line: Line) -> bool:
    return bool(text_of_line(line).strip()) and not text_of_line(line).lstrip().startswith("#")


def text_of_line(line: Line) -> str:
    return line.text if isinstance(line, Verbatim) else line


def _reindented(line: Line, indent: int) -> Line:
    return " " * indent + text_of_line(line).strip()


def _joined(entries: Sequence[_Entry]) -> list[Line]:
    """Entries one below the other; no blank line stands before the first."""
    lines: list[Line] = [line for entry in entries for line in (*entry.lead, *entry.body)]
    while lines and lines[0] == "":
        lines.pop(0)
    return lines


def _ordered(entries: list[_Entry], path: tuple[str, ...]) -> list[_Entry]:
    """The keys of a rule and of its tests in the order of their tables; others as they are."""
    rank = _RANKS.get(path)
    if rank is None:
        return entries
    return sorted(entries, key=lambda entry: rank.get(entry.name, len(rank)))


def _shifted(line: str, by: int, least: int) -> str:
    """A line of a value that spans several, moved with its first line; never left of where YAML allows it."""
    if not line.strip():
        return line[-by:] if by < 0 else line
    here = len(line) - len(line.lstrip(" "))
    return " " * max(here + by, least) + line[here:]
