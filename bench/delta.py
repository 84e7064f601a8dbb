"""What does a change of lists or rules cost, over accounts that are under index? `python -m bench.delta`

List deltas of several sizes over a million accounts and over ten million, beside a full run of the same accounts in
memory. What stands afterwards is compared with the full run's verdicts first.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import polars as pl

from bench.accounts import pattern, write_accounts
from bench.alone import show
from bench.figure import Figure, Options, Section
from bench.site import make_site
from kycrisk.feeds.lists import ActiveList, Lists
from kycrisk.feeds.match import DomainSet
from kycrisk.feeds.purposes import PURPOSES
from kycrisk.outcome import Score
from kycrisk.rescreening.delta.changes import Change, Effect
from kycrisk.rescreening.delta.index import Index, open_index, save
from kycrisk.rescreening.delta.list_state import ListChange, ListState, list_change
from kycrisk.rescreening.delta.rescreen import new_index
from kycrisk.rescreening.delta.rule_change import rule_change
from kycrisk.rescreening.delta.segment import Segment
from kycrisk.ruleset.columns.outcomes import VERDICT
from kycrisk.ruleset.evaluate import compile_ruleset
from kycrisk.screening.columns.opening import open_table_screener
from kycrisk.screening.columns.parquet import ROWS
from kycrisk.screening.columns.table import TableScreener

MILLION = 1_000_000
SIZES, DELTAS = (MILLION, 10 * MILLION), (200, 2_000, 20_000)
QUICK_SIZES, QUICK_DELTAS = (5_000, 10_000), (20, 100, 200)


def run(options: Options) -> Section:
    """Each size with each delta."""
    sizes, deltas = (QUICK_SIZES, QUICK_DELTAS) if options.quick else (SIZES, DELTAS)
    found: dict[int, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(prefix="kycrisk-bench-") as work:
        site = make_site(Path(work) / "site", 0.02 if options.quick else 1.0)
        screener = open_table_screener(site.folder, datetime.now(UTC))
        told = pattern(screener, site, 500 if options.quick else 20_000)
        paths = []
        for size in sizes:
            part = sizes[0]
            for number in range(len(paths), size // part):
                paths.append(Path(work) / f"accounts-{number}.parquet")
                write_accounts(paths[-1], part, told, site.entries, number)
            accounts = pl.concat([pl.read_parquet(path) for path in paths])
            found[size] = _measured(accounts, screener, deltas, Path(work) / f"index-{size}", options)
    failures = [f"{size} accounts: {each['differs']}" for size, each in found.items() if each["differs"]]
    figures = [figure for size, each in found.items() for figure in _figures(size, each, size == sizes[0])]
    details = {f"accounts_{size}": each for size, each in found.items()}
    return Section(name="delta", figures=tuple(figures), details=details, failures=tuple(failures))


def _measured(
    accounts: pl.DataFrame, screener: TableScreener, deltas: tuple[int, ...], folder: Path, options: Options
) -> dict[str, Any]:
    begun = perf_counter()
    index = new_index(accounts, screener)
    taken = perf_counter() - begun
    begun = perf_counter()
    save(folder, index)
    saved = perf_counter() - begun
    opened, open_s = _timed(lambda: open_index(folder), 1 if options.quick else 3)
    assert opened is not None
    times = 3 if options.quick else 9
    _, full_s = _timed(lambda: _full(accounts, screener), min(times, 3))
    found: dict[str, Any] = {
        "take_in_s": taken,
        "save_s": saved,
        "open_s": open_s,
        "on_disk_mb": sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6,
        "full_s": full_s,
        "deltas": {},
        "differs": "",
    }
    for count in deltas:
        after = _after(accounts, screener, count)
        change, diff_s = _timed(lambda after=after: _difference(screener, after), times)
        (segment, effect), apply_s = _timed(lambda after=after, change=change: _applied(opened, after, change), times)
        if count == deltas[0] and segment.standing.all(list(VERDICT)).equals(_full(accounts, after)) is False:
            found["differs"] = "what stands after a delta is not what a full run gives"
        found["deltas"][count] = {
            "entries": change.entries,
            "touched": effect.touched,
            "judged": effect.judged,
            "news": effect.news.height,
            "difference_s": diff_s,
            "apply_s": apply_s,
        }
    rule, rule_s = _timed(lambda: _more_points(opened, screener), min(times, 3))
    found["rule"] = {"touched": rule.touched, "judged": rule.judged, "moved": rule.moved, "apply_s": rule_s}
    return found


def _timed(do: Callable[[], Any], times: int) -> tuple[Any, float]:
    """What it gives, and the median of the seconds it takes."""
    taken = []
    for _ in range(times):
        begun = perf_counter()
        found = do()
        taken.append(perf_counter() - begun)
    return found, median(taken)


def _full(accounts: pl.DataFrame, screener: TableScreener) -> pl.DataFrame:
    """A full run over accounts in memory, in slices as a run over files has them."""
    parts = [screener.screen(accounts[at : at + ROWS]).verdicts for at in range(0, accounts.height, ROWS)]
    return pl.concat(parts).select(*VERDICT)


def _after(accounts: pl.DataFrame, screener: TableScreener, count: int) -> TableScreener:
    """The screener after so many entries of the first trusted list of throwaway domains came or went.

    What comes are domains of single accounts, as far as there are any; what goes are entries of the list.
    """
    source = random.Random(count)
    fresh = [one for purpose in PURPOSES for one in screener.world.lists.fresh(purpose)]
    one = next(each for each in fresh if each.feed.purpose == "disposable_domain" and each.feed.trust == "trusted")
    domains = accounts["email.domain"].unique().sort()
    own = domains.filter(domains.str.starts_with("mail-")).to_list()
    gone = source.sample(sorted(one.entries.entries), k=min(count // 2, one.size // 2))  # type: ignore[union-attr]
    come = source.sample(own, k=min(count - len(gone), len(own)))
    entries = DomainSet((one.entries.entries - set(gone)) | set(come))  # type: ignore[union-attr]
    lists = Lists([_with_entries(each, entries) if each is one else each for each in fresh])
    return TableScreener(screener.rules.compiled, replace(screener.world, lists=lists), screener.lists)


def _with_entries(one: ActiveList, entries: DomainSet) -> ActiveList:
    return replace(one, entries=entries, find=entries.find)


def _difference(before: TableScreener, after: TableScreener) -> ListChange:
    states = [ListState.of(each.world.lists, each.lists) for each in (before, after)]
    return list_change(*states)


def _applied(index: Index, after: TableScreener, change: ListChange) -> tuple[Segment, Effect]:
    """A change from the screener's making to the accounts that are news."""
    screener = TableScreener(after.rules.compiled, after.world, after.lists)
    return Change(screener, change).apply(index.segments[0])


