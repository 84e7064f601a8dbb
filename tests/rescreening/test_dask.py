"""A real Dask cluster of two workers gives, row by row, what one process gives; also when a worker dies."""

import os
import signal
import warnings

import polars as pl
import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import dask
    from distributed import Client, LocalCluster

from kycrisk.problems import Problems
from kycrisk.rescreening.engines.dask import DaskEngine
from kycrisk.rescreening.engines.local import LocalEngine
from kycrisk.rescreening.files import go_on, run_of
from kycrisk.rescreening.run_folder import Plan
from kycrisk.screening.site import read_site
from tests.rescreening.files import write_facts, write_signups
from tests.rescreening.making import settings_of, write_site
from tests.store.making import NOW

pytestmark = pytest.mark.filterwarnings("ignore")  # of Dask's own


@pytest.fixture(scope="module")
def cluster():
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as made:
        made.wait_for_workers(2)
        yield made


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return read_site(settings_of(write_site(tmp_path_factory.mktemp("site")), "sqlite:///unused.db"))


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    return write_facts(folder / "facts.parquet", 900), write_signups(folder / "signups.parquet", 300)


def finished(engine, site, paths, out, rows=100):
    """The parts of a run, by name, to the byte."""
    run = run_of(Plan(paths=paths, dry_run=False, rows=rows), site, NOW, out=out, anew=False)
    try:
        go_on(run, engine)
        return {path.name: path.read_bytes() for path in sorted((out / "parts").iterdir())}, run.summary()
    finally:
        run.close()


@pytest.fixture(scope="module")
def alone(site, paths, tmp_path_factory):
    return finished(LocalEngine(), site, paths, tmp_path_factory.mktemp("alone") / "run")


def test_two_workers_give_what_one_process_gives(cluster, site, paths, alone, tmp_path):
    parts, summary = finished(DaskEngine(cluster.scheduler_address), site, paths, tmp_path / "run")
    assert len(parts) == 12
    assert parts == alone[0]
    assert summary == alone[1]
    rows = pl.concat([pl.read_parquet(path) for path in sorted((tmp_path / "run/parts").iterdir())])
    assert rows.height == 1200
    assert rows["refused"].is_not_null().sum() == 28


@pytest.mark.heavy
def test_a_worker_that_dies_in_the_middle_costs_nothing(cluster, site, paths, alone, tmp_path):
    with Client(cluster.scheduler_address) as client:
        pids = sorted(client.run(os.getpid).values())
    killed = []

    class Dying(DaskEngine):
        def screen(self, pinned, digest, slices):
            for each in super().screen(pinned, digest, slices):
                if not killed:
                    os.kill(pids[0], signal.SIGKILL)
                    killed.append(pids[0])
                yield each

    parts, summary = finished(Dying(cluster.scheduler_address), site, paths, tmp_path / "run")
    assert killed == pids[:1]
    assert (parts, summary) == alone


def test_what_is_wrong_with_a_file_is_told_by_its_place(cluster, site, tmp_path):
    path = tmp_path / "bad.parquet"
    pl.DataFrame({"account_id": ["a", "b"], "email.domain": ["x.example", "y.example"], "outcome": ["allow", "perhaps"]}
                 ).write_parquet(path)  # fmt: skip
    with pytest.raises(
        Problems, match=r"bad.parquet: rows from 1 on: column `outcome`: row 2: `perhaps` is no outcome"
    ):
        finished(DaskEngine(cluster.scheduler_address), site, (path,), tmp_path / "run")


def test_a_cluster_that_is_not_there_is_named(site, paths, tmp_path, monkeypatch):
    monkeypatch.setattr("kycrisk.rescreening.engines.dask.PATIENCE", 1)
    with pytest.raises(Problems, match=r"tcp://127.0.0.1:9: no scheduler answers"):
        finished(DaskEngine("tcp://127.0.0.1:9"), site, paths, tmp_path / "run")


def dies(digest, each):
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.heavy
def test_a_slice_that_kills_every_worker_is_named(site, paths, alone, tmp_path, monkeypatch):
    monkeypatch.setattr("kycrisk.rescreening.engines.dask._answer", dies)
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        LocalCluster(n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None) as made,
        pytest.raises(Problems, match=r"rows from \d+ on: the workers that screened it died"),
    ):
        finished(DaskEngine(made.scheduler_address), site, paths, tmp_path / "run")
    assert finished(LocalEngine(), site, paths, tmp_path / "run") == alone
