"""What does the quarantine hold of a real list's past, and of accidents put into it? `python -m bench.quarantine`

The past is the one of ../shared/data/history/; where it is not, there is nothing to measure, and the figures say so. An
operator is played who releases what is held, but for the known accidents.
"""

from __future__ import annotations

from collections import Counter
from time import process_time
from typing import Any

from bench.alone import show
from bench.figure import Figure, Options, Section
from bench.list_accidents import Accident, another, cut_off, merged, naming, tried
from bench.list_history import ACCIDENTS, HISTORY, HeldVersion, Version, protected, replayed, versions

EVERY = 7  # accidents are put in before every so many versions,
AFTER = 20  # from this one on

_PUT_IN: dict[str, Accident] = {
    **{f"cut off after {kept:.0%}": cut_off(kept) for kept in (0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.97, 0.98)},
    **{f"a list of {share:.0%} of its size merged into it": merged(share) for share in (0.05, 0.1, 0.25, 0.5, 1, 2)},
    **{f"another list of {size:,} in its place": another(size) for size in (500, 10_000, 100_000)},
    "one very popular domain": naming(["gmail.com"]),
    "one popular in one country": naming(["seznam.cz"]),
    "one protected domain (left out, not held)": naming(["fastmail.com"]),
    "two protected domains": naming(["fastmail.com", "mailbox.org"]),
    "a suffix of a registry": naming(["co.uk"]),
}


def run(options: Options) -> Section:
    """The past as it was, whole and year by year, and with accidents in it."""
    if not HISTORY.exists():
        nothing = Figure(name="accidents held", value=None, unit="of 4", note=f"{HISTORY} is not here")
        return Section(name="quarantine", figures=(nothing,), details={})
    past, guard = list(versions()), protected()
    begun = process_time()
    held = replayed(past, guard)
    took = process_time() - begun
    ordinary = _ordinary(held)
    tallies = tried(past, guard, _PUT_IN, every=EVERY * (10 if options.quick else 1), after=AFTER)
    shares = {name: tally.share for name, tally in tallies.items()}
    return Section(
        name="quarantine",
        figures=(
            Figure(
                name="known accidents held",
                value=len({each.day for each in held} & set(ACCIDENTS)),
                unit="of 4",
                bar=len(ACCIDENTS),
                at_least=True,
            ),
            Figure(
                name="ordinary versions held",
                value=100 * len(ordinary) / (len(past) - len(ACCIDENTS)),
                unit="%",
                bar=0.5,
                note="; ".join(f"{each.day} {each.reasons[0].kind}" for each in ordinary),
            ),
            Figure(name="judging a version", value=took / len(past) * 1000, unit="ms CPU"),
            *(Figure(name=f"held: {name}", value=100 * share, unit="%") for name, share in shares.items()),
        ),
        details={
            "versions": len(past),
            "held": [_told(each) for each in held],
            "ordinary_by_year": _by_year(past, ordinary),
            "put_in": {name: {"put": tally.put, "held": tally.held} for name, tally in tallies.items()},
        },
    )


def _ordinary(held: list[HeldVersion]) -> list[HeldVersion]:
    """What was held and is no accident; of a day with one, its first version is it."""
    bad, found = set(ACCIDENTS), list[HeldVersion]()
    for each in held:
        if each.day in bad:
            bad.discard(each.day)
        else:
            found.append(each)
    return found


def _told(each: HeldVersion) -> dict[str, Any]:
    return {"day": each.day, "reasons": [f"{reason.kind}: {reason.text}" for reason in each.reasons]}


def _by_year(past: list[Version], ordinary: list[HeldVersion]) -> dict[str, dict[str, int]]:
    versions_, held = Counter(each.day[:4] for each in past), Counter(each.day[:4] for each in ordinary)
    return {year: {"versions": count, "held": held[year]} for year, count in versions_.items()}


if __name__ == "__main__":
    show(run)
