"""The least that a Python function has to do for these rules: test, add up, note. The floor of every figure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bench.translate import Dialect, expression
from bench.workload import Facts
from kycrisk.outcome import Score
from kycrisk.ruleset.model import Rule

PYTHON = Dialect(
    both=" and ",
    either=" or ",
    negation="not ({item})",
    one_of="{item} in {{{values}}}",
    text_tests={
        "starts_with": "{text}.startswith({part})",
        "ends_with": "{text}.endswith({part})",
        "contains": "{part} in {text}",
    },
    name=lambda name: f"f[{name!r}]",
    constant=repr,
)


def bare_function(rules: Sequence[Rule]) -> Callable[[Facts], tuple[int, list[str]]]:
    """facts → score and the ids of the rules that fired; no outcome, no interval, no verdict object."""
    lines = ["def bare(f):", "    score = 0; fired = []"]
    for rule in rules:
        points = rule.contribution.points if isinstance(rule.contribution, Score) else 0
        lines.append(f"    if {expression(rule.condition, PYTHON)}: score += {points}; fired.append({rule.id!r})")
    lines.append("    return score, fired")
    space: dict[str, Callable[[Facts], tuple[int, list[str]]]] = {}
    exec(compile("\n".join(lines), "<bare>", "exec"), space)  # noqa: S102 - our own workload
    return space["bare"]
