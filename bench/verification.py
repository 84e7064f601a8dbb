"""How long do the clocks of 10,000 open cases take, and the reviewers' queue? `python -m bench.verification`"""

from __future__ import annotations

import asyncio
import socket
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from time import perf_counter

import httpx
import uvicorn

from bench.alone import show
from bench.figure import Figure, Options, Section
from kycrisk.api.app import make_app
from kycrisk.api.service import Service
from kycrisk.settings import read_settings
from kycrisk.shipped import shipped
from kycrisk.store.accounts import take
from kycrisk.store.api_keys import NewKey
from kycrisk.store.sealing import make_site_key
from kycrisk.store.store import Store
from kycrisk.store.transaction import Transaction
from kycrisk.verification.cases import Cases
from kycrisk.verification.opening import Opened, Reason, open_cases
from kycrisk.verification.policies import policy_files, read_policies
from kycrisk.verification.site import Site
from kycrisk.verification.state import State, Trigger
from kycrisk.verification.sweep import sweep
from kycrisk.web.pages import PAGES
from kycrisk.web.reviewing import COOKIE

CASES, QUICK = 10_000, 200
_AT_ONCE = 1_000
_PAGES = 12
_NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


class _Clock:
    def __init__(self) -> None:
        self.now = _NOW

    def __call__(self) -> datetime:
        return self.now


def run(options: Options) -> Section:
    """Sweeps with nothing to do, with a reminder for everybody, and with everybody's deadline; a page of the queue."""
    count = QUICK if options.quick else CASES
    with tempfile.TemporaryDirectory(prefix="kycrisk-bench-") as work:
        seconds, failures = asyncio.run(_measured(Path(work), count))
    return Section(
        name="verification",
        figures=(
            Figure(name="a sweep over 10,000 open cases", value=seconds["nothing"], unit="s", bar=2.0),
            Figure(name="10,000 reminders in a sweep", value=seconds["reminders"], unit="s"),
            Figure(name="10,000 deadlines in a sweep", value=seconds["deadlines"], unit="s"),
            Figure(name="100 cases of the queue of 10,000", value=seconds["queue"] * 1000, unit="ms", bar=200),
            Figure(name="a page of that queue by HTTP", value=seconds["page"] * 1000, unit="ms", bar=200),
        ),
        details={"cases": count, "seconds": {name: round(value, 4) for name, value in seconds.items()}},
        failures=tuple(failures),
    )


async def _measured(folder: Path, count: int) -> tuple[dict[str, float], list[str]]:
    clock, seconds, failures = _Clock(), {}, []
    policies = read_policies(policy_files(shipped("rules")))
    (folder / "rules").symlink_to(shipped("rules"))
    (folder / "kycrisk.yaml").write_text("rules: rules\noffline: true\nverification: {policy: spacecore}\n")
    settings = read_settings(folder, environ={})
    key = make_site_key(settings.site_key)
    async with await Store.open(settings.database, site_key=key, clock=clock) as store:
        site = Site(store=store, key=key, policies=policies, chosen="spacecore", clock=clock)
        for first in range(0, count, _AT_ONCE):
            await store.write(_opening(site, range(first, min(first + _AT_ONCE, count))))
        for name, hours, expected in (("nothing", 1, 0), ("reminders", 23, count), ("deadlines", 48, count)):
            clock.now += timedelta(hours=hours)
            begun = perf_counter()
            done = await sweep(site)
            seconds[name] = perf_counter() - begun
            if sum(done.values()) != expected:
                failures.append(f"{name}: {dict(done)} in place of {expected}")
        await store.write(_handed_in)
        begun = perf_counter()
        page = await Cases(site).queue(limit=100)
        seconds["queue"] = perf_counter() - begun
        if len(page.items) != 100:
            failures.append(f"a page of the queue had {len(page.items)} cases")
    service = await Service.open(settings, clock=clock)
    try:
        seconds["page"], wrong = await _page(service)
    finally:
        await service.aclose()
    return seconds, failures + wrong


async def _page(service: Service) -> tuple[float, list[str]]:
    """The median of what a reviewer's browser waits for the queue."""
    issued = await service.store.api_keys.issue(NewKey(name="bench", scopes=("review",), by="bench"))
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(make_app(service, pages=PAGES), lifespan="off", log_level="error"))
    serving = asyncio.create_task(server._serve([listening]))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}/review"
    taken, failures = [], []
    async with httpx.AsyncClient(headers={"Cookie": f"{COOKIE}={issued.token}"}, timeout=60) as client:
        for _ in range(_PAGES):
            begun = perf_counter()
            answered = await client.get(url)
            taken.append(perf_counter() - begun)
            if answered.status_code != 200 or answered.text.count("/review/cases/") != 100:
                failures.append(f"the page of the queue was no page of 100 cases: {answered.status_code}")
    server.should_exit = True
    await serving
    return median(taken[1:]), failures


def _opening(site: Site, numbers: Sequence[int]) -> Callable[[Transaction], list[Opened]]:
    def change(tx: Transaction) -> list[Opened]:
        policy = site.policy
        assert policy is not None, "the procedure is shipped"
        accounts = take(tx, [f"a-{number}" for number in numbers])
        reasons = [
            Reason(
                account=each.number,
                key=each.key_number,
                trigger=Trigger.SELF_REQUEST,
                reference=name,
                actor="bench",
                registered_at=tx.now,
            )
            for name, each in accounts.items()
        ]
        return open_cases(tx, site.policies, policy, reasons)

    return change


def _handed_in(tx: Transaction) -> None:
    """All of them in review: how that came about is not what is measured."""
    values = {"state": State.IN_REVIEW.value, "review_by": tx.at}
    tx.connection.exec_driver_sql(f"UPDATE cases SET state = '{values['state']}', review_by = {values['review_by']}")


if __name__ == "__main__":
    show(run)
