"""Responses as answers: the common ones read straight off the packet, all others by dnspython's rules."""

from __future__ import annotations

import socket
from struct import Struct, error
from typing import Any

import dns.exception
import dns.message
import dns.name
import dns.rdatatype

from kycrisk.lookups.dns_answer import DnsAnswer, Kind, Mx, Record, Status

_HEADER = Struct("!HHHHHH")
_RECORD = Struct("!HHIH")  # type, class, TTL, length of the data; what follows a record's name
_IN = 1
_SOA = 6
_RESPONSE, _OPCODE, _TRUNCATED, _RCODE = 0x8000, 0x7800, 0x0200, 0x000F
_FORMERR, _SERVFAIL, _NXDOMAIN, _NOTIMP, _REFUSED = 1, 2, 3, 4, 5
_MAX_TTL = 0x7FFFFFFF
_MAX_JUMPS = 10
_HOST_BYTES = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."
_SAYS_NO = {_FORMERR: "FORMERR", _NOTIMP: "NOTIMP", _REFUSED: "REFUSED", 9: "NOTAUTH"}

#: A server that cannot read the question, or will not, may leave it out of its response (as dnspython allows, too).
_MAY_OMIT_QUESTION = frozenset({_FORMERR, _SERVFAIL, _NOTIMP, _REFUSED})


def answers_question(packet: bytes, section: bytes, *, exact_case: bool) -> bool:
    """Whether a packet is a response to this question, going by everything but its id (RFC 5452 section 9.1)."""
    if len(packet) < 12:
        return False
    flags, questions = int.from_bytes(packet[2:4], "big"), packet[4:6]
    if not flags & _RESPONSE or flags & _OPCODE:
        return False
    if questions == b"\x00\x01":
        echo = packet[12 : 12 + len(section)]
        return echo == section or (not exact_case and echo.lower() == section.lower())
    return questions == b"\x00\x00" and flags & _RCODE in _MAY_OMIT_QUESTION


def is_truncated(packet: bytes) -> bool:
    """Whether the response asks to come back by TCP."""
    return bool(packet[2] & (_TRUNCATED >> 8))


def refuses_format(packet: bytes) -> bool:
    """Whether the server did not understand the query, as old ones do with EDNS (RFC 6891 section 7)."""
    return packet[3] & _RCODE in (_FORMERR, _NOTIMP)


def read_response(packet: bytes, section: bytes, kind: Kind, server: str) -> DnsAnswer:
    """The answer in a response whose question was checked. Never raises: what makes no sense is MALFORMED."""
    _, flags, questions, answers, authorities, _ = _HEADER.unpack_from(packet)
    rcode = flags & _RCODE
    if rcode == _SERVFAIL:
        return DnsAnswer(Status.SERVFAIL, server=server)
    if rcode not in (0, _NXDOMAIN):
        return DnsAnswer(Status.REFUSED, detail=_SAYS_NO.get(rcode, f"response code {rcode}"), server=server)
    if questions != 1:
        return DnsAnswer(Status.MALFORMED, detail="without its question", server=server)
    start = 12 + len(section)
    try:
        if not answers:
            status = Status.NXDOMAIN if rcode else Status.NODATA
            ttl = _negative_ttl(packet, start) if authorities == 1 else None
            if ttl is not None or not authorities:
                return DnsAnswer(status, (), ttl or 0, "", server)
        elif not rcode:
            found = _plain_records(packet, start, answers, kind)
            if found is not None:
                return DnsAnswer(Status.RECORDS, found[0], found[1], "", server)
        return _read_by_dnspython(packet, kind, server)
    except (error, IndexError):
        return DnsAnswer(Status.MALFORMED, detail="cut short", server=server)
    except (OSError, ValueError):  # inet_ntop and int.from_bytes on data of the wrong length
        return DnsAnswer(Status.MALFORMED, detail="a record makes no sense", server=server)


def _plain_records(packet: bytes, at: int, count: int, kind: Kind) -> tuple[tuple[Record, ...], int] | None:
    """Records that all stand right under the name that was asked, and their TTL; None where there is more to it."""
    read = _READERS.get(kind)
    if read is None:
        return None
    records: list[Record] = []
    ttl = _MAX_TTL
    for _ in range(count):
        if packet[at : at + 2] != b"\xc0\x0c":  # a pointer to the question (RFC 1035 section 4.1.4)
            return None
        type_, class_, age, length = _RECORD.unpack_from(packet, at + 2)
        at += 12
        if type_ != kind or class_ != _IN:
            return None
        end = at + length
        if end > len(packet):
            raise IndexError
        record = read(packet, at, end)
        if record is None:
            return None
        records.append(record)
        ttl = min(ttl, age if age <= _MAX_TTL else 0)  # RFC 2181 section 8: the top bit set means none
        at = end
    return tuple(records), ttl


