"""Blocklists that are asked by DNS: one source a zone, and what the zones in use say together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import cache, partial
from ipaddress import IPv4Address

from kycrisk.checks.listing import nowhere
from kycrisk.lookups.asked import Asked, Client, LookupFailure
from kycrisk.lookups.dns_answer import DnsAnswer, Kind
from kycrisk.lookups.dnsbl import Form, Listing, Lists, NotListed, Zone, ZoneInUse
from kycrisk.lookups.dnsbl_catalogue import default_zones, read_zones
from kycrisk.lookups.dnsbl_health import Health
from kycrisk.lookups.dnsbl_lookup import look_up
from kycrisk.lookups.dnsbl_query import query_name
from kycrisk.lookups.dnsbl_verdict import interpret
from kycrisk.lookups.secrets import Redactor, Secret
from kycrisk.lookups.source import Consulted, SourceTerms
from kycrisk.personal_data import Personal
from kycrisk.signals import IP, Signal, Subject, Type, Unknown, Value, Why
from kycrisk.signup import Signup
from kycrisk.sources.connections import Connections
from kycrisk.sources.inquiry import Foregone, Inquiry, Stage
from kycrisk.sources.summary import Summary

Asking = IP | str

_NOT_ALL_ASKED = Unknown(Why.SKIPPED, "not every blocklist in use was asked")

#: From this weight on a listing says something grave about a signup (the weights: data/dnsbl.yaml).
GRAVE = 5

#: The resolver keeps answers for as long as they say they are good; nothing is kept beside that.
TERMS = SourceTerms(keep=timedelta(0))

_SUBJECTS = {Lists.IP: Subject.IP, Lists.DOMAIN: Subject.DOMAIN, Lists.EMAIL: Subject.EMAIL}
#: What a question carries out of the house.
SENDS = {
    Lists.IP: frozenset({Personal.IP.value}),
    Lists.DOMAIN: frozenset({Personal.EMAIL_DOMAIN.value}),
    Lists.EMAIL: frozenset({Personal.EMAIL_HASH.value}),
}
_WHAT = {Lists.IP: "the IP address", Lists.DOMAIN: "the e-mail domain", Lists.EMAIL: "the e-mail address"}
_ADVICE = {
    Lists.IP: "sign up from another Internet connection",
    Lists.DOMAIN: "use an address at a permanent mail provider",
    Lists.EMAIL: "use another e-mail address",
}
_MOST_READ = 20_000
_LISTED_NOWHERE: tuple[Value, Value] = (frozenset(), 0)


@cache
def shipped_zones() -> tuple[Zone, ...]:
    """The zones of the shipped catalogue, dead ones included."""
    return read_zones(default_zones())


def zone_signals(zone: Zone) -> tuple[Signal, Signal]:
    """What one zone answers: the words of its listing, and their weight."""
    name, what, subject = f"dnsbl.{zone.name.replace('-', '_')}", _WHAT[zone.lists], _SUBJECTS[zone.lists]
    return (
        Signal(name, Type.STR_SET, f"As what does {zone.title} list {what}?", subject, advice=_ADVICE[zone.lists]),
        Signal(
            f"{name}_weight",
            Type.INT,
            f"How grave is it about a signup that {zone.title} lists {what} (0 nothing, 10 a proof)?",
            subject,
            advice=_ADVICE[zone.lists],
        ),
    )


def summary_signals(lists: Lists) -> tuple[Signal, Signal, Signal]:
    """What the zones in use say together."""
    name, what, subject, advice = f"dnsbl.{lists.value}", _WHAT[lists], _SUBJECTS[lists], _ADVICE[lists]
    return (
        Signal(f"{name}_listed", Type.BOOL, f"Does a blocklist in use accuse {what}?", subject, advice=advice),
        Signal(f"{name}_grave", Type.BOOL, f"Does a blocklist in use say something grave about {what}?", subject,
               advice=advice),
        Signal(f"{name}_weight", Type.INT, f"What do the blocklists in use say against {what}, added up?", subject,
               advice=advice),
    )  # fmt: skip


def signals() -> tuple[Signal, ...]:
    """Every signal of the living zones of the catalogue, and of their summaries."""
    zones = (signal for zone in shipped_zones() if not zone.dead for signal in zone_signals(zone))
    return (*zones, *(signal for lists in Lists for signal in summary_signals(lists)))


class _Read:
    """How a key is asked about, the last answer of the resolver's, and what that answer says."""

    __slots__ = ("answer", "consulted", "form", "question")

    def __init__(self, form: Form, question: tuple[str, Kind]) -> None:
        self.form, self.question = form, question
        self.answer: DnsAnswer | None = None
        self.consulted: Consulted | None = None


