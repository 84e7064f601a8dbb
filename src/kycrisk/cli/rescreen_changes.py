"""`kycrisk rescreen --changed`: only the accounts that a change of lists or rules can touch."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from kycrisk.cli.app import Fault
from kycrisk.cli.options import near
from kycrisk.cli.terminal import Paint, note, say

if TYPE_CHECKING:
    from kycrisk.rescreening.delta.files import ChangedRun
    from kycrisk.settings import Settings


class RescreenFormat(StrEnum):
    human = "human"
    json = "json"


def rescreen_changes(
    settings: Settings,
    files: tuple[Path, ...],
    out: Path | None,
    report_file: Path | None,
    format_: RescreenFormat,
    *,
    dry_run: bool,
) -> int:
    """Screen whom a change touched, and tell of it; the exit code: 1 where rows were refused."""
    from kycrisk.cli.app import FINDINGS
    from kycrisk.cli.rescreen_text import summary_lines
    from kycrisk.rescreening.delta.files import index_folder, rescreen_changed
    from kycrisk.rescreening.delta.index import IndexBusy
    from kycrisk.rescreening.report import report
    from kycrisk.rescreening.store_opening import site_kernel
    from kycrisk.screening.desk import now_utc
    from kycrisk.screening.site import read_site

    kernel = site_kernel(read_site(settings), now_utc())
    for gap in kernel.pinned.gaps:
        note(f"not asked: {gap}")
    folder = out or index_folder(settings.state, files)
    try:
        run = rescreen_changed(files, folder, kernel, dry_run=dry_run)
    except IndexBusy:
        raise Fault(f"another run works on the index in {near(folder)}", "wait until it is done") from None
    except OSError as error:
        raise Fault(f"{near(folder)}: {(error.strerror or str(error)).lower()}") from None
    facts = {"files": ", ".join(path.name for path in files), "index": str(folder), "touched": _touched(run)}
    path = report_file or folder / "report.html"
    path.touch(mode=0o600)
    path.write_text(report(run.summary, facts, list(kernel.pinned.gaps)))
    if format_ is RescreenFormat.json:
        say(json.dumps({**facts, **_told(run), "summary": run.summary.to_json()}, ensure_ascii=False))
    else:
        say(*_lines(run), "", *summary_lines(run.summary, Paint.on(sys.stdout)))
    note(f"report: {near(path)}")
    return FINDINGS if run.refused else 0


def _touched(run: ChangedRun) -> str:
    if run.told is None:
        return f"all {run.accounts:,} accounts, as {run.why}"
    effect = run.told.effect
    return f"{effect.touched:,} of {effect.accounts:,} accounts ({effect.share:.2%})"


def _lines(run: ChangedRun) -> list[str]:
    """What changed, and whom it touched."""
    if run.told is None:
        return [f"taken in: {_touched(run)}"]
    told, effect = run.told, run.told.effect
    lines = [f"list entries that came or went: {told.entries:,}"]
    lines += [f"rules that changed: {', '.join(told.rules)}"] if told.rules else []
    lines += ["the policy changed"] if told.policy else []
    lines += [f"everybody is touched: {why}" for why in told.everywhere]
    lines.append(f"touched: {_touched(run)}")
    lines.append(f"judged anew: {effect.judged:,}, scores moved: {effect.moved:,}")
    lines += [f"accounts of which a fact expired: {run.expired:,}"] if run.expired else []
    lines += [f"accounts with other exemptions: {run.exempted:,}"] if run.exempted else []
    lines += [f"without evidence: {effect.without_evidence:,}"] if effect.without_evidence else []
    return lines


def _told(run: ChangedRun) -> dict[str, object]:
    told: dict[str, object] = {"accounts": run.accounts, "refused": run.refused, "taken_in_because": run.why or None}
    if run.told is None:
        return told
    effect = run.told.effect
    counts = ("touched", "by_lists", "by_rules", "judged", "moved", "without_evidence")
    return {
        **told,
        "entries": run.told.entries,
        "rules": list(run.told.rules),
        "policy": run.told.policy,
        "everywhere": list(run.told.everywhere),
        "share": effect.share,
        "accounts_expired": run.expired,
        "accounts_exempted": run.exempted,
        **{f"accounts_{name}": getattr(effect, name) for name in counts},
    }
