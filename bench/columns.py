"""How many accounts does the columnar engine judge a second? `python -m bench.columns`

First the rules alone over a million accounts in memory, beside the same rules in hand-written Polars and the scalar
engine row by row; then Parquet to Parquet with the default rules and full lists; then raw signups, whose e-mail
addresses, names and telephone numbers have to be looked at one by one. Outcomes and scores are compared first.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import polars as pl

from bench.accounts import pattern, raw_table, write_accounts
from bench.alone import show
from bench.figure import Figure, Options, Section
from bench.fresh import in_fresh_processes, middle
from bench.handwritten import handwritten
from bench.signups import as_request, make_rows
from bench.site import Site, make_site
from bench.workload import SIGNALS, make_facts, make_ruleset
from kycrisk.ruleset.columns.judge import ColumnRuleset
from kycrisk.ruleset.columns.values import column
from kycrisk.ruleset.evaluate import compile_ruleset
from kycrisk.screening.columns.opening import open_table_screener
from kycrisk.screening.screener import Screener

ACCOUNTS, FILE = 1_000_000, 1_000_000
RAW = 20_000
SMALL, LARGE = 40, 1000
SAMPLE = 2000

# Parquet files in, a file of verdicts for each slice out; the peak is of everything, lists and rules included.
_PARQUET = """
import json, os, re, sys
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from kycrisk.screening.columns.opening import open_table_screener
from kycrisk.screening.columns.parquet import screen_parquet

site, out, *paths = map(Path, sys.argv[1:])
screener = open_table_screener(site, datetime.now(UTC))
used, begun, accounts, refused = os.times(), perf_counter(), 0, 0
for number, (_, _, screened) in enumerate(screen_parquet(screener, paths)):
    screened.verdicts.write_parquet(out / f"{number:05}.parquet")
    accounts += screened.verdicts.height
    refused += screened.refused.height
