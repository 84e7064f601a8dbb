"""Whether zones can be believed: a list that lists everything, or nothing, says nothing (RFC 5782 section 5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from kycrisk.lookups.dns_answer import DnsAnswer
from kycrisk.lookups.dnsbl import Form, Listing, Lists, NotListed, Zone, ZoneInUse
from kycrisk.lookups.dnsbl_query import QueryName, address_name, filled
from kycrisk.lookups.dnsbl_verdict import interpret
from kycrisk.signals import IP, Unknown, Why

# The test points of RFC 5782 section 5; 127.0.0.x in IPv6 clothes stays IPv6 here.
_V4 = (IPv4Address("127.0.0.2"), IPv4Address("127.0.0.1"))
_V6 = (IPv6Address("::ffff:7f00:2"), IPv6Address("::ffff:7f00:1"))
_NAMES = ("test", "invalid")


@dataclass(frozen=True, slots=True)
class Canary:
    """A question whose answer is known."""

    zone: Zone
    query: QueryName
    point: str
    must_be_listed: bool


def canaries(used: ZoneInUse) -> tuple[Canary, ...]:
    """The test questions for a zone, by its catalogue or by RFC 5782."""
    zone = used.zone
    listed = _standard(zone, 0) if zone.listed is None else zone.listed
    not_listed = _standard(zone, 1) if zone.not_listed is None else zone.not_listed
    return tuple(
        Canary(zone, _question(used, point), _shown(point), wanted)
        for points, wanted in ((listed, True), (not_listed, False))
        for point in points
    )


def _standard(zone: Zone, which: int) -> tuple[IP | str, ...]:
    match zone.lists:
        case Lists.IP:
            return (_V4[which], _V6[which]) if zone.ipv6 else (_V4[which],)
        case Lists.DOMAIN:
            return (_NAMES[which],)
        case Lists.EMAIL:
            return (_NAMES[which],) if which else ()  # no address is listed everywhere


def _question(used: ZoneInUse, point: IP | str) -> QueryName:
    if not isinstance(point, str):
        return address_name(used, point)
    if "{" in point:
        return filled(used, "", Form.NAME, template=point)
    if used.zone.lists is Lists.IP:
        return address_name(used, ip_address(point))
    return filled(used, point, Form.NAME)


def _shown(point: IP | str) -> str:
    if isinstance(point, IPv6Address) and point.ipv4_mapped:
        return f"::FFFF:{int(point) >> 16 & 0xFFFF:X}:{int(point) & 0xFFFF:X}"
    return str(point).partition(".{key}")[0]


class Health:
    """Which zones are demoted, in which form of question, and why.

    A zone is believed until a canary fails, and again as soon as all of them pass. An answer that says nothing about
    the canary (a timeout, a server's failure) changes nothing: that is the circuit breaker's business.
    """

    def __init__(self) -> None:
        self._failures: dict[tuple[str, Form], dict[str, Unknown]] = {}

    def note(self, canary: Canary, answer: DnsAnswer) -> bool:
        """Learn from a canary's answer; whether the zone was demoted or restored by it."""
        if not answer.conclusive:
            return False
        failure = judge(canary, answer)
        failures = self._failures.setdefault((canary.zone.name, canary.query.form), {})
        before = bool(failures)
        if failure is None:
            failures.pop(canary.point, None)
        else:
            failures[canary.point] = failure
        return before != bool(failures)

    def why_not(self, zone: str, form: Form) -> Unknown | None:
        """Why a zone cannot be believed, None while it can."""
        failures = self._failures.get((zone, form))
        return next(iter(failures.values())) if failures else None

    def demoted(self) -> Mapping[tuple[str, Form], Unknown]:
        """Every zone that is not believed, by its name and the form of question."""
        return {at: next(iter(failures.values())) for at, failures in self._failures.items() if failures}

    def keep_only(self, zones: Iterable[str]) -> None:
        """Forget zones that are not asked any more."""
        names = set(zones)
        self._failures = {at: failures for at, failures in self._failures.items() if at[0] in names}


def judge(canary: Canary, answer: DnsAnswer) -> Unknown | None:
    """Why the zone cannot be believed after this conclusive answer, None where the answer is as it must be.

    A test point may be listed by a code of its own that means nothing else.
    """
    zone = canary.zone
    outcome = interpret(zone, answer)
    match outcome, canary.must_be_listed:
        case (Listing(), True) | (NotListed(), False):
            return None
        case NotListed(), True:
            detail = f"`{zone.name}` does not list its test point {canary.point}, so its silence means nothing"
            return Unknown(Why.MALFORMED_ANSWER, detail)
        case Unknown(why=Why.MALFORMED_ANSWER), True:
            return None
        case Unknown(why=Why.REFUSED) as refused, _:
            return refused
        case _:
            detail = f"`{zone.name}` lists {canary.point}, which no list may, so its listings mean nothing"
            return Unknown(Why.MALFORMED_ANSWER, detail)
