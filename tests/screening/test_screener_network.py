"""Screenings that ask a real name server: in a thread of the screener's own, and in the caller's loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from kycrisk import AsyncScreener, Screener, decision_from_json, decision_to_json
from kycrisk.decision import Decision
from kycrisk.outcome import Outcome
from kycrisk.screening.loop_thread import LoopThread
from kycrisk.screening.recheck import RECHECK_FILE, read_rechecks
from tests.lookups.dns.server import NameServer, name_server
from tests.sources.making import NOW

RULES = """\
rules:
  - id: undeliverable
    title: Mail cannot reach the customer
    when: not mail.accepts
    score: 45
    reason: nobody takes mail for {email.domain}
  - id: reported
    title: On a blocklist
    when: dnsbl.spamcop_weight >= 1
    score: 45
    reason: SpamCop lists {ip.address}
  - id: private
    title: A private address
    when: ip.kind == "private"
    at_least: deny
    binding: true
    reason: "{ip.address} is private"
"""
SIGNUP = {"account_id": "a-1", "email": "jane@shop.example.com", "ip": "198.41.0.99"}
LISTED = "99.0.41.198.bl.spamcop.net"


def write_site(folder: Path, dns: NameServer, *, timeout: str = "2s") -> Path:
    (folder / "rules").mkdir(parents=True)
    (folder / "rules/policy.yaml").write_text("policy:\n  bands: {review: 40, verify: 70}\n  if_unknown: miss\n")
    (folder / "rules/rules.yaml").write_text(RULES)
    (folder / "kycrisk.yaml").write_text(
        f"network: {{timeout: {timeout}, resolver: ['{dns.nameserver}']}}\n"
        "sources: {mail: {}, dnsbl: {zones: [spamcop]}}\n"
    )
    return folder


def ordinary(dns: NameServer) -> None:
    dns.give("shop.example.com", "MX", "10 mx.example.com.")
    dns.give("mx.example.com", "A", "198.41.0.4")
    dns.give("example.com", "NS", "ns.example.com.")
    dns.give("2.0.0.127.bl.spamcop.net", "A", "127.0.0.2")  # the test point of RFC 5782


@contextmanager
def served() -> Iterator[NameServer]:
    """A name server in a thread of its own, for programs without a loop."""
    thread = LoopThread()

    async def opened() -> tuple[object, NameServer]:
        context = name_server()
        return context, await context.__aenter__()

    context, dns = thread.run(opened())
    try:
        yield dns
    finally:
        thread.run(context.__aexit__(None, None, None))  # type: ignore[attr-defined]
        thread.close()


@asynccontextmanager
async def opened(folder: Path, **terms: object) -> AsyncIterator[tuple[NameServer, AsyncScreener]]:
    async with name_server() as dns:
        ordinary(dns)
        site = write_site(folder, dns, **terms)  # type: ignore[arg-type]
        async with await AsyncScreener.open(site, clock=lambda: NOW, new_id=lambda at: "dec") as screener:
            yield dns, screener


def without_times(decision: Decision) -> dict[str, object]:
    return {
        "evidence": decision.evidence,
        "outcome": decision.outcome,
        "lookups": [
            (each.check, each.asked, each.why) for each in decision.lookups if each.check in ("mail", "spamcop")
        ],
    }


def test_sync_and_async_find_out_the_same(tmp_path):
    with served() as dns:
        ordinary(dns)
        dns.give(LISTED, "A", "127.0.0.2")
        site = write_site(tmp_path / "sync", dns)
        with Screener.open(site, clock=lambda: NOW, new_id=lambda at: "dec") as screener:
            first, again = screener.screen(SIGNUP), screener.screen(SIGNUP)

    async def screened() -> Decision:
        async with opened(tmp_path / "async") as (dns, screener):
            dns.give(LISTED, "A", "127.0.0.2")
            return await screener.screen(SIGNUP)

    assert without_times(asyncio.run(screened())) == without_times(first)
    assert (first.outcome, first.settled, [reason.rule for reason in first.reasons]) == (
        Outcome.REVIEW,
        True,
        ["reported"],
    )
    assert [(each.check, each.asked) for each in again.lookups if each.check in ("mail", "spamcop")] == [
        ("mail", False),
        ("spamcop", False),
    ]  # kept from the first time
    assert again.evidence.known == first.evidence.known


def test_a_decision_with_silent_sources_replays_to_the_same_bytes(tmp_path):
    async def screened() -> tuple[str, str, str]:
        async with opened(tmp_path / "site", timeout="30ms") as (dns, screener):
            dns.rules.clear()
            dns.on("*", drops=10**6)
            text = decision_to_json(await screener.screen(SIGNUP))
            read = decision_from_json(text)
            return text, decision_to_json(read), decision_to_json(await screener.replay(read))

    text, read, again = asyncio.run(screened())
    assert text == read == again
    assert '"timeout"' in text


def test_what_is_settled_asks_nobody(tmp_path):
    async def screened() -> tuple[Decision, int]:
        async with opened(tmp_path / "site") as (dns, screener):
            decision = await screener.screen({**SIGNUP, "ip": "10.1.2.3"})
            return decision, len(dns.queries)

    decision, queries = asyncio.run(screened())
    canaries = 2  # the watch over the blocklist asks its own questions
    assert decision.outcome is Outcome.DENY
    assert queries <= canaries
    told = {each.check: each.why for each in decision.lookups}
    assert told["mail"] == told["spamcop"] == "no answer could change the outcome"
    assert str(decision.evidence.unknown["mail.accepts"]) == "skipped (no answer could change the outcome)"


def test_everything_is_asked_where_that_is_wanted(tmp_path):
    async def screened() -> Decision:
        async with opened(tmp_path / "site") as (_, screener):
            return await screener.screen({**SIGNUP, "ip": "10.1.2.3"}, complete=True)

    assert "mail.accepts" in asyncio.run(screened()).evidence.known


def test_screenings_of_the_same_key_share_their_questions(tmp_path):
    async def screened() -> tuple[int, int, set[Outcome]]:
        async with opened(tmp_path / "site") as (dns, screener):
            dns.give(LISTED, "A", "127.0.0.2", delay=0.05)
            signups = ({**SIGNUP, "account_id": f"a-{number}"} for number in range(20))
            decisions = await asyncio.gather(*(screener.screen(signup) for signup in signups))
            return dns.asked(LISTED), dns.asked("shop.example.com", "MX"), {each.outcome for each in decisions}

    assert asyncio.run(screened()) == (1, 1, {Outcome.REVIEW})


def test_who_was_decided_in_silence_is_on_the_recheck_list_until_the_source_answers(tmp_path):
    async def screened() -> list[list[str]]:
        told = []
        async with opened(tmp_path / "site", timeout="30ms") as (dns, screener):
            path = tmp_path / "site/.kycrisk" / RECHECK_FILE
            dns.on(LISTED, drops=1)
            for _ in range(2):
                await screener.screen(SIGNUP)
                told.append([f"{each.account_id} {' '.join(each.waiting_for)}" for each in read_rechecks(path)])
        return told

    assert asyncio.run(screened()) == [["a-1 spamcop"], []]


@pytest.mark.parametrize("within", [0.05, 0.15])
def test_the_caller_has_the_last_word_on_the_deadline(tmp_path, within):
    async def screened() -> Decision:
        async with opened(tmp_path / "site", timeout="10s") as (dns, screener):
            dns.rules.clear()
            dns.on("*", drops=10**6)
            return await screener.screen(SIGNUP, within=within)

    decision = asyncio.run(screened())
    assert within * 1000 <= decision.took_ms < within * 1000 + 400
    assert not decision.settled


def test_many_signups_are_asked_about_together(tmp_path):
    with served() as dns:
        ordinary(dns)
        dns.on("*.bl.spamcop.net", rcode="NXDOMAIN", delay=0.05)
        site = write_site(tmp_path / "site", dns)
        with Screener.open(site) as screener:
            signups = [
                screener.signup({**SIGNUP, "account_id": f"a-{number}", "ip": f"198.41.1.{number}"})
                for number in range(100)
            ]
            decisions = screener.screen_many(signups)
    assert [decision.account_id for decision in decisions] == [signup.account_id for signup in signups]
    assert {decision.settled for decision in decisions} == {True}
