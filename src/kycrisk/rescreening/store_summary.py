"""What a chunk of the store's accounts came to, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from kycrisk.rescreening.store_decisions import Decided, changed
from kycrisk.rescreening.store_tables import Screenable
from kycrisk.rescreening.summary import EXAMPLES, NONE, Example, Summary, summarised


def summary_of(ready: Screenable, decided: Sequence[Decided], *, named: bool) -> Summary:
    """The counts of a chunk. Examples are told by their accounts, or else by their decisions."""
    columns = summarised(ready.result.with_columns(pl.lit(None, pl.List(pl.String)).alias("why")), "the store")
    before, hits = ready.chunk.accounts["outcome"].to_list(), ready.chunk.accounts["hits"].to_list()
    told = dict(zip(ready.result["row"].to_list(), ready.result.select("outcome", "settled").rows(), strict=True))
    ways, gained, lost = Counter(columns.ways), Counter[str](), Counter[str]()
    examples: dict[tuple[str, str], list[Example]] = {}
    unsettled, news = columns.unsettled, 0
    for each in decided:
        decision, was = each.decision, before[each.row] or NONE
        columned, settled = told[each.row + 1]
        ways[f"{was}>{columned}"] -= 1
        ways[f"{was}>{decision.outcome}"] += 1
        unsettled += (not decision.settled) - (not settled)
        if not changed(before[each.row], decision):
            continue
        news += 1
        now, earlier = {reason.rule for reason in decision.reasons}, set(hits[each.row] or ())
        gained.update(now - earlier)
        lost.update(earlier - now)
        found = examples.setdefault((was, str(decision.outcome)), [])
        if len(found) < EXAMPLES:
            name = decision.account_id if named else decision.id
            why = tuple(f"{reason.contribution}: {reason.text}" for reason in decision.reasons) if named else ()
            found.append(Example(name, was, str(decision.outcome), decision.score, why))
    return replace(
        columns,
        rows=ready.chunk.accounts.height,
        unsettled=unsettled,
        news=news,
        ways={way: count for way, count in sorted(ways.items()) if count},
        gained=dict(sorted(gained.items())),
        lost=dict(sorted(lost.items())),
        left_out=ready.left_out,
        notes=ready.notes,
        examples=tuple(example for way in sorted(examples) for example in examples[way]),
    ).checked()
