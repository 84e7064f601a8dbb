"""Does hashing for FraudRecord disturb the screenings beside it, and what does a kept answer cost?

`python -m bench.fraudrecord`
"""

from __future__ import annotations

import asyncio
import gc
import tempfile
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from hashlib import sha1
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter, process_time
from typing import Any

from bench.alone import show
from bench.figure import Figure, Options, Section
from bench.signups import as_request, make_rows
from bench.site import make_site
from kycrisk.lookups.asked import Asked
from kycrisk.lookups.budget import Budget, Limits
from kycrisk.lookups.cache import MemoryResults
from kycrisk.lookups.fraudrecord import SIGNALS, TERMS, FraudRecord, FraudRecordSettings, Person
from kycrisk.lookups.fraudrecord_hash import Hasher
from kycrisk.lookups.fraudrecord_worker import ROUNDS, hash_bytes
from kycrisk.lookups.http import Http
from kycrisk.lookups.secrets import Secret
from kycrisk.lookups.source import Source
from kycrisk.screening.screener import Screener

FIELDS = 100
EVERY = 0.002  # seconds between two screenings
ROUNDS_OF_TURNS = 3
KEY = Secret("0123456789abcdef")


def run(options: Options) -> Section:
    """Screenings alone and beside the hashing in turns; then the price of a value and of a kept answer."""
    fields, turns = (10, 1) if options.quick else (FIELDS, ROUNDS_OF_TURNS)
    with tempfile.TemporaryDirectory(prefix="kycrisk-bench-") as work:
        site = make_site(Path(work) / "site", 0.02)
        screener = Screener.open(site.folder)
        requests = [as_request(row) for row in make_rows(4000, site.entries)]
        gc.collect()
        gc.freeze()
        beside = asyncio.run(_beside(screener, requests, fields, turns))
        gc.unfreeze()
    cached = asyncio.run(_cached(2000 if options.quick else 50_000))
    return Section(
        name="fraudrecord",
        figures=(
            Figure(
                name=f"screenings that keep their latency while {fields} fields are hashed",
                value=beside["kept_percent"]["process"],
                unit="%",
                bar=95,
                at_least=True,
                note="no later than 99 % of those without hashing",
            ),
            Figure(
                name="the same, hashed in a thread",
                value=beside["kept_percent"]["thread"],
                unit="%",
                note="for comparison",
            ),
            Figure(name="hashing a field", value=_hashing(hash_bytes), unit="ms"),
            Figure(name="hashing a field as it is documented", value=_hashing(_as_documented), unit="ms"),
            Figure(name="a kept answer, CPU", value=cached["us"], unit="µs", bar=300),
            Figure(name="fields hashed more than once", value=beside["hashed_again"], unit="fields", bar=0),
        ),
        details={"beside": beside, "cached": cached},
    )


def _as_documented(value: bytes) -> str:
    for _ in range(ROUNDS):
        value = sha1(b"fraudrecord-" + value).hexdigest().encode()
    return value.decode()


def _hashing(function: Callable[[bytes], str]) -> float:
    times = []
    for number in range(11):
        begun = perf_counter()
        function(b"value %d" % number)
        times.append((perf_counter() - begun) * 1000)
    return median(times)


async def _beside(screener: Screener, requests: list[dict[str, Any]], fields: int, turns: int) -> dict[str, Any]:
    """Latencies of screenings that come every two milliseconds: alone, beside our hashing, beside a thread's."""
    latencies: dict[str, list[float]] = {"alone": [], "process": [], "thread": []}
    hasher = Hasher(MemoryResults(), pepper=b"bench", clock=perf_counter)
    await hasher.hashes({"warm": b"warm"}, _soon())
    await _screened(screener, requests, asyncio.sleep(0.3))
    computed = 0
    for turn in range(turns):
        values = [b"value %d of turn %d" % (number, turn) for number in range(fields)]
        latencies["alone"] += await _screened(screener, requests, asyncio.sleep(fields * 0.01))
        latencies["process"] += await _screened(
            screener, requests, hasher.hashes({str(number): value for number, value in enumerate(values)}, _soon())
        )
        latencies["thread"] += await _screened(screener, requests, asyncio.to_thread(_all, values))
        await hasher.hashes({str(number): value for number, value in enumerate(values)}, _soon())  # none is new
        computed += fields
    hashed_again = hasher.computed - computed - 1
    await hasher.aclose()
    usual = quantiles(latencies["alone"], n=100)[98]
    return {
        "kept_percent": {
            name: 100 * sum(latency <= usual for latency in found) / len(found) for name, found in latencies.items()
        },
        "hashed_again": hashed_again,
        "screenings": {name: len(found) for name, found in latencies.items()},
        "latency_us": {
            name: {
                "median": round(median(found) * 1e6, 1),
                "p95": round(quantiles(found, n=100)[94] * 1e6, 1),
                "p99": round(quantiles(found, n=100)[98] * 1e6, 1),
                "most": round(max(found) * 1e6, 1),
            }
            for name, found in latencies.items()
        },
    }


def _all(values: list[bytes]) -> None:
    for value in values:
        hash_bytes(value)


def _soon() -> float:
    return asyncio.get_running_loop().time() + 600


async def _screened(screener: Screener, requests: list[dict[str, Any]], beside: Awaitable[object]) -> list[float]:
    """Seconds from the moment when a screening is due to its decision, for as long as `beside` takes."""
    task = asyncio.ensure_future(beside)
    loop = asyncio.get_running_loop()
    found: list[float] = []
    due = loop.time() + EVERY
    while not task.done():
        await asyncio.sleep(due - loop.time())
        screener.screen(requests[len(found) % len(requests)])
        found.append(loop.time() - due)
        due = max(due + EVERY, loop.time())  # a late one does not make the next one late
    await task
    return found


class _Answering(FraudRecord):
    """FraudRecord's client without the network: what is measured is what stands before it."""

    async def _query(self, key: Person, deadline: float) -> Asked:
        return Asked({signal.name: value for signal, value in zip(SIGNALS, (0, 0, 0.0, ""), strict=True)})


async def _cached(count: int) -> dict[str, float]:
    """The CPU time of an answer that is kept, through everything that stands before a source."""
    kept = MemoryResults()
    http = Http(version="bench")
    hasher = Hasher(kept, pepper=b"bench", clock=perf_counter)
    client = _Answering(http, hasher, FraudRecordSettings(key=KEY))
    now = datetime(2026, 11, 23, 12, tzinfo=UTC)
    budget = Budget(Limits(), kept, lambda: now)
    source = Source(client, TERMS, budget=budget, kept=kept, now=lambda: now, clock=perf_counter)
    person = Person.of(name="Zzyzx Qwfp", email="nobody@example.invalid", ip="192.0.2.1")
    deadline = _soon()
    await source.ask(person, deadline)
    times = []
    for _ in range(5):
        begun = process_time()
        for _ in range(count // 5):
            await source.ask(person, deadline)
        times.append((process_time() - begun) / (count // 5) * 1e6)
    await source.aclose()
    await hasher.aclose()
    await http.aclose()
    return {"us": round(median(times), 2), "answers": count}


if __name__ == "__main__":
    show(run)
