"""What a run has found, for people: a page of HTML that stands alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape

from kycrisk.outcome import Outcome
from kycrisk.rescreening.picture import picture
from kycrisk.rescreening.summary import NONE, Summary

TOP_RULES = 20
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; margin: 1rem 0 } th, td { padding: .25rem .8rem; border-bottom: 1px solid #ddd }
th { text-align: left } td.n { text-align: right; font-variant-numeric: tabular-nums } li { margin: .4rem 0 }
.same { color: #888 }
"""


def way_rows(summary: Summary) -> Iterator[tuple[str, list[int]]]:
    """The table of outcomes: what was decided before, and how many of these are now what."""
    words = [str(each) for each in Outcome]
    for before in (*words, NONE):
        counts = [summary.ways.get(f"{before}>{now}", 0) for now in words]
        if any(counts):
            yield before, counts


def rule_rows(summary: Summary) -> list[tuple[str, int, int]]:
    """The rules that made news, those with most of it first: how often one hits now that did not, and hits no more."""
    rules = {*summary.gained, *summary.lost}
    found = [(rule, summary.gained.get(rule, 0), summary.lost.get(rule, 0)) for rule in rules]
    return sorted(found, key=lambda each: (-each[1] - each[2], each[0]))


def count_rows(summary: Summary) -> Iterator[tuple[str, int]]:
    """What was counted beside the outcomes."""
    yield "accounts", summary.rows
    yield "screened", summary.screened
    yield "whose outcome is news", summary.news
    yield "not settled", summary.unsettled
    if summary.without_evidence:
        yield "without any evidence", summary.without_evidence
    if summary.refused:
        yield "rows refused", summary.refused
    yield from (*summary.left_out.items(), *summary.notes.items())


def report(summary: Summary, facts: Mapping[str, str], gaps: Sequence[str]) -> str:
    """The page. `facts` are told about the run, `gaps` what could not be asked."""
    words = [str(each) for each in Outcome]
    ways = [[before, *_told(before, counts)] for before, counts in way_rows(summary)]
    rules = [[escape(rule), f"{gained:,}", f"{lost:,}"] for rule, gained, lost in rule_rows(summary)[:TOP_RULES]]
    parts = [
        "<!doctype html>",
        f'<html lang="en"><meta charset="utf-8"><title>Rescreening</title><style>{_STYLE}</style>',
        "<h1>Rescreening</h1>",
        _table([], [[escape(name), escape(value)] for name, value in facts.items()], numbers=False),
        "<h2>Outcomes</h2>",
        _table(["before \\ after", *words], ways),
        picture(summary.ways),
        "<h2>Counts</h2>",
        _table([], [[escape(name), f"{count:,}"] for name, count in count_rows(summary)]),
        "<h2>Rules that made news</h2>",
        _table(["rule", "hits now", "hits no more"], rules) if rules else "<p>None.</p>",
        "<h2>Examples</h2>",
        _list(
            f"<b>{escape(each.account_id)}</b> {each.before} → {each.outcome}, score {each.score}"
            + _list(map(escape, each.why))
            for each in summary.examples
        ),
    ]
    if summary.refusals:
        parts += ["<h2>Refused rows</h2>", _list(escape(f"{each.place}: {each.problems}") for each in summary.refusals)]
    if gaps:
        parts += ["<h2>What could not be asked</h2>", _list(map(escape, gaps))]
    return "\n".join([*parts, "</html>\n"])


def _told(before: str, counts: Sequence[int]) -> Iterator[str]:
    for now, count in zip(Outcome, counts, strict=True):
        yield f'<span class="same">{count:,}</span>' if before == str(now) or not count else f"<b>{count:,}</b>"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: bool = True) -> str:
    titles = "".join(f"<th>{each}</th>" for each in head)
    kind = ' class="n"' if numbers else ""
    lines = [
        "<tr>" + f"<td>{row[0]}</td>" + "".join(f"<td{kind}>{cell}</td>" for cell in row[1:]) + "</tr>" for row in rows
    ]
    return "\n".join(["<table>", *([f"<tr>{titles}</tr>"] if head else []), *lines, "</table>"])


def _list(items: Iterable[str]) -> str:
    return "<ul>" + "".join(f"<li>{each}</li>" for each in items) + "</ul>"
