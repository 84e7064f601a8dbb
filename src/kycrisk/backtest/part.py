"""Stored decisions as columns: a part of a history, with each fact in a column of its own.

A fact's column is named after its type and signal (`bool:ip.tor_exit`); null is what is not known. Whether such a fact
was asked for in vain, or never gathered at all, stands in the part's `gaps`: rules that ask for what was asked in vain
would have met the same gap, those that ask for what was never gathered might have learnt anything.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from kycrisk.ruleset.columns.outcomes import OUTCOME
from kycrisk.ruleset.columns.values import dtype_of
from kycrisk.signals import Type

#: The columns beside facts. The last three are numbers of texts that the part holds once.
HEAD: Mapping[str, pl.DataType] = {
    "seq": pl.Int64(),
    "id": pl.String(),
    "account": pl.String(),
    "signup": pl.Int64(),
    "at": pl.Datetime("us", "UTC"),
    "outcome": OUTCOME,
    "score": pl.Int64(),
    "settled": pl.Boolean(),
    "lowest": OUTCOME,
    "highest": OUTCOME,
    "erased": pl.Boolean(),
    "ruleset": pl.UInt32(),
    "findings": pl.UInt32(),
    "gaps": pl.UInt32(),
}
_CODED = ("ruleset", "findings", "gaps")
_LENGTH = 4  # bytes that say how long the texts are


class Unreadable(ValueError):
    """The bytes hold no part of a history."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some decisions in the order they were made, with the texts that their numbers mean.

    `texts` has for `ruleset` versions of rules; for `findings` JSON as the store has it (the rules that hit, were
    unknown, exempt, or in shadow); for `gaps` JSON of what was asked in vain, by signal, and why.
    """

    frame: pl.DataFrame
    texts: Mapping[str, tuple[str, ...]]

    @property
    def height(self) -> int:
        return self.frame.height

    def gaps(self) -> list[Mapping[str, str]]:
        return [json.loads(text) for text in self.texts["gaps"]]

    def findings(self) -> list[Mapping[str, Any]]:
        return [json.loads(text) for text in self.texts["findings"]]


def column_of(signal: str, type_: Type) -> str:
    """The column that holds a signal's values of a type."""
    return f"{type_.value}:{signal}"


def signal_of(column: str) -> tuple[str, Type]:
    """The inverse of `column_of`."""
    type_, _, signal = column.partition(":")
    return signal, Type(type_)


def empty_part() -> Part:
    return Part(pl.DataFrame(schema=dict(HEAD)), dict.fromkeys(_CODED, ()))


def merged(parts: Sequence[Part]) -> Part:
    """Several parts as one, in the order of their decisions."""
    texts: dict[str, dict[str, int]] = {name: {} for name in _CODED}
    frames = []
    for part in parts:
        numbers = {
            name: pl.Series(
                [texts[name].setdefault(text, len(texts[name])) for text in part.texts[name]], dtype=pl.UInt32
            )
            for name in _CODED
        }
        frames.append(part.frame.with_columns(numbers[name].gather(part.frame[name]).alias(name) for name in _CODED))
    frame = pl.concat(frames, how="diagonal").sort("seq") if frames else empty_part().frame
    return Part(frame, {name: tuple(texts[name]) for name in _CODED})


def _numbers(known: dict[str, int], texts: Sequence[str]) -> pl.Series:
    """The numbers that texts have among all of them."""
    return pl.Series([known.setdefault(text, len(known)) for text in texts], dtype=pl.UInt32)


def only(part: Part, rows: pl.Series) -> Part:
    """The rows for which `rows` is true."""
    return Part(part.frame.filter(rows), part.texts)


def to_bytes(part: Part) -> bytes:
    """A part as bytes: its texts as JSON behind their length, then Parquet."""
    texts = json.dumps({name: list(part.texts[name]) for name in _CODED}, ensure_ascii=False).encode()
    out = io.BytesIO()
    out.write(len(texts).to_bytes(_LENGTH, "big") + texts)
    table = io.BytesIO()
    part.frame.write_parquet(table, compression="zstd", compression_level=3, statistics=False)
    out.write(table.getbuffer())
    return out.getvalue()


def from_bytes(raw: bytes, wanted: Callable[[Iterable[str]], Collection[str]] | None = None) -> Part:
    """The part that bytes hold; of its columns only those that `wanted` chooses. Raises `Unreadable`."""
    try:
        end = _LENGTH + int.from_bytes(raw[:_LENGTH], "big")
        texts: dict[str, list[str]] = json.loads(raw[_LENGTH:end])
        table = io.BytesIO(memoryview(raw)[end:])
        names = pl.read_parquet_schema(table).keys()
        table.seek(0)
        columns = None if wanted is None else [name for name in names if name in set(wanted(names))]
        frame = pl.read_parquet(table, columns=columns)
        return Part(frame, {name: tuple(texts[name]) for name in _CODED})
    except (ValueError, KeyError, TypeError, OSError, pl.exceptions.PolarsError) as error:
        raise Unreadable(str(error).strip().partition("\n")[0]) from None


def values_of_signal(frame: pl.DataFrame, signal: str, type_: Type) -> pl.Series:
    """A signal's values as rules read them: null where it is not known, or was of another type then."""
    name, none = column_of(signal, type_), column_of(signal, Type.STR_SET)
    found = frame[name] if name in frame.columns else _nothing(name, type_, frame.height)
    if type_.is_set and type_ is not Type.STR_SET and none in frame.columns:  # a set of nothing tells no type
        both = pl.DataFrame({"found": found, "none": frame[none].list.len() == 0})
        empty = pl.lit([], dtype_of(type_))
        found = both.select(pl.when(pl.col("found").is_null() & pl.col("none")).then(empty).otherwise("found"))["found"]
    return found.alias(signal)


def _nothing(name: str, type_: Type, height: int) -> pl.Series:
    return pl.Series(name, [], dtype_of(type_)).clear(height)
