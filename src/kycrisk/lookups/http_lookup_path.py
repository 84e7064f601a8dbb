"""Paths into JSON answers: `data.items[0].score`, `data["a.b"]`, `[0].risk`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_STEP = re.compile(
    r'(?P<dot>\.?)(?P<name>[A-Za-z_][A-Za-z0-9_\-]*)|\[(?P<index>[0-9]{1,6})\]|\["(?P<quoted>[^"\\]+)"\]'
)


@dataclass(frozen=True, slots=True)
class JsonPath:
    """Names of fields and indexes of lists, from the outside in."""

    steps: tuple[str | int, ...]

    def find(self, answer: Any) -> Any:
        """What stands there; None where the path leads nowhere, as where null stands."""
        for step in self.steps:
            if isinstance(step, str) and isinstance(answer, dict):
                answer = answer.get(step)
            elif isinstance(step, int) and isinstance(answer, list) and step < len(answer):
                answer = answer[step]
            else:
                return None
        return answer


def parse_path(text: str) -> JsonPath:
    """A path. Raises `ValueError` with a message for anything else."""
    steps: list[str | int] = []
    at = 0
    while at < len(text):
        step = _STEP.match(text, at)
        if step is None or (step["name"] is not None and bool(step["dot"]) != bool(at)):
            raise ValueError(f"`{text[:60]}` is not a path such as `data.items[0].score`")
        steps.append(int(step["index"]) if step["index"] is not None else step["name"] or step["quoted"])
        at = step.end()
    if not steps:
        raise ValueError("the path is empty\nwrite where in the answer the value stands, such as `data.score`")
    return JsonPath(tuple(steps))
