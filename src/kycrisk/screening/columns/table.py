"""Tables to verdicts: the batch kernel. Arrow table in, Arrow table out; columns say who, the scalar engine says why.

Two kinds of tables are taken. One of raw signups (`account_id`, `email`, `ip` and what else a signup has) is read and
every check is asked. One of facts has columns named after signals (`email.domain`, `ip.address`, `name.placeholder`
...), as an earlier run gave them. Counts (`signups(ip, "24h")`) are columns under their text in both. A fact that is
given is not asked for again, but for what lists decide: they change, and asking them costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import polars as pl

from kycrisk.checks.catalogue import ALIASES, SIGNALS
from kycrisk.checks.world import World
from kycrisk.intake import COLUMNS
from kycrisk.problems import Problem, Problems, did_you_mean
from kycrisk.ruleset.columns.given import given_columns
from kycrisk.ruleset.columns.judge import ColumnRuleset, without_exempt
from kycrisk.ruleset.columns.outcomes import VERDICT
from kycrisk.ruleset.condition import Membership, SignalRef, Velocity
from kycrisk.ruleset.evaluate import CompiledRuleset
from kycrisk.ruleset.operands import Scope
from kycrisk.ruleset.parse import ConditionErrors, parse_signal
from kycrisk.screening.analyst_lists import Entries
from kycrisk.screening.columns.answers import Answers, Facts
from kycrisk.screening.columns.classes import ADDRESS, DOMAIN, AddressFacts, DomainFacts
from kycrisk.screening.columns.derived import base_of, membership, unshared
from kycrisk.screening.columns.exempt import ExemptColumns
from kycrisk.screening.columns.signups import ROW, flattened, is_signups, read_signups
from kycrisk.screening.exemptions import Exemptions
from kycrisk.screening.inputs.rows import checked_columns
from kycrisk.signals import Type, Unknown

#: The column that lists the rules an account is exempt from.
EXEMPT = "exempt"
ACCOUNT = "account_id"
NO_EXEMPTIONS = Exemptions()


class ArrowStream(Protocol):
    """Whatever hands out Arrow data: a table of PyArrow, Polars, DuckDB ..."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...


@dataclass(frozen=True, slots=True)
class ScreenedTable:
    """What became of a table. Every row of it is in exactly one of the two.

    `verdicts` has the rows in their order: `account_id`, the columns of `VERDICT`, and the facts that the rules read
    where they were asked for. `refused` has the rows that are no signups, counted from 1, and why. `shadow` has, for
    the rows of `verdicts`, what each shadow rule found, where that was asked for: null is unknown, and an account that
    is exempt from the rule is a miss.
    """

    verdicts: pl.DataFrame
    refused: pl.DataFrame
    shadow: pl.DataFrame = field(default_factory=pl.DataFrame)


