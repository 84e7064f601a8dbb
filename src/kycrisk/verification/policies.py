"""The procedures of a site: one file each in the folder `verification` beside the rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kycrisk.problems import Problem, Problems, did_you_mean
from kycrisk.verification.policy import Policy
from kycrisk.verification.policy_reading import read_policy

FOLDER = "verification"


@dataclass(slots=True)
class Policies:
    """The procedures in force, by their ids. Whoever has them sees newer ones once they are `put`, in one step."""

    by_id: Mapping[str, Policy] = field(default_factory=dict)

    def put(self, newer: Policies) -> None:
        """Put all of `newer` in the place of what is here."""
        self.by_id = newer.by_id

    def get(self, id: str) -> Policy:
        """Raises `KeyError` for one that there is not."""
        return self.by_id[id]


def policy_files(rules: Path) -> tuple[Path, ...]:
    """The files of procedures that lie beside rules, in the order of their names."""
    folder = rules / FOLDER
    return tuple(sorted(each for each in folder.glob("*.yaml") if not each.name.startswith(".")))


def read_policies(files: Iterable[Path], *, rules: Iterable[str] | None = None) -> Policies:
    """The procedures in some files. `rules`: the ids of rules that there are, for exemptions; None: not known.

    Raises `Problems` with everything that is wrong with any of them.
    """
    found: dict[str, Policy] = {}
    problems: list[Problem] = []
    known = None if rules is None else frozenset(rules)
    for path in files:
        try:
            policy = read_policy(path)
        except Problems as wrong:
            problems += wrong.problems
            continue
        if policy.id in found:
            problems.append(
                Problem(str(path), f"there are two procedures `{policy.id}`", "give one of them another id")
            )
        for rule in policy.on_verified.exempt:
            if known is not None and rule not in known:
                message = f"`on_verified` exempts `{rule[:60]}`, which is no rule"
                problems.append(Problem(str(path), message, did_you_mean(rule, known)))
        found[policy.id] = policy
    if problems:
        raise Problems(problems)
    return Policies(found)


def check_policies(files: Iterable[Path], *, rules: Iterable[str] | None = None) -> list[Problem]:
    """What is wrong with the procedures in some files."""
    try:
        read_policies(files, rules=rules)
    except Problems as wrong:
        return list(wrong.problems)
    return []
