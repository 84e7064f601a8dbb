"""A site, and a store with accounts that its service screened: from ordinary mailboxes, throwaway ones, and Tor."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import replace

from kycrisk.api.service import Service
from kycrisk.rescreening.store_opening import store_rescreener
from kycrisk.service.stored import Wanted
from kycrisk.settings import read_settings
from kycrisk.store.outbox import Event, Outbox, Route
from kycrisk.store.sealing import make_site_key
from kycrisk.store.store import Store
from tests.store.making import Clock

POLICY = """\
policy:
  bands: {review: 40, verify: 70, deny: 150}

attributes:
  signup.seats: {type: int, question: "How many seats?"}

lists:
  throwaway: {kind: domain, question: "Is it a throwaway domain?"}
  exits: {kind: network, question: "Is it an exit?"}

rules:
  - {id: throwaway, title: Throwaway mail, when: 'email.domain in list("throwaway")', score: 70,
     reason: "{email.domain} is thrown away"}
  - {id: exit, title: From an exit, when: 'ip.address in list("exits")', score: 45, reason: "{ip.address} is an exit"}
  - {id: burst, title: Many at once, when: 'signups(ip.address, "1h") >= 3', score: 40,
     reason: '{signups(ip.address, "1h")} from {ip.address}'}
  - {id: seats, title: Many seats, when: signup.seats > 100, score: 20, reason: "{signup.seats} seats"}
"""
OUTBOX = Outbox([Route("ep_a", frozenset(Event)), Route("ep_b", frozenset({Event.OUTCOME_CHANGED}))])


def write_site(folder, *, throwaway=("trash.example",), exits=("203.0.113.0/25",), policy=POLICY):
    """A working folder whose lists are the operator's own."""
    (folder / "rules" / "lists").mkdir(parents=True, exist_ok=True)
    (folder / "kycrisk.yaml").write_text("rules: rules\noffline: true\n")
    (folder / "rules" / "policy.yaml").write_text(policy)
    write_lists(folder, throwaway=throwaway, exits=exits)
    return folder


def write_lists(folder, *, throwaway=("trash.example",), exits=("203.0.113.0/25",)):
    for name, entries in (("throwaway", throwaway), ("exits", exits)):
        (folder / "rules" / "lists" / f"{name}.txt").write_text("".join(f"{each}\n" for each in entries))


def signup(number):
    """The signup of account `a-7`: every third at a domain of its own, every fifth from an exit."""
    domain = f"d{number}.example" if number % 3 == 0 else "mail.example"
    ip = f"203.0.113.{number % 128}" if number % 5 == 0 else f"192.0.2.{number % 250}"
    return {
        "account_id": f"a-{number}",
        "email": f"user{number}@{domain}",
        "ip": ip,
        "attributes": {"seats": number},
    }


def settings_of(folder, url):
    return read_settings(folder, environ={"KYCRISK_DATABASE": url})


async def fill(folder, url, count, clock):
    """Screen accounts as the service does; each half a minute after the one before."""
    service = await Service.open(settings_of(folder, url), clock=clock, upgrade_tables=True)
    try:
        for number in range(count):
            clock.forward(seconds=30)
            raw = signup(number)
            wanted = Wanted(signup=service.standing.desk.signup(raw), raw=json.dumps(raw).encode(), actor="tests")
            await service.screener.screen(service.standing, wanted)
    finally:
        await service.aclose()
    clock.forward(days=1)


@asynccontextmanager
async def rescreener(folder, url, clock, *, also=OUTBOX, ask=False, size=None):
    """A site's store, ready to be screened again."""
    settings = settings_of(folder, url)
    site_key = make_site_key(settings.site_key)
    async with (
        await Store.open(settings.database, site_key=site_key, clock=clock) as store,
        store_rescreener(settings, store, site_key, clock=clock, also=also, ask=ask) as made,
    ):
        yield replace(made, size=size or made.size)


def filled(folder, url, count=40):
    """A clock that stands a day after a store was filled."""
    clock = Clock()
    asyncio.run(fill(folder, url, count, clock))
    return clock
