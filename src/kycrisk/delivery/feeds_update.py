"""What each machine keeps in files of its own, brought up to date by itself: lists from outside, the decisions' copy as
columns. Of the processes that share a state folder, the one that comes first does it."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path

from croniter import croniter

_log = logging.getLogger(__name__)


def seconds_until(cron: str, now: datetime) -> float:
    """How long it is until the next moment of a cron expression, in UTC."""
    following: datetime = croniter(cron, now).get_next(datetime)
    return (following - now).total_seconds()


async def update_often(
    cron: str, update: Callable[[], Awaitable[None]], *, state: Path, clock: Callable[[], datetime], job: str = "feeds"
) -> None:
    """Update at each moment of a schedule, until it is cancelled. `job` names it in the log, and its lock."""
    while True:
        await asyncio.sleep(seconds_until(cron, clock()))
        try:
            lock = await asyncio.to_thread(_taken, state / f"{job}-update.lock")
        except OSError as error:
            _log.error("nothing is updated: %s", (error.strerror or "").lower(), extra={"job": job})
            continue
        if lock is None:
            continue
        try:
            await update()
        except Exception as error:  # noqa: BLE001 - the next moment tries again
            _log.error("a mistake of ours in an update", exc_info=error, extra={"job": job})
        finally:
            os.close(lock)


def _taken(path: Path) -> int | None:
    """The right to update the files of a state folder; None while another process has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock
