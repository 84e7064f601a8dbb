"""The accounts of the store as columns: who they are, what was decided last, what they gave, and what was known.

Accounts come in the order of their numbers, so a reader that was stopped goes on after the last one it saw. Each chunk
is one consistent state of the database. Opening what is sealed is what costs: about 0.1 ms an account.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import polars as pl
from sqlalchemy import Connection, Row, func, select

from kycrisk.outcome import Outcome
from kycrisk.ruleset.columns.outcomes import OUTCOME
from kycrisk.ruleset.columns.values import column
from kycrisk.signals import FactError, Type, Value, fact_value
from kycrisk.store.accounts import WITH_KEYS as ACCOUNTS_WITH_KEYS
from kycrisk.store.accounts import open_account_id
from kycrisk.store.bodies import Bodies
from kycrisk.store.decisions import WITH_KEYS as DECISIONS_WITH_KEYS
from kycrisk.store.decisions import body_of
from kycrisk.store.moments import moment
from kycrisk.store.schema import ACCOUNT_KEYS, ACCOUNTS, DECISIONS, SIGNUPS
from kycrisk.store.sealing import SiteKey, unseal
from kycrisk.store.store import Store

#: Accounts in a chunk: some megabytes in memory, and a transaction that holds nobody up for long.
CHUNK = 1_000

_TIME = pl.Datetime("us", "UTC")

#: The columns of `StoredAccounts.accounts`.
ACCOUNT_COLUMNS: Mapping[str, pl.DataType] = {
    "account": pl.Int64(),  # the account's number, by which chunks are ordered
    "account_id": pl.String(),  # null: its personal data was erased
    "signup": pl.Int64(),  # the signup of the last decision; the last signup where nothing was decided
    "submitted_at": _TIME,
    "seq": pl.Int64(),  # of the last decision, and so on; null: nothing was decided
    "decision": pl.String(),
    "decided_at": _TIME,
    "outcome": OUTCOME,
    "score": pl.Int64(),
    "settled": pl.Boolean(),
    "ruleset": pl.String(),
    "hits": pl.List(pl.String()),  # the rules that hit then
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAccounts:
    """A chunk of accounts. All parts have a row for each account, in the same order.

    `accounts` has `ACCOUNT_COLUMNS`. `signups` are the raw signups (JSON objects as they came, `submitted_at` among
    them), None where nothing can be read any more: erased, or past its retention. `facts` is the last decision's
    evidence in columns named after the signals that were wanted; null is unknown. `ages` has for each of them the
    moment that the fact speaks of (null: it was read off the signup, or is unknown), and `sources` who said it.
    """

    accounts: pl.DataFrame
    signups: tuple[Mapping[str, Any] | None, ...]
    facts: pl.DataFrame
    ages: pl.DataFrame
    sources: pl.DataFrame

    @property
    def last(self) -> int:
        """The number of the last account: where the next chunk begins."""
        return int(self.accounts["account"][-1])

    @property
    def readable(self) -> pl.Series:
        """Whether each account's signup can be read."""
        return pl.Series("readable", [each is not None for each in self.signups], dtype=pl.Boolean)

    @property
    def evident(self) -> pl.Series:
        """Whether each account has evidence: a decision whose facts were not erased."""
        return (self.accounts["decision"].is_not_null() & self.accounts["account_id"].is_not_null()).alias("evident")


async def account_chunks(
    store: Store,
    site_key: SiteKey,
    signals: Mapping[str, Type],
    *,
    after: int = 0,
    upto: int | None = None,
    size: int = CHUNK,
    signups: bool = True,
    of_readable: Mapping[str, Type] | None = None,
) -> AsyncIterator[StoredAccounts]:
    """The accounts numbered above `after` and up to `upto` (None: the last there is now), in chunks.

    `signals` are the facts that are wanted and their types; a stored fact of another type is unknown. Without `signups`
    none is opened. Raises `StoreUnavailable` and `WrongSiteKey`.
    """
    bodies, end = Bodies(), await last_account(store) if upto is None else upto
    while True:
        chunk = await store.read(read_accounts, site_key, bodies, signals, after, end, size, signups, of_readable)
        if chunk is None:
            return
        yield chunk
        after = chunk.last


