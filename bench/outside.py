"""The Internet in miniature: a name server and the web services of sources on loopback, that say what they are told.

Customers are clean here, but for the test points of blocklists, so that every source is believed.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from kycrisk.lookups.dnsbl import Zone, ZoneInUse
from kycrisk.lookups.dnsbl_health import canaries
from kycrisk.screening.loop_thread import LoopThread
from kycrisk.sources.dnsbl import shipped_zones

#: The zones that are asked: all that are alive and need no key.
ZONES = tuple(zone for zone in shipped_zones() if not zone.dead and not zone.needs_key)

_A, _NS, _MX = 1, 2, 15
_TTL = (86_400).to_bytes(4, "big")
_MX_HOST = b"\x02mx\x07example\x03com\x00"


def _listing(zone: Zone) -> bytes:
    """An address that means something in a zone."""
    pattern = zone.codes[0][0] if zone.codes else zone.bits_in
    assert pattern is not None
    octets = [values[0] for values in pattern]
    return bytes(octets if zone.codes else [*octets[:3], next(iter(zone.bits))])


def _listed() -> dict[bytes, bytes]:
    """The answers to the blocklists' test points, by name on the wire."""
    found = {}
    for zone in ZONES:
        for canary in canaries(ZoneInUse(zone)):
            if canary.must_be_listed:
                name = b"".join(bytes([len(label)]) + label for label in canary.query.name.lower().encode().split(b"."))
                found[name + b"\0"] = _listing(zone)
    return found


class _NameServer(asyncio.DatagramProtocol):
    """Domains have mail and name servers, nothing is listed. `silent` keeps it from answering at all."""

    transport: asyncio.DatagramTransport

    def __init__(self) -> None:
        self.silent = False
        self._table = _listed()

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if self.silent:
            return
        end = data.index(0, 12) + 1
        name, kind = data[12:end].lower(), int.from_bytes(data[end : end + 2], "big")
        records = self._answers(name, kind)
        head = (
            data[:2]
            + b"\x81\x80\x00\x01"
            + len(records).to_bytes(2, "big")
            + (b"\0\0" if records else b"\0\1")
            + b"\0\0"
        )
        answer = b"".join(
            b"\xc0\x0c" + kind.to_bytes(2, "big") + b"\0\1" + _TTL + len(each).to_bytes(2, "big") + each
            for each in records
        )
        self.transport.sendto(head + data[12 : end + 4] + (answer or _soa()), addr)

    def _answers(self, name: bytes, kind: int) -> list[bytes]:
        if kind == _A and name in self._table:
            return [self._table[name]]
        if kind == _A and name == _MX_HOST:
            return [bytes([198, 41, 0, 4])]
        if kind == _MX:
            return [b"\0\x0a" + _MX_HOST]
        return [b"\x02ns" + _MX_HOST[3:]] if kind == _NS else []


def _soa() -> bytes:
    data = b"\x02ns\xc0\x0c\x04host\xc0\x0c" + b"\x00\x00\x00\x01" * 4 + _TTL
    return b"\xc0\x0c\x00\x06\x00\x01" + _TTL + len(data).to_bytes(2, "big") + data


class _Web(BaseHTTPRequestHandler):
    """Stop Forum Spam, AbuseIPDB, FraudRecord and IPQualityScore, by the first part of the path."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        self._answer(url.path, {name: values[0] for name, values in parse_qs(url.query).items()})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        self._answer(urlsplit(self.path).path, {name: values[0] for name, values in parse_qs(body).items()})

    def _answer(self, path: str, asked: dict[str, str]) -> None:
        match path.split("/")[1]:
            case "stopforumspam":
                clean = {"appears": 0, "frequency": 0}
                said = json.dumps({"success": 1, "ip": clean, "email": clean, "emailhash": clean})
            case "abuseipdb":
                data = {"ipAddress": asked.get("ipAddress"), "abuseConfidenceScore": 0, "totalReports": 0}
                data |= {"numDistinctUsers": 0, "isWhitelisted": False, "isTor": False, "usageType": "Fixed Line ISP"}
                said = json.dumps({"data": data})
            case "ipqs":
                said = json.dumps({"success": True, "fraud_score": 5})
            case _:
                said = "<report>0-0-0.0-0123456789abcdef</report>"
        raw = said.encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json" if said[0] == "{" else "text/html")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except ConnectionResetError:  # whoever asked has left
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""


class Outside:
    """Where the servers are, and a switch that makes the name server silent."""

    def __init__(self, names: _NameServer, dns_port: int, web_port: int) -> None:
        self._names, self.dns_port, self.web_port = names, dns_port, web_port

    def silence(self) -> None:
        self._names.silent = True

    def settings(self, *, timeout: str = "2s", web_port: int | None = None) -> str:
        """The sections of `kycrisk.yaml` that ask all of it; `timeout` is each source's."""
        web = f"http://127.0.0.1:{web_port or self.web_port}"
        return f"""
network: {{timeout: {timeout}, resolver: ["127.0.0.1:{self.dns_port}"], allow: [127.0.0.0/8]}}
budget: {{money: [100 EUR]}}
sources:
  mail: {{}}
  dnsbl: {{zones: [{", ".join(zone.name for zone in ZONES)}]}}
  stopforumspam: {{endpoint: "{web}/stopforumspam"}}
  abuseipdb: {{key: not-a-real-key, endpoint: "{web}/abuseipdb"}}
  fraudrecord: {{key: 0123456789abcdef, endpoint: "{web}/fraudrecord/"}}
  ipqs: {{key: not-a-real-key, ask: [ip, email], cost: 0.003 EUR, endpoint: "{web}/ipqs"}}
"""


@contextmanager
def outside() -> Iterator[Outside]:
    """The servers, each in a thread of its own, until the block ends."""
    thread = LoopThread()

    async def opened() -> tuple[asyncio.DatagramTransport, _NameServer]:
        loop = asyncio.get_running_loop()
        return await loop.create_datagram_endpoint(_NameServer, local_addr=("127.0.0.1", 0))

    async def closed(transport: asyncio.DatagramTransport) -> None:
        transport.close()

    transport, names = thread.run(opened())
    web = ThreadingHTTPServer(("127.0.0.1", 0), _Web)
    serving = threading.Thread(target=web.serve_forever, daemon=True)
    serving.start()
    try:
        yield Outside(names, transport.get_extra_info("sockname")[1], web.server_port)
    finally:
        web.shutdown()
        web.server_close()
        thread.run(closed(transport))
        thread.close()
