"""Every format: a good list, and each way it can be cut off or be something else."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import UTC, datetime

import pytest

from kycrisk.feeds.compile import compile_list
from kycrisk.feeds.failure import FeedFailure
from kycrisk.feeds.formats import FORMATS, stopforumspam
from kycrisk.feeds.match import NetworkSet

DOMAINS = b"# Last Update: 2026-02-18T00:14:44.419Z\n\nmailinator.com\ntrash.example # a remark\n; old comment\n"

NETSET = b"""#
# firehol_level1
# Source File Date: Sat Aug 22 05:13:59 UTC 2026
# This File Date  : Sun Aug 23 06:02:32 UTC 2026
# Entries         : 2 subnets, 257 unique IPs
#
8.8.8.0/24
9.9.9.9
"""

EXITS = b"""@type tordnsel 1.0
Downloaded 2026-11-23 09:02:03
ExitNode FE39F07EBE7870DCE124AB30DF3ABD0700A43F75
Published 2026-11-22 13:07:19
LastStatus 2026-11-23 08:00:00
ExitAddress 185.241.208.232 2026-11-23 08:10:51
ExitAddress 185.241.208.233 2026-11-23 08:11:51
ExitNode 23B49521BDC4588C7CCF3C38E552504118326B66
Published 2026-11-22 02:29:55
LastStatus 2026-11-23 07:00:00
"""

ONIONOO = json.dumps(
    {
        "version": "9.0",
        "relays_published": "2026-11-23 08:00:00",
        "relays": [
            {
                "or_addresses": ["185.241.208.10:9001", "[2a0b:f4c2:2::33]:9001"],
                "exit_addresses": ["185.241.208.232"],
                "flags": ["Exit", "Running"],
            },
            {"or_addresses": ["194.26.192.64:443"], "flags": ["Guard", "Running"]},
            {"or_addresses": ["194.26.192.65:443"]},
        ],
        "bridges": [],
    }
).encode()

DROP = b"""{"cidr":"1.10.16.0/20","sblid":"SBL256894","rir":"apnic"}
{"cidr":"2.26.75.0/24","sblid":"SBL698389","rir":"ripencc"}
{"type":"metadata","timestamp":1784798042,"size":101866,"records":2,"copyright":"(c) 2026","terms":"https://"}
"""

DROP_TEXT = b"""; Spamhaus DROP List 2024/02/27 - (c) 2024 The Spamhaus Project SLU
; Last-Modified: Tue, 27 Feb 2024 03:55:05 GMT
1.10.16.0/20 ; SBL256894
2.26.75.0/24 ; SBL698389
"""

RELAY = b"172.224.224.0/27,GB,GB-EN,London,\n2a02:26f7:b000::/64,CH,CH-ZH,Zurich,\n"

MISP = b'{"name":"n","type":"string","version":20260811,"list":["mailinator.com","trash.example"]}'
MISP_COUNTER = b'{"name":"n","type":"hostname","version":2,"list":[".mailinator.com"]}'


def zipped(text: str, name: str = "listed_ip_7.txt") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, text)
    return buffer.getvalue()


def scratched(archive: bytes) -> bytes:
    return archive[:50] + bytes([archive[50] ^ 0xFF]) + archive[51:]


def two_files() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.txt", "8.8.8.8")
        archive.writestr("b.txt", "9.9.9.9")
    return buffer.getvalue()


GOOD = [
    (
        "domains",
        "domains",
        DOMAINS,
        ["mailinator.com", "trash.example"],
        datetime(2026, 2, 18, 0, 14, 44, 419000, UTC),
    ),
    (
        "domains with a byte order mark",
        "domains",
        b"\xef\xbb\xbfmailinator.com\r\n",
        ["mailinator.com"],
        None,
    ),
    (
        "our own date",
        "domains",
        b"# As of: 2026-11-23\na.example\n",
        ["a.example"],
        datetime(2026, 11, 23, tzinfo=UTC),
    ),
    ("a date nobody can read", "domains", b"# As of: lately\na.example\n", ["a.example"], None),
    ("domains in json", "domains_json", b'["mailinator.com"]', ["mailinator.com"], None),
    (
        "domains in a json object",
        "domains_json",
        b'{"domains": ["mailinator.com"]}',
        ["mailinator.com"],
        None,
    ),
    ("addresses", "networks", b"185.241.208.232\n2001:db8::1\n", ["185.241.208.232", "2001:db8::1"], None),
    ("netset", "netset", NETSET, ["8.8.8.0/24", "9.9.9.9"], datetime(2026, 8, 22, 5, 13, 59, tzinfo=UTC)),
    (
        "exit list",
        "tor_exit_addresses",
        EXITS,
        ["185.241.208.232", "185.241.208.233"],
        datetime(2026, 11, 23, 9, 2, 3, tzinfo=UTC),
    ),
    (
        "exit list without a download date",
        "tor_exit_addresses",
        b"\n".join(EXITS.splitlines()[2:]),
        ["185.241.208.232", "185.241.208.233"],
        datetime(2026, 11, 23, 8, 0, tzinfo=UTC),
    ),
    (
        "onionoo",
        "onionoo",
        ONIONOO,
        ["185.241.208.232", "185.241.208.10", "2a0b:f4c2:2::33", "194.26.192.65"],
        datetime(2026, 11, 23, 8, 0, tzinfo=UTC),
    ),
    (
        "drop",
        "drop_json",
        DROP,
        ["1.10.16.0/20", "2.26.75.0/24"],
        datetime(2026, 7, 23, 9, 14, 2, tzinfo=UTC),
    ),
    (
        "drop text",
        "drop_text",
        DROP_TEXT,
        ["1.10.16.0/20", "2.26.75.0/24"],
        datetime(2024, 2, 27, 3, 55, 5, tzinfo=UTC),
    ),
    ("zip, a line each", "address_zip", zipped("8.8.8.8\n9.9.9.9\n"), ["8.8.8.8", "9.9.9.9"], None),
    ("zip, commas", "address_zip", zipped("8.8.8.8,9.9.9.9,"), ["8.8.8.8", "9.9.9.9"], None),
    ("zip, csv with quotes", "address_zip", zipped('"8.8.8.8","12","2026-11-01"\n'), ["8.8.8.8"], None),
    ("private relay", "private_relay", RELAY, ["172.224.224.0/27", "2a02:26f7:b000::/64"], None),
    ("misp", "misp", MISP, ["mailinator.com", "trash.example"], datetime(2026, 8, 11, tzinfo=UTC)),
    ("misp with a counter", "misp", MISP_COUNTER, [".mailinator.com"], None),
    ("e-mail addresses", "emails", b"# c\na#b@mailinator.com\n", ["a#b@mailinator.com"], None),
]


@pytest.mark.parametrize(("kind", "body", "entries", "as_of"), [row[1:] for row in GOOD], ids=[row[0] for row in GOOD])
def test_good(kind: str, body: bytes, entries: list[str], as_of: datetime | None) -> None:
    parsed = FORMATS[kind].parse(body)
    assert parsed.entries == entries
    assert parsed.as_of == as_of


def test_every_kind_has_a_good_sample() -> None:
    assert {row[1] for row in GOOD} == set(FORMATS)


MISSING_TRAILER = DROP.rpartition(b'{"type"')[0]
BAD = [
    ("empty", "domains", b"", "it is empty"),
    ("blank", "domains", b" \n\n", "it is empty"),
    ("comments only", "domains", b"# nothing\n", "it has no entries"),
    ("html", "domains", b"<!DOCTYPE html><html>", "it is a web page, not a list"),
    ("html behind blanks", "networks", b"\n  <html>", "it is a web page, not a list"),
    ("binary", "domains", b"mailinator.com\n\xff\xfe", "it is not text: byte 15 is not UTF-8"),
    (
        "prose",
        "domains",
        b"Service unavailable, please try again later\n",
        "1 of its 1 entries make no sense",
    ),
    ("json, cut off", "domains_json", b'["mailinator.com", "tra', "it ends in the middle|it is not JSON"),
    ("json, not a list", "domains_json", b'"mailinator.com"', "the document is not an array of texts"),
    ("json, not of texts", "domains_json", b"[1, 2]", "the document is not an array of texts"),
    ("json, nested deep", "domains_json", b"[" * 200_000, "nested too deep|is not JSON|in the middle"),
    ("netset without header", "netset", b"8.8.8.0/24\n", "`# Entries` header of a FireHOL list is missing"),
    (
        "netset, cut off",
        "netset",
        NETSET[:-8],
        "it has 256 addresses and says that it has 257, so it is cut off",
    ),
    ("exit list, not one", "tor_exit_addresses", b"185.241.208.232\n", "is not a line of an exit list"),
    ("exit list, no record", "tor_exit_addresses", b"@type tordnsel 1.0\n", "no `ExitNode` record"),
    ("exit list, cut in a line", "tor_exit_addresses", EXITS[:-10], "is not a line of an exit list"),
    ("exit list, cut in a record", "tor_exit_addresses", EXITS[:-40], "2 records and 1 with their status"),
    ("onionoo, another document", "onionoo", b'{"version": "9.0"}', "it has no `relays`"),
    ("onionoo, a list", "onionoo", b"[]", "it has no `relays`"),
    (
        "drop without trailer",
        "drop_json",
        MISSING_TRAILER,
        "metadata line at the end is missing after 2 records",
    ),
    ("drop, cut in a line", "drop_json", DROP[:80], "line 2 is not a JSON record"),
    (
        "drop, a record missing",
        "drop_json",
        DROP.partition(b"\n")[2],
        "it has 1 entries and says that it has 2",
    ),
    ("drop, other records", "drop_json", b'{"asn":932}\n', "line 1 has neither `cidr` nor metadata"),
    ("drop, trailer without count", "drop_json", b'{"type":"metadata"}\n', "does not say how many records"),
    ("zip, cut off", "address_zip", zipped("8.8.8.8\n" * 99)[:-30], "the zip is damaged or cut off"),
    ("zip, damaged inside", "address_zip", scratched(zipped("8.8.8.8\n" * 99)), "the zip"),
    ("zip, not one", "address_zip", b"8.8.8.8\n", "the zip is damaged or cut off"),
    ("zip of two", "address_zip", two_files(), "the zip holds 2 files, expected one"),
    ("relay, not a csv", "private_relay", b"172.224.224.0/27\n", "is not a row of network, country"),
    ("misp, another document", "misp", b"{}", "it has no `list`"),
    (
        "misp, regular expressions",
        "misp",
        b'{"type":"regex","list":["/a/"]}',
        "type `regex` cannot be matched",
    ),
]


@pytest.mark.parametrize(("kind", "body", "words"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_bad(kind: str, body: bytes, words: str) -> None:
    purpose = {
        "domains": "disposable_domain",
        "domains_json": "disposable_domain",
        "misp": "disposable_domain",
    }
    with pytest.raises(FeedFailure, match=words):
        compile_list(body, kind=kind, purpose=purpose.get(kind, "blocklist"), minimum=1, protected=frozenset())


def test_a_zip_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopforumspam, "MAX_UNPACKED", 1_000_000)
    bomb = zipped("0" * 50_000_000)
    assert len(bomb) < 60_000
    with pytest.raises(FeedFailure, match="the zip unpacks to more than"):
        FORMATS["address_zip"].parse(bomb)


def test_fewer_entries_than_the_catalogue_expects() -> None:
    with pytest.raises(FeedFailure, match="only 2 entries are left, expected at least 3000"):
        compile_list(DOMAINS, kind="domains", purpose="dynamic_dns", minimum=3000, protected=frozenset())


def test_a_few_entries_that_make_no_sense_are_counted_and_left_out() -> None:
    body = b"\n".join([b"8.8.%d.0/24" % number for number in range(20)] + [b"hello"])
    compiled = compile_list(body, kind="networks", purpose="blocklist", minimum=1, protected=frozenset())
    assert isinstance(compiled.entries, NetworkSet)
    assert (len(compiled.entries), compiled.dropped) == (20, {"malformed": 1})


def test_exact_addresses_are_folded_and_idn_is_encoded() -> None:
    body = "Abuse@Bücher.example\nno-address\n".encode() + b"x@example.com\n" * 12
    compiled = compile_list(body, kind="emails", purpose="email_blocklist", minimum=1, protected=frozenset())
    assert compiled.entries.find("abuse@xn--bcher-kva.example") == "abuse@xn--bcher-kva.example"
    assert compiled.dropped["malformed"] == 1
