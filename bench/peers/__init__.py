"""The engines that kycrisk is measured against, one file each. One that is not installed is named with the reason."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version

from bench.peers.peer import Peer

#: Module of this package → distribution that it needs.
MODULES = {
    "zen_engine": "zen-engine",
    "cel_rust": "common-expression-language",
    "cel_cpp": "cel-expr-python",
    "rule_engine": "rule-engine",
    "json_logic": "panzi-json-logic",
    "business_rules": "business-rules",
    "durable": "durable-rules",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Absent:
    """A peer that cannot be imported here, and why."""

    distribution: str
    reason: str


def installed() -> tuple[list[Peer], list[Absent]]:
    """The peers that can be imported here, and those that cannot."""
    found: list[Peer] = []
    absent: list[Absent] = []
    for module, distribution in MODULES.items():
        try:
            found += import_module(f"bench.peers.{module}").PEERS
        except ImportError as error:
            absent.append(Absent(distribution=distribution, reason=str(error)))
    return found, absent


def module_of(peer: Peer) -> str:
    """The module that holds a peer."""
    return next(module for module, distribution in MODULES.items() if distribution == peer.distribution)


def version_of(distribution: str) -> str:
    """The installed version of a distribution."""
    return version(distribution)
