"""Do a name and the local part of an e-mail address speak of the same person?"""

from __future__ import annotations

import re

from kycrisk.text.folding import spellings, words
from kycrisk.text.lookalike import one_slip
from kycrisk.text.names import names

# `anna.schmidt`, `anna_schmidt87`: two words of at least three letters. Digits may follow, nothing may precede.
_FULL_NAME = re.compile(r"([a-z]{3,})[._-]([a-z]{3,})[0-9]{0,4}")
_SHORTEST = 3  # letters of a name that mean something inside a longer word
_ALIKE = 4  # letters from which one slip is another spelling: `sofia`, `sophia` need their common start instead


def untagged(local: str, tag: str) -> str:
    """A local part without the tag that ends it."""
    return local[: -len(tag) - 1] if tag and len(local) > len(tag) + 1 and local.endswith(tag) else local


def shares_a_name(full: str, local: str) -> bool:
    """Whether a part of a person's name stands in a local part, accents and alphabet aside.

    Parts of one or two letters count only as a word of their own: `li` in `li.wei`, not in `ollie`.
    """
    if full.isascii() and local.isascii():
        return _stands_in(words(full.lower()), local.lower())
    return any(
        _stands_in([part for word in words(full) for part in spellings(word)], written) for written in spellings(local)
    )


def names_another(full: str, company: str, local: str) -> bool:
    """Whether a local part clearly holds another person's full name, `first.last`, than the one given.

    Clear is: two words, at least one of them a known name, none of them a word of companies; nothing that the name or
    the company shares with it, not even the start of a word or a slip. Names in scripts that cannot be compared
    conflict with nothing.
    """
    shape = _FULL_NAME.fullmatch(local.lower())
    if shape is None:
        return False
    known, both = names(), shape.groups()
    if not any(word in known.given or word in known.family for word in both):
        return False
    if any(word in known.words and word not in known.given for word in both):
        return False
    own = [part for word in words(f"{full} {company}") for part in spellings(word)]
    return all(part.isascii() for part in own) and not any(_alike(part, word) for part in own for word in both)


def _stands_in(parts: list[str], local: str) -> bool:
    for part in parts:
        if part in local and (len(part) >= _SHORTEST or part in words(local)):
            return len(part) > 1 or len(parts) == 1
    return False


def _alike(part: str, word: str) -> bool:
    if len(part) < _SHORTEST:
        return part == word
    return (
        part[:_SHORTEST] == word[:_SHORTEST]
        or part in word
        or word in part
        or (len(part) >= _ALIKE and one_slip(part, word))
    )
