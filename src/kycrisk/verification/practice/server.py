"""What practice servers have in common: HTTP on a free local port, and answers that fail as real ones do."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

MOST_BYTES = 1_000_000
PATIENCE = 10.0  # seconds that a receiver of webhooks has, as iDenfy gives it


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that came."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]  # names in lower case
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered: JSON, or a page where `body` is a text. `pause` in seconds comes before it."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    pause: float = 0.0


@dataclass(frozen=True, slots=True)
class Webhook:
    """A webhook that is ready to be sent: now, later, twice, or never."""

    url: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)

    def send(self) -> int:
        """Send it once; the status that came back. Raises `OSError` when nobody is there, or not within ten seconds."""
        where = urlsplit(self.url)
        connection = HTTPConnection(where.hostname or "", where.port or 80, timeout=PATIENCE)
        try:
            path = where.path + (f"?{where.query}" if where.query else "")
            connection.request("POST", path or "/", self.body, dict(self.headers))
            return connection.getresponse().status
        finally:
            connection.close()


class PracticeServer:
    """A server on `127.0.0.1`, on a free port, while its `with` block runs. `asked` holds what came, in order."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self._faults: deque[Answer] = deque()
        self._lock = threading.RLock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name=type(self).__name__, daemon=True
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> PracticeServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def fail_next(self, *faults: Answer) -> None:
        """Answer the next requests so, whatever they ask."""
        with self._lock:
            self._faults.extend(faults)

    def answer(self, asked: Asked) -> Answer:
        """What a request is answered."""
        raise NotImplementedError

    def taken(self, asked: Asked) -> Answer:
        """The answer, after a fault where one was ordered."""
        with self._lock:
            self.asked.append(asked)
            fault = self._faults.popleft() if self._faults else None
            return fault or self.answer(asked)


def _handler(server: PracticeServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 60

        def _take(self) -> None:
            length = min(int(self.headers.get("Content-Length") or 0), MOST_BYTES)
            where = urlsplit(self.path)
            headers = {name.lower(): text for name, text in self.headers.items()}
            told = server.taken(Asked(self.command, where.path, where.query, headers, self.rfile.read(length)))
            if told.pause:
                time.sleep(told.pause)
            page = isinstance(told.body, str)
            body = told.body.encode() if page else json.dumps(told.body).encode()
            try:
                self.send_response(told.status)
                self.send_header("Content-Type", "text/html; charset=utf-8" if page else "application/json")
                self.send_header("Content-Length", str(len(body)))
                for name, text in told.headers.items():
                    self.send_header(name, text)
                self.end_headers()
                self.wfile.write(body)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True  # whoever asked did not wait for the answer

        do_GET = do_POST = _take

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: what comes may hold tokens."""

    return Handler
