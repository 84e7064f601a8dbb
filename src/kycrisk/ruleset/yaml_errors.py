"""What the YAML parser says of a text that is no YAML, in plain words."""

from __future__ import annotations

import yaml

from kycrisk.ruleset.nodes import Source

_QUOTE = "put a text that holds `: `, ` #`, or begins with a bracket or a quote, in quotes as a whole"
_INDENT = "compare the indentation with the lines above"

#: A part of the parser's message, our message, our help. libyaml's words come first, the pure parser's behind `|`.
_WORDS = (
    ("mapping values are not allowed", "a `:` does not belong here", f"{_INDENT}; {_QUOTE}"),
    ("block sequence entries are not allowed|sequence entries are not allowed", "a list item cannot start here",
     "put it on a line of its own"),
    ("block mapping keys are not allowed|mapping keys are not allowed", "a key cannot start here", _INDENT),
    ("did not find expected '-' indicator|expected <block end>, but found", "this does not continue what is above it",
     f"{_INDENT}; {_QUOTE}"),
    ("did not find expected key", "this does not continue what is above it", f"{_INDENT}; {_QUOTE}"),
    ("could not find expected ':'", "a `:` is missing behind the key", f"write `key: value`; {_INDENT}"),
    ("expected ',' or ']'", "a `,` or `]` is missing in the list", "close the bracket, or put the text in quotes"),
    ("expected ',' or '}'", "a `,` or `}` is missing in the braces", "close the brace, or put the text in quotes"),
    ("did not find expected node content|expected the node content", "a value is missing here",
     "write one, or put the text in quotes"),
    ("unknown escape character", "this escape is unknown in double quotes",
     "use single quotes, in which a backslash is a backslash, or write it twice"),
    ("expected hexdecimal number|escape sequence of", "this escape is not complete",
     "write `\\u00e9`, or use single quotes"),
    ("invalid Unicode character escape", "this escape is no character", "write the character itself"),
    ("expected comment or line break|expected a comment or a line break", "nothing may follow `|` or `>` on its line",
     "put a text that begins with `|` or `>` in quotes"),
    ("found a tab character", "a tab cannot indent here", "indent with blanks"),
    ("undefined tag handle", "`!` begins a YAML tag, which is not read here",
     "write `not` in words; put a text that begins with `!` in quotes"),
    ("expected alphabetic or numeric character", "`*` and `&` have a meaning of their own at the start of a value",
     "put the text in quotes"),
    ("did not find expected <document start>|expected '<document start>'", "this does not continue what is above it",
     "a file begins with a key such as `rules:`"),
)  # fmt: skip


def in_plain_words(error: yaml.MarkedYAMLError, source: Source, index: int) -> tuple[int, str, str]:
    """Where to point, the message and the help for a syntax error."""
    said = error.problem or ""
    opened = error.context_mark.index if error.context_mark else index
    if "unexpected end of stream" in said or "unexpected document indicator" in said:
        return opened, "the quotes that open here are not closed", "write the closing quote"
    if "cannot start any token" in said:
        return index, *_wrong_start(source.text[index : index + 1])
    for parts, message, help_ in _WORDS:
        if any(part in said for part in parts.split("|")):
            where = f" (it opens on line {source.place(opened).line})" if message.endswith(("list", "braces")) else ""
            return min(index, len(source.text.rstrip())), message + where, help_
    return index, f"the YAML cannot be read here: {said.lower()}", _QUOTE


def _wrong_start(letter: str) -> tuple[str, str]:
    if letter == "\t":
        return "a tab cannot indent here", "indent with blanks"
    return f"`{letter}` cannot start a text here", "put the text in quotes"
