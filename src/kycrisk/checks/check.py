"""What a check is: one question asked about one key, answered from the world."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from kycrisk.checks.world import World
from kycrisk.signals import NOTHING, Origin, Signal, Subject, Unknown, Value
from kycrisk.signup import Signup

Key = TypeVar("Key")


class Answer(NamedTuple):
    """What a check says: each of its signals stands in exactly one of the two, in the order in which the check names
    them. Not to be changed: answers are shared."""

    known: Mapping[str, Value]
    unknown: Mapping[str, Unknown] = NOTHING


def answered(known: Mapping[str, Value]) -> Answer:
    """The answer that leaves nothing open. Every screening makes a dozen, so it takes the short way to a tuple."""
    return tuple.__new__(Answer, (known, NOTHING))


class Said(Protocol):
    """What all checks asked so far have said. Signals of checks that were not asked yet mean nothing in it."""

    @property
    def known(self) -> Mapping[str, Value]: ...

    @property
    def unknown(self) -> Mapping[str, Unknown]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Check(Generic[Key]):
    """A question about one key of a signup (its e-mail, its IP, its phone ...), never about the whole signup.

    `key` reads the key off the signup; it is hashable, so that a batch asks once per distinct key. Its second argument
    is what the checks before it said; a check that looks there names the signals in `needs` and finds each in one of
    the two, or in neither when it was not asked.
    `prepare` is called once per world, looks up lists and databases there, and gives the function that answers every
    one of `signals` for a key; that function is called for every signup, so it is where time counts.
    `origins` says, once per world, where each signal's fact comes from; signals it leaves out come from the signup.
    `purposes` names, per signal, the purpose of the lists it is answered from.
    `gaps` says, once per world, which signals answer unknown (of lists: unless the key is listed) and why.
    """

    name: str
    subject: Subject
    signals: tuple[Signal, ...]
    key: Callable[[Signup, Said], Key]
    prepare: Callable[[World], Callable[[Key], Answer]]
    origins: Callable[[World], Mapping[str, Origin]] = lambda world: {}
    needs: tuple[str, ...] = ()
    purposes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    gaps: Callable[[World], Mapping[str, Unknown]] = lambda world: NOTHING


AnyCheck = Check[Any]
