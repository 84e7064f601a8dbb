"""Accounts that were decided while a source could not answer, to be looked at again when it does."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from kycrisk.decision import Decision
from kycrisk.problems import Problem, Problems
from kycrisk.signals import Why

#: The list's name in a site's state folder.
RECHECK_FILE = "recheck.jsonl"

#: Reasons that pass by themselves. What is not set up, or not published, is no better tomorrow.
PASSING = frozenset({Why.TIMEOUT, Why.REFUSED, Why.CIRCUIT_OPEN, Why.OVER_BUDGET, Why.STALE_LIST, Why.MALFORMED_ANSWER})


@dataclass(frozen=True, slots=True)
class Recheck:
    """An account that waits, since its first unsettled decision; `waiting_for` are the sources that kept silent."""

    account_id: str
    decision: str
    since: datetime
    waiting_for: tuple[str, ...]


class RecheckList(Protocol):
    """Where such accounts are kept."""

    def note(self, decision: Decision) -> None:
        """Put the account on the list, or take it off when its decision waits for nothing."""

    def entries(self) -> list[Recheck]:
        """Who is on it, the longest waiting first."""


def waiting_for(decision: Decision) -> tuple[str, ...]:
    """The sources whose silence left the decision open; none where it is settled, or where waiting does not help."""
    if decision.settled:
        return ()
    origins = decision.evidence.origins
    missing = (item for rule in decision.undetermined for item in rule.why.items())
    names = {origins[signal].source if signal in origins else signal for signal, why in missing if why.why in PASSING}
    return tuple(sorted(names))


class RecheckFile:
    """The list in a file: a line of JSON for each change, appended; the last one about an account counts.

    What it costs to screen again is not known here, so nothing is ever taken off but by a decision. The file is
    readable by its owner only. Raises `Problems` when it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise Problems([Problem(str(path), f"cannot be used: {reason}", "check its permissions")]) from None
        self._waiting = {each.account_id: each for each in read_rechecks(path)}

    def note(self, decision: Decision) -> None:
        """Put the account on the list, or take it off."""
        sources, before = waiting_for(decision), self._waiting.get(decision.account_id)
        if not sources:
            if before is not None:
                del self._waiting[decision.account_id]
                self._write(json.dumps({"account_id": decision.account_id, "settled_by": decision.id}))
            return
        since = before.since if before else decision.decided_at
        entry = Recheck(decision.account_id, decision.id, since, sources)
        self._waiting[decision.account_id] = entry
        self._write(entry_json(entry))

    def entries(self) -> list[Recheck]:
        """Who is on it, the longest waiting first."""
        return sorted(self._waiting.values(), key=lambda each: (each.since, each.account_id))

    def close(self) -> None:
        """Nothing more is noted."""
        os.close(self._file)

    def _write(self, line: str) -> None:
        os.write(self._file, line.encode() + b"\n")


def entry_json(entry: Recheck) -> str:
    """An entry as a line of JSON."""
    told = {
        "account_id": entry.account_id,
        "decision": entry.decision,
        "since": entry.since.isoformat(),
        "waiting_for": list(entry.waiting_for),
    }
    return json.dumps(told, ensure_ascii=False)


def read_rechecks(path: Path) -> list[Recheck]:
    """Who waits, by a file; nobody where there is none. A line that was cut off is passed over."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return []
    waiting: dict[str, Recheck] = {}
    for account_id, entry in _lines(raw):
        if entry is None:
            waiting.pop(account_id, None)
        else:
            waiting[account_id] = entry
    return sorted(waiting.values(), key=lambda each: (each.since, each.account_id))


def _lines(raw: bytes) -> Iterator[tuple[str, Recheck | None]]:
    for line in raw.splitlines():
        try:
            told = json.loads(line)
            account_id = str(told["account_id"])
            if "waiting_for" not in told:
                yield account_id, None
                continue
            since = datetime.fromisoformat(told["since"])
            yield account_id, Recheck(account_id, str(told["decision"]), since, tuple(map(str, told["waiting_for"])))
        except (ValueError, KeyError, TypeError):
            continue
