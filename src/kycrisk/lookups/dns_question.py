"""Questions as packets (RFC 1035 section 4), built without a message object: most of what a lookup costs is here."""

from __future__ import annotations

import re
from random import Random

from kycrisk.lookups.dns_answer import Kind

MAX_NAME = 253  # characters of a name as text (RFC 1035 section 3.1 less the lengths of its ends)
MAX_LABEL = 63

_RECURSION_WANTED = b"\x01\x00\x00\x01\x00\x00\x00\x00\x00"
_HEADERS = {False: _RECURSION_WANTED + b"\x00", True: _RECURSION_WANTED + b"\x01"}
_TAILS = {kind: kind.to_bytes(2, "big") + b"\x00\x01" for kind in Kind}

# Names that are asked about are host names, hashes and underscored names; anything else is no question of ours.
_NAME = re.compile(r"[A-Za-z0-9_\-]{1,63}(?:\.[A-Za-z0-9_\-]{1,63})*", re.ASCII)


def question_section(name: str, kind: Kind) -> bytes | None:
    """The question section for a name without a final dot, as it is written; None when it is not a name."""
    if len(name) > MAX_NAME or not _NAME.fullmatch(name):
        return None
    labels = [bytes((len(label),)) + label for label in name.encode().split(b".")]
    return b"".join(labels) + b"\x00" + _TAILS[kind]


def with_random_case(section: bytes, random: Random) -> bytes:
    """The question with each letter's case drawn at random ("0x20", draft-vixie-dnsext-dns0x20).

    Servers echo the question as it was written, so each letter is a further bit that a forger has to guess.
    """
    bits = random.getrandbits(len(section) * 8)
    flips = bytes(
        byte ^ 0x20 if 65 <= byte & 0xDF <= 90 and bits >> index & 1 else byte
        for index, byte in enumerate(section[:-4])
    )
    return flips + section[-4:]


def edns_record(payload: int) -> bytes:
    """The OPT record that offers a UDP payload size (RFC 6891 section 6.1.2), without options or DNSSEC."""
    return b"\x00\x00\x29" + payload.to_bytes(2, "big") + b"\x00\x00\x00\x00\x00\x00"


def packet(ident: int, section: bytes, edns: bytes) -> bytes:
    """A query that wants recursion, with one question."""
    return ident.to_bytes(2, "big") + _HEADERS[bool(edns)] + section + edns
