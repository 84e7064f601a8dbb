"""How long does a backtest of a million stored decisions take? `python -m bench.backtest`

Decisions of the default rules over full lists are stored as the service stores them, sealed and one row each: 20,000
that were made, then those again of other accounts (bench/history.py). They are judged by other rules with `kycrisk
backtest`, start and end of the program included: the first time, which builds the copy as columns, again, and again
after new decisions came. What the scalar engine decides about all of them is compared.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from bench.alone import show
from bench.figure import Figure, Options, Section
from bench.fresh import ENVIRONMENT, ROOT
from bench.history import EVERY, name_of, prolong
from bench.signups import as_request, make_rows
from bench.site import make_site
from kycrisk.checks.catalogue import ALIASES
from kycrisk.decision import Decision
from kycrisk.ruleset.decide import replay
from kycrisk.ruleset.evaluate import CompiledRuleset, compile_ruleset
from kycrisk.ruleset.load import load_ruleset
from kycrisk.screening.screener import Screener
from kycrisk.settings import read_settings
from kycrisk.sources.catalogue import signals_of_site
from kycrisk.store.labels import put
from kycrisk.store.screenings import Screening
from kycrisk.store.sealing import make_site_key
from kycrisk.store.signups import NewSignup
from kycrisk.store.store import Store
from kycrisk.store.velocity import Counts, countable

DECISIONS, DIFFERENT, LABELS, NEW = 1_000_000, 20_000, 5_000, 2_000
AT_ONCE, TURNS = 1_000, 3
SINCE = datetime(2026, 1, 1, tzinfo=UTC)


def run(options: Options) -> Section:
    """The three kinds of runs."""
    count, different, labels, new = (6_000, 500, 100, 100) if options.quick else (DECISIONS, DIFFERENT, LABELS, NEW)
    with tempfile.TemporaryDirectory(prefix="kycrisk-bench-") as work:
        site = make_site(Path(work) / "site", 0.02 if options.quick else 1.0)
        made = _decisions(site.folder, different, site.entries)
        begun = perf_counter()
        stored = asyncio.run(_fill(site.folder, made, count, labels))
        filled = perf_counter() - begun
        rules = _other_rules(site.folder, Path(work) / "new")
        first, first_cpu, told = _backtest(site.folder, rules)
        runs = [_backtest(site.folder, rules) for _ in range(1 if options.quick else TURNS)]
        asyncio.run(_store(site.folder, made, range(count, count + new)))
        after_new, _, longer = _backtest(site.folder, rules)
        expected = _expected(_compiled(site.folder, rules), made, stored)
    failures = []
    if any(_without_time(again) != _without_time(told) for *_, again in runs):
        failures.append("the second backtest differs from the first")
    if {word: each["now"] for word, each in told["outcomes"].items()} != expected:
        failures.append("the backtest and the scalar engine differ")
    if (told["decisions"], longer["decisions"]) != (count, count + new):
        failures.append(f"{count} and {new} decisions were stored, {told['decisions']}, {longer['decisions']} came out")
    taken = median(seconds for seconds, *_ in runs)
    size = f"{count:,} stored decisions"
    return Section(
        name="backtest",
        figures=(
            Figure(
                name=f"backtest of {size}, after the first",
                value=taken,
                unit="s",
                bar=5,
                note=f"{median(cpu for _, cpu, _ in runs):.1f} s of CPU time, the start of Python among it",
            ),
            Figure(name=f"the same, {new:,} decisions later", value=after_new, unit="s", bar=5),
            Figure(name="the first, which builds the copy as columns", value=first, unit="s"),
        ),
        details={
            "decisions": count,
            "labelled": told["labels"]["judged"],
            "rules": len(told["rules"]),
            "flipped": told["flipped"],
            "filled_s": round(filled, 1),
            "first_s": round(first, 2),
            "first_cpu_s": round(first_cpu, 2),
            "again_s": [round(seconds, 3) for seconds, *_ in runs],
            "again_cpu_s": [round(cpu, 3) for _, cpu, _ in runs],
            "judging_s": [again["took_s"] for *_, again in runs],
            "after_new_s": round(after_new, 3),
        },
        failures=tuple(failures),
    )


def _decisions(folder: Path, different: int, entries: Any) -> list[Decision]:
    """What the site decides about so many different signups."""
    screener = Screener.open(folder)
    signups = [screener.signup(as_request(row)) for row in make_rows(different, entries)]
    return [each for at in range(0, different, 250) for each in screener.screen_many(signups[at : at + 250])]


async def _fill(folder: Path, made: Sequence[Decision], count: int, labels: int) -> Counter[str]:
    """Store so many decisions, one every ten seconds, and labels; how often each of those made is there, by its id."""
    settings = read_settings(folder)
    key = make_site_key(settings.site_key)
    await _store(folder, made, range(len(made)))
    async with await Store.open(settings.database, site_key=key) as store:
        copied = await prolong(store, key, count - len(made))
        at = SINCE + EVERY * count
        for start in range(0, labels, AT_ONCE):
            chosen = range(start, min(start + AT_ONCE, labels))
            words = [(f"bench-{number * 7}", "fraud" if number % 3 else "legitimate") for number in chosen]
            await store.write(lambda tx, words=words: [put(tx, *word, "bench", at) for word in words])  # type: ignore[misc]
    return Counter(name_of(number)[0] for number in range(len(made))) + copied


async def _store(folder: Path, made: Sequence[Decision], numbers: range) -> None:
    """Store decisions through the writer, as screenings are, over and over, each time of other accounts."""
    settings = read_settings(folder)
    async with await Store.open(settings.database, site_key=make_site_key(settings.site_key)) as store:
        for start in range(numbers.start, numbers.stop, AT_ONCE):
            part = range(start, min(start + AT_ONCE, numbers.stop))
            await asyncio.gather(*(store.decisions.add(each) for each in _screenings(made, part)))


def _screenings(made: Sequence[Decision], numbers: range) -> Iterator[Screening]:
    for number in numbers:
        one, at = made[number % len(made)], SINCE + EVERY * number
        id_, account_id = name_of(number)
        decision = replace(one, id=id_, account_id=account_id, decided_at=at)
        known = countable(decision.evidence.known, ())
        facts = {name: known[name] for name in ("ip.address", "email.canonical") if name in known}
        signup = NewSignup(account_id=decision.account_id, submitted_at=at, raw=b"{}", facts=facts)
        yield Screening(signup=signup, decide=partial(_as_it_is, decision))


def _as_it_is(decision: Decision, counts: Counts) -> Decision:
    return decision


def _other_rules(folder: Path, new: Path) -> Path:
    """The same rules with other bands: what was verified is reviewed sooner."""
    shutil.copytree(read_settings(folder).rules, new)
    policy = new / "policy.yaml"
    text = policy.read_text()
    policy.write_text(text.replace("review: 40", "review: 30").replace("verify: 70", "verify: 60"))
    if policy.read_text() == text:
        raise RuntimeError("the bands of the shipped policy are others than were thought")
    return new


def _compiled(folder: Path, rules: Path) -> CompiledRuleset:
    signals = signals_of_site(read_settings(folder).sources)
    return compile_ruleset(load_ruleset(rules, signals=signals, aliases=ALIASES))


def _expected(compiled: CompiledRuleset, made: Sequence[Decision], stored: Mapping[str, int]) -> dict[str, list[int]]:
    """How many of the stored decisions have each outcome under the rules, by the scalar engine."""
    counts: Counter[str] = Counter()
    for number, decision in enumerate(made):
        counts[replay(compiled, decision).outcome.word] += stored[name_of(number)[0]]
    return {word: [counts[word]] * 2 for word in ("allow", "review", "verify", "deny")}


def _backtest(folder: Path, rules: Path) -> tuple[float, float, dict[str, Any]]:
    """The wall time and the CPU time of the command, start and end included, and what it says."""
    command = [
        sys.executable,
        "-m",
        "kycrisk",
        "--config",
        str(folder),
        "backtest",
        "--rules",
        str(rules),
        "-f",
        "json",
    ]
    used, begun = os.times(), perf_counter()
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, env=ENVIRONMENT)
    taken, now = perf_counter() - begun, os.times()
    cpu = now.children_user + now.children_system - used.children_user - used.children_system
    return taken, cpu, json.loads(done.stdout)


def _without_time(told: dict[str, Any]) -> dict[str, Any]:
    """Without what may differ: the time it took, and the labels' moment, which is now."""
    labels = {name: value for name, value in told["labels"].items() if name != "until"}
    return {**told, "labels": labels, "took_s": 0, "flips": [{**each, "example": ""} for each in told["flips"]]}


if __name__ == "__main__":
    show(run)
