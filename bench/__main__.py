"""Every script in one run: `python -m bench` writes bench/results.json and bench/results.svg.

`python -m bench network dns` runs these scripts alone and leaves what the file says of the others, with their dates.

`--quick` runs the same code on small inputs and writes nothing beside the terminal: a smoke test, not a measurement.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from types import ModuleType
from typing import Any

from bench import (
    backtest,
    columns,
    command,
    delta,
    dns,
    durable,
    evaluation,
    fraudrecord,
    lists,
    loading,
    network,
    quarantine,
    rescreen,
    screening,
    service,
    verification,
)
from bench.figure import Options, Section
from bench.peers import version_of
from bench.picture import draw

FOLDER = Path(__file__).parent
SCRIPTS = (
    evaluation,
    loading,
    lists,
    quarantine,
    screening,
    columns,
    rescreen,
    delta,
    backtest,
    command,
    dns,
    network,
    fraudrecord,
    durable,
    service,
    verification,
)


def main(arguments: list[str]) -> int:
    """Run the scripts; 1 when engines disagree or a bar is missed."""
    options = Options(quick="--quick" in arguments)
    wanted = [argument for argument in arguments if argument != "--quick"]
    if unknown := set(wanted) - {_name(script) for script in SCRIPTS}:
        known = f"known: --quick, {', '.join(map(_name, SCRIPTS))}"
        sys.exit(f"there is no script `{min(unknown)}`; {known}")
    begun = perf_counter()
    sections = []
    for script in SCRIPTS:
        if wanted and _name(script) not in wanted:
            continue
        print(f"{script.__name__} …", file=sys.stderr, flush=True)
        sections.append(script.run(options))
        print("\n".join(str(figure) for figure in sections[-1].figures), flush=True)
        if not options.quick:
            _keep(_results(sections, perf_counter() - begun))
    failures = [failure for section in sections for failure in section.failures]
    if failures:
        print("the run is worthless:", *failures, sep="\n", file=sys.stderr)
        return 1
    missed = [figure for section in sections for figure in section.figures if figure.met is False]
    print(f"{len(missed)} of the bars missed" if missed else "all bars met", file=sys.stderr)
    return 1 if missed and not options.quick else 0


def _keep(results: dict[str, Any]) -> None:
    """Write what is measured so far: a run that is stopped has not been for nothing."""
    kept = FOLDER / "results.json"
    beside = _beside(json.loads(kept.read_text()), results) if kept.exists() else results
    kept.write_text(json.dumps(beside, indent=2, ensure_ascii=False) + "\n")
    draw(beside, FOLDER / "results.svg")


def _results(sections: list[Section], took: float) -> dict[str, Any]:
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "took_s": round(took, 1),
        "measured": {section.name: datetime.now(UTC).isoformat(timespec="seconds") for section in sections},
        "kycrisk": version_of("kycrisk"),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "platform": f"{platform.system()} {platform.machine()}",
        "cpu": _cpu(),
        "cpus": len(os.sched_getaffinity(0)),
        "figures": [
            {"section": section.name, **figure.as_json()} for section in sections for figure in section.figures
        ],
        "failures": [failure for section in sections for failure in section.failures],
        **{section.name: section.details for section in sections},
    }


def _name(script: ModuleType) -> str:
    return script.__name__.partition(".")[2]


def _beside(before: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """The results with those of earlier runs for what was not measured now."""
    measured = now["measured"].keys()
    figures = [figure for figure in before["figures"] if figure["section"] not in measured]
    dates = before.get("measured") or dict.fromkeys((figure["section"] for figure in figures), before["date"])
    return {**before, **now, "figures": figures + now["figures"], "measured": {**dates, **now["measured"]}}


def _cpu() -> str:
    """The processor's name, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
