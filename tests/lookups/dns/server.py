"""A real name server on loopback, UDP and TCP on one port, that does what it is told: also the wrong thing."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from dnslib import CLASS, QTYPE, RCODE, RR, SOA, DNSHeader, DNSRecord

from kycrisk.lookups.resolver_servers import Nameserver
from kycrisk.lookups.resolver_trust import EXISTS, NOWHERE

SOA_TTL, SOA_MINIMUM = 600, 120


@dataclass(slots=True)
class Rule:
    """How the server treats a name. `records` are lines of a zone file; empty for no data.

    `drops` is how many of the first UDP packets go unanswered. `lies` precede the answer, or stand in its place with
    `only_lies`: "id", "question", "port" (sent from another one), "stub" (a few bytes), "query" (no response).
    """

    records: Iterable[str] = ()
    rcode: str = "NOERROR"
    delay: float = 0.0
    drops: int = 0
    truncate: bool = False
    soa: bool = True
    bare: bool = False  # header only, as some servers refuse
    lies: tuple[str, ...] = ()
    only_lies: bool = False
    no_edns: bool = False  # FORMERR for a query with an OPT record
    cut: int = 0  # bytes missing at the end
    lower_case: bool = False  # does not echo the question as it was written


@dataclass(slots=True)
class Query:
    """A query as it arrived."""

    name: str
    kind: str
    by: str
    ident: int
    port: int
    edns: bool


@dataclass(slots=True)
class NameServer:
    """The server; names it has no rule for do not exist, except below a name with a `*.` rule.

    It is to be believed, and does not count the canaries that ask whether it is.
    """

    rules: dict[tuple[str, str], Rule] = field(default_factory=dict)
    queries: list[Query] = field(default_factory=list)
    port: int = 0
    address: str = "127.0.0.1"
    _transport: asyncio.DatagramTransport | None = None
    _later: set[asyncio.TimerHandle] = field(default_factory=set)

    @property
    def nameserver(self) -> Nameserver:
        return Nameserver(self.address, self.port)

    def on(self, name: str, kind: str = "*", **rule: Any) -> None:
        """Say how a name is treated: `on("a.test", "MX", records=["a.test. 300 IN MX 10 mx.a.test."])`."""
        self.rules[name.lower(), kind] = Rule(**rule)

    def give(self, name: str, kind: str, *data: str, ttl: int = 300, **rule: Any) -> None:
        """Answer with records right under the name: `give("2.0.0.127.list.test", "A", "127.0.0.2")`."""
        owner = "." if name == "" else name
        self.on(name, kind, records=[f"{owner} {ttl} IN {kind} {item}" for item in data], **rule)

    def asked(self, name: str, kind: str = "A") -> int:
        """How often a name was asked about."""
        return sum(1 for query in self.queries if (query.name.lower(), query.kind) == (name.lower(), kind))

    def rule(self, name: str, kind: str) -> Rule:
        labels = name.lower().split(".")
        names = [name.lower(), *("*." + ".".join(labels[cut:]) for cut in range(1, len(labels))), "*"]
        for candidate in names:
            for key in ((candidate, kind), (candidate, "*")):
                if key in self.rules:
                    return self.rules[key]
        if (name.lower(), kind) == (EXISTS, "NS"):  # as everywhere, unless a test says otherwise
            return Rule(records=["com. 300 IN NS a.gtld-servers.net."])
        exists = any(known == name.lower() for known, _ in self.rules)
        return Rule() if exists else Rule(rcode="NXDOMAIN")

    def reply(self, raw: bytes, rule: Rule, by: str) -> bytes:
        query = DNSRecord.parse(raw)
        if rule.no_edns and query.ar:
            return self._failure(query, "FORMERR", bare=False)
        if rule.rcode not in ("NOERROR", "NXDOMAIN"):
            return self._failure(query, rule.rcode, bare=rule.bare)
        answer = query.reply()
        answer.header.rcode = getattr(RCODE, rule.rcode)
        answer.header.ra = 1
        if rule.truncate and by == "udp":
            answer.header.tc = 1
            return bytes(answer.pack())
        own = str(query.q.qname)
        for line in rule.records:
            for rr in RR.fromZone(line.replace("@", own)):
                if str(rr.rname).startswith("*"):
                    rr.rname = query.q.qname
                answer.add_answer(rr)
        if not answer.rr and rule.soa:
            zone = own.rstrip(".").split(".", 1)[-1]
            times = (2026112301, 3600, 600, 86400, SOA_MINIMUM)
            answer.add_auth(RR(zone, QTYPE.SOA, CLASS.IN, SOA_TTL, SOA("ns." + zone, "host." + zone, times)))
        packed = bytes(answer.pack())
        if rule.lower_case:
            size = len(query.q.qname.label) + sum(map(len, query.q.qname.label)) + 1
            packed = packed[:12] + packed[12 : 12 + size].lower() + packed[12 + size :]
        return packed[: len(packed) - rule.cut]

    def _failure(self, query: DNSRecord, rcode: str, *, bare: bool) -> bytes:
        answer = DNSRecord(DNSHeader(id=query.header.id, qr=1, ra=1)) if bare else query.reply()
        answer.header.rcode = getattr(RCODE, rcode)
        return bytes(answer.pack())

    def note(self, raw: bytes, by: str, port: int) -> Rule:
        query = DNSRecord.parse(raw)
        name, kind = str(query.q.qname).rstrip("."), QTYPE[query.q.qtype]
        if name not in (EXISTS, NOWHERE):
            self.queries.append(Query(name, kind, by, query.header.id, port, bool(query.ar)))
        return self.rule(name, kind)

    # UDP

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:
        self._transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        for handle in self._later:
            handle.cancel()

    def error_received(self, error: Exception) -> None:
        """A client that is gone does not matter."""

    def datagram_received(self, raw: bytes, client: tuple[str, int]) -> None:
        rule = self.note(raw, "udp", client[1])
        if rule.drops:
            rule.drops -= 1
            return
        packets = [self._lie(raw, rule, lie, client) for lie in rule.lies]
        if not rule.only_lies:
            packets.append(self.reply(raw, rule, "udp"))
        loop = asyncio.get_running_loop()
        for packet in filter(None, packets):
            if rule.delay:
                self._later.add(loop.call_later(rule.delay, self._send, packet, client))
            else:
                self._send(packet, client)

    def _send(self, packet: bytes, client: tuple[str, int]) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(packet, client)

    def _lie(self, raw: bytes, rule: Rule, lie: str, client: tuple[str, int]) -> bytes | None:
        forged = DNSRecord.parse(raw).reply()
        forged.add_answer(*RR.fromZone(f"{forged.q.qname} 300 IN A 6.6.6.6"))
        packed = bytes(forged.pack())
        match lie:
            case "id":
                return bytes((packed[0] ^ 0x55,)) + packed[1:]
            case "question":
                return packed[:13] + bytes((packed[13] ^ 1,)) + packed[14:]
            case "query":
                return raw
            case "stub":
                return packed[:7]
            case "port":
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
                    other.sendto(packed, client)
                return None
            case _:
                raise ValueError(lie)

    # TCP

    async def by_tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            raw = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
            rule = self.note(raw, "tcp", writer.get_extra_info("peername")[1])
            await asyncio.sleep(rule.delay)
            if rule.drops:
                rule.drops -= 1
                return
            packed = self.reply(raw, rule, "tcp")
            writer.write(len(packed).to_bytes(2, "big") + packed)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()


@asynccontextmanager
async def name_server(address: str = "127.0.0.1", port: int = 0) -> AsyncIterator[NameServer]:
    """A server that runs until the block ends."""
    loop = asyncio.get_running_loop()
    server = NameServer(address=address)
    tcp = await asyncio.start_server(server.by_tcp, address, port)
    server.port = tcp.sockets[0].getsockname()[1]
    transport, _ = await loop.create_datagram_endpoint(lambda: server, local_addr=(address, server.port))  # type: ignore[arg-type,return-value]
    try:
        yield server
    finally:
        transport.close()
        tcp.close()
        await asyncio.sleep(0)  # the transports close in the loop's next round
