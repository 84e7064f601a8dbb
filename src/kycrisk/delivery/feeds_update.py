"""Lists from outside brought up to date by themselves. They are files of each machine, so each machine does it: of the
processes that share a state folder, the one that comes first."""

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
_LOCK = "feeds-update.lock"


def seconds_until(cron: str, now: datetime) -> float:
    """How long it is until the next moment of a cron expression, in UTC."""
    following: datetime = croniter(cron, now).get_next(datetime)
    return (following - now).total_seconds()


async def update_often(
    cron: str, update: Callable[[], Awaitable[None]], *, state: Path, clock: Callable[[], datetime]
) -> None:
    """Update at each moment of a schedule, until it is cancelled."""
    while True:
        await asyncio.sleep(seconds_until(cron, clock()))
        try:
            lock = await asyncio.to_thread(_taken, state)
        except OSError as error:
            _log.error("the lists are not updated: %s", (error.strerror or "").lower(), extra={"job": "feeds"})
            continue
        if lock is None:
            continue
        try:
            await update()
        except Exception as error:  # noqa: BLE001 - the next moment tries again
            _log.error("a mistake of ours while lists were updated", exc_info=error, extra={"job": "feeds"})
        finally:
            os.close(lock)


def _taken(state: Path) -> int | None:
    """The right to update the lists of a state folder; None while another process has it."""
    state.mkdir(parents=True, exist_ok=True)
    lock = os.open(state / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    return lock