class TableScreener:
    """A ruleset, the lists and the moment, ready for tables. Safe to share between threads.

    `exemptions` silence rules for the accounts, mailboxes, domains and networks that they name, beside what the column
    `exempt` of a table says. With `shadow` the shadow rules are judged too.
    """

    def __init__(
        self,
        compiled: CompiledRuleset,
        world: World,
        lists: Mapping[str, Entries | Unknown] | None = None,
        *,
        exemptions: Exemptions = NO_EXEMPTIONS,
        shadow: bool = False,
    ) -> None:
        self.rules = ColumnRuleset(compiled, shadow=shadow)
        self._shadow = shadow
        self._exempted = ExemptColumns(exemptions.all_in_force(world.now))
        self._scope = Scope(compiled.ruleset.signals, ALIASES, compiled.ruleset.policy.lists)
        self.world = world
        self._attributes = compiled.ruleset.policy.attributes
        self._derived = [ref for ref in _refs(compiled, shadow) if ref.derived]
        self.lists: Mapping[str, Entries | Unknown] = lists or {}
        mine = {
            ref.name: (ref.derived, entries)
            for ref in self._derived
            if isinstance(ref.derived, Membership) and not isinstance(entries := self.lists[ref.derived.list], Unknown)
        }
        self._domains, self._addresses = DomainFacts(world, mine), AddressFacts(world, mine)
        self._answers = Answers(world)
        bases = {base_of(ref, self.lists) for ref in self._derived} - {""}
        plain = {name for name, type_ in self.rules.signals.items()} - {ref.name for ref in self._derived}
        #: The signals that facts are needed of, those behind counts and memberships included.
        self.needed = {*plain, *bases, *self._exempted.reads}
        by_lists = self._domains.types.keys() | self._addresses.types.keys()
        self._keys = {DOMAIN, ADDRESS} if by_lists & (self.needed | self.rules.signals.keys()) else set()
        #: What lists decide, each with the signal that they are asked about.
        self._listed: Mapping[str, str] = {
            **dict.fromkeys(self._domains.types, DOMAIN),
            **dict.fromkeys(self._addresses.types, ADDRESS),
            **{ref.name: base_of(ref, self.lists) for ref in self._derived if isinstance(ref.derived, Membership)},
        }

    def reads(self, names: Iterable[str], *, anew: bool = True) -> list[str]:
        """Those of a table's columns that `screen` looks at, so that no others need to be loaded."""
        names = list(names)
        spelt = self._spelt_out(names)
        facts = {ACCOUNT, EXEMPT, *self.needed, *self._keys, *self.rules.signals} - self._stale(names, anew)
        signups = {*COLUMNS, "address", "attributes", *self._attributes, *map(_short, self._attributes)}
        return [name for name in names if spelt.get(name, name) in facts or (is_signups(names) and name in signups)]

    def _stale(self, names: Iterable[str], anew: bool) -> set[str]:
        """The columns that are not taken as they are, because lists can be asked anew."""
        names = set(names)
        can_ask = names | (SIGNALS.keys() if is_signups(names) else set())
        return {name for name in names if anew and self._listed.get(name) in can_ask}

    def unanswered(self, names: Iterable[str]) -> list[str]:
        """The signals that the rules read and a table with these columns can tell nothing of (counts: hardly anything).

        They are unknown in every row, as facts are that were never gathered: whoever starts a run should see them.
        """
        names = set(names)
        told = names | (SIGNALS.keys() | self._attributes.keys() if is_signups(names) else set())
        for base, source in ((DOMAIN, self._domains), (ADDRESS, self._addresses)):
            told |= source.types.keys() if base in told else set()
        told |= {
            ref.name for ref in self._derived if isinstance(ref.derived, Membership) and ref.derived.signal in told
        }
        return sorted(self.rules.signals.keys() - told)

    def screen(self, table: ArrowStream, *, facts: bool = False, anew: bool = True) -> ScreenedTable:
        """The verdicts of a table's rows. Raises `Problems` where its columns are not what they should be.

        With `facts` they carry the facts that the rules read. Without `anew` the word of a list that is given stands.
        """
        frame = flattened(_frame(table))
        frame = frame.rename(self._spelt_out(frame.columns))
        self.check_columns(frame.columns)
        frame = frame.drop(self._stale(frame.columns, anew))
        if is_signups(frame.columns):
            raw = [name for name in frame.columns if not self._is_fact(name)]
            read = read_signups(frame.select(raw), self._attributes, self.world.now)
            beside = [name for name in frame.columns if name not in raw]
            rows, refused = read.signups, read.refused
            known = frame.select(beside)[rows[ROW]] if beside else rows.select(ROW)
        else:
            _check_accounts(frame[ACCOUNT])
            known, rows = frame, None
            refused = pl.DataFrame(schema={"row": pl.UInt32, ACCOUNT: pl.String, "problems": pl.String})
        complete = self._complete(known, rows)
        accounts = (known if rows is None else rows)[ACCOUNT]
        exempt = self._exempted.of(accounts, complete, _exempt(known[EXEMPT]) if EXEMPT in known.columns else None)
        verdicts = self.rules.verdicts(complete, exempt).insert_column(0, accounts)
        if verdicts.height + refused.height != frame.height:
            raise RuntimeError(
                f"{frame.height} rows went in, {verdicts.height} verdicts and {refused.height} refusals came out"
            )
        if facts:
            told = [name for name in complete.columns if name in self.rules.signals or name in self.needed]
            verdicts = verdicts.hstack(complete.select(sorted(told)))
        if not self._shadow:
            return ScreenedTable(verdicts, refused)
        told_in_shadow = self.rules.shadow_findings(complete)
        return ScreenedTable(
            verdicts, refused, told_in_shadow if exempt is None else without_exempt(told_in_shadow, exempt)
        )

    def _spelt_out(self, names: Iterable[str]) -> dict[str, str]:
        """Columns of counts with the text that rules know them by, where it is another: `signups( ip,"24h" )` in full.

        A misspelt count is a problem. A list that is not kept here does no harm.
        """
        counts = [name for name in names if "(" in name and " in " not in name]
        return {name: canonical for name in counts if (canonical := self._canonical(name)) != name}

    def _canonical(self, name: str) -> str:
        try:
            return parse_signal(name, self._scope).name
        except ConditionErrors as errors:
            first = errors.errors[0]
            raise Problems([Problem("the table", f"column `{name}`: {first.message}", first.help)]) from None

    def findings(self, table: ArrowStream, *, anew: bool = True) -> pl.DataFrame:
        """The truth of each live rule for a table of facts, in columns named after the rules; null is unknown."""
        frame = _frame(table)
        return self.rules.findings(self._complete(frame.drop(self._stale(frame.columns, anew)), None))

    def listed(self, table: pl.DataFrame) -> pl.DataFrame:
        """All that the catalogue's lists say of the table's domains and addresses, whether rules read it or not."""
        found: list[pl.Series] = []
        for base, source in ((DOMAIN, self._domains), (ADDRESS, self._addresses)):
            if base in table.columns:
                found += source.of(table[base], source.types.keys() & SIGNALS.keys())
        return pl.DataFrame(found)

    def check_columns(self, names: Sequence[str]) -> None:
        """Raises `Problems` unless a table with these columns is one of signups or of facts.

        A misspelt column would be a signal that is unknown everywhere, and nobody would see it.
        """
        if is_signups(names):
            raw = [name for name in names if not self._is_fact(name) and name not in ("address", "attributes")]
            checked_columns("the table", raw, self._attributes)
            return
        known = {ACCOUNT, EXEMPT, *VERDICT, *self.rules.compiled.ruleset.signals}
        problems = [
            Problem(
                "the table", f"unknown column `{name}`", did_you_mean(name, known) or "columns are named after signals"
            )
            for name in names
            if name not in known and "(" not in name  # counts and lists of other rules do no harm
        ]
        if ACCOUNT not in names:
            help_ = "every row is about an account; a table of signups has `email` and `ip` besides"
            problems.append(Problem("the table", f"there is no column `{ACCOUNT}`", help_))
        if problems:
            raise Problems(problems)

    def _is_fact(self, name: str) -> bool:
        """Whether a column beside raw signups is a fact that is given."""
        derived = name in self.rules.signals and name not in SIGNALS and name not in self._attributes
        return derived or name == EXEMPT or (name in SIGNALS and name not in COLUMNS)

    def _complete(self, known: pl.DataFrame, rows: pl.DataFrame | None) -> pl.DataFrame:
        """The facts: those that are given, and those that can be found."""
        types = self._types()
        given = {name: types[name] for name in known.columns if name in types}
        frame = given_columns(known, given)
        facts: Facts = {name: frame[name] for name in given}
        wanted = (self.needed | self._keys) - facts.keys()
        if rows is not None:
            facts |= {name: rows[name] for name in self._attributes if name in wanted}
            facts |= self._answers.of(rows, wanted)
        for base, source in ((DOMAIN, self._domains), (ADDRESS, self._addresses)):
            wanted = (self.needed | self.rules.signals.keys()) - facts.keys()
            found = source.types.keys() & wanted
            if base in facts and found:
                facts |= {series.name: series for series in source.of(facts[base], found)}
        for ref in self._derived:
            if ref.name not in facts:
                facts |= self._derive(ref, facts, types)
        height = pl.int_range(known.height, dtype=pl.UInt32, eager=True).alias(ROW)
        return pl.DataFrame([height, *(series.alias(name) for name, series in facts.items())])

    def _derive(self, ref: SignalRef, facts: Facts, types: Mapping[str, Type]) -> Facts:
        base = base_of(ref, self.lists)
        if base not in facts:
            return {}
        match ref.derived:
            case Membership(_, name) if not isinstance(entries := self.lists[name], Unknown):
                return {ref.name: membership(facts[base].alias(base), types[base], entries)}
            case Velocity() if types[base] is Type.STR:
                return {ref.name: unshared(facts[base])}
        return {}

    def _types(self) -> dict[str, Type]:
        catalogue = self.rules.compiled.ruleset.signals
        named = {name: catalogue[name].type for name in (*self.needed, *self._keys)}
        return {**named, **self.rules.signals}


def _refs(compiled: CompiledRuleset, shadow: bool) -> list[SignalRef]:
    rules = (*compiled.live, *compiled.shadow) if shadow else compiled.live
    return list(dict.fromkeys(ref for rule in rules for ref in rule.signals))


def _check_accounts(accounts: pl.Series) -> None:
    nameless = accounts.is_null().arg_true()
    if len(nameless):
        raise Problems([Problem(f"column `{ACCOUNT}`", f"row {nameless[0] + 1}: there is no account")])


def _exempt(rules: pl.Series) -> pl.Series:
    if rules.dtype not in (pl.List(pl.String), pl.Null):
        raise Problems([Problem(f"column `{EXEMPT}`", f"expected lists of rules' ids, got {rules.dtype}")])
    return rules.cast(pl.List(pl.String))


def _frame(table: Any) -> pl.DataFrame:
    return table if isinstance(table, pl.DataFrame) else pl.DataFrame(table)


def _short(name: str) -> str:
    return f"attributes.{name.removeprefix('signup.')}"