def _more_points(index: Index, screener: TableScreener) -> Effect:
    """A rule's points are other ones, and nothing else."""
    ruleset = screener.rules.compiled.ruleset
    chosen = next(rule for rule in ruleset.live if isinstance(rule.contribution, Score))
    points = chosen.contribution.points  # type: ignore[union-attr]
    other = replace(chosen, contribution=Score(points + 1))
    new = replace(ruleset, rules=tuple(other if rule is chosen else rule for rule in ruleset.rules))
    after = TableScreener(compile_ruleset(new), screener.world, screener.lists)
    return Change(after, ListChange(), rule_change(ruleset, new)).apply(index.segments[0])[1]


def _figures(size: int, each: dict[str, Any], promised: bool) -> list[Figure]:
    found = []
    of = f"{size / 1e6:g} M accounts"
    for number, (count, told) in enumerate(each["deltas"].items()):
        bars = promised and number == 0
        note = f"{told['touched']:,} accounts touched, {told['difference_s'] * 1000:.1f} ms to compare the lists"
        found.append(
            Figure(
                name=f"a delta of {count:,} entries, {of}",
                value=told["apply_s"] * 1000,
                unit="ms",
                bar=20 if bars else None,
                note=note,
            )
        )
        found.append(
            Figure(
                name=f"a full run over a delta of {count:,} entries, {of}",
                value=each["full_s"] / told["apply_s"],
                unit="×",
                bar=30 if bars else None,
                at_least=True,
                note=f"{each['full_s']:.2f} s in full, in memory",
            )
        )
    found.append(Figure(name=f"a rule with other points, {of}", value=each["rule"]["apply_s"] * 1000, unit="ms"))
    found.append(Figure(name=f"index built, {of}", value=each["take_in_s"], unit="s"))
    found.append(Figure(name=f"index opened, {of}", value=each["open_s"], unit="s"))
    return found


if __name__ == "__main__":
    show(run)
