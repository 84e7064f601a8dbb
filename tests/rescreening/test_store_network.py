"""What the network said, when accounts of a store are screened again: kept for its time, asked for only if wished."""

import asyncio
import json
from datetime import timedelta

import pytest

from kycrisk.api.service import Service
from kycrisk.lookups.source import Consulted
from kycrisk.rescreening.asking import sparing
from kycrisk.service.stored import Wanted
from kycrisk.sources.inquiry import Inquiry, Stage
from kycrisk.sources.opening import Sources
from tests.lookups.dns.server import name_server
from tests.rescreening.making import rescreener, settings_of
from tests.screening.test_screener_network import ordinary, write_site
from tests.store.making import Clock

SIGNUP = {"account_id": "a-1", "email": "jane@shop.example.com", "ip": "198.41.0.99"}


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/store.db"


async def screened(folder, url, clock):
    """The account as the service screened it."""
    service = await Service.open(settings_of(folder, url), clock=clock, upgrade_tables=True)
    try:
        wanted = Wanted(
            signup=service.standing.desk.signup(SIGNUP), raw=json.dumps(SIGNUP).encode(), actor="tests", complete=True
        )
        await service.screener.screen(service.standing, wanted)
    finally:
        await service.aclose()


async def again(folder, url, clock, **options):
    async with rescreener(folder, url, clock, **options) as made:
        _, summary = await made.run(by="ada")
        [decision, *_] = (await made.store.decisions.page()).items
        return summary, decision.decision()


def test_what_was_said_counts_for_its_time_and_is_asked_for_only_if_wished(tmp_path, url):
    async def body():
        clock = Clock()
        async with name_server() as dns:
            ordinary(dns)
            folder = write_site(tmp_path / "site", dns)
            await screened(folder, url, clock)
            asked = dns.asked("shop.example.com", "MX")
            clock.forward(hours=23)
            fresh, _ = await again(folder, url, clock)
            clock.forward(hours=23)
            expired, _ = await again(folder, url, clock)
            before = dns.asked("shop.example.com", "MX") - asked
            dns.on("shop.example.com", "MX", rcode="NXDOMAIN")
            dns.on("shop.example.com", "A", rcode="NXDOMAIN")
            dns.on("shop.example.com", "AAAA", rcode="NXDOMAIN")
            wished, decision = await again(folder, url, clock, ask=True)
            return fresh, expired, before, wished, decision, dns.asked("shop.example.com", "MX") - asked

    fresh, expired, before, wished, decision, after = asyncio.run(body())
    assert (fresh.unsettled, fresh.notes, fresh.news) == (0, {}, 0)
    assert expired.unsettled == 1
    assert expired.notes["answers of sources past their time"] >= 2
    assert before == 0
    assert after >= 1
    assert (wished.unsettled, wished.ways) == (0, {"allow>review": 1})
    assert [each.text for each in decision.reasons] == ["nobody takes mail for shop.example.com"]
    assert [each.check for each in decision.lookups if each.asked and each.check == "mail"] == ["mail"]


@pytest.mark.parametrize(("kept", "expected"), [(3, 3), (None, None)])
def test_fraudrecord_answers_from_what_is_kept_and_is_never_asked(kept, expected):
    questions = []

    async def ask(key, by):
        questions.append(key)
        return Consulted({"fraudrecord.reports": 9})

    async def peek(key):
        return None if kept is None else Consulted({"fraudrecord.reports": kept}, asked=False)

    def inquiry(name):
        return Inquiry(
            name=name, signals=(), key=lambda signup, known: "k", kept=lambda key: None, ask=ask, timeout=1.0,
            stage=Stage.SCARCE, peek=peek,
        )  # fmt: skip

    sources = Sources(
        inquiries=(inquiry("fraudrecord"), inquiry("abuseipdb")), summaries=(), unusable={}, connections=None,
        redactor=None, opened={},
    )  # fmt: skip
    spared, other = sparing(sources).inquiries
    said = asyncio.run(spared.ask("k", 0.0))
    assert (said.known.get("fraudrecord.reports"), said.asked, questions) == (expected, False, [])
    assert asyncio.run(other.ask("k", 0.0)).known == {"fraudrecord.reports": 9}


def test_answers_can_count_for_longer(tmp_path, url):
    async def body():
        clock = Clock()
        async with name_server() as dns:
            ordinary(dns)
            folder = write_site(tmp_path / "site", dns)
            with (folder / "kycrisk.yaml").open("a") as settings:
                settings.write("rescreening: {answers: 30d}\n")
            await screened(folder, url, clock)
            clock.now += timedelta(days=29)
            return (await again(folder, url, clock))[0]

    summary = asyncio.run(body())
    assert (summary.unsettled, summary.notes) == (0, {})
