"""What a working folder holds, read for screening: settings, rules, the operator's lists and exemptions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kycrisk.checks.catalogue import ALIASES
from kycrisk.problems import Problem, Problems
from kycrisk.ruleset.load import load_ruleset
from kycrisk.ruleset.model import Ruleset
from kycrisk.screening.analyst_lists import NOTHING_ADDED, Added, Entries, read_lists
from kycrisk.screening.exemptions import Exempted, Exemptions, read_exempted
from kycrisk.settings import Settings
from kycrisk.signals import Unknown
from kycrisk.sources.catalogue import signals_of_site
from kycrisk.sources.undeclared import lookups_first


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What a working folder holds, read: settings, rules, the operator's lists and exemptions."""

    settings: Settings
    ruleset: Ruleset
    lists: Mapping[str, Entries | Unknown]
    exemptions: Exemptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What stands in a store and counts beside the files: rules that were published go before those of the files."""

    ruleset: Ruleset | None = None
    entries: Mapping[str, Added] = field(default_factory=lambda: NOTHING_ADDED)
    exemptions: tuple[Exempted, ...] = ()


NOTHING_KEPT = Kept()


def read_site(settings: Settings, kept: Kept = NOTHING_KEPT) -> Site:
    """Everything that a screening needs from a working folder. Raises `Problems` with all that is wrong in it.

    Where rules use signals of lookups that cannot be read, what is wrong with the lookups comes first.
    """
    problems: list[Problem] = []
    signals = signals_of_site(settings.sources)
    try:
        ruleset = kept.ruleset or load_ruleset(settings.rules, signals=signals, aliases=ALIASES)
    except Problems as wrong:
        raise Problems(lookups_first(wrong.problems, settings.sources)) from None
    lists, wrong_lines = read_lists(ruleset.policy.lists, settings.rules / "lists", kept.entries)
    problems += wrong_lines
    rules = {rule.id for rule in ruleset.rules}
    exempted: tuple[Exempted, ...] = ()
    try:
        exempted = read_exempted(settings.exemptions, rules)
    except Problems as wrong:
        problems += wrong.problems
    if problems:
        raise Problems(problems)
    # A kept exemption outlives its rule quietly: it is not a line in a file that somebody could correct.
    still = (each for each in kept.exemptions if each.exemption.rule in rules)
    return Site(settings=settings, ruleset=ruleset, lists=lists, exemptions=Exemptions((*exempted, *still)))