class ZoneClient(Client[Asking]):
    """One zone as a client. Its price is nothing, its cache the resolver's."""

    def __init__(self, used: ZoneInUse, connections: Connections, health: Health) -> None:
        self.used, self._health = used, health
        self._resolver, self._trust, self._now = connections.resolver, connections.trust, connections.now
        self._read: dict[str | bytes, _Read] = {}
        self.name = used.zone.name
        self.signals = zone_signals(used.zone)
        self.sends = SENDS[used.zone.lists]
        self.redactor = Redactor([Secret(used.key)] if used.key else ())

    def cache_key(self, key: Asking) -> str:
        return str(key)

    def kept(self, key: Asking) -> Consulted | None:
        """What the resolver still knows; None when the zone would have to be asked.

        What an answer says is worked out once, and counts for as long as the resolver gives that very answer.
        """
        at = key if isinstance(key, str) else key.packed  # addresses are hashed and compared in Python
        read = self._read.get(at)
        if read is None:
            query = query_name(self.used, key)
            if isinstance(query, Unknown):
                return None
            read = _Read(query.form, (query.name.lower(), Kind.A))
            if len(self._read) >= _MOST_READ:
                self._read.clear()
            self._read[at] = read
        if self._trust.doubt is not None or self._health.why_not(self.name, read.form) is not None:
            return None
        resolver = self._resolver
        answer = resolver.cache.get(read.question, resolver.loop.time())
        if answer is None:
            return None
        if read.answer is not answer:
            outcome = interpret(self.used.zone, answer)
            said = self.facts(outcome) if not isinstance(outcome, Unknown) else None
            read.answer = answer
            read.consulted = Consulted(said, as_of=self._now(), asked=False) if said is not None else None
        return read.consulted

    async def _query(self, key: Asking, deadline: float) -> Asked:
        self._trust.begin()
        within = deadline - self._resolver.loop.time()
        outcome = await look_up(self.used, key, resolver=self._resolver, health=self._health, within=within)
        doubt = await self._trust.verdict(deadline)
        if doubt is not None:
            raise LookupFailure(doubt.why, doubt.detail, against_source=False)
        if isinstance(outcome, Unknown):
            # A demoted zone is watched by its canaries, and needs no circuit breaker beside them.
            demoted = bool(self._demoted(key))
            raise LookupFailure(outcome.why, outcome.detail, against_source=not demoted, reached=not demoted)
        self.kept(key)  # so that it is read now, and dated
        return Asked(self.facts(outcome))

    def facts(self, outcome: Listing | NotListed) -> Mapping[str, Value]:
        """The answers to the zone's two signals."""
        means, weight = self.signals
        if isinstance(outcome, NotListed):
            return {means.name: _LISTED_NOWHERE[0], weight.name: _LISTED_NOWHERE[1]}
        return {means.name: frozenset(outcome.means), weight.name: outcome.weight}

    def _demoted(self, key: Asking) -> Unknown | None:
        query = query_name(self.used, key)
        return None if isinstance(query, Unknown) else self._health.why_not(self.name, query.form)


def zone_inquiry(used: ZoneInUse, connections: Connections, health: Health, *, timeout: float) -> Inquiry[Asking]:
    """The inquiry that asks a zone."""
    client = ZoneClient(used, connections, health)
    source = connections.source(client, TERMS)
    return Inquiry(
        name=client.name,
        signals=client.signals,
        key=partial(_key, used, Foregone(client.facts(NotListed(client.name)))),
        kept=client.kept,
        ask=source.ask,
        timeout=timeout,
        stage=Stage.FREE,
        sends=client.sends,
    )


def _key(
    used: ZoneInUse, unlisted: Foregone, signup: Signup, known: Mapping[str, Value]
) -> Asking | Unknown | Foregone:
    """What the zone is asked about. What no zone can list (a private address, an IPv6 address in a zone of IPv4) is
    known to be unlisted."""
    zone, email = used.zone, signup.email
    subject: Asking
    if zone.lists is Lists.IP:
        subject = signup.ip
        public = known.get("ip.public") is True or not nowhere(subject)  # the first knows most of them already
        listable = public and (zone.ipv6 or isinstance(subject, IPv4Address))
    elif zone.lists is Lists.DOMAIN:
        subject = email.domain
        listable = bool(email.registrable if zone.registrable else subject)
    else:
        subject = email.canonical or email.address
        listable = bool(subject)
    return subject if listable else unlisted


def summaries(zones: Sequence[ZoneInUse]) -> tuple[Summary, ...]:
    """What the zones in use say together, by what they list. Kinds without a zone are not answered."""
    by_kind = {lists: [used.zone for used in zones if used.zone.lists is lists] for lists in Lists}
    return tuple(_summary(lists, members) for lists, members in by_kind.items() if members)


def _summary(lists: Lists, zones: Sequence[Zone]) -> Summary:
    listed, grave, weight = summary_signals(lists)
    reads = tuple(zone_signals(zone)[1].name for zone in zones)

    def of(known: Mapping[str, Value], unknown: Mapping[str, Unknown]) -> Mapping[str, Value | Unknown]:
        weights = [value for name in reads if type(value := known.get(name)) is int]
        gap = None
        if len(weights) < len(reads):
            gap = next((unknown[name] for name in reads if name in unknown), _NOT_ALL_ASKED)
        worst = max(weights, default=0)
        return {
            listed.name: True if worst >= 1 else gap or False,
            grave.name: True if worst >= GRAVE else gap or False,
            weight.name: gap or sum(value for value in weights if value > 0),
        }

    return Summary(signals=(listed, grave, weight), reads=reads, of=of, source="blocklists in use")
