"""Real lists, where the folder with their copies lies beside the repository; what matters is tested without it too."""

from __future__ import annotations

import json
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest

from kycrisk.feeds.catalogue import Feed, default_catalogue, read_catalogues
from kycrisk.feeds.lists import ActiveList, Lists
from kycrisk.feeds.update import UpdateResult, update
from tests.feeds.making import NOW, feed

DATA = Path(__file__).resolve().parents[2] / "../shared/data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the copies of real lists are not on this machine")

# file, kind, purpose, entries that remain
REAL = [
    ("disposable/ded_blocklist.conf", "domains", "disposable_domain", 8335),
    ("disposable/disposable_domains.txt", "domains", "disposable_domain", 74668),
    ("disposable/disposable_domains_legacy.txt", "domains", "disposable_domain", 5292),
    ("disposable/mailchecker_list.txt", "domains", "disposable_domain", 56009),
    ("disposable/wesbos_emails.txt", "domains", "disposable_domain", 27258),
    ("disposable/fakefilter_data.txt", "domains", "disposable_domain", 4551),
    ("disposable/groundcat_domains.txt", "domains", "disposable_domain", 27100),
    ("disposable/unkn0w_domains.txt", "domains", "disposable_domain", 3612),
    ("disposable/ivolo_wildcard.json", "domains_json", "disposable_domain", 375),
    ("disposable/email-providers_all.json", "domains_json", "mail_provider", 8741),
    ("disposable/freemail_free.txt", "domains", "mail_provider", 4461),
    ("misp/disposable-email.json", "misp", "disposable_domain", 8201),
    ("misp/dynamic-dns.json", "misp", "dynamic_dns", 35467),
    ("misp/icloud-private-relay.json", "misp", "relay", 13747),
    ("tor/torbulkexitlist_2024-03", "networks", "tor_exit", 1174),
    ("tor/exit-addresses_2024-03", "tor_exit_addresses", "tor_exit", 1174),
    ("ip/spamhaus_drop_v4_2026-07-24.json", "drop_json", "drop", 1629),
    ("ip/spamhaus_drop_2024-02-27.txt", "drop_text", "drop", 987),
    ("ip/spamhaus_dropv6_2024-02-27.txt", "drop_text", "drop", 51),
    ("ip/firehol_firehol_level1.netset", "netset", "blocklist", 4621),
    ("ip/firehol_firehol_level2.netset", "netset", "blocklist", 17923),
    ("ip/firehol_firehol_level3.netset", "netset", "blocklist", 12917),
    ("ip/firehol_spamhaus_drop.netset", "netset", "drop", 1599),
    ("ip/firehol_stopforumspam_7d.ipset", "netset", "forum_spam_ip", 14686),
    ("ip/firehol_stopforumspam_toxic.netset", "netset", "forum_spam_ip", 60),
    ("ip/firehol_tor_exits_1d.ipset", "netset", "tor_exit", 971),
    ("ip/x4bnet_datacenter_ipv4.txt", "networks", "datacenter", 42566),
    ("ip/x4bnet_datacenter_ipv6.txt", "networks", "datacenter", 8752),
    ("ip/x4bnet_vpn_ipv4.txt", "networks", "vpn", 10862),
    ("ip/x4bnet_vpn_ipv6.txt", "networks", "vpn", 498),
]


def real(file: str, kind: str, purpose: str) -> Feed:
    name = Path(file).name.split(".")[0].lower().replace("_", "-")
    return feed(name=name, url=str(DATA / file), kind=kind, purpose=purpose, max_age=timedelta(days=3650))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("feeds")


@pytest.fixture(scope="module")
def results(folder: Path) -> dict[str, UpdateResult]:
    shipped = [one for one in read_catalogues([default_catalogue()]) if one.url.startswith("shipped:")]
    feeds = [*(real(*row[:3]) for row in REAL), *shipped]
    taken = update(feeds, folder, now=NOW)
    return {row[0]: result for row, result in zip(REAL, taken, strict=False)}


@pytest.fixture(scope="module")
def lists(folder: Path, results: dict[str, UpdateResult]) -> Lists:
    return Lists.open([result.feed for result in results.values()], folder, NOW)


