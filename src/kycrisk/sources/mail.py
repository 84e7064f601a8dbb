"""What the DNS says about the mail of the domain: does it exist, does it take mail, and who takes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from kycrisk.lookups.asked import Asked, Client, LookupFailure
from kycrisk.lookups.cache import CacheTerms, TtlCache
from kycrisk.lookups.mail_domain import ABSENT, SIGNALS, analyse
from kycrisk.lookups.mail_domain_hosts import MailHosts, read_mail_hosts
from kycrisk.lookups.resolver import Resolver
from kycrisk.lookups.resolver_trust import Trust
from kycrisk.lookups.secrets import Redactor
from kycrisk.lookups.source import Consulted, SourceTerms
from kycrisk.personal_data import Personal
from kycrisk.signals import Unknown, Value
from kycrisk.signup import Signup
from kycrisk.sources.connections import Connections
from kycrisk.sources.form import SourceForm
from kycrisk.sources.inquiry import Foregone, Inquiry
from kycrisk.sources.kind import InUse, Kind, Opened, judged, names_of

NAME = "mail"
MOST_KEPT = timedelta(hours=1)
#: The answers say how long they are good for, and the client keeps what follows from them for as long.
TERMS = SourceTerms(keep=timedelta(0))


class MailDomain(Client[str]):
    """The mail of a domain as a client; the key is a domain in lower-case A-labels."""

    name = NAME
    signals = SIGNALS
    sends = frozenset({Personal.EMAIL_DOMAIN.value})
    redactor = Redactor()

    def __init__(self, resolver: Resolver, trust: Trust, hosts: MailHosts, now: Callable[[], datetime]) -> None:
        self._resolver, self._trust, self._hosts, self._now = resolver, trust, hosts, now
        self._kept: TtlCache[str, Consulted] = TtlCache(resolver.loop.time, CacheTerms(most=MOST_KEPT.total_seconds()))

    def cache_key(self, key: str) -> str:
        return key

    def kept(self, key: str) -> Consulted | None:
        """What is known about a domain while all the answers behind it are good."""
        return self._kept.get(key) if self._trust.doubt is None else None

    async def _query(self, key: str, deadline: float) -> Asked:
        self._trust.begin()
        within = deadline - self._resolver.loop.time()
        facts = await analyse(key, resolver=self._resolver, hosts=self._hosts, within=within)
        doubt = await self._trust.verdict(deadline)
        if doubt is not None:
            raise LookupFailure(doubt.why, doubt.detail, against_source=False)
        if not facts.known:
            # Whoever signs up chooses the domain, and can have its name servers keep silent: that must not open the
            # circuit for everybody. It is the resolver's fault when it has not answered anybody lately.
            why = next(iter(facts.unknown.values()))
            raise LookupFailure(why.why, why.detail, against_source=self._resolver.is_silent)
        self._kept.put(key, Consulted(facts.known, facts.unknown, as_of=self._now(), asked=False), facts.good_for)
        return Asked(facts.known, facts.unknown)


def mail_inquiry(connections: Connections, hosts: MailHosts, *, timeout: float) -> Inquiry[str]:
    """The inquiry about the domain of the e-mail address."""
    client = MailDomain(connections.resolver, connections.trust, hosts, connections.now)
    source = connections.source(client, TERMS)
    return Inquiry(
        name=NAME,
        signals=SIGNALS,
        key=_key,
        kept=client.kept,
        ask=source.ask,
        timeout=timeout,
        sends=client.sends,
    )


def _key(signup: Signup, known: Mapping[str, Value]) -> str | Unknown | Foregone:
    """The domain; where the address has none there is nothing that could take mail."""
    return signup.email.domain or Foregone(ABSENT)


class MailForm(SourceForm):
    """The DNS about the domain of the e-mail address. Nothing has to be set."""


def _in_use(form: MailForm, timeout: timedelta) -> InUse:
    async def opened(connections: Connections) -> Opened:
        return Opened((mail_inquiry(connections, read_mail_hosts(), timeout=timeout.total_seconds()),))

    return InUse(
        name=NAME,
        answers=names_of(SIGNALS),
        timeout=timeout,
        sends=MailDomain.sends,
        counted=frozenset({NAME}),
        by_dns=True,
        open=opened,
    )


KIND = Kind(
    name=NAME,
    title="the DNS about the mail domain",
    form=MailForm,
    signals=lambda: SIGNALS,
    judge=judged(MailForm, _in_use),
)
