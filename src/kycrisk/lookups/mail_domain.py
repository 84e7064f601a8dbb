"""What the DNS says about the mail of a domain. What it does not say is unknown, with the reason, and never guessed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from kycrisk.lookups.dns_answer import DnsAnswer, Kind, Status, why_unknown
from kycrisk.lookups.mail_domain_hosts import MailHosts
from kycrisk.lookups.mail_domain_route import Route, follow
from kycrisk.lookups.resolver import Resolver
from kycrisk.normal.public_suffix import registrable_domain
from kycrisk.signals import Signal, Subject, Type, Unknown

Maybe = bool | Unknown


def _asks(name: str, question: str, advice: str = "", type_: Type = Type.BOOL) -> Signal:
    return Signal(f"mail.{name}", type_, question, Subject.DOMAIN, advice=advice)


_OTHER_ADDRESS = "use an address whose domain takes mail"

#: The signals that `analyse` answers, each of them known or unknown.
SIGNALS = (
    _asks("domain_exists", "Does the domain of the e-mail address exist in the DNS?", _OTHER_ADDRESS),
    _asks("accepts", "Can mail reach the domain: has it an MX, or else an address, in public space?", _OTHER_ADDRESS),
    _asks("has_mx", "Does the domain name hosts that take its mail (MX)?"),
    _asks("null_mx", "Does the domain say that it takes no mail (null MX, RFC 7505)?", _OTHER_ADDRESS),
    _asks("mx_broken", "Are there MX records of which none leads to an address in public space?", _OTHER_ADDRESS),
    _asks("mx_private", "Does the domain send its mail to loopback, private or reserved space?", _OTHER_ADDRESS),
    _asks(
        "disposable_host",
        "Does a service for disposable addresses take the mail of the domain?",
        "use an address at a permanent mail provider",
    ),
    _asks("parked", "Is the domain parked: are its name servers those of a parking service?", _OTHER_ADDRESS),
    _asks("never_sends", "Does the domain say that it never sends mail (SPF `-all`) and has no MX?", _OTHER_ADDRESS),
    _asks("mx_hosts", "Which hosts take the mail of the domain (MX)?", type_=Type.STR_SET),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MailFacts:
    """The answers to `SIGNALS`: each of them stands in exactly one of the first two.

    `good_for` is for how many seconds all the answers behind them are good; 0 where one may not be kept.
    """

    known: Mapping[str, bool | frozenset[str]]
    unknown: Mapping[str, Unknown]
    good_for: float = 0.0


#: The answers about a domain that does not exist.
ABSENT: Mapping[str, bool | frozenset[str]] = MappingProxyType(
    {signal.name: frozenset() if signal.type.is_set else False for signal in SIGNALS}
)


async def analyse(domain: str, *, resolver: Resolver, hosts: MailHosts, within: float) -> MailFacts:
    """The facts about the mail of a domain (in lower-case A-labels), at most `within` seconds from now.

    Never raises for what the network does.
    """
    deadline = resolver.loop.time() + within
    registered = registrable_domain(domain) or domain
    route, txt, ns = await asyncio.gather(
        follow(domain, resolver, deadline),
        resolver.ask(domain, Kind.TXT, within=within),
        resolver.ask(registered, Kind.NS, within=within),
    )
    addresses = ((host, kind) for host in route.looked_up for kind in (Kind.A, Kind.AAAA))
    asked = ((domain, Kind.MX), (domain, Kind.TXT), (registered, Kind.NS), *addresses)
    good_for = resolver.cache.good_for(asked, resolver.loop.time())
    exists = _exists(domain, (route.mx, txt, *route.at_domain))
    if exists is False:
        return MailFacts(known=ABSENT, unknown=MappingProxyType({}), good_for=good_for)
    answers: dict[str, Maybe | frozenset[str]] = {
        "mail.domain_exists": exists,
        **_about_exchangers(domain, route, hosts),
        "mail.parked": _parked(domain, ns, hosts),
        "mail.never_sends": _both(_spf_forbids(domain, txt), _without_mx(domain, route)),
    }
    return MailFacts(
        known={name: answer for name, answer in answers.items() if not isinstance(answer, Unknown)},
        unknown={name: answer for name, answer in answers.items() if isinstance(answer, Unknown)},
        good_for=good_for,
    )


def _exists(domain: str, answers: Iterable[DnsAnswer]) -> Maybe:
    """The first conclusive answer about the domain decides; NXDOMAIN speaks of all kinds of records (RFC 8020)."""
    tried = tuple(answers)
    for answer in tried:
        if answer.conclusive:
            return answer.status is not Status.NXDOMAIN
    return why_unknown(tried[0], domain)


def _about_exchangers(domain: str, route: Route, hosts: MailHosts) -> dict[str, Maybe | frozenset[str]]:
    if not route.mx.conclusive:
        why = why_unknown(route.mx, f"MX of {domain}")
        names = ("has_mx", "accepts", "null_mx", "mx_broken", "mx_private", "disposable_host", "mx_hosts")
        return {f"mail.{name}": why for name in names}
    exchangers = () if route.implicit else tuple(filter(None, route.hosts))
    unreached = _both(not route.public, route.gap or True)
    return {
        "mail.has_mx": bool(exchangers),
        "mail.null_mx": route.null,
        "mail.accepts": False if route.null else _negated(unreached),
        "mail.mx_broken": unreached if exchangers else False,
        "mail.mx_private": route.special or route.gap or False,
        "mail.disposable_host": bool(hosts.disposable_host(exchangers)),
        "mail.mx_hosts": frozenset(exchangers),
    }


def _parked(domain: str, ns: DnsAnswer, hosts: MailHosts) -> Maybe:
    if not ns.conclusive:
        return why_unknown(ns, f"name servers of {domain}")
    return bool(hosts.parking_server(ns.texts))


def _without_mx(domain: str, route: Route) -> Maybe:
    if not route.mx.conclusive:
        return why_unknown(route.mx, f"MX of {domain}")
    return route.implicit or route.null


def _spf_forbids(domain: str, txt: DnsAnswer) -> Maybe:
    """Whether SPF allows nobody to send for the domain: `v=spf1 -all` and nothing else (RFC 7208)."""
    if not txt.conclusive:
        return why_unknown(txt, f"TXT of {domain}")
    records = [words for text in txt.texts if (words := text.lower().split(" "))[0] == "v=spf1"]
    if len(records) != 1:  # several are an error (section 4.5), and forbid nothing
        return False
    mechanisms = [word for word in records[0][1:] if word and "=" not in word]  # modifiers allow nobody (section 6)
    return mechanisms == ["-all"]


def _both(left: Maybe, right: Maybe) -> Maybe:
    """Kleene's "and"."""
    if left is False or right is False:
        return False
    return next((side for side in (left, right) if isinstance(side, Unknown)), True)


def _negated(value: Maybe) -> Maybe:
    return value if isinstance(value, Unknown) else not value
