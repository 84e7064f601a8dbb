"""How long do 1,000 rules take from YAML to a ruleset that can judge? `python -m bench.loading`"""

from __future__ import annotations

import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

from bench.alone import show
from bench.figure import Figure, Options, Section
from bench.workload import SIGNALS, make_rules, policy_yaml, rules_yaml
from kycrisk.ruleset.evaluate import compile_ruleset
from kycrisk.ruleset.load import load_ruleset
from kycrisk.ruleset.model import Ruleset

SMALL, LARGE = 40, 1000
RULES_A_FILE = 100


def run(options: Options) -> Section:
    """Loading with every check and position that an analyst gets, and compiling."""
    repetitions = 2 if options.quick else 7
    with tempfile.TemporaryDirectory(prefix="kycrisk-bench-") as work:
        folders = {count: _written(Path(work) / str(count), count) for count in (SMALL, LARGE)}
        loads: dict[int, list[float]] = {count: [] for count in folders}
        compiles: dict[int, list[float]] = {count: [] for count in folders}
        failures: list[str] = []
        for _ in range(repetitions):
            for count, folder in folders.items():
                begun = perf_counter()
                ruleset = load_ruleset(folder, signals=SIGNALS, aliases={})
                loaded = perf_counter()
                compile_ruleset(ruleset)
                compiles[count].append(perf_counter() - loaded)
                loads[count].append(loaded - begun)
                failures += _differs(ruleset, count)
        size = sum(path.stat().st_size for path in folders[LARGE].iterdir())
    return Section(
        name="loading",
        figures=(
            Figure(name="loading 1,000 rules from YAML", value=median(loads[LARGE]) * 1000, unit="ms", bar=1000),
            Figure(name="loading 40 rules from YAML", value=median(loads[SMALL]) * 1000, unit="ms"),
            Figure(name="compiling 1,000 rules", value=median(compiles[LARGE]) * 1000, unit="ms"),
            Figure(name="compiling 40 rules", value=median(compiles[SMALL]) * 1000, unit="ms"),
        ),
        details={
            "files": LARGE // RULES_A_FILE,
            "yaml_kb": round(size / 1000),
            "load_ms": {str(count): [round(each * 1000, 2) for each in times] for count, times in loads.items()},
            "compile_ms": {str(count): [round(each * 1000, 2) for each in times] for count, times in compiles.items()},
        },
        failures=tuple(failures[:5]),
    )


def _written(folder: Path, count: int) -> Path:
    """A folder of rules as an analyst has it."""
    folder.mkdir()
    (folder / "policy.yaml").write_text(policy_yaml())
    rules = make_rules(count)
    for start in range(0, count, RULES_A_FILE):
        (folder / f"rules{start:04}.yaml").write_text(rules_yaml(rules[start : start + RULES_A_FILE]))
    return folder


def _differs(ruleset: Ruleset, count: int) -> list[str]:
    """Rules that came back from YAML other than they went in."""
    return [
        f"rule {made.id} came back as {read.when}, not {made.when}"
        for made, read in zip(make_rules(count), ruleset.rules, strict=True)
        if (made.id, made.condition, made.contribution) != (read.id, read.condition, read.contribution)
    ]


if __name__ == "__main__":
    show(run)
