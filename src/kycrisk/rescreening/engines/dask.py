"""Slices screened on a Dask cluster (`pip install "kycrisk[dask]"`): one that runs, or one made on this machine.

Rules and lists are sent once to each worker, one that joins later among them. Workers read the files themselves, so the
files lie where all of them see them under the same names; results come back and are written here. A slice whose worker
died is screened by another one.
"""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from distributed import Client, KilledWorker, LocalCluster, WorkerPlugin, as_completed

from kycrisk.problems import Problem, Problems
from kycrisk.rescreening.engines.engine import Screened
from kycrisk.rescreening.engines.shipped import Shipment, discard, told, unload, unloaded
from kycrisk.rescreening.pinned import packed_site
from kycrisk.rescreening.slices import Slice, screen_slice

#: How long a cluster without any worker is waited for, in seconds.
PATIENCE = 60
#: Slices under way for each worker: one that is screened, one that is ready to be.
_AHEAD = 2

Answer = tuple[bytes, list[tuple[str, str, str]]]  # Arrow, or what is wrong


@dataclass(frozen=True, slots=True)
class DaskEngine:
    """Screens on the cluster of a scheduler (`tcp://host:8786`), or on `workers` processes of this machine."""

    address: str = ""
    workers: int = 2

    def screen(self, pinned: Path, digest: str, slices: Sequence[Slice]) -> Iterator[Screened]:
        """The results of slices, as they come. Raises `Problems`, also for a slice that killed its workers."""
        with ExitStack() as closing:
            client = closing.enter_context(self._client(closing))
            try:
                client.wait_for_workers(1, timeout=PATIENCE)
            except TimeoutError:
                message = f"no worker has come within {PATIENCE} s"
                raise Problems([Problem(self.address, message, "start workers: `dask worker ADDRESS`")]) from None
            plugin = _Unload(Shipment(digest, packed_site(pinned)))
            client.register_plugin(plugin, name=plugin.name)
            closing.callback(client.unregister_worker_plugin, plugin.name)
            yield from _screened(client, digest, slices)

    def _client(self, closing: ExitStack) -> Client:
        if self.address:
            try:
                return Client(self.address, timeout=PATIENCE)
            except OSError as error:
                raise Problems([Problem(self.address, f"no scheduler answers: {error}")]) from None
        cluster = LocalCluster(n_workers=self.workers, threads_per_worker=1, processes=True, dashboard_address=None)
        return Client(closing.enter_context(cluster))


class _Unload(WorkerPlugin):
    """Opens the pinned site on each worker when it joins."""

    def __init__(self, shipment: Shipment) -> None:
        self.shipment, self.name = shipment, f"kycrisk-{shipment.digest[:16]}"

    def setup(self, worker: Any) -> None:
        unload(self.shipment)

    def teardown(self, worker: Any) -> None:
        discard(self.shipment.digest)


def _screened(client: Client, digest: str, slices: Sequence[Slice]) -> Iterator[Screened]:
    waiting, under_way = deque(slices), dict[Any, Slice]()
    done = as_completed()

    def submit() -> None:
        while waiting and len(under_way) < _AHEAD * max(1, len(client.scheduler_info(n_workers=-1)["workers"])):
            each = waiting.popleft()
            future = client.submit(_answer, digest, each, pure=False)
            under_way[future.key] = each
            done.add(future)

    submit()
    for future in done:
        each = under_way.pop(future.key)
        try:
            raw, wrong = future.result()
        except KilledWorker as killed:
            message = f"the workers that screened it died: {killed}"
            raise Problems([Problem(f"{each.path}: rows from {each.start + 1} on", message, _AGAIN)]) from None
        if wrong:
            raise Problems(Problem(*problem) for problem in wrong)
        yield Screened(each, pl.read_ipc(io.BytesIO(raw)))
        del future, raw
        submit()


_AGAIN = "what is done is kept: the same command goes on from there"


def _answer(digest: str, each: Slice) -> Answer:
    """What a worker is asked: the results of a slice as Arrow."""
    kernel = unloaded(digest)
    if kernel is None:
        raise RuntimeError("the rules and lists have not come to this worker")
    try:
        result = screen_slice(kernel, each)
    except Problems as wrong:
        return b"", told(wrong)
    stream = io.BytesIO()
    result.write_ipc(stream)
    return stream.getvalue(), []
