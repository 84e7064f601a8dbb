"""The engine that decides on durable-rules while it can, and on the default engine whenever it cannot.

Every signup is answered within the deadline, and no failure is an answer. The default engine is asked in any case,
which costs a hundredth: where the two differ, its answer stands, and the decision says so.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from weakref import finalize

from kycrisk.decision import MadeBy
from kycrisk.durable_engine.post import NobodyThere, Post
from kycrisk.durable_engine.process import WorkerGone, WorkerLate
from kycrisk.ruleset.durable import NetConfusion, Nets, make_nets
from kycrisk.ruleset.engine import Judged
from kycrisk.ruleset.evaluate import CompiledRuleset
from kycrisk.signals import Value

DEADLINE = 0.2  # seconds for one signup
PATIENCE = 30.0  # seconds for loading a ruleset

DURABLE = MadeBy("durable")
CRASHED = MadeBy("generated", "durable crashed")
LATE = MadeBy("generated", "durable late")
CONFUSED = MadeBy("generated", "durable confused")
DIFFERED = MadeBy("generated", "durable differed")
AWAY = MadeBy("generated", "durable away")


class DurableEngine:
    """One ruleset on durable-rules, in a worker process of its own. Safe to share between threads."""

    def __init__(
        self,
        compiled: CompiledRuleset,
        *,
        deadline: float = DEADLINE,
        patience: float = PATIENCE,
        nets: Nets | None = None,
    ) -> None:
        """Start the worker and load the ruleset, `nets` instead of its own ones if given.

        Raises `WorkerMissing` where durable-rules cannot be imported.
        """
        self.compiled, self.deadline = compiled, deadline
        self.nets = nets or make_nets((*compiled.live, *compiled.shadow))
        self.post = Post(self.nets.definitions, patience=patience)
        finalize(self, self.post.close)
        self.post.open()

    def judge(self, known: Mapping[str, Value], exempt: Collection[str] = (), gaps: Collection[str] = ()) -> Judged:
        """What follows from what is known, and which engine says so."""
        wanted = Judged(self.compiled.verdict(known, exempt, gaps), self.compiled.shadow_findings(known, gaps))
        try:
            found = self.judge_alone(known, exempt)
        except WorkerGone:
            return wanted._replace(made_by=CRASHED)
        except WorkerLate:
            return wanted._replace(made_by=LATE)
        except NobodyThere:
            return wanted._replace(made_by=AWAY)
        except NetConfusion:
            self.post.dismiss()
            return wanted._replace(made_by=CONFUSED)
        if found[:2] != wanted[:2]:
            self.post.dismiss()
            return wanted._replace(made_by=DIFFERED)
        return found

    def judge_alone(self, known: Mapping[str, Value], exempt: Collection[str] = ()) -> Judged:
        """What durable-rules says, unchecked. Raises `WorkerGone`, `WorkerLate`, `NobodyThere` and `NetConfusion`."""
        asserted = self.nets.assertions(known)
        hits, unknown = self.nets.findings(asserted, self.post.fired(asserted, self.deadline))
        live = len(self.compiled.live)
        return Judged(
            self.compiled.verdict_of(
                tuple(index for index in hits if index < live),
                tuple(index for index in unknown if index < live),
                exempt,
            ),
            self.compiled.shadow_of(
                [index - live for index in hits if index >= live],
                [index - live for index in unknown if index >= live],
            ),
            DURABLE,
        )

    def close(self) -> None:
        """Stop the worker; decisions are made by the default engine from then on. May be called twice."""
        self.post.close()
