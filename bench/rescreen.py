"""Rescreening files through the command: how fast, with how much memory, and when a cluster pays.
`python -m bench.rescreen`

Ten million accounts by their facts, with full lists, from Parquet to results and report. Then raw signups, whose names,
telephone numbers and mailboxes are looked at one by one: one process beside two workers of Dask on the same machine, at
growing sizes; the bytes are compared.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Any

from bench.accounts import pattern, raw_table, write_accounts
from bench.alone import show
from bench.figure import Figure, Options, Section
from bench.fresh import ENVIRONMENT, ROOT
from bench.site import Site, make_site
from kycrisk.screening.columns.opening import open_table_screener

FILE, FILES = 1_000_000, 10
SIZES = (20_000, 80_000, 320_000)


def run(options: Options) -> Section:
    """Both measurements."""
    size, files = (10_000, 2) if options.quick else (FILE, FILES)
    sizes = (500,) if options.quick else SIZES
    with tempfile.TemporaryDirectory(prefix="kycrisk-bench-") as work:
        folder = Path(work)
        site = make_site(folder / "site", 0.02 if options.quick else 1.0)
        facts = _facts(folder, site, size, files, 1000 if options.quick else 20_000)
        raw = {count: _raw(folder, site, count) for count in sizes}
    pays = [count for count, each in raw.items() if each["dask"]["s"] < each["local"]["s"]]
    failures = [f"{each['rows']} accounts went in, {each['told']} came out" for each in (facts, *raw.values())
                if each["rows"] != each["told"]]  # fmt: skip
    failures += [f"Dask gives other bytes for {count} signups" for count, each in raw.items() if not each["same"]]
    return Section(
        name="rescreen",
        figures=(
            Figure(
                name=f"kycrisk rescreen, {size * files / 1e6:g} M accounts by their facts, start to report",
                value=facts["rows"] / facts["s"] / 1e6,
                unit="M/s",
                note=f"{facts['cpu_s']:.0f} s of CPU time",
            ),
            Figure(name="its peak memory", value=facts["peak_gb"], unit="GB", bar=2),
            *(
                Figure(
                    name=f"Dask with two workers beside one process, {count:,} raw signups",
                    value=each["local"]["s"] / each["dask"]["s"],
                    unit="× as fast",
                    note=f"{each['dask']['s']:.1f} s and {each['local']['s']:.1f} s, starting and ending included",
                )
                for count, each in raw.items()
            ),
        ),
        details={
            "facts": facts,
            **{f"raw_{count}": each for count, each in raw.items()},
            "dask_pays_from": min(pays, default=None),
        },
        failures=tuple(failures),
    )


def _facts(folder: Path, site: Site, size: int, files: int, some: int) -> dict[str, Any]:
    """Accounts as an earlier run told them."""
    told = pattern(open_table_screener(site.folder, datetime.now(UTC)), site, some)
    paths = [folder / f"accounts-{number}.parquet" for number in range(files)]
    for number, path in enumerate(paths):
        write_accounts(path, size, told, site.entries, number)
    return {"rows": size * files, **_rescreened(site, paths, folder / "facts")}


def _raw(folder: Path, site: Site, count: int) -> dict[str, Any]:
    """Raw signups, by one process and by two workers."""
    path = folder / f"raw-{count}.parquet"
    raw_table(count, site).write_parquet(path)
    rows = ["--rows", str(max(count // 16, 1))]
    found = {
        name: _rescreened(site, [path], folder / f"{name}-{count}", "--engine", name, *rows)
        for name in ("local", "dask")
    }
    parts = [_parts(folder / f"{name}-{count}") for name in found]
    return {"rows": count, "told": found["dask"]["told"], "same": parts[0] == parts[1], **found}


def _parts(out: Path) -> list[bytes]:
    return [each.read_bytes() for each in sorted((out / "parts").iterdir())]


def _rescreened(site: Site, paths: list[Path], out: Path, *options: str) -> dict[str, Any]:
    """One run of the command; the peak is of its own process."""
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
