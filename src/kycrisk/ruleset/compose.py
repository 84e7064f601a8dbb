"""YAML text to nodes, within limits, by the events of PyYAML's C parser.

PyYAML's own composer recurses (200,000 nested brackets crash it) and its constructor expands aliases (a bomb of a few
lines fills the memory), so only the events are used: they come one by one, and nothing here recurses.
"""

from __future__ import annotations

import re

import yaml

from kycrisk.ruleset.nodes import BrokenNode, MappingNode, Node, ScalarNode, SequenceNode, Source
from kycrisk.ruleset.noting import Notes
from kycrisk.ruleset.yaml_errors import in_plain_words

MAX_DEPTH = 40
PARSER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the pure one where PyYAML was built without libyaml

# What YAML forbids (1.2, chapter 5.1), and the line breaks that editors do not show as such.
_FORBIDDEN = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]")
_DIRECTIVE = re.compile(r"(?:[ \t]*(?:#[^\r\n]*)?(?:\r\n?|\n))*(?=%)")


def compose(source: Source, notes: Notes) -> Node | None:
    """The one document of a YAML text; None when it is empty or cannot be read, which is noted."""
    forbidden = list(_FORBIDDEN.finditer(source.text))
    for found in forbidden:
        code = f"U+{ord(found[0]):04X}"
        notes.add(source.place(found.start()), f"the character {code} has no place in YAML",
                  f'delete it, or write it as `"\\u{ord(found[0]):04x}"` in double quotes')  # fmt: skip
    directive = _DIRECTIVE.match(source.text)
    if directive:  # libyaml compares every %TAG with all before it, which takes minutes for a large file
        notes.add(source.place(directive.end()), "YAML directives are not read", "delete the line")
    if forbidden or directive:
        return None
    try:
        return _Composer(source, notes).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        index = mark.index if mark else 0
        if "nesting depth" in (error.problem or ""):
            _note_depth(source, notes, _too_deep_at(source.text[:index]))
        else:
            index, message, help_ = in_plain_words(error, source, index)
            notes.add(source.place(index), message, help_)
    except yaml.YAMLError as error:
        notes.add(source.path, f"is not YAML: {str(error).splitlines()[0].lower()}")
    except _TooDeep as deep:
        _note_depth(source, notes, deep.index)
    return None


def _note_depth(source: Source, notes: Notes, index: int) -> None:
    notes.add(source.place(index), f"the file nests deeper than {MAX_DEPTH} levels",
              "split the condition, or look for a bracket that is never closed")  # fmt: skip


def _too_deep_at(text: str) -> int:
    """Where a text passes the depth that is read here. PyYAML's scanner from 6.0.4 on has a limit of its own (1,000),
    and runs so far ahead of the parser that it gives up before the events of the brackets come; in the text that ends
    there they do come."""
    depth, parser = 0, PARSER(text)
    try:
        while depth <= MAX_DEPTH:
            event = parser.get_event()
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        return int(event.start_mark.index)
    finally:
        parser.dispose()


class _TooDeep(Exception):
    def __init__(self, index: int) -> None:
        super().__init__(index)
        self.index = index


class _Frame:
    """A list or mapping that is still open."""

    __slots__ = ("entries", "flow", "key", "keys", "nodes", "start")

    def __init__(self, start: int, flow: bool, keys: dict[str, int] | None) -> None:
        self.start, self.flow, self.keys = start, flow, keys
        self.nodes: list[Node] = []
        self.entries: list[tuple[ScalarNode, Node]] = []
        self.key: Node | None = None  # of the entry whose value comes next


class _Composer:
    def __init__(self, source: Source, notes: Notes) -> None:
        self.source, self.notes = source, notes
        self.open: list[_Frame] = []
        self.root: Node | None = None

    def document(self) -> Node | None:
        parser = PARSER(self.source.text)
        try:
            documents = 0
            while parser.check_event():
                event = parser.get_event()
                kind = type(event)
                if kind is yaml.ScalarEvent:
                    start, end = event.start_mark.index, event.end_mark.index
                    if event.anchor or event.tag:
                        self.labelled(event, start)
                        self.add(BrokenNode(start, end))
                    else:
                        self.add(ScalarNode(start, end, event.value, event.style or ""))
                elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
                    self.begin(event, event.start_mark.index, {} if kind is yaml.MappingStartEvent else None)
                elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
                    self.finish(event.end_mark.index)
                elif kind is yaml.AliasEvent:
                    start, end = event.start_mark.index, event.end_mark.index
                    self.wrong(start, f"`{self.source.text[start:end]}` is a YAML alias, which is not read here",
                               "write the text out, or in quotes when it begins with `*`")  # fmt: skip
                    self.add(BrokenNode(start, end))
                elif kind is yaml.DocumentStartEvent:
                    documents += 1
                    if documents > 1:
                        self.wrong(event.start_mark.index, "a second YAML document starts here",
                                   "a file holds one document; move the rest into a file of its own")  # fmt: skip
                        break
        finally:
            parser.dispose()
        return self.root

    def begin(self, event: yaml.CollectionStartEvent, start: int, keys: dict[str, int] | None) -> None:
        if len(self.open) >= MAX_DEPTH:
            raise _TooDeep(start)
        if event.anchor or event.tag:
            self.labelled(event, start)
        self.open.append(_Frame(start, bool(event.flow_style), keys))

    def finish(self, end: int) -> None:
        frame = self.open.pop()
        if frame.keys is None:
            self.add(SequenceNode(frame.start, end, tuple(frame.nodes), frame.flow))
        else:
            self.add(MappingNode(frame.start, end, tuple(frame.entries), frame.flow))

    def add(self, node: Node) -> None:
        if not self.open:
            self.root = node
            return
        frame = self.open[-1]
        if frame.keys is None:
            frame.nodes.append(node)
        elif frame.key is None:
            frame.key = node
        else:
            self.add_entry(frame, frame.key, node)
            frame.key = None

    def add_entry(self, frame: _Frame, key: Node, value: Node) -> None:
        if not isinstance(key, ScalarNode):
            if not isinstance(key, BrokenNode):
                self.wrong(key.start, "a list or mapping cannot be a key", "put a text that holds brackets in quotes")
            return
        first = (frame.keys or {}).get(key.text)
        if first is not None:
            place = self.source.place(first)
            self.wrong(key.start, f"the key `{key.text[:80]}` stands twice",
                       f"it stands on line {place.line} already; keep one of them")  # fmt: skip
            return
        if key.text == "<<" and not key.style:
            self.wrong(key.start, "`<<` merges are not read", "write the keys out")
            return
        if frame.keys is not None:
            frame.keys[key.text] = key.start
        frame.entries.append((key, value))

    def labelled(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent, start: int) -> None:
        """An anchor or a tag stands before the value. Tags choose Python types elsewhere; here nothing does."""
        if event.anchor:
            self.wrong(start, f"`&{event.anchor}` is a YAML anchor, which is not read here",
                       "leave it out, or put the text in quotes")  # fmt: skip
        else:
            shown = str(event.tag).replace("tag:yaml.org,2002:", "!!")
            self.wrong(start, f"`{shown}` is a YAML tag, which is not read here",
                       "leave it out; write `not` in words; put a text that begins with `!` in quotes")  # fmt: skip

    def wrong(self, index: int, message: str, help_: str) -> None:
        self.notes.add(self.source.place(index), message, help_)
