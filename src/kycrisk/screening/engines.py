"""The engine that a site's settings ask for."""

from __future__ import annotations

from kycrisk.durable_engine.engine import DurableEngine
from kycrisk.durable_engine.process import WorkerMissing
from kycrisk.problems import Problem, Problems
from kycrisk.ruleset.engine import Engine
from kycrisk.ruleset.evaluate import CompiledRuleset
from kycrisk.settings import FILE, Settings


def open_engine(settings: Settings, compiled: CompiledRuleset) -> Engine | None:
    """The engine, ready to judge; None for the default one, which `decide` calls itself. Raises `Problems`."""
    if settings.engine == "generated":
        return None
    try:
        return DurableEngine(compiled)
    except WorkerMissing as missing:
        raise Problems(
            [
                Problem(
                    str(settings.file or settings.folder / FILE),
                    f"`engine: durable` needs durable-rules, and it cannot be imported: {missing}",
                    "`pip install 'kycrisk[durable]'` on Python 3.11 or 3.12 with a C compiler, or `engine: generated`",
                )
            ]
        ) from None
