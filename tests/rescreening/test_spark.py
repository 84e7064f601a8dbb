"""Spark gives, row by row, what one process gives. It needs Java, and what `make .venv/.installed-spark` installs."""

import importlib
import importlib.util
import os
import shutil

import pytest

from kycrisk.problems import Problems
from kycrisk.rescreening.engines.local import LocalEngine
from kycrisk.screening.site import read_site
from tests.rescreening.files import write_facts, write_signups
from tests.rescreening.making import settings_of, write_site
from tests.rescreening.test_dask import finished

MISSING = (
    "there is no Java" if shutil.which("java") is None
    else "pyspark is not installed: `make .venv/.installed-spark`" if importlib.util.find_spec("pyspark") is None
    else ""
)  # fmt: skip
REQUIRED = bool(os.environ.get("KYCRISK_REQUIRE_SPARK"))
pytestmark = [
    pytest.mark.heavy,
    pytest.mark.filterwarnings("ignore"),  # of Spark's own
    pytest.mark.skipif(bool(MISSING) and not REQUIRED, reason=f"Spark: {MISSING}"),
]


@pytest.fixture(scope="module")
def engine():
    return importlib.import_module("kycrisk.rescreening.engines.spark").SparkEngine(workers=2)


def test_two_tasks_give_what_one_process_gives(engine, tmp_path):
    site = read_site(settings_of(write_site(tmp_path / "site"), "sqlite:///unused.db"))
    paths = write_facts(tmp_path / "facts.parquet", 900), write_signups(tmp_path / "signups.parquet", 300)
    alone = finished(LocalEngine(), site, paths, tmp_path / "alone")
    assert finished(engine, site, paths, tmp_path / "run") == alone
    assert len(alone[0]) == 12


def test_what_is_wrong_with_a_file_is_told_by_its_place(engine, tmp_path):
    site = read_site(settings_of(write_site(tmp_path / "site"), "sqlite:///unused.db"))
    path = write_facts(tmp_path / "facts.parquet", 300)
    run = tmp_path / "run"
    with pytest.raises(Problems, match=r"facts.parquet: rows from 1 on: cannot be read"):
        finished(Vanishing(engine, path), site, (path,), run)


class Vanishing:
    """An engine whose file is taken away before it begins."""

    def __init__(self, engine, path):
        self.engine, self.path = engine, path

    def screen(self, pinned, digest, slices):
        self.path.unlink()
        return self.engine.screen(pinned, digest, slices)
