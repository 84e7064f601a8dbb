"""Slices screened on Spark (`pip install "kycrisk[spark]"`): `mapInArrow` over slices, results as Arrow.

Rules and lists are broadcast, so each executor gets them once. Executors read the files themselves, so the files lie
where all of them see them under the same names, and kycrisk is installed there; results come back and are written here.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from kycrisk.problems import Problem, Problems
from kycrisk.rescreening.engines.engine import Screened
from kycrisk.rescreening.engines.shipped import Shipment, told, unload
from kycrisk.rescreening.kernel import RESULT
from kycrisk.rescreening.pinned import packed_site
from kycrisk.rescreening.slices import Slice, screen_slice

#: Slices of one job for each task that can run at once: what is kept of a run that is stopped comes job by job.
_EACH = 2
_SLICES = "number int, path string, start bigint, rows bigint"


@dataclass(frozen=True, slots=True)
class SparkEngine:
    """Screens on the executors of a master (`spark://host:7077`), or on `workers` of this machine."""

    master: str = ""
    workers: int = 2

    def screen(self, pinned: Path, digest: str, slices: Sequence[Slice]) -> Iterator[Screened]:
        """The results of slices, job by job. Raises `Problems`."""
        session = _session(self.master or f"local[{self.workers}]")
        try:
            shipment = session.sparkContext.broadcast((digest, packed_site(pinned)))
            together = max(1, session.sparkContext.defaultParallelism) * _EACH
            for at in range(0, len(slices), together):
                yield from _screened(session, shipment, slices[at : at + together])
        finally:
            session.stop()


def _session(master: str) -> SparkSession:
    if master.startswith("local"):
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # else the first `python3` there is
    builder = SparkSession.builder.master(master).appName("kycrisk rescreen")
    settings = {
        "spark.ui.enabled": "false",
        "spark.sql.execution.arrow.maxRecordsPerBatch": "1",  # a slice at a time goes to a kernel
        "spark.driver.maxResultSize": "0",
    }
    for name, value in settings.items():
        builder = builder.config(name, value)
    session: SparkSession = builder.getOrCreate()
    return session


def _screened(session: SparkSession, shipment: Any, slices: Sequence[Slice]) -> Iterator[Screened]:
    rows = [(each.number, each.path, each.start, each.rows) for each in slices]
    table = session.createDataFrame(rows, _SLICES).repartitionByRange(len(rows), "number")

    def screen(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for row in batch.to_pylist():
                yield from _answer(Shipment(*shipment.value), Slice(**row))

    try:
        answers = pl.from_arrow(table.mapInArrow(screen, _schema_text()).toArrow())
    except PySparkException as error:
        text = str(error).strip().splitlines()[0]
        raise Problems([Problem("spark", f"the job failed: {text}", _AGAIN)]) from None
    assert isinstance(answers, pl.DataFrame)
    wrong = answers.filter(pl.col("problem").is_not_null())["problem"].to_list()
    if wrong:
        raise Problems(Problem(*text.split("\0")) for text in wrong)
    found = {key[0]: part for key, part in answers.partition_by("slice", as_dict=True).items()}
    for each in slices:
        part = found.get(each.number)
        if part is None:
            raise RuntimeError(f"{each.rows} rows of slice {each.number} went in, none came out")
        result = part.select(pl.col(name).cast(dtype) for name, dtype in RESULT.items()).sort("row")
        yield Screened(each, result)


_AGAIN = "what is done is kept: the same command goes on from there"


def _answer(shipment: Shipment, each: Slice) -> Iterator[pa.RecordBatch]:
    """What an executor is asked: the results of a slice, or what is wrong with it."""
    try:
        result = screen_slice(unload(shipment), each)
        problems: list[str | None] = [None] * result.height
    except Problems as wrong:
        problems = ["\0".join(problem) for problem in told(wrong)]
        nothing = {name: pl.Series([None], dtype=dtype) for name, dtype in RESULT.items()}
        result = pl.DataFrame(nothing).select(pl.all().repeat_by(len(problems)).explode())
    table = result.with_columns(
        pl.col(pl.Enum).cast(pl.String),
        pl.lit(each.number, pl.Int32).alias("slice"),
        pl.Series("problem", problems, dtype=pl.String),
    ).to_arrow(compat_level=pl.CompatLevel.oldest())
    yield from table.cast(_schema()).to_batches()


def _schema() -> pa.Schema:
    return pa.schema([(name, _arrow_type(dtype)) for name, dtype in _columns().items()])


def _schema_text() -> str:
    return ", ".join(f"`{name}` {_SPARK[str(_arrow_type(dtype))]}" for name, dtype in _columns().items())


def _columns() -> dict[str, pl.DataType]:
    return {**RESULT, "slice": pl.Int32(), "problem": pl.String()}


def _arrow_type(dtype: pl.DataType) -> pa.DataType:
    match dtype:
        case pl.List():
            return pa.list_(pa.string())
        case pl.Int64():
            return pa.int64()
        case pl.Int32():
            return pa.int32()
        case pl.Boolean():
            return pa.bool_()
        case _:
            return pa.string()


_SPARK = {
    "list<item: string>": "array<string>",
    "list<element: string>": "array<string>",
    "int64": "bigint",
    "int32": "int",
    "bool": "boolean",
    "string": "string",
}
