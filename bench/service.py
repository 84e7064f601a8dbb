"""How many screenings a second does the service store and answer? `python -m bench.service`

Whole screenings (offline checks, default rules, full lists, the decision on disk before the answer) beside an empty
FastAPI endpoint on the same machine, with the same client, in turns; once on SQLite and once on PostgreSQL. The client
is a process of its own kind (load.py), with 64 connections that each have one request under way, for both alike: so p99
is that of a server that is as busy as it can be. Client and servers share the machine's processors.

Then both with two processes behind their port, which share no interpreter: on PostgreSQL they work side by side, on
SQLite their writers take turns.

Beside rates stands the processor time of a request in the server, which other programs on the machine change little.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from bench.alone import show
from bench.figure import Figure, Options, Section
from bench.load import Loaded, load, request
from bench.postgresql import postgresql
from bench.processor import Spent, postmaster, spent_by
from bench.signups import as_request, make_rows
from bench.site import make_site

CONNECTIONS = 64
ROUNDS, SCREENINGS, EMPTY = 4, 6_000, 12_000
PROCESSES, ROUNDS_OF_PROCESSES = 2, 2
_WARM_UP = 500  # requests
SHARE, TIMES_P99 = 0.35, 10.0


def run(options: Options) -> Section:
    """Both databases, each beside the empty endpoint."""
    rounds, count, empty = (1, 200, 400) if options.quick else (ROUNDS, SCREENINGS, EMPTY)
    with tempfile.TemporaryDirectory(prefix="kycrisk-bench-") as work:
        site = make_site(Path(work) / "site", 0.02 if options.quick else 1.0)
        processes = 1 if options.quick else ROUNDS_OF_PROCESSES
        rows = make_rows(2 * ((rounds + processes) * count + 2 * _WARM_UP), site.entries)
        bodies = [json.dumps(_now(as_request(row))).encode() for row in rows]
        half = len(bodies) // 2
        figures: list[Figure] = []
        details: dict[str, Any] = {"connections": CONNECTIONS}
        with postgresql() as url:
            for name, database, mine in (
                ("SQLite", f"sqlite:///{work}/bench.db", bodies[:half]),
                ("PostgreSQL", url, bodies[half:]),
            ):
                alone = rounds * count + _WARM_UP
                found, told = _beside(site.folder, database, mine[:alone], rounds, count, empty)
                found += _several(site.folder, database, mine[alone:], processes, count, empty)
                figures += [_named(figure, name) for figure in found]
                details[name] = told
        return Section(name="service", figures=tuple(figures), details=details)


def _now(signup: dict[str, object]) -> dict[str, object]:
    """A signup of now: velocity is counted over windows that end at the signup's own moment."""
    number = int(str(signup["account_id"]).rpartition("-")[2])
    at = datetime.now(UTC) - timedelta(hours=1) + timedelta(milliseconds=number)
    return {**signup, "submitted_at": at.strftime("%Y-%m-%dT%H:%M:%SZ")}


def _named(figure: Figure, database: str) -> Figure:
    return Figure(
        name=f"{figure.name}, {database}",
        value=figure.value,
        unit=figure.unit,
        bar=figure.bar,
        at_least=figure.at_least,
    )


def _beside(
    folder: Path, database: str, bodies: list[bytes], rounds: int, count: int, empty: int
) -> tuple[list[Figure], dict[str, Any]]:
    ours: list[Loaded] = []
    memory: list[int] = []
    theirs: list[Loaded] = []
    spent: list[tuple[Spent, Spent, Spent]] = []
    nothing = [request("GET", "/")] * empty
    server = postmaster(database) if database.startswith("postgresql") else None
    with _served(folder, database) as (port, process), _empty() as (other, beside):
        requests = _requests(folder, database, bodies)
        load(port, requests[:_WARM_UP], CONNECTIONS, 201)
        load(other, nothing[:_WARM_UP], CONNECTIONS, 200)
        for number in range(rounds):
            before = [spent_by(each) for each in (process, server, beside)]
            mine = requests[_WARM_UP + number * count :][:count]
            for ours_now in (number % 2 == 0, number % 2 == 1):  # each goes first as often as the other
                if ours_now:
                    ours.append(load(port, mine, CONNECTIONS, 201))
                else:
                    theirs.append(load(other, nothing, CONNECTIONS, 200))
            now = [spent_by(each) for each in (process, server, beside)]
            spent.append((now[0] - before[0], now[1] - before[1], now[2] - before[2]))
            memory.append(_memory(process))
    growth = 100.0 * (memory[-1] - memory[0]) / memory[0]
    failed = sum(each.other for each in ours)
    share = median(mine.rate / their.rate for mine, their in zip(ours, theirs, strict=True))
    times = median(mine.p99 / their.p99 for mine, their in zip(ours, theirs, strict=True))
    loop, writer = (median(part(each) for each, _, _ in spent) / count * 1e6 for part in (_main, _others))
    stored = median(each.whole for _, each, _ in spent) / count * 1e6
    nothing_us = median(each.whole for _, _, each in spent) / empty * 1e6
    processor = {"event_loop": loop, "other_threads": writer, "database_server": stored, "empty_request": nothing_us}
    figures = [
        Figure(name="processor time of a screening", value=loop + writer + stored, unit="µs"),
        Figure(name="processor time of an empty request", value=nothing_us, unit="µs"),
        Figure(name="durable screenings through HTTP", value=median(each.rate for each in ours), unit="a second"),
        Figure(name="times the rate of an empty endpoint", value=share, unit="×", bar=SHARE, at_least=True),
        Figure(name="p99, times an empty endpoint's", value=times, unit="×", bar=TIMES_P99),
        Figure(name="memory after the last round, over that after the first", value=growth, unit="%", bar=5),
        Figure(name="screenings that were not answered 201", value=failed, unit="", bar=0),
    ]
    return figures, {
        "screenings": [_told(each) for each in ours],
        "empty": [_told(each) for each in theirs],
        "processor_us": {name: round(value, 1) for name, value in processor.items()},
    }


