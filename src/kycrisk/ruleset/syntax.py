"""The surface of conditions: text to a Python syntax tree, within limits, and offsets back to the text.

Conditions borrow Python's expression syntax and its standard parser; nothing is ever compiled or executed. Strings
are raw (a backslash is a backslash, as patterns want it), so every literal gets an `r` before it is parsed.
"""

from __future__ import annotations

import ast
import bisect
import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_LENGTH = 4000  # characters in one condition
MAX_DEPTH = 40  # nested brackets, and nested operators
_GLUED = re.compile(  # a number with a letter directly behind it
    r"(?<![\w.])(?>0[xX][0-9a-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?)(?=[^\W\d])"
)


@dataclass(frozen=True, slots=True)
class ConditionError:
    """What is wrong with a condition, and where: an offset in characters from the start of its text."""

    offset: int
    message: str
    help: str = ""


class SyntaxProblem(Exception):
    """The text is not an expression; nothing further can be said about it."""

    def __init__(self, error: ConditionError) -> None:
        super().__init__(error.message)
        self.error = error


@dataclass(frozen=True, slots=True)
class Parsed:
    """A syntax tree and the way back from its nodes to the condition's text."""

    tree: ast.expr
    text: str  # the text as it was parsed, on one line, strings marked raw
    inserted: tuple[int, ...]  # where (in the parsed text) an `r` was inserted

    def offset(self, node: ast.expr) -> int:
        """The character of the original text at which a node starts."""
        column = len(self.text.encode()[: node.col_offset].decode())
        return column - bisect.bisect_left(self.inserted, column)


def read_expression(text: str, longest: int = MAX_LENGTH) -> Parsed:
    """Text to a syntax tree. Raises `SyntaxProblem` for what is no expression or is beyond the limits."""
    if len(text) > longest:
        raise SyntaxProblem(
            ConditionError(0, f"the condition has {len(text)} characters, at most {longest} are read",
                           "split it into `all:` and `any:` branches, or move values into a list")
        )  # fmt: skip
    if not text.strip():
        raise SyntaxProblem(ConditionError(0, "the condition is empty", "write an expression such as `ip.tor_exit`"))
    marked, inserted = _mark_raw(text)
    lead = len(marked) - len(marked.lstrip())  # a leading blank is an indent to Python
    try:
        tree = ast.parse(marked[lead:], mode="eval").body
    except SyntaxError as error:
        column = lead + (error.offset or len(marked)) - 1  # Python says 0 for the end of the text
        offset = min(column - bisect.bisect_left(inserted, column), max(len(text.rstrip()) - 1, 0))
        raise SyntaxProblem(ConditionError(max(offset, 0), *_plain(error, text, max(offset, 0)))) from None
    except (RecursionError, MemoryError):  # what CPython's parser says of deep nesting
        raise SyntaxProblem(_too_deep(0)) from None
    parsed = Parsed(tree, marked[lead:], tuple(at - lead for at in inserted))
    if _depth(tree) > MAX_DEPTH:
        raise SyntaxProblem(_too_deep(0))
    return Parsed(tree, parsed.text, parsed.inserted) if not lead else _shifted(parsed, lead)


def _shifted(parsed: Parsed, lead: int) -> Parsed:
    """The same tree with columns counted from the start of the untrimmed text."""
    for node in ast.walk(parsed.tree):
        if isinstance(node, ast.expr):
            node.col_offset += lead
            node.end_col_offset = (node.end_col_offset or 0) + lead
    return Parsed(parsed.tree, " " * lead + parsed.text, tuple(at + lead for at in parsed.inserted))


def _too_deep(offset: int) -> ConditionError:
    return ConditionError(
        offset,
        f"the condition nests deeper than {MAX_DEPTH} levels",
        "split it into `all:` and `any:` branches",
    )


def _depth(tree: ast.expr) -> int:
    """How deep the tree is, without recursion."""
    deepest, waiting = 0, [(tree, 1)]
    while waiting:
        node, depth = waiting.pop()
        deepest = max(deepest, depth)
        waiting.extend((child, depth + 1) for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr))
    return deepest


def _plain(error: SyntaxError, text: str, offset: int) -> tuple[str, str]:
    """Python's words for a syntax error, in ours."""
    said = error.msg or ""
    tail = text.rstrip()[-12:]
    if "was never closed" in said or "unterminated" in said or "EOF" in said:
        return f"the condition is not closed: {said}", "count the brackets and quotes"
    if text[offset : offset + 1] == "=" or "Maybe you meant '=='" in said or "cannot assign" in said:
        return "`=` does not compare", "write `==` to compare"
    if "&&" in text or "||" in text or "!" in text.replace("!=", ""):
        return "the condition cannot be read here", "write `and`, `or` and `not` in words"
    return f"the condition cannot be read here (near `{tail}`)" if tail else "the condition cannot be read", (
        "a condition is one expression, such as `email.disposable and ip.tor_exit`"
    )


def _mark_raw(text: str) -> tuple[str, tuple[int, ...]]:
    """The text on one line with every string literal marked raw, and where the marks were put."""
    out: list[str] = []
    outside: list[str] = []  # the text with its strings blanked out
    inserted: list[int] = []
    depth = 0
    last_ended = -1  # the index in `text` behind the last string, while only blanks have followed
    for start, end, kind in _pieces(text):
        piece = text[start:end]
        if kind == "string":
            if last_ended >= 0:
                raise SyntaxProblem(ConditionError(start, "two strings side by side", "is a comma missing?"))
            inserted.append(sum(map(len, out)))
            out.append("r" + piece)
            outside.append(" " * len(piece))
            last_ended = end
            continue
        if piece.strip():
            last_ended = -1
        depth += (piece in "([{") - (piece in ")]}")
        if depth > MAX_DEPTH:
            raise SyntaxProblem(_too_deep(start))
        out.append(" " if piece in "\n\r\t" else piece)
        outside.append(piece)
    glued = _GLUED.search("".join(outside))
    if glued:  # Python takes some of these for two words, with a warning on stderr
        raise SyntaxProblem(ConditionError(glued.end(), f"a blank is missing behind `{glued[0][:40]}`"))
    return "".join(out), tuple(inserted)


def _pieces(text: str) -> Iterator[tuple[int, int, str]]:
    """The text cut into single characters and whole string literals."""
    at = 0
    while at < len(text):
        quote = text[at]
        if quote == "#":
            raise SyntaxProblem(
                ConditionError(at, "`#` does not start a comment inside a condition",
                               "put the comment on a line of its own in the YAML file")
            )  # fmt: skip
        if quote == "\\":
            raise SyntaxProblem(ConditionError(at, "`\\` has no meaning outside quotes", "leave it out"))
        if quote not in "'\"":
            yield at, at + 1, "character"
            at += 1
            continue
        if at and (text[at - 1].isalnum() or text[at - 1] == "_"):
            raise SyntaxProblem(
                ConditionError(at - 1, f"`{text[at - 1]}` before a quote has no meaning",
                               "strings are plain: a backslash in them is a backslash")
            )  # fmt: skip
        end = _string_end(text, at)
        yield at, end, "string"
        at = end


def _string_end(text: str, start: int) -> int:
    quote, at = text[start], start + 1
    while at < len(text):
        if text[at] == "\\":
            at += 2
            continue
        if text[at] in "\n\r":
            break
        if text[at] == quote:
            return at + 1
        at += 1
    raise SyntaxProblem(ConditionError(start, f"the string that starts here is not closed by `{quote}`"))
