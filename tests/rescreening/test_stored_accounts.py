"""The accounts of the store as columns: in order, in chunks, with what is left of each."""

import json
from datetime import timedelta
from ipaddress import ip_address

import pytest

from kycrisk.rescreening.stored_accounts import (
    ACCOUNT_COLUMNS,
    account_chunks,
    count_accounts,
    last_account,
    signup_table,
)
from kycrisk.ruleset.columns.values import packed
from kycrisk.signals import Type
from tests.store.conftest import KEY
from tests.store.making import NOW, Maker, read_rules

SIGNALS = {"email.domain": Type.STR, "ip.address": Type.IP, "ip.tor_exit": Type.BOOL, "ip.asn": Type.INT}


@pytest.fixture
def make(tmp_path):
    (tmp_path / "rules").mkdir()
    return Maker(read_rules(tmp_path / "rules"))


async def filled(store, make):
    """An account screened twice, one from Tor, one whose signup was never decided, one erased, one undecidable."""
    await store.decisions.add(make.screening("twice"))
    await store.decisions.add(make.screening("tor", ip="203.0.113.5", **{"ip.tor_exit": True}))
    await store.signups.register(make.signup("waiting", ip="192.0.2.8"))
    await store.decisions.add(make.screening("gone", ip="192.0.2.9"))
    await store.decisions.add(make.screening("open", ip="192.0.2.10", missing=("ip.tor_exit",)))
    await store.decisions.add(make.screening("twice", at=NOW + timedelta(hours=2), domain="acme.example"))
    await store.personal_data.erase("gone", "ada", "asked for")


async def read(store, **options):
    return [chunk async for chunk in account_chunks(store, KEY, SIGNALS, **options)]


def test_every_account_comes_once_with_its_last_decision(run, make):
    async def body(store):
        await filled(store, make)
        return await read(store)

    [chunk] = run(body)
    assert dict(chunk.accounts.schema) == dict(ACCOUNT_COLUMNS)
    assert chunk.accounts.select("account_id", "decision", "outcome", "score", "settled").rows() == [
        ("twice", "dec_00000005", "allow", 30, True),
        ("tor", "dec_00000002", "review", 45, True),
        ("waiting", None, None, None, None),
        (None, "dec_00000003", "allow", 0, True),
        ("open", "dec_00000004", "allow", 0, False),
    ]
    assert chunk.accounts["submitted_at"].to_list() == [NOW + timedelta(hours=2), NOW, NOW, NOW, NOW]
    assert chunk.readable.to_list() == [True, True, True, False, True]
    assert chunk.evident.to_list() == [True, True, False, False, True]
    assert chunk.facts["email.domain"].to_list() == ["acme.example", "example.com", None, None, "example.com"]
    tor = packed(ip_address("203.0.113.5"))
    here = packed(ip_address("192.0.2.7"))
    assert chunk.facts["ip.address"].to_list() == [here, tor, None, None, packed(ip_address("192.0.2.10"))]
    assert chunk.facts["ip.tor_exit"].to_list() == [False, True, None, None, None]
    assert chunk.facts["ip.asn"].to_list() == [None] * 5
    assert chunk.ages["ip.tor_exit"].to_list() == [NOW, NOW, None, None, None]
    assert chunk.sources["ip.tor_exit"].to_list() == ["tor-bulk", "tor-bulk", None, None, None]
    assert chunk.signups[0]["submitted_at"] == "2026-11-25T14:00:00Z"


@pytest.mark.parametrize("size", [1, 3])
def test_chunks_of_any_size_make_the_same_table(run, make, size):
    async def body(store):
        await filled(store, make)
        return await read(store), await read(store, size=size), await read(store, after=2, upto=4, size=size)

    [whole], parts, middle = run(body)
    rows = [row for part in parts for row in zip(part.accounts.rows(), part.facts.rows(), part.signups, strict=True)]
    assert rows == list(zip(whole.accounts.rows(), whole.facts.rows(), whole.signups, strict=True))
    assert [number for part in middle for number in part.accounts["account"]] == [3, 4]
    assert [part.last for part in parts][-1] == 5


def test_an_empty_store_has_no_chunk(run):
    async def body(store):
        return await read(store), await last_account(store), await count_accounts(store, upto=10)

    assert run(body) == ([], 0, 0)


def test_signups_are_a_table_of_signups():
    table = signup_table(
        [
            {"account_id": "a", "email": "x@a.example", "address": {"country": "DE"}, "attributes": {"seats": 3}},
            {"account_id": "b", "email": "y@b.example", "attributes": {"seats": 2.5, "plan": "vps"}},
        ]
    )
    assert json.loads(table.write_json()) == [
        {"account_id": "a", "email": "x@a.example", "address.country": "DE", "attributes.seats": 3.0,
         "attributes.plan": None},
        {"account_id": "b", "email": "y@b.example", "address.country": None, "attributes.seats": 2.5,
         "attributes.plan": "vps"},
    ]  # fmt: skip
