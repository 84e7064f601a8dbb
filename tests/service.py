"""The screening server, as operators start it, for tests of what calls it: on a folder with the sample lists.

What calls it goes through a relay that counts: which idempotency keys came is nothing that the server tells.
"""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

KYCRISK = str(Path(sys.executable).with_name("kycrisk"))

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
    """Where to ask, with which key (scope `screen`), and what came."""

    url: str
    direct: str  # the same server, past the relay
    key: str = field(repr=False)
    asked: list[str] = field(default_factory=list)  # idempotency keys, in the order in which they came


def kycrisk(*arguments: str, folder: Path) -> str:
    """What a command prints."""
    command = [KYCRISK, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment(), timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("KYCRISK_")}


@contextmanager
def serving(folder: Path) -> Iterator[Service]:
    """`kycrisk serve` on a new folder, until the block ends."""
    kycrisk("init", str(folder), folder=folder.parent)
    (folder / "rules" / "velocity.yaml").unlink()  # what one test had screened must not count in another
    settings = folder / "samples" / "kycrisk.yaml"
    kycrisk("-c", str(settings), "feeds", "update", folder=folder)
    key = kycrisk("-c", str(settings), "keys", "create", "tests", "--scope", "screen", folder=folder).strip()
    command = [KYCRISK, "-c", str(settings), "serve", "--port", "0"]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True, env=environment()) as server:
        try:
            said: list[str] = []
            for line in server.stderr:
                said.append(line)
                if line.startswith("kycrisk: listening on "):
                    break
            assert "".join(said[-1:]).startswith("kycrisk: listening on "), "".join(said)
            log = threading.Thread(target=server.stderr.read, daemon=True)  # a full pipe would stop the server
            log.start()
            with relaying(int(said[-1].rpartition(":")[2]), key) as service:
                yield service
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(120)
            log.join(120)


@contextmanager
def relaying(port: int, key: str) -> Iterator[Service]:
    """Hands every request on, head and body as they came, and every answer back."""
    service = Service("", f"http://127.0.0.1:{port}", key)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            service.asked.append(self.headers["Idempotency-Key"])
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
            connection.request("POST", self.path, body, dict(self.headers.items()))
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("connection", "date", "server", "transfer-encoding", "content-length"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: object) -> None:
            pass

    relay = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    relay.daemon_threads = True
    service.url = f"http://127.0.0.1:{relay.server_address[1]}"
    thread = threading.Thread(target=relay.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield service
    finally:
        relay.shutdown()
        relay.server_close()
        thread.join()
