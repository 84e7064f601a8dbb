"""What can go wrong in the store, and the one place where the databases' own errors become it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

import psycopg
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout


class Reason(StrEnum):
    """Why the database cannot be used now."""

    DISK_FULL = "disk_full"
    GONE = "gone"  # no file, no server, no connection
    BUSY = "busy"  # locked, or out of connections
    READ_ONLY = "read_only"
    DAMAGED = "damaged"
    CLOSED = "closed"  # this store was closed


class StoreError(Exception):
    """What the store refuses or cannot do; `help` says what can be done about it."""

    def __init__(self, message: str, help_: str = "") -> None:
        super().__init__(message)
        self.message, self.help = message, help_


class StoreUnavailable(StoreError):
    """Nothing was stored, and the same may work later. What was being written is not acknowledged.

    When the connection was lost during the commit itself it may be stored all the same; asking again under the same
    idempotency key tells.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"the database cannot be used: {detail}", _HELP[reason])
        self.reason = reason


class WrongSchema(StoreError):
    """The tables are of another version than this program; `found` is None for a database without any."""

    def __init__(self, message: str, help_: str, found: str | None, wanted: str) -> None:
        super().__init__(message, help_)
        self.found, self.wanted = found, wanted


class WrongSiteKey(StoreError):
    """The database was written with another site key."""


class Conflict(StoreError):
    """What was to be stored contradicts what is there: an id that is taken, a step that was taken already."""


class IdempotencyConflict(Conflict):
    """The same idempotency key came with a different body before."""


class NotFound(StoreError):
    """There is no such thing."""


class Erased(StoreError):
    """The personal data that was asked for has been erased."""


_HELP = {
    Reason.DISK_FULL: "make room on the disk; nothing needs to be restarted",
    Reason.GONE: "see whether the database runs and can be reached; nothing needs to be restarted",
    Reason.BUSY: "try again; another program holds the database",
    Reason.READ_ONLY: "make the database writable",
    Reason.DAMAGED: "restore the database from a backup",
    Reason.CLOSED: "",
}

# SQLite's primary result codes (sqlite.org/rescode.html) and PostgreSQL's classes (appendix A of its manual).
_SQLITE = {
    sqlite3.SQLITE_FULL: Reason.DISK_FULL,
    sqlite3.SQLITE_IOERR: Reason.GONE,
    sqlite3.SQLITE_CANTOPEN: Reason.GONE,
    sqlite3.SQLITE_PERM: Reason.READ_ONLY,
    sqlite3.SQLITE_READONLY: Reason.READ_ONLY,
    sqlite3.SQLITE_BUSY: Reason.BUSY,
    sqlite3.SQLITE_LOCKED: Reason.BUSY,
    sqlite3.SQLITE_CORRUPT: Reason.DAMAGED,
    sqlite3.SQLITE_NOTADB: Reason.DAMAGED,
}
_POSTGRESQL = {
    "53100": Reason.DISK_FULL,
    "53": Reason.BUSY,
    "55P03": Reason.BUSY,
    "40": Reason.BUSY,
    "25006": Reason.READ_ONLY,
    "08": Reason.GONE,
    "57": Reason.GONE,
    "58": Reason.GONE,
    "28": Reason.GONE,
    "3D": Reason.GONE,
    "XX": Reason.DAMAGED,
}


Foreign = DBAPIError | sqlite3.Error | psycopg.Error


def reason_of(error: Foreign) -> Reason | None:
    """Why the database could not be used; None when the fault lies in what was asked of it."""
    original = driver_error(error)
    if isinstance(original, sqlite3.Error):
        code = getattr(original, "sqlite_errorcode", None)
        return _SQLITE.get(code & 0xFF) if code is not None else None
    state = getattr(original, "sqlstate", None)
    if state is not None:
        return _POSTGRESQL.get(state) or _POSTGRESQL.get(state[:2])
    lost = isinstance(error, (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError))
    return Reason.GONE if lost or getattr(error, "connection_invalidated", False) else None


def driver_error(error: Foreign) -> BaseException | None:
    """The error as the database's own driver raised it."""
    return error.orig if isinstance(error, DBAPIError) else error


@contextmanager
def border() -> Iterator[None]:
    """Translates the database's errors; what is a mistake of ours stays what it is."""
    try:
        yield
    except (IntegrityError, sqlite3.IntegrityError, psycopg.IntegrityError) as error:
        raise Conflict(f"the database refuses it: {_first_line(error)}") from error
    except (DBAPIError, sqlite3.Error, psycopg.Error) as error:
        reason = reason_of(error)
        if reason is None:
            raise
        raise StoreUnavailable(reason, _first_line(error)) from error
    except PoolTimeout as error:
        raise StoreUnavailable(Reason.BUSY, "no connection came free in time") from error


def _first_line(error: Foreign) -> str:
    original = driver_error(error)
    text = str(original).strip() or type(original).__name__
    return text.splitlines()[0].rstrip(".")