async def chosen_accounts(
    store: Store,
    site_key: SiteKey,
    signals: Mapping[str, Type],
    numbers: Sequence[int],
    *,
    signups: bool = True,
    of_readable: Mapping[str, Type] | None = None,
) -> AsyncIterator[StoredAccounts]:
    """The accounts of these numbers, each a chunk of its own; those that are not there are left out.

    The options are those of `account_chunks`.
    """
    bodies = Bodies()
    for number in numbers:
        chunk = await store.read(read_accounts, site_key, bodies, signals, number - 1, number, 1, signups, of_readable)
        if chunk is not None:
            yield chunk


async def last_account(store: Store) -> int:
    """The number of the newest account, 0 where there is none. Raises `StoreUnavailable`."""
    return await store.read(lambda connection: connection.execute(select(func.max(ACCOUNTS.c.id))).scalar() or 0)


async def count_accounts(store: Store, *, after: int = 0, upto: int) -> int:
    """How many accounts have numbers above `after` and up to `upto`. Raises `StoreUnavailable`."""
    wanted = select(func.count()).select_from(ACCOUNTS).where(ACCOUNTS.c.id > after, ACCOUNTS.c.id <= upto)
    return await store.read(lambda connection: int(connection.execute(wanted).scalar_one()))


def read_accounts(
    connection: Connection,
    site: SiteKey,
    bodies: Bodies,
    signals: Mapping[str, Type],
    after: int,
    upto: int,
    size: int = CHUNK,
    signups: bool = True,
    of_readable: Mapping[str, Type] | None = None,
) -> StoredAccounts | None:
    """The first `size` accounts numbered above `after` and up to `upto`; None where there are none.

    The options are those of `account_chunks`.
    """
    table = ACCOUNTS.c
    wanted = ACCOUNTS_WITH_KEYS.where(table.id > after, table.id <= upto).order_by(table.id).limit(size)
    accounts = connection.execute(wanted).all()
    if not accounts:
        return None
    first, last = accounts[0].id, accounts[-1].id
    decisions = _last_decisions(connection, first, last)
    given = _signups(connection, first, last)
    rows = [_row(each, decisions.get(each.id), given.get(each.id), site) for each in accounts]
    evidence = [_evidence(connection, decisions.get(each.id), site, bodies) for each in accounts]
    raws = tuple(_raw(given.get(each.id), site) if signups else None for each in accounts)
    some = signals if of_readable is None else of_readable
    told = [_facts(each, signals if raw is None else some) for each, raw in zip(evidence, raws, strict=True)]
    return StoredAccounts(
        accounts=pl.DataFrame(rows, schema=dict(ACCOUNT_COLUMNS), orient="row"),
        signups=raws,
        facts=pl.DataFrame(
            [column(name, type_, [_value(facts, name) for facts in told]) for name, type_ in signals.items()]
        ),
        ages=pl.DataFrame([pl.Series(name, [_age(facts, name) for facts in told], dtype=_TIME) for name in signals]),
        sources=pl.DataFrame(
            [pl.Series(name, [_source(facts, name) for facts in told], dtype=pl.Categorical()) for name in signals]
        ),
    )


class _Fact(NamedTuple):
    value: Value
    as_of: datetime | None
    source: str


def _last_decisions(connection: Connection, first: int, last: int) -> dict[int, Row[Any]]:
    """The last decision of each account, by the account's number."""
    newest = (
        select(func.max(DECISIONS.c.seq)).where(DECISIONS.c.account.between(first, last)).group_by(DECISIONS.c.account)
    )
    found = connection.execute(DECISIONS_WITH_KEYS.where(DECISIONS.c.seq.in_(newest)))
    return {row.account: row for row in found}


