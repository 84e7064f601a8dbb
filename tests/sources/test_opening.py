"""Sources opened from real settings over real servers: asked, kept across restarts, and closed again."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random

from pytest_httpserver import HTTPServer

from kycrisk.lookups import fraudrecord_hash
from kycrisk.settings import read_settings
from kycrisk.signals import Unknown, Why
from kycrisk.sources.catalogue import network_signals
from kycrisk.sources.inquiry import AnyInquiry, Stage
from kycrisk.sources.opening import Sources, open_sources
from tests.lookups.dns.server import NameServer, name_server
from tests.sources.making import NOW, signup, soon

KEY = "0123456789abcdef"
STRANGER = signup(ip="198.41.0.4", first_name="Zzyzx", last_name="Qwfp-Testing")
LOOKUPS = """\
lookups:
  acme:
    url: "%s/acme/{ip.address}?age={domain.age}"
    plain_http: true
    headers: {Authorization: "Bearer {secret:acme}"}
    sends: [ip, email_domain]
    signals:
      acme.score: {type: int, path: score, question: How risky does Acme find the IP address?}
"""


@asynccontextmanager
async def opened(folder: Path, text: str, later: timedelta = timedelta(0)) -> AsyncIterator[Sources]:
    (folder / "kycrisk.yaml").write_text(text)
    settings = read_settings(folder, environ={})
    assert settings.sources.problems == ()
    sources = await open_sources(settings.sources, state=settings.state, now=lambda: NOW + later, random=Random(7))
    try:
        yield sources
    finally:
        await sources.aclose()


def named(sources: Sources, name: str) -> AnyInquiry:
    (found,) = (each for each in sources.inquiries if each.name == name)
    return found


async def ask(sources: Sources, name: str, known=None):
    inquiry = named(sources, name)
    return await inquiry.ask(inquiry.key(STRANGER, known or {}), soon())


def network(server: NameServer) -> str:
    return f"network: {{timeout: 5s, resolver: ['127.0.0.1:{server.port}'], allow: [127.0.0.0/8]}}\n"


def everything(server: NameServer, web: HTTPServer, folder: Path) -> str:
    (folder / "rdap.json").write_text(json.dumps({"services": [[["com"], [web.url_for("/rdap/")]]]}))
    (folder / "lookups.yaml").write_text(LOOKUPS % web.url_for("").rstrip("/"))
    return network(server) + (
        "budget: {money: [5 EUR], questions: {abuseipdb: 1, spamcop: 9}}\n"
        "sources:\n"
        "  mail: {}\n"
        "  dnsbl: {zones: [spamcop, spamhaus-dbl]}\n"
        "  domain_age: {bootstrap: rdap.json}\n"
        f"  stopforumspam: {{endpoint: '{web.url_for('/sfs')}'}}\n"
        f"  abuseipdb: {{key: abuse-ipdb-key, endpoint: '{web.url_for('/abuse/')}'}}\n"
        f"  fraudrecord: {{key: {KEY}, fields: [email], endpoint: '{web.url_for('/fraudrecord/')}'}}\n"
        f"  ipqs: {{key: ipqs-secret-key, ask: [ip, phone], cost: 0.003 EUR, endpoint: '{web.url_for('/ipqs')}'}}\n"
        "  minfraud: {account_id: 42, key: a-licence-key, cost: 0.01 EUR, host: 'localhost:1'}\n"
        "  lookups: {file: lookups.yaml, hosts: [localhost], secrets: {acme: acme-secret}}\n"
    )


def answer(web: HTTPServer) -> None:
    web.expect_request("/sfs").respond_with_json({"success": 1, "ip": {"appears": 0}, "emailhash": {"appears": 0}})
    web.expect_request("/abuse/check").respond_with_json(
        {"data": {"ipAddress": "198.41.0.4", "abuseConfidenceScore": 12, "totalReports": 2, "numDistinctUsers": 1,
                  "isWhitelisted": False, "isTor": False, "usageType": "Data Center"}}
    )  # fmt: skip
    web.expect_request("/fraudrecord/").respond_with_data(
        "<report>14-3-6.7-abd2ce90ea864c03</report>", content_type="text/html"
    )
    web.expect_request("/ipqs/ip/ipqs-secret-key/198.41.0.4").respond_with_json({"success": True, "fraud_score": 80})
    web.expect_request("/rdap/domain/example.com").respond_with_json(
        {"objectClassName": "domain", "events": [{"eventAction": "registration", "eventDate": "2026-11-20T12:00:00Z"}]},
        content_type="application/rdap+json",
    )
    web.expect_request("/acme/198.41.0.4", headers={"Authorization": "Bearer acme-secret"}).respond_with_json(
        {"score": 7}
    )


def arrange(server: NameServer) -> None:
    server.give("shop.example.com", "MX", "10 mx.example.com.")
    server.give("mx.example.com", "A", "198.41.0.5")
    server.give("4.0.41.198.bl.spamcop.net", "A", "127.0.0.2")
    server.give("2.0.0.127.bl.spamcop.net", "A", "127.0.0.2")
    server.give("dbltest.com.dbl.spamhaus.org", "A", "127.0.1.2")


def test_every_source_is_asked(tmp_path, httpserver):
    answer(httpserver)

    async def work():
        async with name_server() as server:
            arrange(server)
            async with opened(tmp_path, everything(server, httpserver, tmp_path)) as sources:
                stages = {inquiry.name: inquiry.stage for inquiry in sources.inquiries}
                names = ("mail", "spamcop", "stopforumspam", "abuseipdb", "fraudrecord", "ipqs-ip", "domain_age")
                said = {name: (await ask(sources, name)).known for name in names}
                said["acme"] = (
                    await ask(sources, "acme", {"ip.address": STRANGER.ip, "domain.age": timedelta(3)})
                ).known
                return stages, said, dict(sources.unusable), [summary.signals[0].name for summary in sources.summaries]

    stages, said, unusable, summed = asyncio.run(work())
    assert stages == {
        "mail": Stage.FREE,
        "spamcop": Stage.SCARCE,  # it has a quota
        "spamhaus-dbl": Stage.FREE,
        "domain_age": Stage.FREE,
        "stopforumspam": Stage.FREE,
        "abuseipdb": Stage.SCARCE,
        "fraudrecord": Stage.SCARCE,
        "ipqs-ip": Stage.PAID,
        "ipqs-phone": Stage.PAID,
        "minfraud": Stage.PAID,
        "acme": Stage.FREE,
    }
    assert said["mail"]["mail.accepts"] is True
    assert said["spamcop"] == {"dnsbl.spamcop": frozenset({"spam_source"}), "dnsbl.spamcop_weight": 2}
    assert said["stopforumspam"]["stopforumspam.ip_appears"] is False
    assert said["abuseipdb"]["abuseipdb.score"] == 12
    assert said["fraudrecord"]["fraudrecord.reports"] == 3
    assert said["ipqs-ip"] == {"ipqs.ip_score": 80}
    assert said["domain_age"]["domain.age"] == timedelta(days=5)
    assert said["acme"] == {"acme.score": 7}
    assert summed == ["dnsbl.ip_listed", "dnsbl.domain_listed"]
    assert unusable["ipqs.email_score"] == Unknown(Why.NOT_CONFIGURED, "ipqs is set up without it")
    answered = {"mail.accepts", "dnsbl.spamcop", "dnsbl.ip_grave", "acme.score"}
    assert not answered & unusable.keys()


def test_each_signal_is_answered_or_it_is_said_why_not(tmp_path, httpserver):
    async def work():
        async with name_server() as server, opened(tmp_path, everything(server, httpserver, tmp_path)) as sources:
            return sources

    sources = asyncio.run(work())
    answered = {name for inquiry in sources.inquiries for name in inquiry.answers}
    answered |= {signal.name for summary in sources.summaries for signal in summary.signals}
    assert not answered & sources.unusable.keys()
    assert answered | sources.unusable.keys() == {*network_signals(), "acme.score"}


def test_answers_and_budgets_outlive_the_process(tmp_path, httpserver):
    answer(httpserver)

    async def once(name: str, later: timedelta):
        async with (
            name_server() as server,
            opened(tmp_path, everything(server, httpserver, tmp_path), later) as sources,
        ):
            return await ask(sources, name)

    first, second = (asyncio.run(once("fraudrecord", timedelta(days=days))) for days in (0, 60))
    assert (first.asked, second.asked, second.as_of) == (True, False, NOW)
    assert first.known == second.known
    assert asyncio.run(once("fraudrecord", timedelta(days=91))).asked
    spent = [asyncio.run(once("abuseipdb", timedelta(hours=hours))) for hours in (0, 1, 13)]
    assert [each.known.get("abuseipdb.score") for each in spent] == [12, None, 12]  # the next day of UTC has begun
    refusal = "abuseipdb was asked 1 times today, which is its quota"
    assert spent[1].unknown["abuseipdb.score"] == Unknown(Why.OVER_BUDGET, refusal)


def test_what_is_kept_is_for_the_owner_and_names_nobody(tmp_path, httpserver):
    answer(httpserver)

    async def work():
        async with name_server() as server, opened(tmp_path, everything(server, httpserver, tmp_path)) as sources:
            await ask(sources, "fraudrecord")

    asyncio.run(work())
    state = tmp_path / ".kycrisk"
    assert {path.name: oct(path.stat().st_mode & 0o777) for path in state.iterdir()} == {
        "pepper": "0o600",
        "results.jsonl": "0o600",
        "results.jsonl.lock": "0o600",
    }
    assert len((state / "pepper").read_bytes()) == 32
    kept = (state / "results.jsonl").read_text()
    assert '"fraudrecord"' in kept
    assert "example.com" not in kept.replace("localhost", "")
    before = (state / "pepper").read_bytes()
    asyncio.run(work())
    assert (state / "pepper").read_bytes() == before


def test_a_pepper_that_was_cut_off_is_made_anew(tmp_path, httpserver):
    (tmp_path / ".kycrisk").mkdir()
    (tmp_path / ".kycrisk/pepper").write_bytes(b"short")

    async def work():
        async with name_server() as server, opened(tmp_path, everything(server, httpserver, tmp_path)) as sources:
            return sources.connections.pepper

    assert asyncio.run(work()) == (tmp_path / ".kycrisk/pepper").read_bytes() != b"short"


def test_a_second_process_spends_nothing(tmp_path, httpserver):
    async def work():
        async with name_server() as server:
            text = everything(server, httpserver, tmp_path)
            async with opened(tmp_path, text), opened(tmp_path, text) as second:
                return second

    second = asyncio.run(work())
    assert [inquiry.name for inquiry in second.inquiries] == ["mail", "stopforumspam", "acme"]
    assert [problem.message for problem in second.problems] == ["another kycrisk process is using it"]
    reason = second.unusable["fraudrecord.reports"]
    assert reason.why is Why.NOT_CONFIGURED
    assert reason.detail.startswith("fraudrecord is out of use: what it answered and cost cannot be kept: ")


def test_a_state_folder_that_cannot_be_used(tmp_path, httpserver):
    (tmp_path / ".kycrisk").write_text("a file in its place")

    async def work():
        async with name_server() as server, opened(tmp_path, everything(server, httpserver, tmp_path)) as sources:
            return sources

    sources = asyncio.run(work())
    assert [inquiry.name for inquiry in sources.inquiries] == ["mail", "stopforumspam", "acme"]
    assert [problem.message for problem in sources.problems] == ["cannot be used: file exists"]


def test_fraudrecord_where_values_are_hashed_differently(tmp_path, httpserver, monkeypatch):
    monkeypatch.setattr(fraudrecord_hash, "KNOWN_VECTORS", {"John Smith": "0" * 40})

    async def work():
        async with name_server() as server, opened(tmp_path, everything(server, httpserver, tmp_path)) as sources:
            return sources

    sources = asyncio.run(work())
    assert "fraudrecord" not in [inquiry.name for inquiry in sources.inquiries]
    assert sources.unusable["fraudrecord.value"] == Unknown(
        Why.MALFORMED_ANSWER, "a published value is hashed differently here"
    )


def test_zones_are_watched(tmp_path, httpserver):
    async def work():
        async with name_server() as server:
            arrange(server)
            async with opened(tmp_path, everything(server, httpserver, tmp_path)) as sources:
                for _ in range(500):
                    if server.asked("2.0.0.127.bl.spamcop.net") and server.asked("1.0.0.127.bl.spamcop.net"):
                        break
                    await asyncio.sleep(0.01)
                server.give("1.0.0.127.bl.spamcop.net", "A", "127.0.0.2")
                return server.asked("2.0.0.127.bl.spamcop.net"), server.asked("1.0.0.127.bl.spamcop.net"), sources

    listed, unlisted, _ = asyncio.run(work())
    assert (listed, unlisted) == (1, 1)


def test_closing_ends_everything(tmp_path, httpserver):
    answer(httpserver)
    httpserver.expect_request("/slow").respond_with_data("", status=503)
    others = children()  # Python's own resource tracker, once a process was spawned anywhere

    async def work():
        async with name_server() as server:
            loop_tasks = asyncio.all_tasks()
            async with opened(tmp_path, everything(server, httpserver, tmp_path)) as sources:
                await ask(sources, "fraudrecord")
                pids = children()
                busy = asyncio.all_tasks() - loop_tasks
            await asyncio.sleep(0)
            return pids, children(), busy, [task for task in busy if not task.done()]

    running, after, busy, left = asyncio.run(work())
    assert len(running - others) == 1  # the process that hashes
    assert after - others == set()
    assert busy
    assert left == []
    filters = [each for name in ("httpx", "kycrisk") for each in logging.getLogger(name).filters]
    assert filters == []


def children() -> set[int]:
    """The processes below this one that are still alive."""
    found = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    return {int(pid) for pid in found if "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()}


def test_nothing_is_opened_without_the_network(tmp_path, httpserver):
    async def work():
        async with name_server() as server:
            (tmp_path / "kycrisk.yaml").write_text(everything(server, httpserver, tmp_path))
            settings = replace(read_settings(tmp_path, environ={}), offline=True)
            sources = await open_sources(settings.sources, state=settings.state, now=lambda: NOW, random=Random(7))
            await sources.aclose()
            return sources, server.queries

    sources, queries = asyncio.run(work())
    assert (sources.inquiries, sources.summaries, queries) == ((), (), [])
    assert set(sources.unusable.values()) == {Unknown(Why.NOT_CONFIGURED, "the network is not used")}
    assert sources.unusable.keys() == {*network_signals(), "acme.score"}
    assert not (tmp_path / ".kycrisk").exists()


def test_logs_show_no_key(tmp_path, httpserver, caplog):
    async def work():
        async with name_server() as server, opened(tmp_path, everything(server, httpserver, tmp_path)):
            logging.getLogger("httpx").error("GET /ipqs/ip/%s/198.41.0.4", "ipqs-secret-key")

    asyncio.run(work())
    assert "GET /ipqs/ip/[redacted]/198.41.0.4" in caplog.text
    assert "ipqs-secret-key" not in caplog.text