taken, now = perf_counter() - begun, os.times()
peak = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) / 1e6
print(json.dumps({
    "accounts": accounts, "refused": refused, "s": taken, "peak_gb": peak,
    "cpu_s": now.user + now.system - used.user - used.system,
}))
"""


def run(options: Options) -> Section:
    """The three measurements."""
    accounts = 20_000 if options.quick else ACCOUNTS
    rules = {count: _rules(count, accounts if count == SMALL else accounts // 5, options) for count in (SMALL, LARGE)}
    with tempfile.TemporaryDirectory(prefix="kycrisk-bench-") as work:
        site = make_site(Path(work) / "site", 0.02 if options.quick else 1.0)
        parquet = _from_parquet(Path(work), site, options)
        raw = _raw(site, 500 if options.quick else RAW)
    failures = [each["differs"] for each in (*rules.values(), raw) if each["differs"]]
    failures += [f"{each['expected']} accounts went in, {each['accounts']} came out" for each in parquet.values()
                 if each["expected"] != each["accounts"]]  # fmt: skip
    return Section(
        name="columns",
        figures=(*_rule_figures(rules), *_parquet_figures(parquet), *_raw_figures(raw)),
        details={
            **{f"{count}_rules": each for count, each in rules.items()},
            **{f"parquet_{count}": each for count, each in parquet.items()},
            "raw": raw,
        },
        failures=tuple(failures),
    )


def _rule_figures(rules: dict[int, dict[str, Any]]) -> list[Figure]:
    small, large = rules[SMALL], rules[LARGE]
    grown = (large["columns_s"] / large["accounts"]) / (small["columns_s"] / small["accounts"])
    return [
        Figure(
            name=f"accounts in memory, {SMALL} rules", value=small["accounts"] / small["columns_s"] / 1e6, unit="M/s"
        ),
        Figure(
            name="as a share of hand-written Polars' speed",
            value=small["handwritten_s"] / small["columns_s"],
            unit="×",
            bar=0.6,
            at_least=True,
        ),
        Figure(
            name="as a multiple of row by row",
            value=small["scalar_s"] / small["columns_s"],
            unit="×",
            bar=10,
            at_least=True,
        ),
        Figure(
            name=f"cost of an account at {LARGE} rules over that at {SMALL}",
            value=grown,
            unit="×",
            bar=1.5 * LARGE / SMALL,
            note=f"{LARGE / SMALL:.0f} would be in step with the rules",
        ),
    ]


def _parquet_figures(parquet: dict[int, dict[str, Any]]) -> list[Figure]:
    return [
        figure
        for count, each in parquet.items()
        for figure in (
            Figure(
                name=f"Parquet to Parquet with 300,000 list entries, {count / 1e6:g} M accounts",
                value=each["accounts"] / each["s"] / 1e6,
                unit="M/s",
                bar=1,
                at_least=True,
                note=f"{each['cpu_s']:.1f} s of CPU time",
            ),
            Figure(name=f"peak memory, {count / 1e6:g} M accounts", value=each["peak_gb"], unit="GB", bar=2),
        )
    ]


def _raw_figures(raw: dict[str, Any]) -> list[Figure]:
    return [
        Figure(name="raw signups as a table, all checks", value=raw["signups"] / raw["columns_s"] / 1e3, unit="k/s"),
        Figure(name="raw signups one by one, all checks", value=raw["signups"] / raw["scalar_s"] / 1e3, unit="k/s"),
    ]


def _rules(count: int, accounts: int, options: Options) -> dict[str, Any]:
    """The rules alone, over facts that lie in memory."""
    facts = make_facts(min(accounts, 20_000))
    some = pl.DataFrame([column(name, signal.type, [each[name] for each in facts]) for name, signal in SIGNALS.items()])
    table = pl.DataFrame(
        [some[name].sample(accounts, with_replacement=True, seed=seed) for seed, name in enumerate(some.columns)]
    )
    ruleset = make_ruleset(count)
    compiled = compile_ruleset(ruleset)
    engine, plain = ColumnRuleset(compiled), handwritten(ruleset)
    ours, theirs = engine.verdicts(table), table.lazy().select(plain).collect()
    same = (ours["score"] == theirs["score"]).all() and (ours["outcome"].to_physical() == theirs["outcome"]).all()
    known = list(engine.known(table[:SAMPLE]))
    rowwise = [compiled.verdict(each) for each in known]
    same &= [(str(each.outcome), each.score) for each in rowwise] == ours[:SAMPLE].select("outcome", "score").rows()
    turns = 2 if options.quick else 7 if count == SMALL else 3
    taken = _in_turns(
        {
            "columns_s": lambda: engine.verdicts(table),
            "handwritten_s": lambda: table.lazy().select(plain).collect(),
            "sample_s": lambda: [compiled.verdict(each) for each in known],
        },
        turns,
    )
    return {
        "accounts": accounts,
        **taken,
        "scalar_s": taken["sample_s"] * accounts / len(known),
        "differs": "" if same else f"the engines differ over {count} rules",
    }


def _in_turns(contestants: dict[str, Callable[[], object]], turns: int) -> dict[str, float]:
    """The median seconds of each, taken in turns."""
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(turns):
        for name, run_ in contestants.items():
            begun = perf_counter()
            run_()
            taken[name].append(perf_counter() - begun)
    return {name: median(times) for name, times in taken.items()}


def _from_parquet(work: Path, site: Site, options: Options) -> dict[int, dict[str, Any]]:
    """One file, and ten of them."""
    size, files = (10_000, 3) if options.quick else (FILE, 10)
    told = pattern(open_table_screener(site.folder, datetime.now(UTC)), site, 1000 if options.quick else 20_000)
    paths = [work / f"accounts-{number}.parquet" for number in range(files)]
    for number, path in enumerate(paths):
        write_accounts(path, size, told, site.entries, number)
    found: dict[int, dict[str, Any]] = {}
    for many, times in ((1, 1 if options.quick else 5), (files, 1 if options.quick else 2)):
        out = work / f"out-{many}"
        out.mkdir()
        answers = in_fresh_processes(_PARQUET, [str(each) for each in (site.folder, out, *paths[:many])], times)
        found[many * size] = {
            "expected": many * size,
            "accounts": answers[0]["accounts"],
            **{key: round(middle(answers, key), 3) for key in ("s", "cpu_s", "peak_gb")},
            "runs": answers,
        }
    return found


def _raw(site: Site, count: int) -> dict[str, Any]:
    """Raw signups, with every check to ask: as a table, and one by one as `kycrisk screen` does."""
    screener, tables = Screener.open(site.folder), open_table_screener(site.folder, datetime.now(UTC))
    rows = make_rows(count, site.entries)
    signups = [as_request(row) for row in rows]
    table = raw_table(count, site)
    told = tables.screen(table).verdicts.select("outcome", "score").rows()
    begun = perf_counter()
    tables.screen(table)
    columns = perf_counter() - begun
    begun = perf_counter()
    decisions = [each for at in range(0, count, 250) for each in screener.screen_many(
        [screener.signup(raw) for raw in signups[at : at + 250]])]  # fmt: skip
    scalar = perf_counter() - begun
    same = told == [(str(each.outcome), each.score) for each in decisions]
    return {
        "signups": count,
        "columns_s": columns,
        "scalar_s": scalar,
        "outcomes": dict(Counter(word for word, _ in told)),
        "differs": "" if same else "raw signups as a table and one by one differ",
    }


if __name__ == "__main__":
    show(run)
