"""How fast do compiled lists load, how big are they, how long does a lookup take? `python -m bench.lists`"""

from __future__ import annotations

import random
import tempfile
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from time import perf_counter

from bench.alone import show
from bench.figure import Figure, Options, Section
from bench.fresh import in_fresh_processes, middle
from bench.listings import NOW, Entries, compile_lists, made_up, write_lists
from bench.stopwatch import Contestant, InProcess, race
from kycrisk.feeds.lists import Lists

# Reads the snapshots as a screener does. Memory is what the process holds more than before: resident pages, so the
# interpreter's own slack counts too; the peak includes what was only needed while loading.
_LOAD = """
import json, re, resource, sys
from datetime import datetime
from pathlib import Path
from time import perf_counter
from kycrisk.feeds.catalogue import read_catalogues
from kycrisk.feeds.lists import Lists

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024

feeds = read_catalogues([Path(sys.argv[1])])
now = datetime.fromisoformat(sys.argv[3])
before, peak_before = resident(), peak()
begun = perf_counter()
lists = Lists.open(feeds, Path(sys.argv[2]), now)
taken = perf_counter() - begun
after, highest = resident(), peak()
entries = sum(one.size for feed in feeds for one in lists.fresh(feed.purpose) if one.feed.name == feed.name)
print(json.dumps({
    "ms": taken * 1000, "mb": (after - before) / 1e6, "peak_mb": (highest - peak_before) / 1e6, "entries": entries,
}))
"""


def run(options: Options) -> Section:
    """Load and lookups over made-up lists of full size."""
    entries = made_up(0.02 if options.quick else 1.0)
    with tempfile.TemporaryDirectory(prefix="kycrisk-bench-") as work:
        catalogue, snapshots = write_lists(Path(work) / "lists", entries), Path(work) / "snapshots"
        begun = perf_counter()
        feeds = compile_lists(catalogue, snapshots)
        compiled = perf_counter() - begun
        loads = in_fresh_processes(_LOAD, [str(catalogue), str(snapshots), NOW.isoformat()], 2 if options.quick else 9)
        lists = Lists.open(feeds, snapshots, NOW)
        on_disk = sum(path.stat().st_size for path in snapshots.iterdir())
    turns = 3 if options.quick else 15
    contestants = _lookups(lists, entries)
    lookups = race(contestants, inputs=5000, turns=turns)
    return Section(
        name="lists",
        figures=(
            Figure(name="loading 200,000 domains and 100,000 networks", value=middle(loads, "ms"), unit="ms", bar=100),
            Figure(name="memory they take", value=middle(loads, "mb"), unit="MB", bar=40),
            *(Figure(name=f"lookup, {name}", value=timing.median, unit="µs") for name, timing in lookups.items()),
        ),
        details={
            "domains": sum(map(len, entries.domains.values())),
            "networks": sum(map(len, entries.networks.values())),
            "entries_loaded": loads[0]["entries"],
            "compile_s": round(compiled, 2),
            "on_disk_mb": round(on_disk / 1e6, 2),
            "peak_mb_while_loading": round(middle(loads, "peak_mb"), 1),
            "loads": [{key: round(value, 2) for key, value in load.items()} for load in loads],
            "lookups": {name: timing.as_json() for name, timing in lookups.items()},
        },
        failures=_lost(entries, int(loads[0]["entries"])),
    )


def _lost(entries: Entries, loaded: int) -> tuple[str, ...]:
    """A list that loads fast because entries are missing is not fast."""
    made = sum(map(len, entries.domains.values())) + sum(map(len, entries.networks.values()))
    return () if made == loaded else (f"{made} entries were made up and {loaded} came back",)


def _lookups(lists: Lists, entries: Entries, count: int = 5000) -> dict[str, Contestant]:
    """Questions to the largest list of each kind; no key is asked twice in a turn."""
    source = random.Random("lookups")
    (domains,) = lists.fresh("disposable_domain", "corroborating")
    (networks,) = lists.fresh("blocklist")
    (sixes,) = lists.fresh("relay")
    listed = entries.domains["bench-aggregate"]
    blocks = entries.networks["bench-blocklist"]
    relays = [block for block in entries.networks["bench-relay"] if block.version == 6]
    return {
        "a listed domain": InProcess(domains.find, source.choices(listed, k=count)),
        "a name below a listed domain": InProcess(
            domains.find, [f"mx{number}.{name}" for number, name in enumerate(source.choices(listed, k=count))]
        ),
        "a domain that is not listed": InProcess(
            domains.find, [f"mail{number}.example.com" for number in range(count)]
        ),
        "a listed IPv4 address": InProcess(networks.find, [block[0] for block in source.choices(blocks, k=count)]),
        "an IPv4 address that is not listed": InProcess(
            networks.find, [IPv4Address(source.getrandbits(32)) for _ in range(count)]
        ),
        "a listed IPv6 address": InProcess(sixes.find, [block[1] for block in source.choices(relays, k=count)]),
        "an IPv6 address that is not listed": InProcess(
            sixes.find, [IPv6Address(source.getrandbits(128)) for _ in range(count)]
        ),
    }


if __name__ == "__main__":
    show(run)
