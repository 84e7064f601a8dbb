"""Accounts that were taken in together: their facts, which do not change, and who has which key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import polars as pl

from kycrisk.problems import Problem, Problems
from kycrisk.rescreening.delta.expiry import first_expiry
from kycrisk.rescreening.delta.keys import AddressKeys, DomainKeys, SortedKeys, TextKeys
from kycrisk.rescreening.delta.standing import Standing
from kycrisk.screening.columns.classes import ADDRESS, DOMAIN
from kycrisk.screening.columns.signups import is_signups
from kycrisk.screening.columns.table import ACCOUNT, EXEMPT

#: Texts that the operator's lists are most often asked about; others are looked for in their column.
TEXTS = (ACCOUNT, "email.canonical", "phone.e164")


@dataclass(frozen=True, slots=True)
class Segment:
    """Accounts, the index of their keys, and what stands about them.

    `accounts` has `account_id`, the facts that no list of the catalogue has a part in, and perhaps `exempt`. What lists
    decide stands in `standing`, beside the verdict. `gone` are the rows whose account stands in a later segment.
    """

    accounts: pl.DataFrame
    domains: DomainKeys | None
    addresses: AddressKeys | None
    texts: Mapping[str, TextKeys]
    standing: Standing
    gone: pl.Series
    until: SortedKeys | None = None  # when the first of an account's facts expires

    @classmethod
    def of(cls, accounts: pl.DataFrame, standing: Standing) -> Segment:
        """Accounts with their index, which is built now."""
        names = accounts.columns
        return cls(
            accounts,
            DomainKeys.of(accounts[DOMAIN]) if DOMAIN in names else None,
            AddressKeys.of(accounts[ADDRESS]) if ADDRESS in names else None,
            {name: TextKeys.of(accounts[name]) for name in TEXTS if name in names},
            standing,
            _NO_ROWS,
            first_expiry(accounts),
        )

    def with_standing(self, standing: Standing) -> Segment:
        return replace(self, standing=standing)

    def without(self, accounts: pl.Series) -> Segment:
        """The same after these accounts were given anew."""
        found = self.equal(ACCOUNT, accounts)
        return replace(self, gone=together([self.gone, found])) if len(found) else self

    @property
    def present(self) -> int:
        """How many accounts stand here and nowhere later."""
        return self.height - len(self.gone)

    def still(self, rows: pl.Series) -> pl.Series:
        """Those of some rows that are not gone."""
        return rows.filter(~rows.is_in(self.gone.implode())) if len(self.gone) else rows

    @property
    def height(self) -> int:
        return self.accounts.height

    def under(self, domains: Iterable[str]) -> pl.Series:
        """The rows whose domain is one of these or below one."""
        return _NO_ROWS if self.domains is None else self.domains.under(domains)

    def inside(self, blocks: Mapping[int, Iterable[tuple[int, int]]]) -> pl.Series:
        """The rows whose address lies in one of these blocks."""
        return _NO_ROWS if self.addresses is None else self.addresses.inside(blocks)

    def equal(self, signal: str, texts: Iterable[str]) -> pl.Series:
        """The rows whose fact is one of these texts, by the index where there is one."""
        if signal in self.texts:
            return self.texts[signal].equal(texts)
        if signal in self.accounts.columns:
            return self.where(self.accounts[signal].is_in(list(texts)))
        if signal in self.standing.base.columns:  # `ip.kind`, which is found beside what lists say
            return self.where(self.standing.all([signal])[signal].is_in(list(texts)))
        return _NO_ROWS

    def rows_of(self, accounts: pl.Series | None) -> pl.Series:
        """The rows of these accounts; None: all."""
        if accounts is None:
            return pl.int_range(self.height, dtype=pl.UInt32, eager=True)
        return self.equal(ACCOUNT, accounts)

    @staticmethod
    def where(truth: pl.Series) -> pl.Series:
        """The rows of which something is true."""
        return truth.fill_null(False).arg_true().cast(pl.UInt32)

    def expired(self, now: datetime) -> pl.Series:
        """The rows of which some fact has expired."""
        if self.until is None or not len(self.until.keys):
            return _NO_ROWS
        return self.until.through(self.until.keys[:1], pl.Series([now], dtype=self.until.keys.dtype))

    def nameless(self) -> pl.Series:
        """The rows of which no key is known: no account without evidence is found by an index."""
        keys = [self.accounts[name].is_null() for name in (DOMAIN, ADDRESS) if name in self.accounts.columns]
        if not keys:
            return pl.int_range(self.height, dtype=pl.UInt32, eager=True)
        return self.where(keys[0] if len(keys) == 1 else keys[0] & keys[1])

    def exempt(self) -> pl.Series:
        """Whether each account is exempt from any rule."""
        if EXEMPT not in self.accounts.columns:
            return pl.Series([False], dtype=pl.Boolean).new_from_index(0, self.height)
        return (self.accounts[EXEMPT].list.len() > 0).fill_null(False)


_NO_ROWS = pl.Series([], dtype=pl.UInt32)


def together(rows: Iterable[pl.Series]) -> pl.Series:
    """Rows of several kinds, ascending, each once."""
    some = [each for each in rows if len(each)]
    return pl.concat(some).unique().sort() if some else _NO_ROWS


def checked_accounts(accounts: pl.DataFrame) -> pl.DataFrame:
    """A table of accounts as facts. Raises `Problems` for raw signups, and where an account has no name or two rows."""
    problems = []
    if ACCOUNT not in accounts.columns:
        problems.append(Problem("the accounts", f"there is no column `{ACCOUNT}`"))
    elif is_signups(accounts.columns):
        help_ = "columns are named after signals, as `screen(..., facts=True)` gives them"
        problems.append(Problem("the accounts", "these are raw signups, and facts are indexed", help_))
    else:
        names = accounts[ACCOUNT]
        if names.null_count():
            problems.append(
                Problem(f"column `{ACCOUNT}`", f"row {names.is_null().arg_true()[0] + 1}: there is no account")
            )
        elif names.n_unique() != len(names):
            twice = names.filter(names.is_duplicated())[0]
            problems.append(Problem(f"column `{ACCOUNT}`", f"`{twice}` stands there more than once"))
    if problems:
        raise Problems(problems)
    return accounts
