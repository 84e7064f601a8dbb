"""A screening server for tests of what calls it, on a folder with the sample lists."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from typer.testing import CliRunner

from kycrisk import Problems, Screener, decision_to_json
from kycrisk.cli import app

KEY = "kyc_0123456789abcdef_" + "k" * 43

#: One signup an outcome, by the sample lists.
SIGNUPS = {
    "allow": {
        "account_id": "plain-customer",
        "email": "emma.clarke@webmail.example",
        "ip": "192.0.2.10",
        "first_name": "Emma",
        "last_name": "Clarke",
        "phone": "+442079460101",
        "address": {"lines": "1 Example Street", "city": "London", "postal_code": "EC1A 1BB", "country": "GB"},
        "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
    },
    "review": {"account_id": "tor-user", "email": "lukas.meyer@example.org", "ip": "203.0.113.5"},
    "verify": {"account_id": "throwaway-mailbox", "email": "sam.hill@throwaway.example", "ip": "192.0.2.58"},
    "deny": {"account_id": "thrown-out-before", "email": "greg@blocked.example", "ip": "203.0.113.230"},
}


@dataclass(slots=True)
class Service:
    url: str
    key: str = KEY
    asked: list[str] = field(default_factory=list)  # the idempotency keys that came


def made_site(folder: Path) -> Path:
    """A working folder with the sample lists; the settings file of it."""
    for arguments in (["init", str(folder)], ["--config", str(folder / "samples/kycrisk.yaml"), "feeds", "update"]):
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0, result.output
    return folder / "samples" / "kycrisk.yaml"


@contextmanager
def serving(settings: Path) -> Iterator[Service]:
    """The server, until the block ends."""
    screener, stored, lock = Screener.open(settings), {}, threading.Lock()
    service = Service("")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            key = self.headers["Idempotency-Key"]
            service.asked.append(key)
            if self.headers["Authorization"] != f"Bearer {KEY}":
                return self.answer(401, b'{"title":"unknown key","status":401}', "application/problem+json")
            with lock:
                if key in stored and stored[key][0] != body:
                    return self.answer(409, b'{"title":"conflict","status":409}', "application/problem+json")
                if key not in stored:
                    try:
                        stored[key] = body, decision_to_json(screener.screen(json.loads(body))).encode()
                    except Problems as problems:
                        errors = [
                            {"place": str(p.place), "message": p.message, "help": p.help} for p in problems.problems
                        ]
                        document = json.dumps({"title": "x", "status": 422, "errors": errors}).encode()
                        return self.answer(422, document, "application/problem+json")
            self.answer(201, stored[key][1], "application/json")

        def answer(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    service.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
