"""A run over files, from its beginning or from where it was stopped, to its end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from kycrisk.problems import Problem, Problems
from kycrisk.rescreening.engines.engine import Engine
from kycrisk.rescreening.kernel import Kernel
from kycrisk.rescreening.pinned import open_pinned
from kycrisk.rescreening.run_folder import Plan, RunFolder, begin_run, open_run, unfinished
from kycrisk.rescreening.slices import check_files
from kycrisk.screening.site import Site


def run_of(plan: Plan, site: Site, now: datetime, *, out: Path | None, anew: bool) -> RunFolder:
    """The run of a plan: the one that was stopped, else a new one. Raises `Problems`.

    `out` is its folder, where a finished run is found again: it may have been killed before it told its result. None:
    one below the site's state folder. `anew` leaves runs that were stopped alone.
    """
    key = plan.key()
    if out is None:
        base = site.settings.state / "rescreening"
        stopped = () if anew else unfinished(base, key)
        folder = stopped[0] if stopped else base / f"{now:%Y%m%dT%H%M%S}-{key[:8]}"
    else:
        folder = out
    found = open_run(folder)
    if found is None:
        return begin_run(folder, plan, site, now)
    if anew or found.key != key:
        found.close()
        message = "holds a run already" if anew else "holds a run of other files or options"
        raise Problems([Problem(str(folder), message, "name another folder")])
    return found


def check_run(run: RunFolder) -> list[str]:
    """What the results will lack: lists that cannot answer, signals that no file tells. Raises `Problems`."""
    kernel = Kernel(open_pinned(run.pinned, run.digest))
    silent = check_files(kernel, [Path(path) for path in dict.fromkeys(each.path for each in run.slices)])
    return [*kernel.pinned.gaps, *(f"{name}: no file tells it" for name in silent)]


def go_on(run: RunFolder, engine: Engine, on_rows: Callable[[int], None] = lambda rows: None) -> None:
    """Screen what is left of a run. Raises `Problems`; what is done stays done. `on_rows` hears of rows done."""
    left = run.left()
    on_rows(run.rows - sum(each.rows for each in left))
    for each, result in engine.screen(run.pinned, run.digest, left):
        run.commit(each, result)
        on_rows(each.rows)
