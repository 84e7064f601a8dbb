"""What a check is: one question asked about one key, answered from the world."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from kycrisk.checks.world import World
from kycrisk.signals import NOTHING, Origin, Signal, Subject, Unknown, Value
from kycrisk.signup import Signup

Key = TypeVar("Key")


class Answer(NamedTuple):
    """What a check says: each of its signals stands in exactly one of the two."""

    known: Mapping[str, Value]
    unknown: Mapping[str, Unknown] = NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class Check(Generic[Key]):
    """A question about one key of a signup (its e-mail, its IP, its phone ...), never about the whole signup.

    `key` reads the key off the signup; it is hashable, so that a batch asks once per distinct key. A check that
    looks at other checks' facts names them in `needs` and finds them in the second argument of `key` (only what is
    known; a missing one is unknown).
    `ask` answers every one of `signals`. `origins` says, once per world, where each signal's fact comes from;
    signals it leaves out come from the signup itself.
    """

    name: str
    subject: Subject
    signals: tuple[Signal, ...]
    key: Callable[[Signup, Mapping[str, Value]], Key]
    ask: Callable[[Key, World], Answer]
    origins: Callable[[World], Mapping[str, Origin]] = lambda world: {}
    needs: tuple[str, ...] = ()


AnyCheck = Check[Any]
