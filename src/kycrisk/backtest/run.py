"""A backtest from its beginning to its report: over the store's decisions, or over those of files."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import perf_counter

import polars as pl

from kycrisk.backtest.archive import Archive, BrokenSegment, Segment, Wanted, within
from kycrisk.backtest.counting import Counting, asked_counts, take_counts
from kycrisk.backtest.effects import effects_of
from kycrisk.backtest.files import decisions_of
from kycrisk.backtest.keeping import Progress, keep_in_step, no_progress
from kycrisk.backtest.label_file import LabelRow
from kycrisk.backtest.part import Part, only
from kycrisk.backtest.report import Backtest, Labelled
from kycrisk.backtest.states import States
from kycrisk.backtest.tally import Tally, labels_frame
from kycrisk.outcome import Outcome
from kycrisk.ruleset.evaluate import CompiledRuleset
from kycrisk.store.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a backtest is about: decisions from `since` on and before `until`, and the labels that were known at
    `labels_until`. An account is flagged from the outcome `flag_from` on."""

    since: datetime | None = None
    until: datetime | None = None
    labels_until: datetime
    flag_from: Outcome = Outcome.VERIFY


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenLabels:
    """Labels of a file, instead of those of the store."""

    name: str
    rows: tuple[LabelRow, ...]

    def in_force(self, until: datetime) -> tuple[dict[str, str], int]:
        """The label of each account as it was known at a moment, and how many came later.

        One without a moment is taken to have been known all along. Of two the later one counts, of two at once the
        one that stands last.
        """
        known = [row for row in self.rows if row.at is None or row.at <= until]
        ordered = sorted(known, key=lambda row: (row.at is not None, row.at or until))
        return {row.account_id: row.label for row in ordered}, len(self.rows) - len(known)


@dataclass(frozen=True, slots=True)
class _Labels:
    """Labels by the names that parts give accounts."""

    source: str
    by_account: Mapping[str, str]
    later: int
    unknown_accounts: int


async def backtest_store(
    store: Store,
    archive: Archive,
    compiled: CompiledRuleset,
    options: Options,
    *,
    given: GivenLabels | None = None,
    progress: Progress = no_progress,
) -> Backtest:
    """A ruleset over the decisions of the store, through its archive, which is brought in step first.

    Raises `StoreError`, and `OSError` when the archive cannot be written.
    """
    begun, history = perf_counter(), store.decision_history
    with archive.changing():
        manifest, kept = await keep_in_step(archive, history, progress=progress)
    labels = await _labels(store, given, options)
    states = States(compiled)
    tally = Tally(states, labels_frame(labels.by_account))
    wanted = [each for each in manifest.segments if within(each, options.since, options.until)]
    counts, counted, notes = dict[str, Counting](), dict[str, int](), list(kept.rebuilt)
    asked = asked_counts(compiled)
    async for part in _parts(store, archive, wanted, states, notes):
        chosen = _within(part, options)
        facts = states.facts(chosen)
        never = states.never_gathered(chosen, facts)
        for name in asked.keys() & never.keys() - counts.keys():
            if never[name].any():
                counts[name] = await take_counts(history, asked[name], options.since, options.until)
        tally.add(chosen, _filled(states, chosen, facts, counts, counted))
    if kept.unreadable:
        notes.append(f"{kept.unreadable} decisions hold no evidence that can be read: it counts as never gathered")
    return _report(tally, "the store", options, labels, counted, notes, perf_counter() - begun)


def _filled(
    states: States, part: Part, facts: pl.DataFrame, counts: Mapping[str, Counting], counted: dict[str, int]
) -> pl.DataFrame:
    """The facts with counts that nobody had taken; in `counted`, for how many decisions they could be."""
    never = states.never_gathered(part, facts)
    for name, counting in counts.items():
        if name not in never or not never[name].any():
            continue
        key_type = states.compiled.ruleset.signals[counting.velocity.key].type
        found = facts[name].zip_with(~never[name], counting.of(part, key_type))
        counted[name] = counted.get(name, 0) + int((never[name] & found.is_not_null()).sum())
        facts = facts.with_columns(found.alias(name))
    return facts


async def _parts(
    store: Store,
    archive: Archive,
    segments: Sequence[Segment],
    states: States,
    notes: list[str],
) -> AsyncIterator[Part]:
    """The segments, one after the other. One that is broken is named, and built anew from the store."""
    catalogue = states.compiled.ruleset.signals
    keys = {velocity.key: catalogue[velocity.key].type for velocity in asked_counts(states.compiled).values()}

    def wanted(names: Iterable[str]) -> list[str]:
        return list(states.wanted(names, keys))

    for segment in segments:
        try:
            with archive.reading():
                part = archive.read(segment, wanted)
        except BrokenSegment as broken:
            for anew in await _anew(store, archive, segment, broken, wanted, notes):
                yield anew
            continue
        yield part