def _several(folder: Path, database: str, bodies: list[bytes], rounds: int, count: int, empty: int) -> list[Figure]:
    """Several processes beside as many of the empty endpoint, in turns."""
    ours: list[Loaded] = []
    theirs: list[Loaded] = []
    nothing = [request("GET", "/")] * empty
    with _served(folder, database, PROCESSES) as (port, _), _empty(PROCESSES) as (other, _):
        requests = _requests(folder, database, bodies)
        load(port, requests[:_WARM_UP], CONNECTIONS, 201)
        load(other, nothing[:_WARM_UP], CONNECTIONS, 200)
        for number in range(rounds):
            ours.append(load(port, requests[_WARM_UP + number * count :][:count], CONNECTIONS, 201))
            theirs.append(load(other, nothing, CONNECTIONS, 200))
    share = median(mine.rate / their.rate for mine, their in zip(ours, theirs, strict=True))
    both = f"{PROCESSES} processes each"
    return [
        Figure(name=f"durable screenings, {both}", value=median(each.rate for each in ours), unit="a second"),
        Figure(name=f"times the rate of an empty endpoint, {both}", value=share, unit="×"),
        Figure(name=f"not answered 201, {both}", value=sum(each.other for each in ours), unit="", bar=0),
    ]


def _requests(folder: Path, database: str, bodies: list[bytes]) -> list[bytes]:
    token = _kycrisk(folder, database, "keys", "create", "bench", "-s", "screen").stdout.strip()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    return [request("POST", "/v1/screenings", body, headers) for body in bodies]


def _main(spent: Spent) -> float:
    return spent.main


def _others(spent: Spent) -> float:
    return spent.others


def _told(each: Loaded) -> dict[str, float]:
    return {"a_second": round(each.rate, 1), "p50_ms": round(each.p50, 3), "p99_ms": round(each.p99, 3)}


def _environment(folder: Path, database: str) -> dict[str, str]:
    return {**os.environ, "KYCRISK_DATABASE": database, "KYCRISK_SITE_KEY": str(folder / "site.key")}


def _kycrisk(folder: Path, database: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "kycrisk", "--config", str(folder), *arguments]
    return subprocess.run(command, env=_environment(folder, database), text=True, capture_output=True, check=True)


@contextmanager
def _served(folder: Path, database: str, processes: int = 1) -> Iterator[tuple[int, int]]:
    """The service, with a limit that no caller here comes near."""
    command = [sys.executable, "-m", "kycrisk", "--config", str(folder), "serve", "--port", "0", "--upgrade"]
    command += ["--workers", str(processes)] if processes > 1 else []
    settings = folder / "kycrisk.yaml"
    if "service:" not in settings.read_text():
        settings.write_text(settings.read_text() + "service: {limits: {requests_per_second: 1000000}}\n")
    log = (folder / "serve.log").open("w+")
    with subprocess.Popen(command, env=_environment(folder, database), stdout=log, stderr=log) as process:
        try:
            yield _port_in(folder / "serve.log", process), process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def _port_in(log: Path, process: subprocess.Popen[bytes]) -> int:
    while process.poll() is None:
        found = re.search(r"listening on [^ ]*?:(\d+)", log.read_text())
        if found:
            return int(found[1])
    raise RuntimeError(log.read_text()[-2000:])


def _memory(process: int) -> int:
    """What a process holds in memory, in kB."""
    [line] = re.findall(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    return int(line)


@contextmanager
def _empty(processes: int = 1) -> Iterator[tuple[int, int]]:
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        port = chosen.getsockname()[1]
    with subprocess.Popen([sys.executable, "-m", "bench.empty", str(port), str(processes)]) as process:
        try:
            while True:
                try:
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
                except OSError:
                    if process.poll() is not None:
                        raise
            yield port, process.pid
        finally:
            process.terminate()


if __name__ == "__main__":
    show(run)
