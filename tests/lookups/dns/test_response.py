"""The fast reading of packets agrees with dnspython's, and no packet whatsoever makes it raise."""

from __future__ import annotations

import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kycrisk.lookups.dns_answer import DnsAnswer, Kind, Mx, Status
from kycrisk.lookups.dns_question import packet, question_section, with_random_case
from kycrisk.lookups.dns_response import _read_by_dnspython, answers_question, is_truncated, read_response

NAME = "host.example.com"
_LABELS = st.text("abcXYZ019-_", min_size=1, max_size=12)
_HOSTS = st.lists(_LABELS, min_size=1, max_size=4).map(".".join)
_RECORDS = {
    Kind.A: st.ip_addresses(v=4).map(str),
    Kind.AAAA: st.ip_addresses(v=6).map(str),
    Kind.NS: _HOSTS.map("{}.".format),
    Kind.MX: st.tuples(st.integers(0, 65535), _HOSTS).map(lambda mx: f"{mx[0]} {mx[1]}."),
    Kind.TXT: st.lists(st.text("abc =-~", min_size=1, max_size=40), min_size=1, max_size=3).map(
        lambda parts: " ".join(f'"{part}"' for part in parts)
    ),
}


def response(
    kind: Kind, *, answer: list[str] = (), authority: str = "", rcode: str = "NOERROR", ttl: int = 60
) -> bytes:
    message = dns.message.make_response(dns.message.make_query(NAME, kind.name, id=1))
    message.set_rcode(dns.rcode.from_text(rcode))
    if answer:
        message.answer.append(dns.rrset.from_text(f"{NAME}.", ttl, "IN", kind.name, *answer))
    if authority:
        message.authority.append(dns.rrset.from_text(authority, ttl, "IN", "SOA", "ns.test. host.test. 1 2 3 4 55"))
    return message.to_wire()


def section(kind: Kind) -> bytes:
    found = question_section(NAME, kind)
    assert found is not None
    return found


@given(st.data(), st.sampled_from(sorted(_RECORDS)), st.integers(0, 2**31 - 1))
def test_common_answers_are_read_as_dnspython_reads_them(data: st.DataObject, kind: Kind, ttl: int) -> None:
    answer = data.draw(st.lists(_RECORDS[kind], min_size=1, max_size=4, unique_by=str.lower))
    wire = response(kind, answer=answer, ttl=ttl)
    ours = read_response(wire, section(kind), kind, "")
    theirs = _read_by_dnspython(wire, kind, "")
    assert ours == theirs
    assert ours.status is Status.RECORDS


@pytest.mark.parametrize("authority", ["", "example.com.", "com.", f"{NAME}.", "other.test."])
@pytest.mark.parametrize("rcode", ["NOERROR", "NXDOMAIN"])
def test_negative_answers_are_read_as_dnspython_reads_them(authority: str, rcode: str) -> None:
    wire = response(Kind.A, authority=authority, rcode=rcode)
    ours = read_response(wire, section(Kind.A), Kind.A, "")
    theirs = _read_by_dnspython(wire, Kind.A, "")
    assert ours == theirs
    assert ours.status is (Status.NXDOMAIN if rcode == "NXDOMAIN" else Status.NODATA)


@given(
    st.binary(max_size=80), st.sampled_from(list(Kind)), st.integers(0, 3), st.integers(0, 2), st.sampled_from([0, 3])
)
def test_no_packet_makes_it_raise(noise: bytes, kind: Kind, answers: int, authorities: int, rcode: int) -> None:
    asked = section(kind)
    counts = bytes((0, 1, 0, answers, 0, authorities, 0, 0))
    wire = b"\x00\x01\x81" + bytes((0x80 | rcode,)) + counts + asked + noise
    assert isinstance(read_response(wire, asked, kind, ""), DnsAnswer)


@given(st.data(), st.sampled_from(sorted(_RECORDS)))
def test_damaged_packets_do_not_make_it_raise(data: st.DataObject, kind: Kind) -> None:
    answer = data.draw(st.lists(_RECORDS[kind], min_size=1, max_size=3, unique_by=str.lower))
    wire = bytearray(response(kind, answer=answer))
    asked = section(kind)
    for _ in range(data.draw(st.integers(1, 4))):
        wire[data.draw(st.integers(12 + len(asked), len(wire) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, 10))
    assert isinstance(read_response(bytes(wire[: len(wire) - cut]), asked, kind, ""), DnsAnswer)


@pytest.mark.parametrize(
    ("rdata", "expected"),
    [
        pytest.param(b"\x00\x0a\xc0\x0c", (Mx(10, NAME),), id="pointer to the question"),
        pytest.param(b"\x00\x0a\x02mx\xc0\x11", (Mx(10, "mx.example.com"),), id="label and pointer"),
        pytest.param(b"\x00\x0a\xc0\x30", (), id="pointer to itself"),
        pytest.param(b"\x00\x0a", (), id="no name"),
        pytest.param(b"\x00\x0a\x3fabc", (), id="label beyond the packet"),
        pytest.param(b"\x00\x0a\x80", (), id="a kind of label that is none"),
        pytest.param(b"\x00\x0a\x01a\x00junk", (), id="more than a name"),
    ],
)
def test_names_in_records(rdata: bytes, expected: tuple[Mx, ...]) -> None:
    asked = section(Kind.MX)
    record = b"\xc0\x0c\x00\x0f\x00\x01\x00\x00\x00\x3c" + len(rdata).to_bytes(2, "big") + rdata
    wire = b"\x00\x01\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00" + asked + record
    answer = read_response(wire, asked, Kind.MX, "")
    assert answer.records == expected
    assert answer.status is (Status.RECORDS if expected else Status.MALFORMED)


def test_ttl_with_the_top_bit_is_none() -> None:
    asked = section(Kind.A)
    record = b"\xc0\x0c\x00\x01\x00\x01\xff\xff\xff\xff\x00\x04\x7f\x00\x00\x02"  # RFC 2181 section 8
    answer = read_response(b"\x00\x01\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00" + asked + record, asked, Kind.A, "")
    assert (answer.records, answer.ttl) == (("127.0.0.2",), 0)


@given(_HOSTS, st.sampled_from(list(Kind)), st.integers(0, 65535))
def test_queries_are_built_as_dnspython_reads_them(name: str, kind: Kind, ident: int) -> None:
    asked = question_section(name, kind)
    assert asked is not None
    message = dns.message.from_wire(packet(ident, asked, b""))
    assert (message.id, message.opcode(), message.rcode()) == (ident, 0, 0)
    assert str(message.question[0]) == f"{name}. IN {kind.name}"


@given(_HOSTS, st.randoms())
def test_random_case_changes_nothing_but_case(name: str, random: object) -> None:
    asked = question_section(name, Kind.A)
    assert asked is not None
    drawn = with_random_case(asked, random)  # type: ignore[arg-type]
    assert drawn.lower() == asked.lower()
    assert drawn[-4:] == asked[-4:]


def test_answers_question_wants_a_response_to_this_question() -> None:
    wire = response(Kind.A, answer=["192.0.2.1"])
    assert answers_question(wire, section(Kind.A), exact_case=True)
    assert not is_truncated(wire)
    assert not answers_question(wire, section(Kind.AAAA), exact_case=True)
    assert not answers_question(wire[:2] + b"\x01" + wire[3:], section(Kind.A), exact_case=True)
