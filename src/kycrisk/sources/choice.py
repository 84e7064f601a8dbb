"""What a site's settings come to: the sources that are asked, and why the others are not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from types import MappingProxyType

from kycrisk.lookups.budget import Limits
from kycrisk.lookups.resolver_servers import Nameserver
from kycrisk.lookups.secrets import Secret
from kycrisk.problems import Place, Problem
from kycrisk.signals import NOTHING, Signal, Unknown, Why
from kycrisk.sources.kind import InUse

DEFAULT_TIMEOUT = timedelta(milliseconds=250)

OFFLINE = Unknown(Why.NOT_CONFIGURED, "the network is not used")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The sources of a site, judged but not opened.

    `sources` are in use, by the names of their kinds. `out_of_use` are kinds that stand in the settings and cannot be
    asked, each with the reason; `unusable` are single signals of sources in use, and those that nobody can answer here.
    `declared` are the signals of the site's own lookups, answered or not. `resolver` is empty for the system's.
    `allowed` are networks that may be asked by HTTP although they are not public.
    """

    sources: Mapping[str, InUse] = field(default_factory=lambda: MappingProxyType({}))
    out_of_use: Mapping[str, Unknown] = field(default_factory=lambda: NOTHING)
    unusable: Mapping[str, Unknown] = field(default_factory=lambda: NOTHING)
    declared: Mapping[str, Signal] = field(default_factory=lambda: MappingProxyType({}))
    resolver: tuple[Nameserver, ...] = ()
    resolver_places: tuple[Place | str, ...] = ()
    random_case: bool = False
    timeout: timedelta = DEFAULT_TIMEOUT
    allowed: tuple[IPv4Network | IPv6Network, ...] = ()
    limits: Limits = field(default_factory=Limits)
    problems: tuple[Problem, ...] = ()
    offline: bool = False

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """Every key of the sources in use."""
        return tuple(secret for source in self.sources.values() for secret in source.secrets)

    def without_network(self) -> Choice:
        """The same where the network is not used: nothing is asked, and what is wrong stays wrong."""
        return replace(self, sources=MappingProxyType({}), out_of_use=NOTHING, unusable=NOTHING, offline=True)


NOTHING_CHOSEN = Choice()