def _signups(connection: Connection, first: int, last: int) -> dict[int, Row[Any]]:
    """The signup that each account's last decision is about, or its last one; by the account's number."""
    decided = (
        select(func.max(DECISIONS.c.seq)).where(DECISIONS.c.account.between(first, last)).group_by(DECISIONS.c.account)
    )
    of_decisions = select(DECISIONS.c.signup).where(DECISIONS.c.seq.in_(decided))
    newest = select(func.max(SIGNUPS.c.id)).where(SIGNUPS.c.account.between(first, last)).group_by(SIGNUPS.c.account)
    with_keys = select(SIGNUPS, ACCOUNT_KEYS.c.salt).outerjoin(ACCOUNT_KEYS, ACCOUNT_KEYS.c.id == SIGNUPS.c.key)
    found: dict[int, Row[Any]] = {}
    for ids in (newest, of_decisions):
        found |= {row.account: row for row in connection.execute(with_keys.where(SIGNUPS.c.id.in_(ids)))}
    return found


def _row(account: Any, decision: Row[Any] | None, signup: Row[Any] | None, site: SiteKey) -> tuple[Any, ...]:
    who = (
        account.id,
        open_account_id(account, site),
        signup.id if signup else None,
        moment(signup.submitted_at) if signup else None,
    )
    if decision is None:
        return (*who, *[None] * (len(ACCOUNT_COLUMNS) - len(who)))
    return (
        *who,
        decision.seq,
        decision.id,
        moment(decision.decided_at),
        Outcome(decision.outcome).word,
        decision.score,
        bool(decision.settled),
        decision.ruleset,
        json.loads(decision.findings)["hit"],
    )


def _raw(signup: Row[Any] | None, site: SiteKey) -> Mapping[str, Any] | None:
    """The signup as it came, with the moment at which it was submitted."""
    if signup is None or signup.salt is None or signup.sealed is None:
        return None
    text = unseal(site.account_key(bytes(signup.salt)), bytes(signup.sealed), f"signup {signup.id}")
    return {**json.loads(text), "submitted_at": f"{moment(signup.submitted_at).isoformat()[:-6]}Z"}


def _evidence(connection: Connection, decision: Row[Any] | None, site: SiteKey, bodies: Bodies) -> Mapping[str, Any]:
    body = body_of(connection, decision, site, bodies) if decision is not None else None
    found: Mapping[str, Any] = json.loads(body)["evidence"] if body is not None else {}
    return found


def _facts(evidence: Mapping[str, Any], signals: Mapping[str, Type]) -> dict[str, _Fact]:
    return dict(_read(evidence, signals))


def _read(evidence: Mapping[str, Any], signals: Mapping[str, Type]) -> Iterator[tuple[str, _Fact]]:
    for name, type_ in signals.items():
        fact = evidence.get(name)
        if fact is None or "value" not in fact:
            continue
        try:
            value = fact_value(type_, fact["value"])
        except FactError:  # the signal was of another type then
            continue
        as_of = fact.get("as_of")
        yield name, _Fact(value, datetime.fromisoformat(as_of) if as_of else None, fact["source"])


def _value(facts: Mapping[str, _Fact], name: str) -> Value | None:
    return facts[name].value if name in facts else None


def _age(facts: Mapping[str, _Fact], name: str) -> datetime | None:
    return facts[name].as_of if name in facts else None


def _source(facts: Mapping[str, _Fact], name: str) -> str | None:
    return facts[name].source if name in facts else None


def signup_table(signups: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    """Raw signups as a table of signups, as `TableScreener` takes it; all of them objects, each with an `account_id`.

    Nested fields become columns (`address.country`, `attributes.plan`). A column whose values are all of one type has
    that type; one of mixed values holds Python objects' JSON as text, so that each row says what is wrong with it.
    """
    flat = [dict(_flat(each)) for each in signups]
    names = dict.fromkeys(name for each in flat for name in each)
    return pl.DataFrame([_column(name, [each.get(name) for each in flat]) for name in names])


def _flat(raw: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in raw.items():
        if name in ("address", "attributes") and isinstance(value, Mapping):
            yield from ((f"{name}.{part}", inner) for part, inner in value.items())
        else:
            yield name, value


def _column(name: str, values: Sequence[Any]) -> pl.Series:
    kinds = {type(value) for value in values if value is not None}
    if len(kinds) <= 1:
        return pl.Series(name, values, dtype=pl.String if not kinds else None)
    if kinds == {int, float}:
        return pl.Series(name, values, dtype=pl.Float64)
    texts = [value if value is None or isinstance(value, str) else json.dumps(value) for value in values]
    return pl.Series(name, texts, dtype=pl.String)
