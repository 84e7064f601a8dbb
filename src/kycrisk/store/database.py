"""Opening a database: SQLite in a file beside the program, or PostgreSQL behind a URL. The rest is the same code."""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.pool import NullPool, QueuePool

from kycrisk.problems import Problem, Problems

READERS = 4
_PREPARED = 512  # statements that SQLite keeps prepared for the writer: one a table and number of rows
#: What SQLite keeps of the file for each connection. It holds what one commit changes many times over; a page that fell
#: out comes back from the system's cache for a microsecond. Eight times as much
#: took longer, and was what the process grew by.
_CACHE_KB = 8192
_BUSY_MS = 10_000
# Counting 64 signups looks costly enough to compile, which takes longer than it does.
_POSTGRESQL_OPTIONS = "-c default_transaction_isolation=read\\ committed -c lock_timeout=10s -c jit=off"


@dataclass(frozen=True, slots=True)
class Database:
    """Two engines on one database: the writer's own connection, and those of readers, which cannot write."""

    url: URL
    writing: Engine
    reading: Engine

    @property
    def is_sqlite(self) -> bool:
        return self.url.get_backend_name() == "sqlite"

    def __str__(self) -> str:
        return self.url.render_as_string(hide_password=True)

    def scrub(self) -> None:
        """Overwrite what deletion left behind, as far as that can be done now: SQLite's log, PostgreSQL's dead keys.

        Readers of an older state can be in the way; a later checkpoint or VACUUM does it then.
        """
        with suppress(sqlite3.Error, psycopg.Error, DBAPIError):
            connection = self.writing.raw_connection()
            try:
                driver: Any = connection.driver_connection
                if self.is_sqlite:
                    driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
                else:
                    driver.autocommit = True  # VACUUM stands outside of transactions
                    driver.execute("VACUUM account_keys, vault_files")
                    driver.autocommit = False
            finally:
                connection.close()

    def close(self) -> None:
        self.writing.dispose()
        self.reading.dispose()


def open_database(url: str) -> Database:
    """The database of a URL: `sqlite:///relative.db`, `sqlite:////absolute.db`, `postgresql://user@host/name`.

    Nothing is asked of it yet, but that a new SQLite file is made readable by its owner only. Raises `Problems`.
    """
    parsed = _parsed(url)
    if parsed.get_backend_name() == "sqlite":
        _make_file(Path(str(parsed.database)))
        kept = {"cached_statements": _PREPARED}
        writing = create_engine(
            parsed, hide_parameters=True, poolclass=QueuePool, pool_size=1, max_overflow=1, connect_args=kept
        )
        reading = create_engine(parsed, hide_parameters=True, poolclass=QueuePool, pool_size=READERS, max_overflow=0)
        for engine, reads in ((writing, False), (reading, True)):
            _arrange_sqlite(engine, reads=reads)
        return Database(parsed, writing, reading)
    options: dict[str, Any] = {
        "hide_parameters": True,
        "connect_args": {"options": _POSTGRESQL_OPTIONS, "connect_timeout": 10},
    }
    writing = create_engine(parsed, pool_size=1, max_overflow=1, pool_pre_ping=False, **options)
    reading = create_engine(
        parsed, pool_size=READERS, max_overflow=0, pool_pre_ping=True, execution_options={"postgresql_readonly": True},
        **options,
    )  # fmt: skip
    return Database(parsed, writing, reading)


def open_for_upgrade(url: str) -> Engine:
    """An engine that keeps no connection, for migrations."""
    parsed = _parsed(url)
    if parsed.get_backend_name() == "sqlite":
        _make_file(Path(str(parsed.database)))
        engine = create_engine(parsed, hide_parameters=True, poolclass=NullPool)
        _arrange_sqlite(engine, reads=False)
        return engine
    return create_engine(parsed, hide_parameters=True, poolclass=NullPool, connect_args={"connect_timeout": 10})


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise Problems([Problem("database", "not the URL of a database", _URLS)]) from None
    if parsed.get_backend_name() == "postgresql":
        if parsed.drivername not in ("postgresql", "postgresql+psycopg"):
            raise Problems([Problem("database", f"`{parsed.drivername}` is not supported", _URLS)])
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in ("sqlite", "sqlite+pysqlite") or parsed.database in (None, "", ":memory:"):
        raise Problems([Problem("database", f"`{parsed.render_as_string(hide_password=True)}` cannot be used", _URLS)])
    try:
        parsed.get_dialect()
    except NoSuchModuleError:
        raise Problems([Problem("database", f"`{parsed.drivername}` is not known", _URLS)]) from None
    return parsed


_URLS = "write `sqlite:///site/store.db` or `postgresql://user@host/name`"


def _make_file(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise Problems([Problem(str(path), f"the database cannot be opened: {reason}")]) from None


def _arrange_sqlite(engine: Engine, *, reads: bool) -> None:
    """Durable, and in our own transactions: Python's driver would begin one only before the first change."""

    @event.listens_for(engine, "connect")
    def arrange(connection: Any, record: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")  # a commit returns when the log is on the disk
        # Counted facts land all over their index, so a commit of many signups changes hundreds of pages: the log is
        # moved into the file every 64 MB rather than with nearly every commit.
        cursor.execute("PRAGMA wal_autocheckpoint=16384")
        cursor.execute(f"PRAGMA cache_size=-{_CACHE_KB}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA secure_delete=ON")  # a deleted key must not linger in free pages
        cursor.execute(f"PRAGMA query_only={'ON' if reads else 'OFF'}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")
