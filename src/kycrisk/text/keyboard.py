"""Keyboard walks: words that a hand typed by running over neighbouring keys."""

from __future__ import annotations

from functools import lru_cache
from string import ascii_lowercase

# Letter rows of QWERTY, QWERTZ and AZERTY, and the columns and number row that people run along.
_ROWS = (
    "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "yxcvbnm", "azertyuiop", "qsdfghjklm", "wxcvbn",
    "1234567890", "qazwsxedcrfvtgb", "1qaz2wsx3edc", "йцукенгшщзхъ", "фывапролджэ", "ячсмитьбю",
)  # fmt: skip

# Steps along a row that names and words take too: Hagerty, Trew, Schwerter, Hertz, Azer, Reza, Konzert, Kreuztraeger,
# провал.
_IN_NAMES = frozenset({"erty", "trew", "wert", "ertz", "azer", "zert", "reza", "uztr", "ztre", "прол", "рова", "вапр"})


def _runs(length: int) -> frozenset[str]:
    both = [way for row in _ROWS for way in (row, row[::-1])]
    return frozenset(way[at : at + length] for way in both for at in range(len(way) - length + 1))


_FOUR_TIMES = {letter * 4 for letter in (*ascii_lowercase, *"0123456789")}
_STEPS = frozenset(map(tuple, (_runs(4) - _IN_NAMES) | _FOUR_TIMES))
_SHORT = _runs(3)

# Runs of three that are names or short for one: Yui, Ert, Wer, Poi.
_THREE_LETTERS = frozenset(["yui", "tre", "ert", "wer", "rew", "poi"])


@lru_cache(maxsize=20_000)  # first and last names recur
def is_walk(word: str) -> bool:
    """Whether a lower-case word holds a run of four neighbouring keys (`asdfg`), one letter four times, or is nothing
    but runs of three (`qwe`, `asdasd`)."""
    if not _STEPS.isdisjoint(zip(word, word[1:], word[2:], word[3:], strict=False)):
        return True
    if len(word) % 3 or not word or word in _THREE_LETTERS:
        return False
    return all(word[at : at + 3] in _SHORT for at in range(0, len(word), 3))
