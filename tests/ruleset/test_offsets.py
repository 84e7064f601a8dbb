"""A character of a value leads back to its character in the file, however YAML wrote the value."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kycrisk.ruleset.compose import compose
from kycrisk.ruleset.nodes import MappingNode, ScalarNode, Source
from kycrisk.ruleset.noting import Notes
from kycrisk.ruleset.offsets import index_of


def scalar(text: str) -> tuple[Source, ScalarNode]:
    """The value of the one key of a file."""
    notes = Notes()
    root = compose(Source("a.yaml", text), notes)
    assert not notes.problems
    assert isinstance(root, MappingNode)
    [(_, value)] = root.entries
    assert isinstance(value, ScalarNode)
    return Source("a.yaml", text), value


#: The file, and where `X` of its value stands: line and column.
PLACES = {
    "plain": ("when: a X", (1, 9)),
    "plain on the next line": ("when:\n  a X", (2, 5)),
    "plain over two lines": ("when: a\n  X b", (2, 3)),
    "plain with an empty line": ("when: a\n\n    b X", (3, 7)),
    "single-quoted": ("when: 'a X'", (1, 10)),
    "single-quoted quotes": ("when: 'it''s '' X'", (1, 17)),
    "single-quoted over two lines": ("when: 'a  \n   X b'", (2, 4)),
    "double-quoted": ('when: "a X"', (1, 10)),
    "a short escape": ('when: "a\\t\\"X"', (1, 13)),
    "a long escape": ('when: "\\x41\\u00e9\\U0001F600X"', (1, 28)),
    "an escaped line break": ('when: "a\\\n    X"', (2, 5)),
    "an escaped line break and an empty line": ('when: "a\\\n\n    X"', (3, 5)),
    "a folded line break in double quotes": ('when: "a \n\n    X"', (3, 5)),
    "an escaped blank before a line break": ('when: "a\\ \n    X"', (2, 5)),
    "literal": ("when: |\n  a\n    X\n", (3, 5)),
    "literal with an indentation and a comment": ("when: |2-  # why\n    a\n  X\n", (3, 3)),
    "literal with an empty line": ("when: |\n\n  a\n\n  X\n", (5, 3)),
    "folded": ("when: >\n  a\n  X\n", (3, 3)),
    "folded with deeper lines": ("when: >-\n  a\n    b\n\n    c\n  X\n", (6, 3)),
    "behind letters beyond the BMP": ("when: '😀é' X".replace("'", ""), (1, 10)),
    "Windows line breaks": ("when: |\r\n  a\r\n  X\r\n", (3, 3)),
    "Windows line breaks in quotes": ('when: "a\r\n\r\n  X"', (3, 3)),
    "in a flow mapping": ("{when: [a]}".replace("[a]", "a X"), (1, 10)),
}


@pytest.mark.parametrize(("text", "expected"), PLACES.values(), ids=PLACES)
def test_place_of_a_character(text, expected):
    source, node = scalar(text)
    assert source.position(index_of(source.text, node, node.text.index("X"))) == expected


def test_end_of_a_value():
    source, node = scalar("when: 'a b'")
    assert index_of(source.text, node, 3) == source.text.index("b") + 1


LETTERS = st.sampled_from("abé😀\"'\\#:-{}[],&*!|>%@`=()")


@given(
    words=st.lists(st.text(LETTERS, min_size=1, max_size=8), min_size=1, max_size=12),
    gaps=st.lists(st.sampled_from([" ", "  ", "\n", "\n\n", "\n  ", "\t"]), min_size=12, max_size=12),
    style=st.sampled_from([None, "'", '"', "|", ">"]),
    width=st.integers(5, 40),
    unicode=st.booleans(),
)  # fmt: skip
def test_every_character_of_every_style(words, gaps, style, width, unicode):
    written = "".join(word + gap for word, gap in zip(words, gaps, strict=False)).rstrip()
    text = yaml.dump({"when": written}, default_style=style, width=width, allow_unicode=unicode)
    _, node = scalar(text)
    value = node.text.rstrip()  # PyYAML folds some values into others
    indexes = [index_of(text, node, offset) for offset in range(len(value))]
    assert indexes == sorted(set(indexes)), "each character has a place of its own, in their order"
    for letter, index in zip(value, indexes, strict=True):
        if not letter.isspace():
            assert text[index] in (letter, "\\"), "it is the letter, or the escape that stands for it"
