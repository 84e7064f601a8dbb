"""Logs as lines of JSON, without personal data: ids, routes and numbers, never what a customer gave.

Errors of ours are logged with the names of files, lines and functions, and without their messages, which may quote
what was screened.
"""

from __future__ import annotations

import asyncio
import json
import logging
import traceback
from datetime import UTC, datetime
from typing import TextIO

#: What a log record may carry beside its text.
EXTRAS = (
    "request_id",
    "method",
    "route",
    "status",
    "ms",
    "key",
    "decision",
    "delivery",
    "job",
    "ruleset",
    "problem",
    "problems",
    "signal",
)
_FLUSH_AFTER = 0.02  # seconds


class JsonFormatter(logging.Formatter):
    """A record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        told: dict[str, object] = {
            "at": _moment(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        told |= {name: getattr(record, name) for name in EXTRAS if hasattr(record, name)}
        if record.exc_info and record.exc_info[0] is not None:
            told["error"] = record.exc_info[0].__name__
            told["frames"] = [
                f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(record.exc_info[2])
            ]
        return json.dumps(told, ensure_ascii=False, default=str)


def log_to(stream: TextIO, level: int = logging.INFO) -> None:
    """Everything that is logged goes to a stream, a line of JSON each."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "httpx", "alembic", "sqlalchemy.engine"):
        each = logging.getLogger(name)
        each.handlers.clear()
        each.propagate = True
        each.setLevel(logging.WARNING)


class AccessLog:
    """A line for every request, written some at a time: what is not written yet is lost with the process, and no
    decision with it."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream, self._lines = stream, list[str]()

    def add(
        self, method: str, route: str, status: int, seconds: float, request_id: str, key: str, decision: str
    ) -> None:
        """All of these are ours or were found harmless, so that no text needs to be escaped."""
        if self._stream is None:
            return
        if not self._lines:
            asyncio.get_running_loop().call_later(_FLUSH_AFTER, self.flush)
        self._lines.append(
            f'{{"at":"{_moment(datetime.now(UTC).timestamp())}","level":"info","logger":"kycrisk.api","event":"request",'
            f'"request_id":"{request_id}","method":"{method}","route":"{route}","status":{status},'
            f'"ms":{seconds * 1000:.2f},"key":"{key}","decision":"{decision}"}}\n'
        )

    def flush(self) -> None:
        if self._stream is not None and self._lines:
            text = "".join(self._lines)
            self._lines.clear()
            self._stream.write(text)
            self._stream.flush()


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
