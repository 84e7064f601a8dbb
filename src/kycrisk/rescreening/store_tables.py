"""Accounts of the store as tables that can be screened: raw signups where they can be read, else the evidence.

Whatever this machine can find out by itself is found anew. What was counted is what the signup saw when it came. What
the network said counts for as long as an answer is kept; after that it is unknown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import polars as pl
from sqlalchemy import Connection, select

from kycrisk.checks.catalogue import SIGNALS
from kycrisk.rescreening.exempting import with_exemptions
from kycrisk.rescreening.kernel import BEFORE, BEFORE_RULES, RESULT, Kernel
from kycrisk.rescreening.lifetimes import Lifetimes
from kycrisk.rescreening.stored_accounts import StoredAccounts, signup_table
from kycrisk.ruleset.columns.values import column, values_of
from kycrisk.ruleset.condition import Velocity
from kycrisk.screening.columns.table import ACCOUNT
from kycrisk.screening.derived import derived_signals
from kycrisk.signals import Type, Unknown, Value, Why
from kycrisk.store.schema import FACTS
from kycrisk.store.schema import SIGNALS as SIGNAL_NAMES
from kycrisk.store.sealing import SiteKey
from kycrisk.store.velocity import ALWAYS, Asked, Signals, count_all, countable, digests_of

ERASED = "accounts whose personal data was erased"
NOTHING_LEFT = "accounts with neither a signup nor evidence"
UNREADABLE = "accounts whose signup these rules cannot read, and without evidence"
BY_EVIDENCE = "screened from their evidence alone"
UNDECLARED = "signups with attributes that are not declared any more"
EXPIRED = "answers of sources past their time"


_ALWAYS_READ = ("email.domain", "ip.address")  # what lists are asked about


class Shape:
    """Which facts of the store a site's rules read, by where they come from."""

    def __init__(self, kernel: Kernel) -> None:
        screener = kernel.screener
        ruleset = screener.rules.compiled.ruleset
        self.attributes = ruleset.policy.attributes
        self.velocities: Mapping[str, Velocity] = {
            ref.name: ref.derived for ref in derived_signals(ruleset) if isinstance(ref.derived, Velocity)
        }
        keys = {name for each in self.velocities.values() for name in (each.key, each.counted) if name}
        shadow = {name for rule in ruleset.shadow for name in rule.signal_names}
        names = {*screener.needed, *screener.rules.signals, *shadow, *keys, *self.velocities, *_ALWAYS_READ}
        types = {**{name: each.type for name, each in ruleset.signals.items()}, **screener.rules.signals}
        types |= dict.fromkeys(self.velocities, Type.INT)
        #: What is read of the store.
        self.wanted: Mapping[str, Type] = {name: types[name] for name in sorted(names) if name in types}
        known_here = {*SIGNALS, *self.attributes}
        #: What only the network says.
        self.network = [name for name in self.wanted if name not in known_here and "(" not in name]
        #: What stands beside raw signups: what live rules read and nobody finds out again.
        self.beside = [name for name in (*self.network, *self.velocities) if name in screener.rules.signals]
        #: What is read of the evidence of accounts whose signup can be read.
        again = {*self.network, *self.velocities, *keys}
        self.of_readable = {name: type_ for name, type_ in self.wanted.items() if name in again}
        #: Facts of the evidence; memberships in lists are asked anew.
        self.facts = [name for name in self.wanted if "(" not in name or name in self.velocities]


@dataclass(frozen=True, slots=True, kw_only=True)
class Screenable:
    """A chunk, ready: its facts as they count now, and the rows that cannot be screened, by why."""

    chunk: StoredAccounts
    facts: pl.DataFrame
    expired: Mapping[int, Mapping[str, Unknown]]  # by row
    left_out: Mapping[str, int]
    notes: Mapping[str, int]
    result: pl.DataFrame  # of the rows that were screened; `row` counts from 1 in the chunk
    from_signup: frozenset[int] = field(default_factory=frozenset)  # rows
    refused: bool = False  # whether some signups cannot be read by these rules, so that all of the evidence is needed


class _Table(NamedTuple):
    rows: list[int]
    table: pl.DataFrame


def missing_counts(
    connection: Connection, site: SiteKey, signals: Signals, chunk: StoredAccounts, shape: Shape
) -> dict[str, list[Value | None]]:
    """What velocity signals count for the accounts whose evidence lacks it: the past that their signups saw."""
    height = chunk.accounts.height
    known = {name: values_of(chunk.facts[name], type_) for name, type_ in shape.wanted.items()}
    counts = {name: list(known[name]) for name in shape.velocities}
    ids, moments = chunk.accounts["signup"].to_list(), chunk.accounts["submitted_at"].to_list()
    owners = chunk.accounts["account"].to_list()
    wanted = {
        row: missing
        for row in range(height)
        if ids[row] is not None
        and (missing := [each for name, each in shape.velocities.items() if counts[name][row] is None])
    }
    stored = _stored_digests(connection, [ids[row] for row in wanted])
    asked: list[Asked] = []
    for row, missing in wanted.items():
        facts = {name: value for name, values in known.items() if (value := values[row]) is not None}
        digests = {**stored.get(ids[row], {}), **digests_of(site, countable(facts, tuple(missing)))}
        asked.append(Asked(digests, missing, moments[row], ids[row], owners[row]))
    names = {each: name for name, each in shape.velocities.items()}
    for row, found in zip(wanted, count_all(connection, signals, asked), strict=True):
        for velocity, count in found.items():
            counts[names[velocity]][row] = count
    return counts


