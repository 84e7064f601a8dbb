"""Signups and worlds that the tests of this folder share. Addresses and domains are those for documentation."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any

from kycrisk.checks.check import Answer, AnyCheck
from kycrisk.checks.world import World
from kycrisk.feeds.catalogue import Feed
from kycrisk.feeds.geo import NO_GEO, Geo
from kycrisk.feeds.lists import Lists
from kycrisk.normal.email import normal_email
from kycrisk.signals import Unknown, Value
from kycrisk.signup import NO_ADDRESS, NO_PHONE, Address, Phone, Signup

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def feed(name: str, purpose: str, **settings: Any) -> Feed:
    """A trusted feed that is its own lineage, unless the settings say otherwise."""
    given = {
        "name": name,
        "title": name,
        "purpose": purpose,
        "kind": "domains",
        "url": "/nowhere",
        "licence": "CC0-1.0",
        "lineage": name,
        "trust": "trusted",
        "refresh": timedelta(days=1),
        "max_age": timedelta(days=30),
    }
    return Feed(**{**given, **settings})


def world(
    entries: Mapping[Any, Any] | None = None, missing: Mapping[Any, Unknown] | None = None, geo: Geo = NO_GEO
) -> World:
    """A world with these lists; purposes that are left out have no feed."""
    return World(lists=Lists.of(entries or {}, missing=missing or {}, as_of=NOW), now=NOW, geo=geo)


def signup(
    email: str = "anna.schmidt@example.com",
    ip: str = "192.0.2.7",
    phone: Phone = NO_PHONE,
    address: Address = NO_ADDRESS,
    **settings: Any,
) -> Signup:
    """A signup with an ordinary address, unless the arguments say otherwise."""
    return Signup(
        account_id="a-1",
        email=normal_email(email),
        ip=ip_address(ip),
        submitted_at=NOW,
        phone=phone,
        address=address,
        **settings,
    )


def ask(check: AnyCheck, of: Signup, where: World | None = None, said: Answer | None = None) -> Answer:
    """What a check says about a signup."""
    return check.prepare(where or world())(check.key(of, said or Answer({})))


def value(answer: Answer, signal: str) -> Value | Unknown:
    """One fact of an answer; the test fails when it stands in neither or both halves."""
    assert (signal in answer.known) != (signal in answer.unknown)
    return answer.known[signal] if signal in answer.known else answer.unknown[signal]
