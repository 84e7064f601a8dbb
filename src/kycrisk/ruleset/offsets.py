"""From a character of a YAML text's value back to the character of the file that it was read from.

An error inside a condition is an offset into a value that YAML has unquoted, unescaped, unfolded and unindented; this
undoes that, for every style of writing (YAML 1.1, chapters 5.7 and 9).
"""

from __future__ import annotations

import re

from kycrisk.ruleset.nodes import ScalarNode

_FOLD = re.compile(r"[ \t]*((?:(?:\r\n?|\n)[ \t]*)+)")  # line breaks with the blanks around them
_BREAK = re.compile(r"\r\n?|\n")
_ESCAPED_BREAK = re.compile(r"\\(?:\r\n?|\n)((?:[ \t]*(?:\r\n?|\n))*)[ \t]*")
_ESCAPE = re.compile(r"\\(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)")
_HEADER = re.compile(r"[|>][^\r\n]*(?:\r\n?|\n|\Z)")


def index_of(text: str, node: ScalarNode, offset: int) -> int:
    """The index in the file's text of the value's character at `offset`; behind the last one for its end."""
    found = _block(text, node) if node.style in ("|", ">") else _flow(text, node)
    if offset < len(found):
        return found[offset]
    return found[-1] + 1 if found else node.start


def _flow(text: str, node: ScalarNode) -> list[int]:
    """The index of each character of a plain or quoted value."""
    quote = node.style
    at, stop = node.start + len(quote), node.end - len(quote)
    found: list[int] = []
    while at < stop:
        here = text[at]
        if here in " \t\r\n" and (fold := _FOLD.match(text, at, stop)):
            breaks = [at + each.start() for each in _BREAK.finditer(fold[0])]
            found += breaks[1:] or breaks  # one break is a blank, n breaks are n - 1 line breaks
            at = fold.end()
        elif here == "\\" and quote == '"':
            if joined := _ESCAPED_BREAK.match(text, at, stop):
                found += [joined.start(1) + each.start() for each in _BREAK.finditer(joined[1])]
                at = joined.end()
            else:
                escape = _ESCAPE.match(text, at, stop)
                found.append(at)
                at = escape.end() if escape else at + 1
        else:
            found.append(at)
            at += 2 if here == quote == "'" else 1
    return found


def _block(text: str, node: ScalarNode) -> list[int]:
    """The index of each character of a literal or folded value.

    Such a value has the same characters as the file in the same order, blanks and line breaks aside: the n-th
    character that is no blank is the n-th in both. Blanks follow the character before them.
    """
    header = _HEADER.match(text, node.start)
    at = header.end() if header else node.start
    found: list[int] = []
    for letter in node.text:
        if letter not in " \t\n":
            while text[at] in " \t\r\n":
                at += 1
        found.append(at)
        at += 1
    return found
