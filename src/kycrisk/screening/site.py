"""What a working folder holds, read for screening: settings, rules, the operator's lists and exemptions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kycrisk.checks.catalogue import ALIASES
from kycrisk.problems import Problem, Problems
from kycrisk.ruleset.load import load_ruleset
from kycrisk.ruleset.model import Ruleset
from kycrisk.screening.analyst_lists import Entries, read_lists
from kycrisk.screening.exemptions import Exemptions, read_exemptions
from kycrisk.settings import Settings
from kycrisk.signals import Unknown
from kycrisk.sources.catalogue import signals_of_site


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What a working folder holds, read: settings, rules, the operator's lists and exemptions."""

    settings: Settings
    ruleset: Ruleset
    lists: Mapping[str, Entries | Unknown]
    exemptions: Exemptions


def read_site(settings: Settings) -> Site:
    """Everything that a screening needs from a working folder. Raises `Problems` with all that is wrong in it."""
    problems: list[Problem] = []
    try:
        ruleset = load_ruleset(settings.rules, signals=signals_of_site(settings.sources), aliases=ALIASES)
    except Problems as wrong:
        raise Problems(wrong.problems) from None
    lists, wrong_lines = read_lists(ruleset.policy.lists, settings.rules / "lists")
    problems += wrong_lines
    try:
        exemptions = read_exemptions(settings.exemptions, {rule.id for rule in ruleset.rules})
    except Problems as wrong:
        problems += wrong.problems
    if problems:
        raise Problems(problems)
    return Site(settings=settings, ruleset=ruleset, lists=lists, exemptions=exemptions)
