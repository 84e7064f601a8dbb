"""How many signups does `kycrisk screen` decide in a second, and how soon does `--help` answer?
`python -m bench.command`"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

from bench.alone import show
from bench.figure import Figure, Options, Section
from bench.fresh import ENVIRONMENT, seconds_of
from bench.signups import make_rows, write_csv
from bench.site import make_site

ROWS = 100_000
REPETITIONS = 3
PATIENCE = 45.0  # seconds after which no further repetition is begun
COMMAND = Path(sys.executable).with_name("kycrisk")


def run(options: Options) -> Section:
    """A CSV file with 100,000 signups to JSON lines, on one core, start-up included."""
    rows = 1000 if options.quick else ROWS
    with tempfile.TemporaryDirectory(prefix="kycrisk-bench-") as work:
        site = make_site(Path(work) / "site", 0.02 if options.quick else 1.0)
        source, output = Path(work) / "signups.csv", Path(work) / "decisions.jsonl"
        write_csv(source, make_rows(rows, site.entries))
        arguments = [str(COMMAND), "--config", str(site.folder), "screen", str(source), "--offline"]
        command = [*_one_core(), *arguments, "--format", "jsonl", "--output", str(output)]
        times: list[float] = []
        failures: list[str] = []
        while len(times) < (1 if options.quick else REPETITIONS) and sum(times) < PATIENCE and not failures:
            begun = perf_counter()
            done = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False, env=ENVIRONMENT)
            times.append(perf_counter() - begun)
            failures += _wrong(done, output, rows)
        size = output.stat().st_size if output.exists() else 0
    help_ = seconds_of([str(COMMAND), "--help"], 3 if options.quick else 11)
    return Section(
        name="command",
        figures=(
            Figure(
                name="kycrisk screen, CSV to JSON lines, on one core",
                value=None if failures else rows / median(times),
                unit="signups/s",
                bar=10_000,
                at_least=True,
                note="the command failed" if failures else "",
            ),
            Figure(name="kycrisk --help", value=help_ * 1000, unit="ms", bar=200),
            Figure(
                name="an empty Python process, for comparison",
                value=seconds_of([sys.executable, "-c", ""], 3 if options.quick else 11) * 1000,
                unit="ms",
            ),
        ),
        details={
            "rows": rows,
            "wall_s": [round(each, 2) for each in times],
            "output_mb": round(size / 1e6, 1),
            "bytes_a_decision": round(size / rows),
            "pinned_to_one_core": bool(_one_core()),
            "command": "kycrisk --config SITE screen signups.csv --offline --format jsonl --output decisions.jsonl",
        },
        failures=tuple(failures),
    )


def _one_core() -> list[str]:
    """What pins a command to the last core that this process may use; nothing where there is no `taskset`."""
    taskset = shutil.which("taskset")
    return [taskset, "-c", str(max(os.sched_getaffinity(0)))] if taskset else []


def _wrong(done: subprocess.CompletedProcess[str], output: Path, rows: int) -> list[str]:
    """Why the run does not count: a refused row, or a line too few."""
    if done.returncode != 0:
        return [f"kycrisk screen ended with {done.returncode}: {done.stderr[-500:]}"]
    with output.open(encoding="utf-8") as file:
        decided = [json.loads(line)["account_id"] for line in file]
    if len(set(decided)) != rows:
        return [f"{rows} rows went in and {len(set(decided))} decisions came out"]
    return []


if __name__ == "__main__":
    show(run)
