"""Accounts that are inside already, as a store would export them: the facts that their signups told, by the million.

The facts are those that the kernel itself finds for some thousand raw signups; each account has the facts of one of
them, and an e-mail domain and an IP address of its own, so that there are as many keys to look up as in real life.
"""

from __future__ import annotations

import random
from ipaddress import IPv4Address
from pathlib import Path

import polars as pl

from bench.listings import OCTETS, Entries
from bench.signups import make_rows
from bench.site import Site
from kycrisk.checks.catalogue import PURPOSES
from kycrisk.screening.columns.table import TableScreener

_PATTERN = 20_000  # raw signups whose facts the accounts share
_PROVIDERS = ["gmail.com", "outlook.com", "yahoo.com", "gmx.de", "icloud.com", "proton.me", "orange.fr", "hotmail.com"]
_ENDINGS = [".com", ".net", ".de", ".fr", ".io", ".co.uk", ".nl", ".pl", ".org"]
_FOUND_ANEW = {*PURPOSES, "ip.kind", "ip.public", "ip.version", "email.domain", "ip.address", "account_id"}


def raw_table(count: int, site: Site) -> pl.DataFrame:
    """Raw signups as a table, all of the past: what lies ahead is refused, and sooner or later by another clock."""
    return pl.DataFrame(make_rows(count, site.entries)).with_columns(
        pl.col("submitted_at").str.to_datetime(time_zone="UTC") - pl.duration(days=90)
    )


def pattern(screener: TableScreener, site: Site, count: int = _PATTERN) -> pl.DataFrame:
    """What the texts of some signups tell: every fact that no list has a part in."""
    verdicts = screener.screen(raw_table(count, site), facts=True).verdicts
    kept = [name for name in verdicts.columns if name in screener.needed and name not in _FOUND_ANEW]
    return verdicts.select(kept)


def write_accounts(path: Path, count: int, told: pl.DataFrame, entries: Entries, seed: int) -> None:
    """A Parquet file of accounts."""
    accounts = pl.DataFrame(
        [
            pl.Series("account_id", range(seed * count, (seed + 1) * count)).cast(pl.String),
            _domains(count, entries, seed),
            _addresses(count, entries, seed),
        ]
    )
    facts = told.sample(count, with_replacement=True, seed=seed)
    accounts.hstack(facts).write_parquet(path, row_group_size=250_000)


def _domains(count: int, entries: Entries, seed: int) -> pl.Series:
    """One in 25 is listed, two in five are nobody's but their own, the others are large providers'."""
    listed = pl.Series([name for names in entries.domains.values() for name in names])
    source = random.Random(seed)
    draw = pl.Series([source.random() for _ in range(count)])
    number = pl.Series(random.Random(f"d {seed}").choices(range(10**7), k=count)).cast(pl.String)
    frame = pl.DataFrame(
        {
            "draw": draw,
            "listed": listed.sample(count, with_replacement=True, seed=seed),
            "large": pl.Series(_PROVIDERS).sample(count, with_replacement=True, seed=seed),
            "own": "mail-" + number + pl.Series(_ENDINGS).sample(count, with_replacement=True, seed=seed + 1),
        }
    )
    return (
        frame.select(
            pl.when(pl.col("draw") < 0.04).then("listed").when(pl.col("draw") < 0.6).then("large").otherwise("own")
        )
        .to_series()
        .alias("email.domain")
    )


def _addresses(count: int, entries: Entries, seed: int) -> pl.Series:
    """One in 17 is in a listed network, one in five is IPv6, no two are meant to be the same."""
    source = random.Random(f"a {seed}")
    blocks = [network[0].packed for networks in entries.networks.values() for network in networks]
    bits, choice, draw = source.getrandbits, source.choice, source.random
    octets = [
        choice(blocks)
        if (drawn := draw()) < 0.06
        else b"\x2a" + bits(120).to_bytes(15, "big")
        if drawn < 0.25
        else IPv4Address(choice(OCTETS) << 24 | bits(24)).packed
        for _ in range(count)
    ]
    return pl.Series("ip.address", octets, dtype=pl.Binary)