async def _anew(
    store: Store, archive: Archive, segment: Segment, broken: BrokenSegment, wanted: Wanted, notes: list[str]
) -> list[Part]:
    """The decisions of a segment that could not be read. Where another process has put others in its place, it is not
    broken but gone."""
    with archive.changing():
        manifest = archive.manifest()
        if manifest is None or segment in manifest.segments:
            notes.append(f"{broken}: built anew from the store")
            archive.drop(segment)
            manifest, _ = await keep_in_step(archive, store.decision_history)
        there = [each for each in manifest.segments if each.first <= segment.last and each.last >= segment.first]
        parts = [archive.read(each, wanted) for each in there]
    return [only(part, part.frame["seq"].is_between(segment.first, segment.last)) for part in parts]


def backtest_files(
    paths: Sequence[Path], compiled: CompiledRuleset, options: Options, *, given: GivenLabels | None = None
) -> Backtest:
    """A ruleset over the decisions of files. Raises `Problems`.

    Accounts are those that the files name. Counts that the files lack are unknown, as a file does not say whether it
    holds every signup; only what was not given is shared with nobody.
    """
    begun, states = perf_counter(), States(compiled)
    by_account, later = given.in_force(options.labels_until) if given is not None else ({}, 0)
    tally, accounts = Tally(states, labels_frame(by_account)), pl.Series("account", [], dtype=pl.String)
    counts = {name: Counting(velocity, {}) for name, velocity in asked_counts(compiled).items()}
    for part in _parts_of(paths, states):
        chosen = _within(part, options)
        tally.add(chosen, _filled(states, chosen, states.facts(chosen), counts, {}))
        accounts = pl.concat([accounts, part.frame["account"]]).unique()
    unknown = len(set(by_account) - set(accounts.to_list()))
    labels = _Labels(given.name if given is not None else "", by_account, later, unknown)
    name = ", ".join(map(str, paths))
    return _report(tally, name, options, labels, {}, [], perf_counter() - begun)


def _parts_of(paths: Sequence[Path], states: States) -> Iterator[Part]:
    signals = states.compiled.ruleset.signals
    for path in paths:
        yield from decisions_of(path, states.signals, signals)


async def _labels(store: Store, given: GivenLabels | None, options: Options) -> _Labels:
    if given is None:
        by_account, later = await store.labels.in_force(options.labels_until)
        return _Labels("the store", by_account, later, 0)
    by_id, later = given.in_force(options.labels_until)
    known = await store.labels.known(by_id)
    by_account = {pseudonym: by_id[account] for account, pseudonym in known.items()}
    return _Labels(given.name, by_account, later, len(by_id) - len(known))


def _within(part: Part, options: Options) -> Part:
    """The decisions of the period."""
    at, chosen = pl.col("at"), pl.lit(True)
    if options.since is not None:
        chosen &= at >= options.since
    if options.until is not None:
        chosen &= at < options.until
    rows = part.frame.select(at.is_not_null() & chosen).to_series()
    return part if rows.all() else only(part, rows)


def _report(
    tally: Tally,
    source: str,
    options: Options,
    labels: _Labels,
    counted: Mapping[str, int],
    notes: Sequence[str],
    took: float,
) -> Backtest:
    found = effects_of(tally, options.flag_from)
    judged = found.after.fraud + found.after.legitimate
    never = tally.never_gathered
    return Backtest(
        source=source,
        ruleset=tally.states.compiled.ruleset.version,
        since=options.since,
        until=options.until,
        first=tally.first,
        last=tally.last,
        decisions=tally.decisions,
        erased=tally.erased,
        flag_from=options.flag_from,
        rulesets=dict(tally.rulesets.most_common()),
        flips=found.flips,
        rules=found.rules,
        lost_rules=found.lost_rules,
        never_gathered={
            name: never[name] for name in sorted(never, key=lambda each: (-never[each], each)) if never[name]
        },
        counted={name: count for name, count in counted.items() if count},
        labelled=Labelled(
            source=labels.source,
            until=options.labels_until,
            labels=len(labels.by_account) + labels.unknown_accounts,
            later=labels.later,
            unknown_accounts=labels.unknown_accounts,
            judged=judged,
            before=found.before,
            after=found.after,
        )
        if labels.by_account or labels.later or labels.unknown_accounts
        else None,
        notes=tuple(notes),
        took_s=took,
    )
