"""All accounts of the store screened again: chunk by chunk, each written once, by one process at a time.

The decisions of a chunk, the deliveries about them, and the note that the chunk is done are one transaction. So a run
that is killed at any moment goes on behind the last chunk that was written, and neither a decision nor a delivery is
made twice. An account that was decided by somebody else meanwhile is left alone.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import func, select

from kycrisk.rescreening.kernel import Kernel
from kycrisk.rescreening.lifetimes import Lifetimes
from kycrisk.rescreening.pinned import fingerprint
from kycrisk.rescreening.store_decisions import Decided, Decider, changed
from kycrisk.rescreening.store_summary import summary_of
from kycrisk.rescreening.store_tables import Screenable, Shape, missing_counts, screenable
from kycrisk.rescreening.stored_accounts import (
    CHUNK,
    StoredAccounts,
    account_chunks,
    chosen_accounts,
    count_accounts,
    last_account,
    read_accounts,
)
from kycrisk.rescreening.summary import Example, Summary, merged
from kycrisk.service.standing import Standing
from kycrisk.store.bodies import Bodies
from kycrisk.store.failure import NotFound, StoreError
from kycrisk.store.rescreenings import NewRun, Part, Run, advance
from kycrisk.store.schema import DECISIONS
from kycrisk.store.screenings import Also, Screening, add
from kycrisk.store.sealing import SiteKey
from kycrisk.store.signups import Registered
from kycrisk.store.store import Store
from kycrisk.store.transaction import Transaction
from kycrisk.store.velocity import Signals

ACTOR = "rescreening"
RENEW_EVERY = 15.0  # seconds
OVERTAKEN = "decided by somebody else meanwhile, and left alone"


class _Following(NamedTuple):
    """What is to be written about an account, unless another decision than `seq` is its last one by then."""

    account: int
    seq: int | None
    screening: Screening


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreRescreener:
    """Screens the accounts of a store again, by one standing. Belongs to one event loop.

    `also` writes deliveries beside decisions. With `ask` the standing's network is asked about accounts that are not
    settled. `size` is how many accounts are written together. `only` names the accounts that are looked at, by their
    numbers, ascending; None: all.
    """

    store: Store
    site_key: SiteKey
    standing: Standing
    kernel: Kernel  # over the same rules and lists
    lifetimes: Lifetimes
    clock: Callable[[], datetime]
    also: Also | None = None
    ask: bool = False
    size: int = CHUNK
    only: tuple[int, ...] | None = None

    async def run(
        self, *, by: str, anew: bool = False, on_begin: Callable[[Run, int], None] = lambda run, left: None,
        on_rows: Callable[[int], None] = lambda rows: None,
    ) -> tuple[Run, Summary]:  # fmt: skip
        """The run that was stopped, or a new one, to its end.

        `on_begin` hears how many accounts are left to do. Raises `Busy` while another process rescreens, `LeaseLost`
        when another one has taken this run over, and `StoreUnavailable`; what is done stays done.
        """
        site, owner = self.standing.site, own_name()
        new = NewRun(
            screened_by=("" if self.only is None else "changes ") + await asyncio.to_thread(fingerprint, site),
            ruleset=site.ruleset.version,
            by=by,
            owner=owner,
            anew=anew,
        )
        run = await self.store.rescreenings.begin(new, alive)
        renewing = asyncio.create_task(self._renew_often(run, owner), name="kycrisk-rescreening-lease")
        try:
            on_begin(run, await count_accounts(self.store, after=run.after, upto=run.upto))
            await self._go_on(run, owner, on_rows)
            await self.store.rescreenings.end(run.id, owner)
        except BaseException:
            with suppress(StoreError):  # where the store is gone, the lease runs out by itself
                await asyncio.shield(self.store.rescreenings.release(run.id, owner))
            raise
        finally:
            renewing.cancel()
        return run, await self.summary(run)

    async def summary(self, run: Run) -> Summary:
        """What a run has come to so far; examples by the decisions that the store holds."""
        parts = [Summary.from_json(json.loads(each)) for each in await self.store.rescreenings.summaries(run.id)]
        found = merged(parts)
        return replace(found, examples=tuple([await self._example(each) for each in found.examples]))

    async def dry_run(
        self, on_begin: Callable[[int], None] = lambda left: None, on_rows: Callable[[int], None] = lambda rows: None
    ) -> Summary:
        """What a run would come to, without any change, and without a question to anybody."""
        upto = await last_account(self.store)
        on_begin(await count_accounts(self.store, upto=upto))
        kernel, shape = self.kernel, Shape(self.kernel)
        decider, parts = Decider(self.standing, kernel, shape), []
        chunks = self._chunks(shape, 0, upto)
        async for chunk in chunks:
            ready = await self._screened(kernel, shape, chunk)
            decided = await decider.decide(ready, self.clock(), ask=False)
            parts.append(summary_of(ready, decided, named=True))
            on_rows(chunk.accounts.height)
        return merged(parts)

    async def _go_on(self, run: Run, owner: str, on_rows: Callable[[int], None]) -> None:
        kernel, shape = self.kernel, Shape(self.kernel)
        decider, after = Decider(self.standing, kernel, shape), run.after
        chunks = self._chunks(shape, run.after, run.upto)
        async for chunk in chunks:
            ready = await self._screened(kernel, shape, chunk)
            decided = await decider.decide(ready, self.clock(), ask=self.ask)
            screenings = await self._screenings(ready, decided)
            summary = summary_of(ready, decided, named=False)
            await self.store.write(self._written(run, owner, after, chunk, screenings, summary))
            after = chunk.last
            on_rows(chunk.accounts.height)

    def _chunks(self, shape: Shape, after: int, upto: int) -> AsyncIterator[StoredAccounts]:
        if self.only is not None:
            chosen = [number for number in self.only if after < number <= upto]
            return chosen_accounts(self.store, self.site_key, shape.wanted, chosen, of_readable=shape.of_readable)
        return account_chunks(
            self.store,
            self.site_key,
            shape.wanted,
            after=after,
            upto=upto,
            size=self.size,
            of_readable=shape.of_readable,
        )

    async def _screened(self, kernel: Kernel, shape: Shape, chunk: StoredAccounts) -> Screenable:
        """A chunk screened by columns. Where its signups cannot be read by these rules, all of its evidence is read."""
        ready = await self._by_columns(kernel, shape, chunk)
        if not ready.refused:
            return ready
        first, size = chunk.accounts["account"][0], chunk.accounts.height
        whole = await self.store.read(
            read_accounts, self.site_key, Bodies(), shape.wanted, first - 1, chunk.last, size, True, None
        )
        return ready if whole is None else await self._by_columns(kernel, shape, whole)

    async def _by_columns(self, kernel: Kernel, shape: Shape, chunk: StoredAccounts) -> Screenable:
        counts = await self.store.read(missing_counts, self.site_key, Signals(), chunk, shape)
        now = self.clock()
        return await asyncio.to_thread(screenable, kernel, shape, chunk, counts, self.lifetimes, now)

    async def _screenings(self, ready: Screenable, decided: Sequence[Decided]) -> list[_Following]:
        """What is to be written, each with the decision that it follows."""
        accounts, found = ready.chunk.accounts, []
        for each in decided:
            if not changed(accounts["outcome"][each.row], each.decision):
                continue
            try:
                registered = await self.store.signups.again(accounts["signup"][each.row], {}, ())
            except NotFound:  # erased since the chunk was read
                continue
            screening = self._screening(registered, each)
            found.append(_Following(accounts["account"][each.row], accounts["seq"][each.row], screening))
        return found

    def _screening(self, registered: Registered, each: Decided) -> Screening:
        return Screening(signup=registered, decide=lambda counts: each.decision, also=self.also, actor=ACTOR)

    def _written(
        self,
        run: Run,
        owner: str,
        after: int,
        chunk: StoredAccounts,
        following: Sequence[_Following],
        summary: Summary,
    ) -> Callable[[Transaction], None]:
        bodies = Bodies()

        def write(tx: Transaction) -> None:
            last = _last_decisions(tx, [each.account for each in following])
            still = [each.screening for each in following if last.get(each.account) == each.seq]
            for answer in add(tx, Signals(), bodies, still):
                if isinstance(answer, Exception):
                    raise answer
            overtaken = summary.news - len(still)
            told = replace(summary, notes={**summary.notes, OVERTAKEN: overtaken}) if overtaken else summary
            text = json.dumps(told.to_json(), ensure_ascii=False)
            advance(tx, Part(run=run.id, owner=owner, after=after, last=chunk.last, summary=text))

        return write

    async def _example(self, each: Example) -> Example:
        """An example in the words of its decision, which it is known by."""
        try:
            kept = await self.store.decisions.get(each.account_id)
        except NotFound:  # it was left alone, or is past its retention
            return each
        if kept.body is None or kept.account_id is None:
            return each
        why = tuple(f"{reason.contribution}: {reason.text}" for reason in kept.decision().reasons)
        return replace(each, account_id=kept.account_id, why=why)

    async def _renew_often(self, run: Run, owner: str) -> None:
        while True:
            await asyncio.sleep(RENEW_EVERY)
            with suppress(StoreError):  # the next part tells whether the run is still ours
                await self.store.rescreenings.renew(run.id, owner)


def own_name() -> str:
    """A name for this process that no other has."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


def alive(owner: str) -> bool:
    """Whether the process of a name may still be there: one of this machine that is gone is not waited for."""
    host, _, rest = owner.rpartition(":")[0].rpartition(":")
    if host != socket.gethostname() or not rest.isdecimal() or not Path("/proc/self").exists():
        return True
    return Path(f"/proc/{rest}").exists()


def _last_decisions(tx: Transaction, accounts: Sequence[int]) -> dict[int, int]:
    table = DECISIONS.c
    wanted = select(table.account, func.max(table.seq)).where(table.account.in_(accounts)).group_by(table.account)
    return {row[0]: row[1] for row in tx.connection.execute(wanted)} if accounts else {}
