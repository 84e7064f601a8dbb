"""The exemptions of a site over tables: which rules are silenced for which rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network
from typing import Any

import polars as pl

from kycrisk.normal.email import normal_email
from kycrisk.normal.ip import normal_ip
from kycrisk.ruleset.columns.values import packed, unpacked
from kycrisk.screening.columns.table import ACCOUNT, EXEMPT
from kycrisk.screening.exemptions import Exempted

Silenced = dict[int, set[str]]


def with_exemptions(table: pl.DataFrame, exempted: Sequence[Exempted], now: datetime) -> pl.DataFrame:
    """The table with the rules that are silenced for each row in the column `exempt`, beside those that it lists.

    Accounts, mailboxes, domains and addresses are read off facts where the table has them, else off raw signups.
    """
    in_force = [each for each in exempted if each.exemption.until > now]
    silenced: Silenced = {}
    for each in in_force:
        if each.kind == "account" and ACCOUNT in table.columns:
            _silence(silenced, (table[ACCOUNT].cast(pl.String) == each.key).arg_true(), each)
    if any(each.kind in ("email", "domain") for each in in_force):
        _by_email(table, in_force, silenced)
    if any(each.kind == "ip" for each in in_force):
        _by_network(table, in_force, silenced)
    if not silenced:
        return table
    given = table[EXEMPT].to_list() if EXEMPT in table.columns else [None] * table.height
    lists = [sorted({*(old or ()), *silenced.get(row, ())}) for row, old in enumerate(given)]
    return table.with_columns(pl.Series(EXEMPT, lists, dtype=pl.List(pl.String)))


def _silence(silenced: Silenced, rows: pl.Series, each: Exempted) -> None:
    for row in rows.to_list():
        silenced.setdefault(row, set()).add(each.exemption.rule)


def _by_email(table: pl.DataFrame, exempted: Sequence[Exempted], silenced: Silenced) -> None:
    raw = {"email"}.issubset(table.columns) and table["email"].dtype == pl.String
    canonical = _fact(table, "email.canonical", lambda text: normal_email(text).canonical if raw else None, "email")
    domains = _fact(table, "email.domain", lambda text: normal_email(text).domain if raw else None, "email")
    for each in exempted:
        if each.kind == "email" and canonical is not None:
            _silence(silenced, (canonical == each.key).fill_null(False).arg_true(), each)
        elif each.kind == "domain" and domains is not None:
            held = (domains == each.key) | domains.str.ends_with(f".{each.key}")
            _silence(silenced, held.fill_null(False).arg_true(), each)


def _by_network(table: pl.DataFrame, exempted: Sequence[Exempted], silenced: Silenced) -> None:
    addresses = _fact(table, "ip.address", _octets, "ip", pl.Binary())
    if addresses is None:
        return
    if addresses.dtype == pl.String:
        addresses = _mapped(addresses, _octets, pl.Binary())
    networks = [(each, each.key) for each in exempted if isinstance(each.key, (IPv4Network, IPv6Network))]
    for octets in addresses.drop_nulls().unique().to_list():
        found = [each for each, network in networks if unpacked(octets) in network]
        for each in found:
            _silence(silenced, addresses.is_in([octets]).fill_null(False).arg_true(), each)


def _octets(text: str) -> bytes | None:
    try:
        return packed(normal_ip(text))
    except ValueError:
        return None


def _fact(
    table: pl.DataFrame, name: str, read: Callable[[str], Any], raw: str, dtype: pl.DataType | None = None
) -> pl.Series | None:
    if name in table.columns:
        return table[name]
    if raw in table.columns and table[raw].dtype == pl.String:
        return _mapped(table[raw], read, dtype or pl.String())
    return None


def _mapped(texts: pl.Series, read: Callable[[str], Any], dtype: pl.DataType) -> pl.Series:
    """What a function makes of each distinct text."""
    distinct = texts.drop_nulls().unique()
    keys = pl.DataFrame({"text": distinct, "read": pl.Series([read(text) for text in distinct], dtype=dtype)})
    return pl.DataFrame({"text": texts}).join(keys, on="text", how="left", maintain_order="left")["read"]
