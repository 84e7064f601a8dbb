"""How long do the clocks of 10,000 open cases take, and the reviewers' queue? `python -m bench.cases`"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter

from bench.alone import show
from bench.figure import Figure, Options, Section
from kycrisk.shipped import shipped
from kycrisk.store.accounts import take
from kycrisk.store.sealing import SiteKey
from kycrisk.store.store import Store
from kycrisk.store.transaction import Transaction
from kycrisk.verification.cases import Cases
from kycrisk.verification.opening import Opened, Reason, open_cases
from kycrisk.verification.policies import policy_files, read_policies
from kycrisk.verification.site import Site
from kycrisk.verification.state import State, Trigger
from kycrisk.verification.sweep import sweep

CASES, QUICK = 10_000, 200
_AT_ONCE = 1_000
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
        name="cases",
        figures=(
            Figure(name="a sweep over 10,000 open cases", value=seconds["nothing"], unit="s", bar=2.0),
            Figure(name="10,000 reminders in a sweep", value=seconds["reminders"], unit="s"),
            Figure(name="10,000 deadlines in a sweep", value=seconds["deadlines"], unit="s"),
            Figure(name="a page of the queue of 10,000", value=seconds["queue"] * 1000, unit="ms", bar=200),
        ),
        details={"cases": count, "seconds": {name: round(value, 4) for name, value in seconds.items()}},
        failures=tuple(failures),
    )


async def _measured(folder: Path, count: int) -> tuple[dict[str, float], list[str]]:
    clock, seconds, failures = _Clock(), {}, []
    policies = read_policies(policy_files(shipped("rules")))
    key = SiteKey(bytes(range(32)))
    async with await Store.open(f"sqlite:///{folder}/store.db", site_key=key, clock=clock) as store:
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
    return seconds, failures


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