def _read_a(packet: bytes, at: int, end: int) -> str:
    return socket.inet_ntop(socket.AF_INET, packet[at:end])


def _read_aaaa(packet: bytes, at: int, end: int) -> str:
    return socket.inet_ntop(socket.AF_INET6, packet[at:end])


def _read_txt(packet: bytes, at: int, end: int) -> str:
    parts = []
    while at < end:
        stop = at + 1 + packet[at]
        if stop > end:
            raise IndexError
        parts.append(packet[at + 1 : stop])
        at = stop
    return b"".join(parts).decode("latin-1")


def _read_mx(packet: bytes, at: int, end: int) -> Mx | None:
    host = _read_host(packet, at + 2, end)
    return None if host is None else Mx(int.from_bytes(packet[at : at + 2], "big"), host)


def _read_host(packet: bytes, at: int, end: int) -> str | None:
    """A host name inside a record; None for one that is not plain, which dnspython reads and escapes."""
    labels: list[bytes] = []
    stop = jumps = 0  # `stop` is where the name ends in its own record
    while jumps <= _MAX_JUMPS and (jumps or at < end):
        size = packet[at]
        if size >= 0xC0:
            stop, jumps, here = stop or at + 2, jumps + 1, at
            at = int.from_bytes(packet[at : at + 2], "big") & 0x3FFF
            if at >= here:  # names are shortened by what came before (RFC 1035 section 4.1.4)
                return None
        elif size > 63:
            return None
        elif size:
            labels.append(packet[at + 1 : at + 1 + size])
            at += 1 + size
        else:
            host = b".".join(labels)
            plain = (
                not host.translate(None, _HOST_BYTES) and len(host) <= 253 and host.count(b".") < max(1, len(labels))
            )
            return host.decode("ascii").lower() if plain and (stop or at + 1) == end else None
    return None


_READERS = {Kind.A: _read_a, Kind.AAAA: _read_aaaa, Kind.TXT: _read_txt, Kind.MX: _read_mx, Kind.NS: _read_host}


def _negative_ttl(packet: bytes, at: int) -> int | None:
    """How long "no" is good for, by the SOA (RFC 2308 section 5); None where dnspython should have a look."""
    first = packet[at]
    if first < 0xC0:
        return None  # spelled out, so it has to be compared with the question
    type_, class_, age, length = _RECORD.unpack_from(packet, at + 2)
    end = at + 12 + length
    inside = int.from_bytes(packet[at : at + 2], "big") & 0x3FFF
    if type_ != _SOA or class_ != _IN or length < 22 or end > len(packet) or not 12 <= inside < at:
        return None
    minimum = int.from_bytes(packet[end - 4 : end], "big")
    return min(age, minimum) if max(age, minimum) <= _MAX_TTL else 0


def _read_by_dnspython(packet: bytes, kind: Kind, server: str) -> DnsAnswer:
    """Anything uncommon: aliases, names spelled out, records beside the point."""
    try:
        message = dns.message.from_wire(packet, ignore_trailing=True)
        if not isinstance(message, dns.message.QueryMessage):
            return DnsAnswer(Status.MALFORMED, detail="not a response to a query", server=server)
        chain = message.resolve_chaining()
    except dns.exception.DNSException as found:
        return DnsAnswer(Status.MALFORMED, detail=_in_words(found), server=server)
    if chain.answer is None:
        has_soa = any(rrset.rdtype == dns.rdatatype.SOA for rrset in message.authority)
        missing = message.rcode() == _NXDOMAIN
        return DnsAnswer(
            Status.NXDOMAIN if missing else Status.NODATA,
            ttl=chain.minimum_ttl if has_soa else 0,
            server=server,
        )
    return DnsAnswer(Status.RECORDS, tuple(_record(item, kind) for item in chain.answer), chain.minimum_ttl, "", server)


def _record(item: Any, kind: Kind) -> Record:  # dnspython types no record by its kind
    match kind:
        case Kind.MX:
            return Mx(item.preference, _host(item.exchange))
        case Kind.NS:
            return _host(item.target)
        case Kind.TXT:
            return b"".join(item.strings).decode("latin-1")
        case Kind.A | Kind.AAAA:
            return str(item.address)


def _host(name: dns.name.Name) -> str:
    return name.to_text(omit_final_dot=True).lower() if len(name) > 1 else ""


def _in_words(found: dns.exception.DNSException) -> str:
    """The kind of the defect. Its text may quote the name, and with it a key."""
    return "".join(f" {char.lower()}" if char.isupper() else char for char in type(found).__name__).strip()
