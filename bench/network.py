"""What do sources cost a screening, and what does the planner save? `python -m bench.network`

The default rules over all sources, which are servers on loopback. Three questions: the CPU of a screening whose answers
are all kept; the questions and the money that asking everything would take for the sample signups, and what the planner
takes; and how late the answer comes when every source hangs.
"""

from __future__ import annotations

import asyncio
import csv
import gc
import socket
import tempfile
from collections import Counter
from decimal import Decimal
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter, process_time
from typing import Any

from bench.alone import show
from bench.figure import Figure, Options, Section
from bench.outside import ZONES, Outside, outside
from bench.signups import as_request, make_rows
from bench.site import make_site
from kycrisk.decision import Decision
from kycrisk.screening.screener import AsyncScreener
from kycrisk.shipped import shipped

DEADLINE_MS = 800  # of the default policy
_MONEY = "budgets: {money: 0.02 EUR, personal_data: [email_domain, ip]}"
_NETWORK = ("mail.", "dnsbl.", "stopforumspam.", "abuseipdb.", "fraudrecord.", "ipqs.")


def run(options: Options) -> Section:
    """All three."""
    with tempfile.TemporaryDirectory(prefix="kycrisk-bench-") as work, outside() as world:
        site = make_site(Path(work) / "site", 0.02 if options.quick else 1.0)
        rows = [as_request(row) for row in make_rows(40 if options.quick else 300, site.entries)]
        write_rules(site.folder / "rules")
        warm = asyncio.run(_warm(_settled(site.folder, world), rows, 2 if options.quick else 5))
        samples = asyncio.run(_samples(Path(work), site.folder, world))
        hung = asyncio.run(_hung(_settled(site.folder, world), world, rows[:3] if options.quick else rows[:9]))
    planned, everything = samples["planned"], samples["everything"]
    return Section(
        name="network",
        figures=(
            Figure(name="CPU of a screening whose answers are all kept", value=median(warm), unit="µs", bar=300),
            Figure(name="questions for the sample signups, planned", value=planned["questions"], unit=""),
            Figure(name="questions for the sample signups, everything", value=everything["questions"], unit=""),
            Figure(name="money for the sample signups, planned", value=float(planned["money"]), unit="EUR"),
            Figure(name="money for the sample signups, everything", value=float(everything["money"]), unit="EUR"),
            Figure(
                name="outcomes of the sample signups that the planner changes",
                value=sum(a != b for a, b in zip(planned["outcomes"], everything["outcomes"], strict=True)),
                unit="",
                bar=0,
            ),
            Figure(
                name=f"answer with every source hung, {DEADLINE_MS} ms deadline, the slowest",
                value=max(hung),
                unit="ms",
                bar=DEADLINE_MS + 50,
            ),
        ),
        details={
            "zones": len(ZONES),
            "kept": {"median_us": round(median(warm), 1), "p90_us": round(quantiles(warm, n=10)[8], 1)},
            "samples": {
                name: {"questions": each["questions"], "money": str(each["money"]), "by_source": each["by_source"]}
                for name, each in samples.items()
            },
            "hung_ms": [round(each, 1) for each in hung],
        },
    )


def write_rules(folder: Path) -> None:
    """The default rules with those over these sources set live, and a policy that lets them be asked."""
    folder.mkdir()
    (folder / "lists").mkdir()
    for path in (*shipped("rules").glob("*.yaml"), *shipped("rules").glob("lists/*")):
        text = path.read_text()
        parts = text.split("    status: draft")
        text = parts[0] + "".join(
            f"    status: {'live' if any(name in part.split('when:')[1][:80] for name in _NETWORK) else 'draft'}{part}"
            for part in parts[1:]
        )
        text = text.replace(_MONEY, "budgets: {money: 0.02 EUR}")
        (folder / path.relative_to(shipped("rules"))).write_text(text)


def _settled(folder: Path, world: Outside, **terms: Any) -> Path:
    (folder / "kycrisk.yaml").write_text(
        "rules: rules\nfeeds: [feeds/feeds.yaml]\ngeo: {country: geo.mmdb, asn: geo.mmdb}\n" + world.settings(**terms)
    )
    return folder


async def _warm(folder: Path, rows: list[dict[str, Any]], rounds: int) -> list[float]:
    """µs of CPU for screenings whose every answer is kept from the first round."""
    async with await AsyncScreener.open(folder) as screener:
        for row in rows:  # one after the other: hashing for FraudRecord takes 30 ms a person
            await screener.screen(row, within=30)
        again = [await screener.screen(row) for row in rows]
        asked = Counter(each.check for decision in again for each in decision.lookups if each.asked)
        if asked:
            raise SystemExit(f"these were not kept: {asked}")
        gc.collect()
        gc.freeze()
        times = []
        for _ in range(rounds):
            for row in rows:
                begun = process_time()
                await screener.screen(row)
                times.append((process_time() - begun) * 1e6)
        gc.unfreeze()
    return times


async def _samples(work: Path, folder: Path, world: Outside) -> dict[str, dict[str, Any]]:
    """What the planner asks for the sample signups beside asking everything, each with nothing kept from before."""
    rows = _sample_rows()
    found = {}
    for name, complete in (("planned", False), ("everything", True)):
        site = work / name
        site.mkdir()
        for part in ("rules", "feeds", "geo.mmdb"):
            (site / part).symlink_to(folder / part)
        (site / ".kycrisk").mkdir()
        (site / ".kycrisk/lists").symlink_to(folder / ".kycrisk/lists")
        async with await AsyncScreener.open(_settled(site, world), remember=True) as screener:
            decisions = [await screener.screen(row, complete=complete, within=10) for row in rows]
        found[name] = _counted(decisions)
    return found


def _sample_rows() -> list[dict[str, Any]]:
    with shipped("data/samples/signups.csv").open(newline="") as file:
        return [as_request({key: value for key, value in row.items() if value}) for row in csv.DictReader(file)]


def _counted(decisions: list[Decision]) -> dict[str, Any]:
    asked = [each for decision in decisions for each in decision.lookups if each.asked]
    return {
        "questions": len(asked),
        "money": sum((Decimal(each.cost.split(" ")[0]) for each in asked if each.cost), Decimal(0)),
        "by_source": dict(sorted(Counter(each.check for each in asked).items())),
        "outcomes": [decision.outcome for decision in decisions],
    }


async def _hung(folder: Path, world: Outside, rows: list[dict[str, Any]]) -> list[float]:
    """ms until the decision when neither the name server nor a web server answers anything."""
    world.silence()
    times = []
    with socket.create_server(("127.0.0.1", 0)) as listening:  # it accepts in the kernel, and nobody reads
        async with await AsyncScreener.open(
            _settled(folder, world, timeout="250ms", web_port=listening.getsockname()[1])
        ) as screener:
            for number, row in enumerate(rows):
                row = {**row, "email": f"nobody{number}@hung{number}.example.net"}
                begun = perf_counter()
                await screener.screen(row)
                times.append((perf_counter() - begun) * 1000)
    return times


if __name__ == "__main__":
    show(run)
