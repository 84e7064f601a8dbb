"""How long does a whole offline screening take, raw signup in, decision out? `python -m bench.screening`

The default rules, and 40 of them, over full lists and a database of countries, with every field of the signup filled
in. No signup is screened twice, so nothing can be answered from a cache of whole answers.
"""

from __future__ import annotations

import gc
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter
from typing import Any

from bench.alone import show
from bench.figure import Figure, Options, Section
from bench.signups import as_request, make_rows
from bench.site import Site, make_site
from kycrisk.decision import Decision
from kycrisk.decision_json import decision_to_json
from kycrisk.ruleset.model import Status
from kycrisk.screening import screener as screening
from kycrisk.screening.screener import Screener

SIGNUPS = 10_000
RULES = 40  # what the bar is about; the default rules are more


def run(options: Options) -> Section:
    """One screening after the other, each timed alone; then the parts of it."""
    with tempfile.TemporaryDirectory(prefix="kycrisk-bench-") as work:
        site = make_site(Path(work) / "site", 0.02 if options.quick else 1.0)
        return _measured(site, 400 if options.quick else SIGNUPS)


def _measured(site: Site, count: int) -> Section:
    requests = [as_request(row) for row in make_rows(5 * count + 400, site.entries)]
    warm, first, second, third, fourth, fifth = (
        requests[:400],
        *(requests[400 + n * count :][:count] for n in range(5)),
    )
    begun = perf_counter()
    screener = Screener.open(site.folder)
    opened = perf_counter() - begun
    remembering = Screener.open(site.folder, remember=True)
    with_fewer = Screener(_with_fewer_rules(screener.site))
    for each in (screener, remembering, with_fewer):
        for request in warm:
            each.screen(request)
    gc.collect()
    gc.freeze()
    fewer = _timed(with_fewer.screen, fifth)
    whole = _timed(screener.screen, first)
    with_history = _timed(remembering.screen, second)
    reading = _timed(screener.signup, third)
    signups = [screener.signup(request) for request in fourth]
    judging = _timed(screener.screen, signups)
    decisions = [screener.screen(signup) for signup in signups[:1000]]
    parts = {
        "reading and normalising": reading,
        "checks, evaluation and decision": judging,
        "the decision as JSON, on top": _timed(decision_to_json, decisions),
    }
    gc.unfreeze()
    live = len(screener.ruleset.live)
    return Section(
        name="screening",
        figures=(
            Figure(
                name=f"offline screening, {len(with_fewer.ruleset.live)} live rules",
                value=median(fewer),
                unit="µs",
                bar=80,
                note=f"of the {live} default rules, at equal distances",
            ),
            Figure(name=f"offline screening, the {live} default rules", value=median(whole), unit="µs"),
            Figure(name="offline screening that counts earlier signups", value=median(with_history), unit="µs"),
            *(
                Figure(name=f"a screening's part: {name}", value=median(times), unit="µs")
                for name, times in parts.items()
            ),
            Figure(name="opening the screener", value=opened * 1000, unit="ms"),
        ),
        details={
            "signups": count,
            "live_rules": live,
            "shadow_rules": len(screener.ruleset.shadow),
            "fewer_rules": _spread(fewer),
            "whole": _spread(whole),
            "with_history": _spread(with_history),
            "parts": {name: _spread(times) for name, times in parts.items()},
            "decisions": _counted(decisions),
        },
    )


def _with_fewer_rules(site: screening.Site) -> screening.Site:
    """The site with 40 of its live rules, taken at equal distances, so that all kinds of rules are among them."""
    live = site.ruleset.live
    kept = {live[number * len(live) // RULES].id for number in range(RULES)}
    rules = tuple(rule for rule in site.ruleset.rules if rule.status is not Status.LIVE or rule.id in kept)
    return replace(site, ruleset=replace(site.ruleset, rules=rules, version="bench"))


def _timed(function: Callable[[Any], Any], inputs: Sequence[Any]) -> list[float]:
    """Microseconds for each input."""
    taken = []
    for each in inputs:
        begun = perf_counter()
        function(each)
        taken.append((perf_counter() - begun) * 1e6)
    return taken


def _spread(times: list[float]) -> dict[str, float]:
    percentiles = quantiles(times, n=100)
    names = {"us_median": 50, "us_p90": 90, "us_p99": 99}
    return {name: round(percentiles[percent - 1], 2) for name, percent in names.items()}


def _counted(decisions: Sequence[Decision]) -> dict[str, Any]:
    """What the decisions were like, so that one can see that there was something to do."""
    return {
        "outcomes": dict(Counter(str(decision.outcome) for decision in decisions)),
        "facts_known_a_signup": round(median(len(decision.evidence.known) for decision in decisions)),
        "facts_unknown_a_signup": round(median(len(decision.evidence.unknown) for decision in decisions)),
        "reasons_a_signup": round(sum(len(decision.reasons) for decision in decisions) / len(decisions), 2),
    }


if __name__ == "__main__":
    show(run)
