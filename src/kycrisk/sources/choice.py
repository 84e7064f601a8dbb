"""What a site's settings come to: the sources that are asked, and why the others are not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from types import MappingProxyType

from kycrisk.lookups.budget import Limits
from kycrisk.lookups.resolver_servers import Nameserver
from kycrisk.lookups.secrets import Secret
from kycrisk.problems import Place, Problem, Problems
from kycrisk.signals import NOTHING, Signal, Unknown, Why
from kycrisk.sources.kind import InUse

DEFAULT_TIMEOUT = timedelta(milliseconds=250)
LOOKUPS = "lookups"  # the kind of what a site's analysts declare

OFFLINE = Unknown(Why.NOT_CONFIGURED, "the network is not used")


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The sources of a site, judged but not opened.

    `sources` are in use, by the names of their kinds. `out_of_use` are kinds that stand in the settings and cannot be
    asked, each with the reason; `unusable` are single signals of sources in use, and those that nobody can answer here.
    `declared` are the signals of the site's own lookups, answered or not; `undeclared` is what is wrong where there may
    be more of them that cannot be read. `lookups_file` declares them, and `again` judges everything anew by the same
    settings and what stands in that file now; both are None where there is none. `resolver` is empty for the system's.
    `allowed` are networks that may be asked by HTTP although they are not public.
    """

    sources: Mapping[str, InUse] = field(default_factory=lambda: MappingProxyType({}))
    out_of_use: Mapping[str, Unknown] = field(default_factory=lambda: NOTHING)
    unusable: Mapping[str, Unknown] = field(default_factory=lambda: NOTHING)
    declared: Mapping[str, Signal] = field(default_factory=lambda: MappingProxyType({}))
    undeclared: tuple[Problem, ...] = ()
    lookups_file: Path | None = None
    again: Callable[[], Choice] | None = field(default=None, repr=False, compare=False)
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

    @property
    def may_ask(self) -> bool:
        """Whether anybody is asked, or may be once the file of the lookups is another."""
        return bool(self.sources) or (self.lookups_file is not None and not self.offline)

    def with_lookups_now(self) -> Choice:
        """The choice with the lookups that their file declares now, or this very one when they are the same.

        Raises `Problems` with what is wrong with it that was not before.
        """
        if self.again is None:
            return self
        found = self.again().without_network() if self.offline else self.again()
        if _lookups(found) == _lookups(self):
            return self
        if new := [problem for problem in found.problems if problem not in self.problems]:
            raise Problems(new)
        return found

    def without_network(self) -> Choice:
        """The same where the network is not used: nothing is asked, and what is wrong stays wrong."""
        return replace(self, sources=MappingProxyType({}), out_of_use=NOTHING, unusable=NOTHING, offline=True)


def _lookups(choice: Choice) -> tuple[object, ...]:
    """What tells a choice from another one of the same settings."""
    used = choice.sources.get(LOOKUPS)
    return used.settings if used else None, choice.declared, choice.unusable, choice.problems


NOTHING_CHOSEN = Choice()
