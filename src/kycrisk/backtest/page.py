"""A backtest as a page of its own (HTML): the picture, the matrix, the rules, the labels. Nothing is loaded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from kycrisk.backtest.picture import flips_svg
from kycrisk.backtest.report import Backtest, Labelled
from kycrisk.backtest.words import flagged, headline, number, percent, ranged, shared, telling
from kycrisk.outcome import Outcome

_STYLE = """
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { padding: .25rem .7rem; text-align: right; border-bottom: 1px solid #8884; }
th:first-child, td:first-child { text-align: left; }
svg { max-width: 45rem; width: 100%; background: #fff; border-radius: 6px; }
.wide { overflow-x: auto; }
small { opacity: .75; }
"""


def backtest_page(found: Backtest) -> str:
    """The page."""
    span = f"{found.first:%Y-%m-%d} to {found.last:%Y-%m-%d}" if found.first and found.last else "none"
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>Backtest</title><style>{_STYLE}</style></head><body>",
        f"<h1>Backtest of {number(found.decisions)} decisions</h1>",
        f"<p>From {escape(found.source)}, {span}, under <code>{escape(found.ruleset[:23])}…</code>.</p>",
        f"<p>{escape(headline(found))}<br>{escape(flagged(found))}</p>",
        flips_svg(found),
        "<h2>Outcomes</h2>",
        _matrix(found),
        "<h2>Rules</h2>",
        _rules(found),
        *([] if found.labelled is None else ["<h2>Labelled accounts</h2>", *_labels(found.labelled)]),
        *_gaps(found),
        *(f"<p><small>{escape(note)}</small></p>" for note in found.notes),
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["<tr>" + "".join(f"<th>{escape(each)}</th>" for each in head) + "</tr>"]
    lines += ["<tr>" + "".join(f"<td>{escape(each)}</td>" for each in row) + "</tr>" for row in rows]
    return '<div class="wide"><table>' + "\n".join(lines) + "</table></div>"


def _matrix(found: Backtest) -> str:
    rows = []
    for before in Outcome:
        mine = [each for each in found.flips if each.before == before]
        if not mine:
            continue
        cells = [number(sum(each.decisions for each in mine if each.certain and each.lowest == now)) for now in Outcome]
        open_ = number(sum(each.decisions for each in mine if not each.certain))
        rows.append([before.word, number(sum(each.decisions for each in mine)), *cells, open_])
    return _table(["then", "decisions", *(each.word for each in Outcome), "cannot be told"], rows)


def _rules(found: Backtest) -> str:
    labelled = found.labelled is not None and found.labelled.judged > 0
    head = ["rule", "contributes", "hits then", "hits now", "decides"]
    head += ["fraud", "legitimate", "precision without", "recall without"] if labelled else []
    rows = []
    for each in telling(found.rules):
        row = [
            each.rule + (" (shadow)" if each.shadow else ""),
            each.contribution,
            "–" if each.hits_before is None else number(each.hits_before),
            ranged(each.hits),
            ranged(each.decides),
        ]
        if labelled and each.instead is not None:
            row += [ranged(each.hits_fraud), ranged(each.hits_legitimate)]
            row += [shared(each.instead.precision), shared(each.instead.recall)]
        rows.append(row)
    rows += [
        [f"{each.rule} (gone)", "", number(each.hits_before), *[""] * (len(head) - 3)] for each in found.lost_rules
    ]
    told = "decides: decisions whose outcome is another one without the rule (shadow: with it live)."
    return f"{_table(head, rows)}<p><small>{told}</small></p>"


def _labels(labels: Labelled) -> list[str]:
    rows = [
        ["fraud that is flagged", ranged(labels.before.caught), ranged(labels.after.caught)],
        ["legitimate that is flagged", ranged(labels.before.bothered), ranged(labels.after.bothered)],
        ["precision", shared(labels.before.precision), shared(labels.after.precision)],
        ["recall", shared(labels.before.recall), shared(labels.after.recall)],
        ["legitimate accounts that are flagged", shared(labels.before.bother), shared(labels.after.bother)],
    ]
    told = (
        f"{number(labels.after.fraud)} fraudulent and {number(labels.after.legitimate)} legitimate accounts, each by "
        f"its first decision in the period; labels from {labels.source}. In brackets: 95 % confidence (Wilson)."
    )
    return [_table(["", "then", "under the new rules"], rows), f"<p><small>{escape(told)}</small></p>"]


def _gaps(found: Backtest) -> list[str]:
    if not found.never_gathered:
        return []
    rows = [[name, number(count), percent(count, found.decisions)] for name, count in found.never_gathered.items()]
    return ["<h2>Never gathered</h2>", _table(["signal", "decisions", ""], rows)]
