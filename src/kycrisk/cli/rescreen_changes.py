"""`kycrisk rescreen --changed`: only the accounts that a change of lists or rules can touch."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from kycrisk.cli.app import Fault
from kycrisk.cli.options import near
from kycrisk.cli.terminal import Paint, note, say

if TYPE_CHECKING:
    from kycrisk.rescreening.delta.files import ChangedRun
    from kycrisk.rescreening.delta.store import StoreChanges
    from kycrisk.settings import Settings


class RescreenFormat(StrEnum):
    human = "human"
    json = "json"


class Changed(NamedTuple):
    """What was asked for. Without files it is about the store."""

    settings: Settings
    files: tuple[Path, ...]
    out: Path | None
    report_file: Path | None
    format_: RescreenFormat
    dry_run: bool
    by: str


def rescreen_changes(asked: Changed) -> int:
    """Screen whom a change touched, and tell of it; the exit code: 1 where rows were refused."""
    from kycrisk.cli.app import FINDINGS
    from kycrisk.rescreening.delta.files import index_folder
    from kycrisk.rescreening.delta.index import IndexBusy

    if asked.files:
        folder = asked.out or index_folder(asked.settings.state, asked.files)
    else:
        folder = asked.out or asked.settings.state / "rescreening" / "changes-store"
    try:
        run, facts, gaps = _of_files(asked, folder) if asked.files else _of_store(asked, folder)
    except IndexBusy:
        raise Fault(f"another run works on the index in {near(folder)}", "wait until it is done") from None
    except OSError as error:
        raise Fault(f"{near(folder)}: {(error.strerror or str(error)).lower()}") from None
    _tell(asked, run, {**facts, "index": str(folder), "touched": _touched(run)}, gaps, folder)
    return FINDINGS if run.summary.refused or getattr(run, "refused", 0) else 0


def _of_files(asked: Changed, folder: Path) -> tuple[ChangedRun, dict[str, str], list[str]]:
    from kycrisk.rescreening.delta.files import rescreen_changed
    from kycrisk.rescreening.store_opening import site_kernel
    from kycrisk.screening.desk import now_utc
    from kycrisk.screening.site import read_site

    kernel = site_kernel(read_site(asked.settings), now_utc())
    gaps = list(kernel.pinned.gaps)
    for gap in gaps:
        note(f"not asked: {gap}")
    run = rescreen_changed(asked.files, folder, kernel, dry_run=asked.dry_run)
    return run, {"files": ", ".join(path.name for path in asked.files)}, gaps


def _of_store(asked: Changed, folder: Path) -> tuple[StoreChanges, dict[str, str], list[str]]:
    from kycrisk.cli.records import asked as asked_store
    from kycrisk.cli.records import user_name
    from kycrisk.delivery.endpoint import endpoints_of, outbox_of
    from kycrisk.rescreening.delta.store import rescreen_store_changes
    from kycrisk.rescreening.store_opening import store_rescreener
    from kycrisk.screening.desk import now_utc
    from kycrisk.store.sealing import read_site_key
    from kycrisk.store.store import Store

    settings, site_key = asked.settings, read_site_key(asked.settings.site_key)
    also = outbox_of(endpoints_of(settings.webhooks.endpoints, site_key))

    async def question(store: Store) -> tuple[StoreChanges, dict[str, str], list[str]]:
        async with store_rescreener(settings, store, site_key, clock=now_utc, also=also) as rescreener:
            gaps = list(rescreener.kernel.pinned.gaps)
            for gap in gaps:
                note(f"not asked: {gap}")
            by = user_name(asked.by)
            run = await rescreen_store_changes(rescreener, folder, by=by, dry_run=asked.dry_run)
            return run, {"store": str(store.database), "rules": rescreener.standing.ruleset.version}, gaps

    return asked_store(settings, question)


def _tell(asked: Changed, run: ChangedRun | StoreChanges, facts: dict[str, str], gaps: list[str], folder: Path) -> None:
    from kycrisk.cli.rescreen_text import summary_lines
    from kycrisk.rescreening.report import report

    path = asked.report_file or folder / "report.html"
    path.touch(mode=0o600)
    path.write_text(report(run.summary, facts, gaps))
    if asked.format_ is RescreenFormat.json:
        say(json.dumps({**facts, **_told(run), "summary": run.summary.to_json()}, ensure_ascii=False))
    else:
        say(*_lines(run), "", *summary_lines(run.summary, Paint.on(sys.stdout)))
    note(f"report: {near(path)}")


def _touched(run: ChangedRun | StoreChanges) -> str:
    if run.told is None:
        return f"all {run.accounts:,} accounts, as {run.why}"
    effect = run.told.effect
    return f"{effect.touched:,} of {effect.accounts:,} accounts ({effect.share:.2%})"


def _lines(run: ChangedRun | StoreChanges) -> list[str]:
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


def _told(run: ChangedRun | StoreChanges) -> dict[str, object]:
    told: dict[str, object] = {"accounts": run.accounts, "taken_in_because": run.why or None}
    told |= {name: getattr(run, name) for name in ("refused", "ahead", "looked_at") if hasattr(run, name)}
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
