"""Does a local part look as if nobody had chosen it? A likelihood ratio of two models of how it came about.

Under the *ordinary* model, letters follow each other as they do in names (pair frequencies learnt from `names.txt`),
and digits come in runs of their own. Under the *random* model every letter, or every letter and digit, is as likely
as any other. The score is the difference of the logarithms (natural, so that -2.3 is ten times likelier random).
What scores low is looked at again without the ordinary names in it and the decoration around it.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from string import ascii_lowercase

from kycrisk.text.folding import folded
from kycrisk.text.names import names

#: Below this score a local part counts as random. Of ordinary ones whose names the model has not seen, one in 200 is
#: then flagged, of place names of all countries one in 800; of 8 random letters and digits 90 %, of 12 96 %
#: (tests/text/test_gibberish.py).
THRESHOLD = -2.5

#: Fewer letters and digits than this prove nothing: `jrrt` and `kpmg` are initials.
SHORTEST = 5

# The share of letters that follow no habit (initials, abbreviations), and the weight, in pairs, of how often a
# letter occurs at all against how often it was seen behind the other.
_HABITLESS = 0.1
_PRIOR = 8.0

# The digits of ordinary local parts: how often a letter is followed by one, a digit by another, a word opens with
# one, and a digit is followed by a letter.
_DIGIT_AFTER_LETTER, _DIGIT_AFTER_DIGIT, _DIGIT_FIRST, _LETTER_AFTER_DIGIT = 0.04, 0.72, 0.08, 0.12

# How much rarer than other random texts hexadecimal ones are; short ones in a-f are names: `abebe77`, `ada99`.
_HEX_IS_RARE = 4.0

_BREAK, _DIGIT = 26, 27  # what is neither letter nor digit, and any digit; letters are 0 to 25
_KINDS = bytes(
    ascii_lowercase.find(chr(code)) if chr(code) in ascii_lowercase else _DIGIT if 48 <= code <= 57 else _BREAK
    for code in range(256)
)
_LETTERS_ONLY = _KINDS.replace(bytes([_DIGIT]), bytes([_BREAK]))

_LONG_RUN = re.compile(r"(.)\1{2,}")  # `sooooo`
_DECORATION = re.compile(r"^[x0-9._-]*x[._-]*(?=[a-wyz]{3})|(?<=[a-wyz]{3})[._-]*x[x0-9._-]*$")  # `xX_sniper_Xx`
_LETTERS = re.compile(r"[a-z]+")
_FIRST_LAST = re.compile(r"([a-z]+)[._-]?([a-z]+)?[0-9]{0,4}")
_HEX = re.compile(r"[0-9a-f]+(?:-[0-9a-f]+)*")
_SHORTEST_NAME = 4

Scores = Sequence[Sequence[float]]  # [kind before][kind]


@dataclass(frozen=True, slots=True)
class Gibberish:
    """The two models. `letters` scores letters behind letters, `places` digits and where they stand as well."""

    letters: Scores
    places: Scores
    ordinary: frozenset[str]
    longest: int

    @classmethod
    def learnt(cls, words: Iterable[str]) -> Gibberish:
        """The models of names such as these, in lower-case a-z."""
        known = frozenset(words)
        habits = _habits(known)
        return cls(_letters(habits), _places(habits), known, max(map(len, known), default=0))

    def is_random(self, local: str) -> bool:
        """Whether a local part (without its tag) looks random."""
        text = local.lower() if local.isascii() else folded(local)
        if self.score(text) >= THRESHOLD:
            return False
        plain = _FIRST_LAST.fullmatch(text)
        if plain is not None and plain[1] in self.ordinary and (plain[2] is None or plain[2] in self.ordinary):
            return False  # `jane.smith87`: its words are names, which what follows would take out anyway
        bare = _LETTERS.sub(self._without_name, _DECORATION.sub(".", _LONG_RUN.sub(r"\1", text)))
        # Digits at the end are a year or a number and prove nothing, as in `wb1989`.
        return sum(map(str.isalnum, bare.rstrip("0123456789"))) >= SHORTEST and self.score(bare) < THRESHOLD

    def score(self, text: str) -> float:
        """How much likelier ordinary than random a lower-case text is, as a logarithm; 0 where nothing speaks.

        Letters outside a-z speak neither way.
        """
        raw = text.encode("ascii", "replace")
        kinds = raw.translate(_KINDS)
        if _DIGIT not in kinds:
            return _sum(self.letters, kinds)
        only = raw.translate(_LETTERS_ONLY)
        if only.count(_BREAK) == len(only):
            return 0.0  # a number: of a birthday, a telephone, an account at QQ
        by_places = _sum(self.places, kinds)
        if _HEX.fullmatch(text):  # drawn from 16, not 36
            drawn = len(kinds) - kinds.count(_BREAK)
            by_places = min(by_places, by_places - drawn * math.log(36 / 16) + _HEX_IS_RARE)
        return min(by_places, _sum(self.letters, only))

    def _without_name(self, run: re.Match[str]) -> str:
        """A run of letters without the longest ordinary name in it."""
        letters = run[0]
        for length in range(min(len(letters), self.longest), _SHORTEST_NAME - 1, -1):
            for at in range(len(letters) - length + 1):
                if letters[at : at + length] in self.ordinary:
                    return f"{letters[:at]}.{letters[at + length :]}"
        return letters


@cache
def gibberish() -> Gibberish:
    """The models learnt from the names that ship with the package, built once (6 ms)."""
    return Gibberish.learnt(names().all)


def _sum(scores: Scores, kinds: bytes) -> float:
    total = 0.0
    row = scores[_BREAK]
    for kind in kinds:
        total += row[kind]
        row = scores[kind]
    return total


def _habits(words: Iterable[str]) -> list[list[float]]:
    """How likely each letter is behind a letter or a break."""
    seen = Counter(pair for word in words for pair in pairwise(bytes([_BREAK]) + word.encode().translate(_KINDS)))
    behind: Counter[int] = Counter()
    anywhere: Counter[int] = Counter()
    for (first, second), count in seen.items():
        behind[first] += count
        anywhere[second] += count
    total = anywhere.total() or 1
    return [
        [
            (1 - _HABITLESS) * (seen[first, second] + _PRIOR * anywhere[second] / total) / (behind[first] + _PRIOR)
            + _HABITLESS / 26
            for second in range(26)
        ]
        for first in (*range(26), _BREAK)
    ]


def _letters(habits: list[list[float]]) -> Scores:
    """Against 26 letters drawn at random. Without digits there is nothing to say about them."""
    return tuple((*(math.log(chance * 26) for chance in row), 0.0, 0.0) for row in habits)


def _places(habits: list[list[float]]) -> Scores:
    """Against 36 letters and digits drawn at random."""
    into_digit = math.log(_DIGIT_AFTER_LETTER * 3.6)
    behind_letter = [
        (*(math.log(chance * (1 - _DIGIT_AFTER_LETTER) * 36) for chance in row), 0.0, into_digit)
        for row in habits[:_BREAK]
    ]
    first = [math.log(chance * (1 - _DIGIT_FIRST) * 36) for chance in habits[_BREAK]]
    behind_digit = [math.log(chance * _LETTER_AFTER_DIGIT * 36) for chance in habits[_BREAK]]
    return (
        *behind_letter,
        (*first, 0.0, math.log(_DIGIT_FIRST * 3.6)),
        (*behind_digit, 0.0, math.log(_DIGIT_AFTER_DIGIT * 3.6)),
    )
