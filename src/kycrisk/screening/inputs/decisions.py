"""Stored decisions, one or many, among the rows of an input."""

from __future__ import annotations

import json
from collections.abc import Mapping

from kycrisk.decision import Decision
from kycrisk.decision_json import DecisionFormatError, decision_from_json
from kycrisk.problems import Problem, Problems


def is_decision(raw: Mapping[str, object]) -> bool:
    """Whether a row says of itself that it is a decision, of whatever version."""
    return str(raw.get("format", "")).startswith("kycrisk.decision/")


def stored_decision(raw: Mapping[str, object]) -> Decision:
    """The decision in a row. Raises `Problems` when it is none."""
    try:
        return decision_from_json(json.dumps(raw))
    except DecisionFormatError as error:
        raise Problems([Problem("", str(error))]) from None
