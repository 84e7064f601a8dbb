"""Asking by TCP, which servers ask for when an answer is too long for a packet (RFC 7766)."""

from __future__ import annotations

import asyncio
from random import Random

from kycrisk.lookups.dns_answer import DnsAnswer, Kind, Status
from kycrisk.lookups.dns_question import packet
from kycrisk.lookups.dns_response import answers_question, read_response
from kycrisk.lookups.resolver_servers import Nameserver


async def ask_by_tcp(server: Nameserver, section: bytes, kind: Kind, edns: bytes, random: Random) -> DnsAnswer:
    """The server's answer by TCP. Network trouble is an answer too; the caller limits the time by cancelling."""
    ident = random.getrandbits(16)
    query = packet(ident, section, edns)
    host = server.address + (f"%{server.zone}" if server.zone else "")
    try:
        reader, writer = await asyncio.open_connection(host, server.port)
    except OSError as error:
        return _unreachable(server, (error.strerror or "no connection").lower())
    try:
        writer.write(len(query).to_bytes(2, "big") + query)  # one write (RFC 7766 section 8)
        await writer.drain()
        response = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
    except (OSError, asyncio.IncompleteReadError):
        return _unreachable(server, "the connection broke off")
    finally:
        writer.close()
    if response[:2] != query[:2] or not answers_question(response, section, exact_case=False):
        return DnsAnswer(Status.MALFORMED, detail="the answer by TCP is to something else", server=str(server))
    return read_response(response, section, kind, str(server))


def _unreachable(server: Nameserver, detail: str) -> DnsAnswer:
    return DnsAnswer(Status.UNREACHABLE, detail=f"{server} by TCP: {detail}", server=str(server))
