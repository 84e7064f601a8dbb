"""The decisions' copy as columns, brought in step by a process of its own: it takes a processor for a while."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from contextlib import suppress

from kycrisk.settings import Settings

_log = logging.getLogger(__name__)


async def update_archive(settings: Settings) -> None:
    """Run `kycrisk archive update` to its end; what it says goes to the log."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "kycrisk",
        "--config",
        str(settings.file or settings.folder),
        "archive",
        "update",
        env={**os.environ, "KYCRISK_DATABASE": settings.database, "NO_COLOR": "1"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        said, wrong = await process.communicate()
    except asyncio.CancelledError:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
        raise
    told = " ".join((wrong if process.returncode else said).decode(errors="replace").split())
    level = logging.ERROR if process.returncode else logging.INFO
    _log.log(level, "the decisions' copy: %s", told, extra={"job": "archive"})