def _stored_digests(connection: Connection, signups: Sequence[int]) -> dict[int, dict[str, bytes]]:
    """The pseudonyms of the facts that were counted of signups; empty for what is always counted and was not given."""
    wanted = select(FACTS.c.signup, SIGNAL_NAMES.c.name, FACTS.c.digest).where(FACTS.c.signup.in_(signups))
    found: dict[int, dict[str, bytes]] = {}
    if signups:
        for row in connection.execute(wanted.join(SIGNAL_NAMES, SIGNAL_NAMES.c.id == FACTS.c.signal)):
            found.setdefault(row.signup, dict.fromkeys(ALWAYS, b""))[row.name] = bytes(row.digest)
    return found


def screenable(
    kernel: Kernel,
    shape: Shape,
    chunk: StoredAccounts,
    counts: Mapping[str, Sequence[Value | None]],
    lifetimes: Lifetimes,
    now: datetime,
) -> Screenable:
    """Screen a chunk by columns."""
    facts = chunk.facts.with_columns([column(name, Type.INT, values) for name, values in counts.items()])
    facts, expired = _lasting(facts, chunk, shape, lifetimes, now)
    gone, evident = chunk.accounts["account_id"].is_null().to_list(), chunk.evident.to_list()
    signups = [row for row, raw in enumerate(chunk.signups) if raw is not None and not gone[row]]
    table, undeclared = _signups(chunk, facts, shape, signups)
    results = [_placed(kernel, _Table(signups, table))] if signups else []
    refused = set((results[0].filter(pl.col("refused").is_not_null())["row"] - 1).to_list()) if results else set()
    others = [row for row in range(len(gone)) if row not in signups or row in refused]
    told = [row for row in others if evident[row] and not gone[row]]
    if told:
        results.append(_placed(kernel, _Table(told, _evidence(chunk, facts, shape, told))))
    left = [row for row in others if row not in set(told)]
    whys = [ERASED if gone[row] else UNREADABLE if row in refused else NOTHING_LEFT for row in left]
    result = pl.concat(
        [each.filter(pl.col("refused").is_null()) for each in results] or [pl.DataFrame(schema=dict(RESULT))]
    )
    notes = {BY_EVIDENCE: len(told), UNDECLARED: undeclared, EXPIRED: sum(map(len, expired.values()))}
    return Screenable(
        chunk=chunk,
        facts=facts,
        expired=expired,
        left_out={why: whys.count(why) for why in dict.fromkeys(whys)},
        notes={name: count for name, count in notes.items() if count},
        result=result.sort("row"),
        from_signup=frozenset(signups) - refused,
        refused=bool(refused),
    )


def _lasting(
    facts: pl.DataFrame, chunk: StoredAccounts, shape: Shape, lifetimes: Lifetimes, now: datetime
) -> tuple[pl.DataFrame, dict[int, dict[str, Unknown]]]:
    """The facts without what the network said too long ago, and of whom that is."""
    expired: dict[int, dict[str, Unknown]] = {}
    kept: list[pl.Series] = []
    decided = chunk.accounts["decided_at"].to_list()
    for name in shape.network:
        ages, sources = chunk.ages[name].to_list(), chunk.sources[name].to_list()
        lasting: list[bool] = []
        for row, (age, source) in enumerate(zip(ages, sources, strict=True)):
            at = age or decided[row]
            good = source is None or at is None or now - at <= lifetimes.of(source)
            lasting.append(good)
            if not good:
                why = Unknown(
                    Why.SKIPPED, f"what {source} said on {at:%Y-%m-%d} is past its time, and was not asked again"
                )
                expired.setdefault(row, {})[name] = why
        mask = pl.Series(lasting, dtype=pl.Boolean)
        kept.append(pl.select(pl.when(mask).then(facts[name])).to_series().alias(name))
    return facts.with_columns(kept), expired


def _signups(chunk: StoredAccounts, facts: pl.DataFrame, shape: Shape, rows: list[int]) -> tuple[pl.DataFrame, int]:
    """A table of raw signups, with what cannot be found out again beside them."""
    raws = [dict(raw) for row in rows if (raw := chunk.signups[row]) is not None]
    undeclared = 0
    for raw in raws:
        given = raw.get("attributes") or {}
        declared = {name: value for name, value in given.items() if f"signup.{name}" in shape.attributes}
        undeclared += len(declared) < len(given)
        raw["attributes"] = declared
    table = signup_table(raws)
    beside = [facts[name].gather(rows) for name in shape.beside]
    submitted = chunk.accounts["submitted_at"].gather(rows)
    return _with_before(table.with_columns(submitted, *beside), chunk, rows), undeclared


def _evidence(chunk: StoredAccounts, facts: pl.DataFrame, shape: Shape, rows: list[int]) -> pl.DataFrame:
    """A table of facts."""
    table = facts.select(shape.facts)[rows].with_columns(chunk.accounts[ACCOUNT].gather(rows))
    return _with_before(table, chunk, rows)


def _with_before(table: pl.DataFrame, chunk: StoredAccounts, rows: list[int]) -> pl.DataFrame:
    before = chunk.accounts[rows]
    return table.with_columns(before["outcome"].alias(BEFORE), before["hits"].alias(BEFORE_RULES))


def _placed(kernel: Kernel, part: _Table) -> pl.DataFrame:
    """The results of some rows of a chunk, with their places in it."""
    result = kernel.screen(part.table)
    return result.with_columns((pl.Series(part.rows, dtype=pl.Int64) + 1).alias("row"))


def exempt_rules(kernel: Kernel, table: pl.DataFrame) -> list[list[str]]:
    """The rules that are silenced for each row of a table of facts."""
    found = with_exemptions(table, kernel.pinned.exempted, kernel.pinned.now)
    lists: list[Any] = found["exempt"].to_list() if "exempt" in found.columns else [None] * table.height
    return [each or [] for each in lists]
