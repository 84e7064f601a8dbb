"""RE2 patterns written anew for Rust's regular expressions, where it is certain that both mean the same.

RE2's `\\d`, `\\w`, `\\s` and `\\b` know ASCII only, so they are spelt out. Every literal is written by its code point,
so that nothing can be taken for syntax that only one of the two has (`&&` in a class, an unclosed brace). What is not
understood here is not guessed: the caller asks RE2.
"""

from __future__ import annotations

import re
import string

_FLAGS = re.compile(r"\(\?([ims]+)\)")
_REPEAT = re.compile(r"\{[0-9]+(?:,[0-9]*)?\}")
_SETS = {"d": "0-9", "w": "0-9A-Za-z_", "s": r"\x{9}\x{A}\x{C}\x{D}\x{20}"}  # RE2's \s is without \v
_CONTROLS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v", "a": "\a"}
_PLAIN = frozenset("^$.|)*+?")


class _Unsure(Exception):
    """The pattern holds something that is not known to mean the same."""


def in_rust(pattern: str) -> str | None:
    """A pattern for Rust that finds what RE2 finds with this one, or None where that is not certain.

    The pattern is one that RE2 takes.
    """
    flags = _FLAGS.match(pattern)
    folded = flags is not None and "i" in flags[1]
    if folded and not pattern.isascii():
        return None  # the folding of other letters changes from one version of Unicode to the next
    try:
        body = _Translation(pattern, flags.end() if flags else 0, folded).body()
    except (_Unsure, IndexError):
        return None
    return (flags[0] if flags else "") + body


class _Translation:
    def __init__(self, pattern: str, at: int, folded: bool) -> None:
        self.pattern, self.at, self.folded = pattern, at, folded

    def body(self) -> str:
        out: list[str] = []
        while self.at < len(self.pattern):
            out.append(self.item())
        return "".join(out)

    def item(self) -> str:
        letter = self.take()
        if letter in _PLAIN:
            return letter
        if letter == "(":
            if self.pattern.startswith("?:", self.at):
                self.at += 2
            elif self.pattern.startswith("?", self.at):
                raise _Unsure
            return "(?:"
        if letter == "[":
            return self.in_brackets()
        if letter == "\\":
            return self.escaped()
        if letter == "{" and (repeat := _REPEAT.match(self.pattern, self.at - 1)):
            self.at = repeat.end()
            return repeat[0]
        return _literal(letter)

    def take(self) -> str:
        self.at += 1
        return self.pattern[self.at - 1]

    def escaped(self) -> str:
        letter = self.take()
        if letter.lower() in _SETS:
            return f"[{'' if letter in _SETS else '^'}{self.spelt_out(letter.lower())}]"
        if letter == "b":
            return r"(?-u:\b)"
        if letter in "Az":
            return f"\\{letter}"
        return _literal(self.escaped_literal(letter))

    def spelt_out(self, letter: str) -> str:
        if self.folded:
            raise _Unsure  # RE2 folds some of these sets and not others
        return _SETS[letter]

    def escaped_literal(self, letter: str) -> str:
        if letter in _CONTROLS:
            return _CONTROLS[letter]
        if letter in string.punctuation:
            return letter
        raise _Unsure

    def in_brackets(self) -> str:
        negated = self.pattern.startswith("^", self.at)
        self.at += negated
        parts: list[str] = []
        while not parts or not self.pattern.startswith("]", self.at):
            parts.append(self.member())
        self.at += 1
        return f"[{'^' if negated else ''}{''.join(parts)}]"

    def member(self) -> str:
        """A letter, a range or `\\d` and its like inside brackets."""
        letter = self.take()
        if letter == "[" and self.pattern.startswith(":", self.at):
            raise _Unsure
        if letter == "\\":
            letter = self.take()
            if letter in _SETS:
                return self.spelt_out(letter)
            letter = self.escaped_literal(letter)
        if not (self.pattern.startswith("-", self.at) and not self.pattern.startswith("-]", self.at)):
            return _literal(letter)
        self.at += 1
        last = self.take()
        if last == "\\":
            last = self.escaped_literal(self.take())
        return f"{_literal(letter)}-{_literal(last)}"


def _literal(letter: str) -> str:
    return rf"\x{{{ord(letter):X}}}"