@pytest.mark.parametrize(("file", "entries"), [(row[0], row[3]) for row in REAL], ids=[row[0] for row in REAL])
def test_it_compiles(results: dict[str, UpdateResult], file: str, entries: int) -> None:
    result = results[file]
    assert (result.status, result.reason, result.entries) == ("updated", "", entries)


def everywhere(lists: Lists, purpose: str) -> tuple[ActiveList, ...]:
    found = lists.fresh(purpose)
    assert found
    return found


NEVER_DISPOSABLE = [
    "co.id",
    "blogspot.com",
    "com.ar",
    "web.id",
    "my.id",
    "msk.ru",
    "za.com",
    "gmail.com",
    "outlook.com",
    "yahoo.co.uk",
    "qq.com",
    "163.com",
    "naver.com",
    "zoho.com",
    "sohu.com",
    "icloud.com",
    "privaterelay.appleid.com",
    "duck.com",
    "mozmail.com",
    "relay.firefox.com",
    "simplelogin.com",
    "addy.io",
    "anonaddy.me",
    "passmail.net",
]


@pytest.mark.parametrize("domain", NEVER_DISPOSABLE)
def test_no_real_list_makes_it_disposable(lists: Lists, domain: str) -> None:
    names = (f"some-shop-of-mine.{domain}", domain)
    assert [one.feed.name for one in everywhere(lists, "disposable_domain") for name in names if one.find(name)] == []


def test_the_raw_lists_do_contain_such_entries() -> None:
    raw = (DATA / "disposable/disposable_domains_legacy.txt").read_text().split()
    assert {"com.ar", "qq.com", "163.com", "naver.com"} <= set(raw)


@pytest.mark.parametrize("domain", ["mailinator.com", "x.y.guerrillamail.com", "sharklasers.com"])
def test_well_known_disposable_domains_are_found_in_many(lists: Lists, domain: str) -> None:
    assert sum(one.find(domain) is not None for one in everywhere(lists, "disposable_domain")) >= 6


@pytest.mark.parametrize("address", ["10.1.2.3", "127.0.0.1", "192.168.1.1", "100.64.1.1", "224.0.0.1", "0.0.0.0"])
def test_no_firewall_list_lists_what_is_not_public(lists: Lists, address: str) -> None:
    ip = ip_address(address)
    for purpose in ("blocklist", "drop", "datacenter", "vpn", "tor_exit", "forum_spam_ip"):
        assert [one.feed.name for one in everywhere(lists, purpose) if one.find(ip)] == []


def test_every_record_of_drop_is_listed(lists: Lists) -> None:
    drop = next(one for one in lists.fresh("drop") if one.feed.kind == "drop_json")
    lines = (DATA / "ip/spamhaus_drop_v4_2026-07-24.json").read_text().splitlines()
    records = [json.loads(line)["cidr"] for line in lines if '"cidr"' in line]
    assert len(records) == 1670
    assert [cidr for cidr in records if drop.find(ip_address(cidr.partition("/")[0])) is None] == []


def test_both_tor_formats_list_the_same_addresses(lists: Lists) -> None:
    first, second = (one for one in lists.fresh("tor_exit") if one.size == 1174)
    addresses = (DATA / "tor/torbulkexitlist_2024-03").read_text().split()
    assert [text for text in addresses if not (first.find(ip_address(text)) and second.find(ip_address(text)))] == []


def test_accidents_of_the_past_are_harmless(folder: Path, lists: Lists) -> None:
    """gmail.com stood in a large list on 2018-06-01; outlook, yandex and mail.ru did on 2021-03-17."""
    source = folder / "accident.txt"
    source.write_text("gmail.com\noutlook.com\nyandex.ru\nmail.ru\nmailinator.com\n")
    accident = feed(name="accident", url=str(source), max_age=timedelta(days=3650))
    guard = next(one for one in read_catalogues([default_catalogue()]) if one.name == "protected-domains")
    result, _ = update([accident, guard], folder, now=NOW)
    assert (result.entries, result.dropped) == (1, {"protected": 4})
