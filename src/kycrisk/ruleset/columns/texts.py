"""Patterns and lower case over columns, to the letter as RE2 and Python have them.

Polars' regular expressions are Rust's, whose `\\d`, `\\w` and case folding know other alphabets. A pattern of the
common kind is written anew so that both mean the same; any other is asked of RE2, once for each distinct text. Lower
case outside ASCII depends on the version of Unicode, so it is left to Python in the same way.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import polars as pl

from kycrisk.ruleset.columns.dialect import in_rust
from kycrisk.ruleset.operators import found

_NO_TEXT = pl.Series([""], dtype=pl.String)


def matches(text: pl.Expr, pattern: str) -> pl.Expr:
    """Whether an RE2 pattern is found anywhere in a text."""
    translated = in_rust(pattern)
    if translated is not None and _compiles(translated):
        return text.str.contains(translated)
    return text.map_batches(partial(_found, pattern), return_dtype=pl.Boolean(), is_elementwise=True)


def lower(text: pl.Expr) -> pl.Expr:
    """The text in lower case."""
    return text.map_batches(_lower, return_dtype=pl.String(), is_elementwise=True)


def _compiles(pattern: str) -> bool:
    """Whether Rust can hold the pattern: its limit is on the compiled size, and not the same as RE2's."""
    try:
        _NO_TEXT.str.contains(pattern)
    except pl.exceptions.ComputeError:
        return False
    return True


def _found(pattern: str, texts: pl.Series) -> pl.Series:
    return _by_distinct(texts, partial(found, pattern), pl.Boolean())


def _lower(texts: pl.Series) -> pl.Series:
    plain = texts.str.len_bytes() == texts.str.len_chars()
    if plain.all():  # nulls aside
        return texts.str.to_lowercase()
    frame = pl.DataFrame({"text": texts, "plain": plain})
    other = _by_distinct(texts.set(plain, None), str.lower, pl.String())
    return frame.select(pl.when("plain").then(pl.col("text").str.to_lowercase()).otherwise(other)).to_series()


def _by_distinct(texts: pl.Series, ask: Callable[[str], Any], dtype: pl.DataType) -> pl.Series:
    """A function of each text, asked once per distinct text; null stays null."""
    distinct = texts.drop_nulls().unique()
    if not len(distinct):
        return pl.Series(texts.name, [None], dtype=dtype).new_from_index(0, len(texts))
    told = pl.Series([ask(text) for text in distinct], dtype=dtype)
    return texts.replace_strict(distinct, told, default=None, return_dtype=dtype)
