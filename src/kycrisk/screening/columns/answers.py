"""The checks over columns of signups: each asked once for every distinct key, and joined back."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from ipaddress import IPv4Address
from typing import Any

import polars as pl

from kycrisk.checks import CHECKS, address, country, email, geo, ip, name, person, phone, user_agent
from kycrisk.checks.check import Answer, AnyCheck
from kycrisk.checks.world import World
from kycrisk.feeds.geo import Database
from kycrisk.normal.email import normal_email
from kycrisk.normal.phone import normal_phone
from kycrisk.ordinary import ADDRESS_LIMITS
from kycrisk.ruleset.columns.values import column, unpacked
from kycrisk.signals import IP, Unknown, Why
from kycrisk.signup import Address, EmailAddress, Signup
from kycrisk.special_networks import SEGMENTS_V4, SEGMENTS_V6

#: The columns that a check's key is read from.
READS: Mapping[str, tuple[str, ...]] = {
    email.CHECK.name: ("email",),
    ip.CHECK.name: ("ip",),
    phone.CHECK.name: ("phone", "address.country"),
    address.CHECK.name: tuple(f"address.{part}" for part in ADDRESS_LIMITS),
    name.CHECK.name: ("first_name", "last_name", "company", "email"),
    person.CHECK.name: ("first_name", "last_name", *(f"address.{part}" for part in ADDRESS_LIMITS)),
    user_agent.CHECK.name: ("user_agent",),
}
#: Facts that stand in the table of signups as they are.
AS_THEY_ARE: Mapping[str, str] = {
    "signup.submitted_at": "submitted_at",
    "signup.account_id": "account_id",
    "signup.company": "company",
    "ip.address": "ip",
    "address.country": "address.country",
    "address.postal_code": "address.postal_code",
}
_BY_NAME: Mapping[str, AnyCheck] = {check.name: check for check in CHECKS}
_COUNTRIES = ("phone.country", "address.country", "ip.country")
_NOTHING_SAID = Answer({})
_NOT_LOCATED = Unknown(Why.SKIPPED)
_NO_EMAIL = EmailAddress(raw="", valid=False)
_NO_TIME = datetime(1970, 1, 1, tzinfo=UTC)
_NO_IP = IPv4Address(0)

Facts = dict[str, pl.Series]


class Answers:
    """The checks made ready for one world, apart from those that lists alone decide."""

    def __init__(self, world: World) -> None:
        self._world = world
        names = (*READS, geo.CHECK.name, country.CHECK.name)
        self._ask: Mapping[str, Callable[[Any], Answer]] = {each: _BY_NAME[each].prepare(world) for each in names}

    def of(self, signups: pl.DataFrame, wanted: Collection[str]) -> Facts:
        """The wanted signals over signups in their normal form; signals of other checks are left out."""
        facts = {signal: signups[each].alias(signal) for signal, each in AS_THEY_ARE.items() if signal in wanted}
        needed = {*wanted, *(_COUNTRIES if any(signal in wanted for signal in _signals(country.CHECK)) else ())}
        emails: dict[str, EmailAddress] = {}
        for check_name, reads in READS.items():
            check = _BY_NAME[check_name]
            signals = [each for each in _signals(check) if each in needed and each not in facts]
            if signals:
                table = signups.select(reads)
                if check is address.CHECK:  # what is left to ask is whether anything was given
                    table = table.select(
                        pl.when(pl.all() != "").then(pl.lit("given")).otherwise(pl.lit("")).name.keep()
                    )
                facts |= self._distinct(check, table, signals, emails)
        located = [each for each in _signals(geo.CHECK) if each in needed]
        if located:
            facts |= self._located(signups["ip"], located)
        compared = [each for each in _signals(country.CHECK) if each in wanted]
        if compared:
            facts |= self._compared(pl.DataFrame([facts[each] for each in _COUNTRIES]), compared)
        return {signal: series for signal, series in facts.items() if signal in wanted}

    def _distinct(
        self, check: AnyCheck, table: pl.DataFrame, signals: Sequence[str], emails: dict[str, EmailAddress]
    ) -> Facts:
        """What a check says of each distinct row of the columns that it reads."""
        keys = table.unique()
        key, ask, signup = check.key, self._ask[check.name], _SIGNUPS[check.name]

        def mailbox(written: str) -> EmailAddress:
            if written not in emails:
                emails[written] = normal_email(written)
            return emails[written]

        answers = [ask(key(signup(row, mailbox), _NOTHING_SAID)) for row in keys.iter_rows()]
        return _joined(table, keys, check, answers, signals)

    def _located(self, ips: pl.Series, signals: Sequence[str]) -> Facts:
        """What the databases say: asked once for each of their networks that an address lies in."""
        databases = [each.at(self._world.now) for each in (self._world.geo.countries, self._world.geo.networks)]
        open_ = [each for each in databases if isinstance(each, Database)]
        keys = ips.drop_nulls().unique().sort()  # octets of one length sort as addresses do
        ask = self._ask[geo.CHECK.name]
        answers: list[Answer] = []
        fours = keys.filter(keys.bin.size() == 4)
        for octets in (fours, keys.filter(keys.bin.size() > 4)):
            for member, count in _runs(octets.to_list(), open_):
                answers += [ask(member)] * count
        table = pl.DataFrame({"ip": ips})
        sorted_keys = pl.DataFrame({"ip": pl.concat([fours, keys.filter(keys.bin.size() > 4)])})
        return _joined(table, sorted_keys, geo.CHECK, answers, signals)

    def _compared(self, countries: pl.DataFrame, signals: Sequence[str]) -> Facts:
        """Whether the countries agree; where the address could not be located, whatever was the reason."""
        keys, ask = countries.unique(), self._ask[country.CHECK.name]
        answers = [ask((told, lives, _NOT_LOCATED if at is None else at)) for told, lives, at in keys.rows()]
        return _joined(countries, keys, country.CHECK, answers, signals)


def _signals(check: AnyCheck) -> tuple[str, ...]:
    return tuple(signal.name for signal in check.signals)


def _joined(
    table: pl.DataFrame, keys: pl.DataFrame, check: AnyCheck, answers: Sequence[Answer], signals: Collection[str]
) -> Facts:
    """The answers about keys, for every row of the table."""
    facts = [
        column(f" {signal.name}", signal.type, [answer.known.get(signal.name) for answer in answers])
        for signal in check.signals
        if signal.name in signals
    ]
    found = table.join(keys.with_columns(facts), on=table.columns, how="left", nulls_equal=True, maintain_order="left")
    return {each.name.strip(): found[each.name].alias(each.name.strip()) for each in facts}


def _signup(**given: Any) -> Signup:
    """A signup of which only some fields are given; a check reads no others."""
    return Signup(**{"account_id": "", "email": _NO_EMAIL, "ip": _NO_IP, "submitted_at": _NO_TIME, **given})


#: What a check is asked about: a row of the columns that it reads, as a signup.
_SIGNUPS: Mapping[str, Callable[[Sequence[Any], Callable[[str], EmailAddress]], Signup]] = {
    email.CHECK.name: lambda row, mailbox: _signup(email=mailbox(row[0])),
    ip.CHECK.name: lambda row, _: _signup(ip=unpacked(row[0])),
    phone.CHECK.name: lambda row, _: _signup(phone=normal_phone(row[0], row[1])),
    address.CHECK.name: lambda row, _: _signup(address=Address(**dict(zip(ADDRESS_LIMITS, row, strict=True)))),
    name.CHECK.name: lambda row, mailbox: _signup(
        first_name=row[0], last_name=row[1], company=row[2], email=mailbox(row[3])
    ),
    person.CHECK.name: lambda row, _: _signup(
        first_name=row[0], last_name=row[1], address=Address(**dict(zip(ADDRESS_LIMITS, row[2:], strict=True)))
    ),
    user_agent.CHECK.name: lambda row, _: _signup(user_agent=row[0]),
}


def _runs(octets: Sequence[bytes], databases: Sequence[Database]) -> Iterator[tuple[IP, int]]:
    """Sorted addresses of one version in runs of which every database says the same: the first, and how many."""
    at = 0
    while at < len(octets):
        member = unpacked(octets[at])
        last = _last_alike(member, databases).to_bytes(len(member.packed), "big") + b"\xff"  # zones come behind
        behind = max(bisect_right(octets, last, at), at + 1)
        yield member, behind - at
        at = behind


def _last_alike(member: IP, databases: Sequence[Database]) -> int:
    """The last address behind this one in the same networks of the databases and the same special-purpose block."""
    starts = (SEGMENTS_V4 if isinstance(member, IPv4Address) else SEGMENTS_V6).starts
    number, bits = int(member), member.max_prefixlen
    piece = bisect_right(starts, number)
    last = starts[piece] - 1 if piece < len(starts) else (1 << bits) - 1
    for each in databases:
        last = min(last, number | (1 << (bits - each.prefix(member))) - 1)
    return last
