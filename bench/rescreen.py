"""Rescreening files through the command: how fast, with how much memory, and when a cluster pays.
`python -m bench rescreen`

Accounts by their facts, with full lists, from Parquet to results and report: looking up is all there is to do, and
Polars does it on all cores of one process. Then raw signups, whose names, telephone numbers and mailboxes are looked at
one by one in Python, which one process does on one core. Both by one process and by two workers of Dask on this very
machine, at growing sizes; the bytes are compared. From the smallest and the largest size follows at which one the
cluster's start is paid for.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

import polars as pl

from bench.accounts import pattern, raw_table, write_accounts
from bench.alone import show
from bench.figure import Figure, Options, Section
from bench.fresh import ENVIRONMENT, ROOT
from bench.site import Site, make_site
from kycrisk.screening.columns.opening import open_table_screener

FILE, FILES = 1_000_000, 10
RAW = (20_000, 80_000, 400_000)
WORKERS = 2

Measured = dict[str, Any]


def run(options: Options) -> Section:
    """Both kinds of input, each by both engines."""
    size, files, counts = (5_000, 2, (200, 400)) if options.quick else (FILE, FILES, RAW)
    with tempfile.TemporaryDirectory(prefix="kycrisk-bench-") as work:
        folder = Path(work)
        site = make_site(folder / "site", 0.02 if options.quick else 1.0)
        paths = _facts(folder, site, size, files, 200 if options.quick else 20_000)
        facts = {size * many: _both(site, paths[:many], folder / f"facts-{many}", size * many) for many in (1, files)}
        table = raw_table(counts[-1], site)
        raw = {count: _raw(folder, site, table.head(count)) for count in counts}
    pays = {"facts": _pays(facts), "raw": _pays(raw)}
    failures = [f"{each['rows']} accounts went in, {told} came out" for each in (*facts.values(), *raw.values())
                for told in (each["local"]["told"], each["dask"]["told"]) if each["rows"] != told]  # fmt: skip
    failures += [f"Dask gives other bytes for {each['rows']} accounts" for each in (*facts.values(), *raw.values())
                 if not each["same"]]  # fmt: skip
    most = facts[size * files]["local"]
    return Section(
        name="rescreen",
        figures=(
            Figure(
                name=f"kycrisk rescreen, {size * files / 1e6:g} M accounts by their facts, start to report",
                value=size * files / most["s"] / 1e6,
                unit="M/s",
                note=f"{most['cpu_s']:.0f} s of CPU time",
            ),
            Figure(name="its peak memory", value=most["peak_gb"], unit="GB", bar=2),
            *_compared("accounts by their facts", facts, pays["facts"]),
            *_compared("raw signups", raw, pays["raw"]),
        ),
        details={
            "threads": _threads(),
            **{f"facts_{count}": each for count, each in facts.items()},
            **{f"raw_{count}": each for count, each in raw.items()},
            "dask_pays_from": pays,
        },
        failures=tuple(failures),
    )


def _threads() -> dict[str, str]:
    """What each side may use."""
    pool = f"a pool of {pl.thread_pool_size()} threads for Polars"
    return {
        "local": f"one process, {WORKERS} slices at a time, {pool}",
        "dask": f"{WORKERS} processes, each with one slice at a time and {pool}; a scheduler, and who writes",
    }


def _compared(what: str, measured: dict[int, Measured], pays: int | None) -> list[Figure]:
    """How Dask does beside the one process, at the largest size, and from which size on it is ahead."""
    most = measured[max(measured)]
    told = "; ".join(
        f"{count:,}: {each['dask']['s']:.1f} s and {each['local']['s']:.1f} s" for count, each in measured.items()
    )
    return [
        Figure(
            name=f"Dask with two workers beside one process, {most['rows']:,} {what}",
            value=most["local"]["s"] / most["dask"]["s"],
            unit="× as fast",
            note=f"{told}; starting and ending included",
        ),
        Figure(
            name=f"Dask is ahead from, {what}",
            value=pays,
            unit="accounts",
            note="" if pays is not None else "at no size on this machine: an account takes it no less than one process",
        ),
    ]


def _pays(measured: dict[int, Measured]) -> int | None:
    """The size from which on Dask is ahead, where time grows in step with accounts; None when it never is."""
    low, high = measured[min(measured)], measured[max(measured)]
    rows = high["rows"] - low["rows"]
    each = {name: (high[name]["s"] - low[name]["s"]) / rows for name in ("local", "dask")}
    start = {name: low[name]["s"] - each[name] * low["rows"] for name in each}
    if each["local"] <= each["dask"]:
        return None
    return max(0, round((start["dask"] - start["local"]) / (each["local"] - each["dask"])))


def _facts(folder: Path, site: Site, size: int, files: int, some: int) -> list[Path]:
    """Files of accounts as an earlier run told them."""
    told = pattern(open_table_screener(site.folder, datetime.now(UTC)), site, some)
    paths = [folder / f"accounts-{number}.parquet" for number in range(files)]
    for number, path in enumerate(paths):
        write_accounts(path, size, told, site.entries, number)
    return paths


def _raw(folder: Path, site: Site, table: pl.DataFrame) -> Measured:
    """Raw signups, in slices of which each worker has several."""
    path = folder / f"raw-{table.height}.parquet"
    table.write_parquet(path)
    return _both(site, [path], folder / f"raw-{table.height}", table.height, "--rows", str(max(table.height // 16, 1)))


def _both(site: Site, paths: list[Path], out: Path, rows: int, *options: str) -> Measured:
    """The same by one process and by two workers."""
    found: Measured = {"rows": rows}
    for name in ("local", "dask"):
        out_of = out.with_name(f"{out.name}-{name}")
        asked = ("--engine", name, "--workers", str(WORKERS), *options)
        found[name] = _rescreened(site, paths, out_of, *asked)
    parts = [_parts(out.with_name(f"{out.name}-{name}")) for name in ("local", "dask")]
    return {**found, "same": parts[0] == parts[1]}


def _parts(out: Path) -> list[str]:
    """What was written, by its hashes."""
    return [hashlib.sha256(each.read_bytes()).hexdigest() for each in sorted((out / "parts").iterdir())]


def _rescreened(site: Site, paths: list[Path], out: Path, *options: str) -> dict[str, Any]:
    """One run of the command; the CPU time is that of all its processes. The peak is that of the command's own, and no
    less than what this one had, which Linux counts to it."""
    command = [sys.executable, "-m", "kycrisk", "-c", str(site.folder), "rescreen", *map(str, paths)]
    command += ["--out", str(out), "--format", "json", *options]
    begun = perf_counter()
    with subprocess.Popen(
        command, cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        printed = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):  # 1: rows were refused
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
    return {
        "told": json.loads(printed)["summary"]["rows"],
        "s": round(perf_counter() - begun, 3),
        "cpu_s": round(used.ru_utime + used.ru_stime, 3),
        "peak_gb": round(used.ru_maxrss / 1e6, 3),
    }


if __name__ == "__main__":
    show(run)
