"""A rescreening as the terminal shows it."""

from __future__ import annotations

from collections.abc import Iterator

from kycrisk.cli.terminal import Paint, visible, wrapped
from kycrisk.outcome import Outcome
from kycrisk.rescreening.report import TOP_RULES, count_rows, rule_rows, way_rows
from kycrisk.rescreening.summary import Summary


def summary_lines(summary: Summary, paint: Paint) -> Iterator[str]:
    """The table of outcomes, what was counted, the rules that made news, and examples with their reasons."""
    words = [str(each) for each in Outcome]
    yield paint("bold", f"{'before, after':<16}" + "".join(f"{word:>13}" for word in words))
    for before, counts in way_rows(summary):
        cells = (
            paint("" if before == word or not count else "yellow", f"{count:>13,}")
            for word, count in zip(words, counts, strict=True)
        )
        yield f"{before:<16}" + "".join(cells)
    yield ""
    yield from (f"{count:>13,}  {name}" for name, count in count_rows(summary))
    rules = rule_rows(summary)
    if rules:
        yield ""
        yield paint("bold", f"{'hits now':>13}  {'no more':>9}  rule")
        yield from (f"{gained:>13,}  {lost:>9,}  {visible(rule)}" for rule, gained, lost in rules[:TOP_RULES])
    for each in summary.examples:
        yield ""
        yield f"{paint('bold', visible(each.account_id))}  {each.before} → {each.outcome}, score {each.score}"
        for why in each.why:
            yield from wrapped(visible(why), first="    ", rest="        ")
    for refusal in summary.refusals:
        yield f"refused: {visible(refusal.place)}: {visible(refusal.problems)}"
