"""Exemptions over columns: which rules are silenced for each row, by account, mailbox, domain or network."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import or_

import polars as pl

from kycrisk.ruleset.columns.conditions import in_network
from kycrisk.screening.exemptions import Exempted

#: The signal that says whom each kind of exemption means; an account is named by its own column.
_READS = {"email": "email.canonical", "domain": "email.domain", "ip": "ip.address"}
_ACCOUNT = " account"
_LIST = pl.List(pl.String)


class ExemptColumns:
    """The exemptions that are in force, ready for tables."""

    def __init__(self, exempted: Sequence[Exempted]) -> None:
        by_rule: dict[str, list[Exempted]] = {}
        for each in exempted:
            by_rule.setdefault(each.exemption.rule, []).append(each)
        self._by_rule = {rule: by_rule[rule] for rule in sorted(by_rule)}
        #: The signals that tell whom the exemptions mean. Where one is unknown, nobody is exempt by it.
        self.reads = frozenset(_READS[each.kind] for each in exempted if each.kind != "account")

    def of(self, accounts: pl.Series, facts: pl.DataFrame, given: pl.Series | None) -> pl.Series | None:
        """The rules that are silenced for each row, those of `given` among them; None where there are none."""
        if not self._by_rule:
            return given
        known = {name for name in self.reads if name in facts.columns}
        table = facts.select(sorted(known)).insert_column(0, accounts.alias(_ACCOUNT))
        found = table.select(pl.concat_list(self._silenced(rule, known) for rule in self._by_rule).list.drop_nulls())
        mine = found.to_series().alias("exempt")
        if given is None:
            return mine
        beside = pl.DataFrame({"mine": mine, "given": given}).with_columns(pl.all().fill_null(pl.lit([], _LIST)))
        return beside.select(pl.col("mine").list.set_union("given")).to_series()

    def _silenced(self, rule: str, known: set[str]) -> pl.Expr:
        parts = [_covers(each) for each in self._by_rule[rule] if each.kind == "account" or _READS[each.kind] in known]
        covered = reduce(or_, parts) if parts else pl.lit(False)
        return pl.when(covered.fill_null(False)).then(pl.lit(rule, pl.String))


def _covers(each: Exempted) -> pl.Expr:
    """`Exempted.covers`, of a column."""
    match each.kind, each.key:
        case "account", key:
            return pl.col(_ACCOUNT) == pl.lit(str(key))
        case "email", key:
            return pl.col(_READS["email"]) == pl.lit(str(key))
        case "domain", key:
            domain = pl.col(_READS["domain"])
            return (domain == pl.lit(str(key))) | domain.str.ends_with(f".{key}")
        case "ip", network if not isinstance(network, str):
            return in_network(pl.col(_READS["ip"]), network)
    raise AssertionError(each.kind)
