"""Blocklists that are asked by DNS: what a zone is, and what its answers say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from types import MappingProxyType

from kycrisk.signals import Unknown

Pattern = tuple[range, range, range, range]  #: the values that each octet of an answer may have


class Lists(Enum):
    """What a zone lists."""

    IP = "ip"
    DOMAIN = "domain"
    EMAIL = "email"


class Form(Enum):
    """The forms of a question; a zone may work in one and be broken in another."""

    V4 = "IPv4"
    V6 = "IPv6"
    NAME = "name"

    __hash__ = object.__hash__  # members are themselves, and an enum's own hash takes five times as long


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What a code means. `weight` is what it says about a signup: 0 nothing, 10 as good as a proof, below 0 in favour.

    `numbers` names octets (1 to 4) that are numbers, as `age_hours`.
    """

    means: str
    text: str
    weight: int
    numbers: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """One zone of the catalogue.

    `query` and `keyed_query` are templates of names with `{subject}` and `{key}`; a zone without `query` needs a key.
    `codes` are looked through in their order; `bits` are of the last octet, in answers like `bits_in`. `refused` and
    `refused_bits` are answers that refuse. `listed` and `not_listed` are test points; None where RFC 5782 names them.
    """

    name: str
    title: str
    zone: str
    lists: Lists
    query: str = ""
    keyed_query: str = ""
    key: str = ""
    key_shape: str = ""
    ipv6: bool = False
    hash: str = ""
    registrable: bool = False
    codes: tuple[tuple[Pattern, Meaning], ...] = ()
    bits: Mapping[int, Meaning] = field(default_factory=lambda: MappingProxyType({}))
    bits_in: Pattern | None = None
    refused: tuple[tuple[Pattern, str], ...] = ()
    refused_bits: int = 0
    listed: tuple[str, ...] | None = None
    not_listed: tuple[str, ...] | None = None
    dead: bool = False
    as_of: date
    source: str
    gone: str = ""
    instead: str = ""

    @property
    def needs_key(self) -> bool:
        """Whether it cannot be asked without a key."""
        return not self.query and not self.dead


@dataclass(frozen=True, slots=True)
class ZoneInUse:
    """A zone and the key to it, "" where it is asked without one. The key is never shown."""

    zone: Zone
    key: str = field(default="", repr=False)

    @property
    def suffix(self) -> str:
        """What all names end with that are asked of the zone. It may hold the key."""
        template = self.zone.keyed_query if self.key else self.zone.query
        return template.partition("{subject}.")[2].replace("{key}", self.key).lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A zone lists what was asked about. `codes` are its answers, `means` what they say, both sorted.

    `weight` is that of the gravest meaning, and where none accuses, of the most favourable one.
    """

    zone: str
    codes: tuple[str, ...]
    means: tuple[str, ...]
    texts: tuple[str, ...]
    weight: int
    numbers: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))

    def __str__(self) -> str:
        return f"`{self.zone}`: {', '.join(self.texts)} ({', '.join(self.codes)})"


@dataclass(frozen=True, slots=True)
class NotListed:
    """A zone was asked, answered, and does not list what was asked about."""

    zone: str


Outcome = Listing | NotListed | Unknown
