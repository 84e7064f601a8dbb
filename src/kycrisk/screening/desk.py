"""Where signups are decided: what is known without the network on one side, the decision on the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import NamedTuple

from kycrisk.checks import CHECKS
from kycrisk.checks.world import World
from kycrisk.decision import Decision, Exemption, Lookup
from kycrisk.feeds.catalogue import read_catalogues
from kycrisk.feeds.geo import Geo
from kycrisk.feeds.lists import Lists
from kycrisk.intake import read_signup
from kycrisk.randomness import random_bytes
from kycrisk.ruleset.condition import Velocity
from kycrisk.ruleset.decide import decide, replay
from kycrisk.ruleset.evaluate import CompiledRuleset, compile_ruleset
from kycrisk.ruleset.model import Ruleset
from kycrisk.screening.derived import derived_signals, prepare_derived, velocities
from kycrisk.screening.engines import open_engine
from kycrisk.screening.gather import Gatherer, Gathering, prepare_gatherer
from kycrisk.screening.history import History
from kycrisk.screening.network import AskedAbout, Consulted
from kycrisk.screening.recheck import RecheckList
from kycrisk.screening.site import Site
from kycrisk.signals import Evidence, Unknown
from kycrisk.signup import Signup

Clock = Callable[[], datetime]
NewId = Callable[[datetime], str]

_tuple = tuple.__new__  # the short way to a named tuple, for those of which every screening makes one


def now_utc() -> datetime:
    """The present moment."""
    return datetime.now(UTC)


def time_ordered_id(at: datetime) -> str:
    """A decision id that sorts by time: milliseconds since 1970 and 80 random bits, in hexadecimal."""
    return f"dec_{int(at.timestamp() * 1000):012x}{random_bytes(10).hex()}"


class Gathered(NamedTuple):
    """A signup with what is known about it so far."""

    signup: Signup
    evidence: Evidence
    lookups: tuple[Lookup, ...]
    exemptions: tuple[Exemption, ...]

    @property
    def asked_about(self) -> AskedAbout:
        """What the network is asked by."""
        return AskedAbout(self.signup, self.evidence, frozenset(exemption.rule for exemption in self.exemptions))


class Begun(NamedTuple):
    """A signup as the checks see it: nothing of earlier signups, of lists or of the network yet."""

    gathering: Gathering
    gatherer: Gatherer
    uncounted: Gatherer  # the same without what is counted of earlier signups
    exemptions: tuple[Exemption, ...]

    def gathered(self, evidence: Evidence) -> Gathered:
        """The signup with what is known about it by now."""
        gathering = self.gathering
        return _tuple(Gathered, (gathering.signup, evidence, gathering.lookups, self.exemptions))


class Desk:
    """One site's rules and lists, ready for signups. Safe to share between threads, but for a run's history.

    `unusable` are the signals that no source of this site answers, and why.
    """

    def __init__(
        self,
        site: Site,
        *,
        history: History | None = None,
        recheck: RecheckList | None = None,
        unusable: Mapping[str, Unknown],
        clock: Clock = now_utc,
        new_id: NewId = time_ordered_id,
    ) -> None:
        self.site = site
        self.compiled: CompiledRuleset = compile_ruleset(site.ruleset)
        self.engine = open_engine(site.settings, self.compiled)
        self.history, self.recheck = history, recheck
        self._clock, self._new_id = clock, new_id
        self._unusable = unusable
        self._feeds = read_catalogues(site.settings.catalogues)
        self._gatherer, self._uncounted, self._good_until = self._prepare(clock())
        local = self._gatherer.origins.keys() - unusable.keys()
        self._late_history = any({each.key, each.counted} - {""} - local for each in velocities(site.ruleset))

    @property
    def ruleset(self) -> Ruleset:
        return self.site.ruleset

    @property
    def good_until(self) -> datetime:
        """When a list passes its maximum age, so that the lists have to be read again."""
        return self._good_until

    @property
    def counts_late(self) -> bool:
        """Whether earlier signups are counted by something that only the network says."""
        return self._late_history

    @property
    def gatherer(self) -> Gatherer:
        """The checks over the lists as they stand."""
        return self._gatherer

    def now(self) -> datetime:
        """The moment by this desk's clock."""
        return self._clock()

    def _prepare(self, now: datetime) -> tuple[Gatherer, Gatherer, datetime]:
        """The checks over the lists as they stand now, and until when that holds."""
        settings, ruleset = self.site.settings, self.site.ruleset
        lists = Lists.open(self._feeds, settings.snapshots, now)
        geo = Geo.open(settings.geo_country, settings.geo_asn, max_age=settings.geo_max_age)
        world = World(lists=lists, geo=geo, now=now)
        derived = prepare_derived(derived_signals(ruleset), self.site.lists, self.history)
        gatherer = prepare_gatherer(CHECKS, world, derived, ruleset.policy.attributes, self._read_unusable())
        memberships = [ref for ref in derived_signals(ruleset) if not isinstance(ref.derived, Velocity)]
        uncounted = replace(gatherer, derived=prepare_derived(memberships, self.site.lists, None), kept={})
        return gatherer, uncounted, world.good_until

    def _read_unusable(self) -> Mapping[str, Unknown]:
        """Of the signals without a source, those that rules read."""
        rules = (*self.ruleset.live, *self.ruleset.shadow)
        read = dict.fromkeys(name for rule in rules for name in rule.signal_names)
        return {name: self._unusable[name] for name in read if name in self._unusable}

    def reload_lists(self) -> None:
        """Read the lists again: after an update, or when one has gone past its maximum age."""
        self._gatherer, self._uncounted, self._good_until = self._prepare(self._clock())

    def signup(self, raw: Mapping[str, object]) -> Signup:
        """A raw signup in its normal form. Raises `Problems` naming every field that cannot be."""
        return read_signup(raw, attributes=self.site.ruleset.policy.attributes, now=self._clock())

    def begin(self, signups: Sequence[Signup], now: datetime) -> list[Begun]:
        """What the checks say about signups; the rest is derived later, by the gatherer that comes with it."""
        if now >= self._good_until:
            self._gatherer, self._uncounted, self._good_until = self._prepare(now)
        gatherer, uncounted, exemptions = self._gatherer, self._uncounted, self.site.exemptions
        gatherings = gatherer.ask_checks(signups)
        if not exemptions:
            return [_tuple(Begun, (gathering, gatherer, uncounted, ())) for gathering in gatherings]
        return [
            Begun(gathering, gatherer, uncounted, exemptions.in_force(gathering.signup, now))
            for gathering in gatherings
        ]

    def gather(self, signups: Sequence[Signup], now: datetime) -> list[Gathered]:
        """What is known about signups without the network. Each counts those before it."""
        history = None if self._late_history else self.history
        found: list[Gathered] = []
        for begun in self.begin(signups, now):
            evidence = begun.gatherer.complete(begun.gathering)
            if history is not None:
                history.add(evidence.known, begun.gathering.signup.submitted_at)
            found.append(begun.gathered(evidence))
        return found

    def decide(self, gathered: Gathered, consulted: Consulted | None, now: datetime, took_ms: float) -> Decision:
        """The decision over everything that was found out."""
        evidence, lookups, verdict, made_by = gathered.evidence, gathered.lookups, None, None
        if consulted is not None:
            evidence, verdict = consulted.findings.evidence, consulted.findings.verdict
            lookups = (*lookups, *consulted.findings.lookups)
        if self._late_history and self.history is not None:  # its keys are what the network says
            self.history.add(evidence.known, gathered.signup.submitted_at)
        if self.engine is not None:
            silenced = {exemption.rule for exemption in gathered.exemptions}
            verdict, _, made_by = self.engine.judge(evidence.known, silenced, tuple(evidence.unknown))
        decision = decide(
            self.compiled,
            evidence,
            id=self._new_id(now),
            account_id=gathered.signup.account_id,
            decided_at=now,
            exemptions=gathered.exemptions,
            lookups=lookups,
            took_ms=round(took_ms + (consulted.took_ms if consulted else 0.0), 3),
            verdict=verdict,
            made_by=made_by,
        )
        if self.recheck is not None:
            self.recheck.note(decision)
        return decision

    def close(self) -> None:
        """Close the engine. May be called twice."""
        if self.engine is not None:
            self.engine.close()

    def replay(self, decision: Decision) -> Decision:
        """A stored decision made again from its evidence with this site's rules.

        It is the same decision, to the byte, when these rules are those that it names (`decision.ruleset`).
        """
        return replay(self.compiled, decision)


def share_of(started: float, count: int) -> float:
    """Each one's share in milliseconds of the time that has passed since `started` (of `time.perf_counter`)."""
    return (time.perf_counter() - started) * 1000 / max(count, 1)
