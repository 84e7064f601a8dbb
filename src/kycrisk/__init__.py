"""Decides, while a customer signs up, whether the account must verify its identity.

from kycrisk import Screener

screener = Screener.open("site")
decision = screener.screen({"account_id": "a-1", "email": "jane@example.com", "ip": "192.0.2.7"})
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kycrisk.decision import Decision
    from kycrisk.decision_json import decision_from_json, decision_to_json
    from kycrisk.problems import Problem, Problems
    from kycrisk.screening.screener import AsyncScreener, Screener
    from kycrisk.signup import Signup

__all__ = [
    "AsyncScreener",
    "Decision",
    "Problem",
    "Problems",
    "Screener",
    "Signup",
    "decision_from_json",
    "decision_to_json",
]

_HOMES = {
    "AsyncScreener": "kycrisk.screening.screener",
    "Decision": "kycrisk.decision",
    "Problem": "kycrisk.problems",
    "Problems": "kycrisk.problems",
    "Screener": "kycrisk.screening.screener",
    "Signup": "kycrisk.signup",
    "decision_from_json": "kycrisk.decision_json",
    "decision_to_json": "kycrisk.decision_json",
}


def __getattr__(name: str) -> Any:
    """The public names, loaded when first asked for, so that the command line's help need not wait for them."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module `kycrisk` has no `{name}`")
