"""How fast do compiled lists load, how big are they, how long does a lookup take? `python -m bench.lists`"""

from __future__ import annotations

import random
import tempfile
from datetime import UTC, datetime
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from time import perf_counter

from bench.alone import show
from bench.figure import Figure, Options, Section
from bench.fresh import in_fresh_processes, middle
from bench.listings import Entries, compile_lists, make_entries
from bench.stopwatch import Contestant, InProcess, race
from kycrisk.feeds.lists import Lists
from kycrisk.feeds.purposes import PURPOSES

# Reads the snapshots as a screener does. Memory is what the process holds more than before: resident pages, so the
# interpreter's own slack counts too; the peak includes what was only needed while loading.
_LOAD = """
import json, re, resource, sys
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from kycrisk.feeds.catalogue import read_catalogues
from kycrisk.feeds.lists import Lists

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024

folder, *catalogues = map(Path, sys.argv[1:])
feeds = [feed for feed in read_catalogues(catalogues) if feed.enabled]
now = datetime.now(UTC)
before, peak_before = resident(), peak()
begun = perf_counter()
lists = Lists.open(feeds, folder, now)
taken = perf_counter() - begun
after, highest = resident(), peak()
entries = sum(one.size for feed in feeds for one in lists.fresh(feed.purpose) if one.feed.name == feed.name)
print(json.dumps({
    "ms": taken * 1000, "mb": (after - before) / 1e6, "peak_mb": (highest - peak_before) / 1e6, "entries": entries,
}))
"""


def run(options: Options) -> Section:
    """Load and lookups over made-up lists of full size."""
    entries = make_entries(0.02 if options.quick else 1.0)
    with tempfile.TemporaryDirectory(prefix="kycrisk-bench-") as work:
        begun = perf_counter()
        compiled = compile_lists(Path(work) / "lists", entries)
        took = perf_counter() - begun
        arguments = [str(path) for path in (compiled.snapshots, *compiled.catalogues)]
        loads = in_fresh_processes(_LOAD, arguments, 2 if options.quick else 9)
        lists = Lists.open(compiled.feeds, compiled.snapshots, datetime.now(UTC))
        on_disk = sum(path.stat().st_size for path in compiled.snapshots.iterdir())
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
            "make_and_compile_s": round(took, 2),
            "on_disk_mb": round(on_disk / 1e6, 2),
            "peak_mb_while_loading": round(middle(loads, "peak_mb"), 1),
            "loads": [{key: round(value, 2) for key, value in load.items()} for load in loads],
            "lookups": {name: timing.as_json() for name, timing in lookups.items()},
        },
        failures=_lost(len(entries), int(loads[0]["entries"])),
    )


def _lost(made: int, loaded: int) -> tuple[str, ...]:
    """A list that loads fast because entries are missing is not fast; those that ship with kycrisk come on top."""
    return () if made <= loaded else (f"{made} entries were made up and {loaded} came back",)


def _lookups(lists: Lists, entries: Entries, count: int = 5000) -> dict[str, Contestant]:
    """Questions to the largest list of each kind; no key is asked twice in a turn."""
    source = random.Random("lookups")
    opened = {one.feed.name: one for purpose in PURPOSES for one in lists.fresh(purpose)}
    domains, networks = opened["disposable-aggregate"], opened["x4bnet-datacenter-v4"]
    sixes = opened["icloud-private-relay"]
    listed = entries.domains["disposable-aggregate"]
    blocks = entries.networks["x4bnet-datacenter-v4"]
    relays = [block for block in entries.networks["icloud-private-relay"] if block.version == 6]
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
