"""Which name servers are asked, and which are public."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

import pytest

from kycrisk.lookups.dns_answer import DnsAnswer, Kind, Status
from kycrisk.lookups.resolver_cache import AnswerCache, CacheLimits
from kycrisk.lookups.resolver_servers import (
    Nameserver,
    configured_nameservers,
    parse_nameserver,
    recognise_public_resolver,
    system_nameservers,
)
from kycrisk.problems import Problems


@pytest.mark.parametrize(
    ("text", "server", "shown"),
    [
        ("127.0.0.1", Nameserver("127.0.0.1"), "127.0.0.1"),
        (" 127.0.0.1:5353 ", Nameserver("127.0.0.1", 5353), "127.0.0.1:5353"),
        ("::1", Nameserver("::1"), "::1"),
        ("[::1]:5353", Nameserver("::1", 5353), "[::1]:5353"),
        ("2001:DB8::0:1", Nameserver("2001:db8::1"), "2001:db8::1"),
        ("fe80::1%eth0", Nameserver("fe80::1", 53, "eth0"), "fe80::1%eth0"),
    ],
)
def test_name_servers(text: str, server: Nameserver, shown: str) -> None:
    assert parse_nameserver(text) == server
    assert str(server) == shown


@pytest.mark.parametrize(
    "text", ["", "localhost", "dns.example.com", "127.0.0.1:", "127.0.0.1:99999", "[::1", "::1]:53"]
)
def test_what_is_no_name_server(text: str) -> None:
    with pytest.raises(ValueError, match="`"):
        parse_nameserver(text)


def test_every_wrong_name_server_is_a_problem() -> None:
    texts = [("127.0.0.1", "resolvers[0]"), ("unbound", "resolvers[1]"), ("::1:99999:x", "resolvers[2]")]
    with pytest.raises(Problems) as caught:
        configured_nameservers(texts)
    assert [problem.place for problem in caught.value.problems] == ["resolvers[1]", "resolvers[2]"]


@pytest.mark.parametrize(
    ("text", "servers"),
    [
        pytest.param("nameserver 192.0.2.1\nnameserver ::1\n", ["192.0.2.1", "::1"], id="two"),
        pytest.param(
            "# nameserver 192.0.2.9\n; x\nsearch test\n nameserver\t192.0.2.1 # x", ["192.0.2.1"], id="others"
        ),
        pytest.param(
            "".join(f"nameserver 192.0.2.{i}\n" for i in range(9)), ["192.0.2.0", "192.0.2.1", "192.0.2.2"], id="3"
        ),
        pytest.param("nameserver nonsense\n", ["127.0.0.1"], id="none that is one"),
        pytest.param(None, ["127.0.0.1"], id="no file"),
    ],
)
def test_system_name_servers(text: str | None, servers: list[str], tmp_path: Path) -> None:
    path = tmp_path / "resolv.conf"
    if text is not None:
        path.write_text(text)
    assert [str(server) for server in system_nameservers(path)] == servers


@pytest.mark.parametrize(
    ("ip", "name"),
    [
        ("8.8.8.8", "Google Public DNS"),
        ("2001:4860:4860::8844", "Google Public DNS"),
        ("::ffff:8.8.4.4", "Google Public DNS"),
        ("1.1.1.1", "Cloudflare DNS"),
        ("9.9.9.9", "Quad9"),
        ("208.67.222.222", "OpenDNS"),
        ("127.0.0.53", ""),
        ("192.0.2.53", ""),
        ("8.8.8.9", ""),
        ("2001:db8::53", ""),
    ],
)
def test_public_resolvers_are_recognised(ip: str, name: str) -> None:
    assert recognise_public_resolver(ip_address(ip)) == name


def _kept(ttl: int, status: Status, after: float) -> bool:
    cache = AnswerCache(CacheLimits(shortest=5, longest=100, longest_negative=50))
    cache.put(("a.test", Kind.A), DnsAnswer(status, ttl=ttl), 1000.0)
    return cache.get(("a.test", Kind.A), 1000.0 + after) is not None


@pytest.mark.parametrize(
    ("ttl", "status", "kept_for"),
    [
        pytest.param(30, Status.RECORDS, 30, id="its own TTL"),
        pytest.param(1, Status.RECORDS, 5, id="at least"),
        pytest.param(9999, Status.RECORDS, 100, id="at most"),
        pytest.param(9999, Status.NXDOMAIN, 50, id="no such name, at most"),
        pytest.param(9999, Status.NODATA, 50, id="no data, at most"),
        pytest.param(0, Status.RECORDS, 0, id="not to be kept"),
        pytest.param(30, Status.SERVFAIL, 0, id="a failure"),
    ],
)
def test_how_long_answers_are_kept(ttl: int, status: Status, kept_for: int) -> None:
    assert not _kept(ttl, status, kept_for)
    assert _kept(ttl, status, kept_for - 0.01) is (kept_for > 0)


def test_the_cache_is_bounded_and_drops_what_was_not_used() -> None:
    cache = AnswerCache(CacheLimits(entries=3))
    answer = DnsAnswer(Status.RECORDS, ("192.0.2.1",), 60)
    for name in ("a", "b", "c"):
        cache.put((name, Kind.A), answer, 0.0)
    cache.get(("a", Kind.A), 1.0)
    cache.put(("d", Kind.A), answer, 2.0)
    assert len(cache) == 3
    assert [name for name in "abcd" if cache.get((name, Kind.A), 3.0)] == ["a", "c", "d"]
