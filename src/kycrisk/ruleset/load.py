"""A rule folder to a ruleset, or every problem of every file with its place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from kycrisk.outcome import IfUnknown
from kycrisk.problems import Place, Problem, Problems
from kycrisk.ruleset.canonical import version_of
from kycrisk.ruleset.compose import compose
from kycrisk.ruleset.files import decoded, read_source, rule_files
from kycrisk.ruleset.model import Policy, Rule, Ruleset
from kycrisk.ruleset.nodes import BrokenNode, MappingNode, Node, ScalarNode, SequenceNode, Source
from kycrisk.ruleset.noting import Notes, TooManyProblems
from kycrisk.ruleset.operands import Scope
from kycrisk.ruleset.policy_shape import ATTRIBUTES, LISTS, POLICY
from kycrisk.ruleset.reading import Reading, Wrong, described
from kycrisk.ruleset.records import Field, Items, Named, Record, as_it_is
from kycrisk.ruleset.rule_shape import RULE
from kycrisk.ruleset.shapes import Read
from kycrisk.signals import Signal

MAX_RULES = 10_000
Where = Path | str | Iterable[Path | str]

FILE = Record(
    what="a rule file",
    fields=(
        Field("policy", POLICY, "What scores mean, and what a screening may take and spend."),
        Field("attributes", ATTRIBUTES, "What signups carry beyond the standard fields."),
        Field("lists", LISTS, "Lists of your own; the entries of each stand in `lists/NAME.txt`."),
        Field("rules", Items(item=RULE, most=MAX_RULES), "The rules."),
    ),
    build=as_it_is,
)


def load_ruleset(where: Where, *, signals: Mapping[str, Signal], aliases: Mapping[str, str]) -> Ruleset:
    """The ruleset of a folder, or of the files that are named. Raises `Problems` with everything that is wrong.

    `signals` is the catalogue that conditions may use, `aliases` its short names.
    """
    loader = _Loader(signals, aliases)
    ruleset = loader.load(where)
    if ruleset is None:
        raise Problems(loader.notes.sorted())
    return ruleset


def load_ruleset_texts(
    texts: Mapping[str, str], *, signals: Mapping[str, Signal], aliases: Mapping[str, str]
) -> Ruleset:
    """The ruleset of rule files that are given as texts, by their names. Raises `Problems` like `load_ruleset`."""
    loader = _Loader(signals, aliases)
    ruleset = loader.load_sources(sorted(texts.items()))
    if ruleset is None:
        raise Problems(loader.notes.sorted())
    return ruleset


def check_ruleset(where: Where, *, signals: Mapping[str, Signal], aliases: Mapping[str, str]) -> list[Problem]:
    """Everything that is wrong with a ruleset, by file and place; empty when it loads."""
    loader = _Loader(signals, aliases)
    loader.load(where)
    return loader.notes.sorted()


@dataclass(frozen=True, slots=True)
class _Document:
    """One file: its source, and the nodes of its keys."""

    source: Source
    entries: Mapping[str, tuple[ScalarNode, Node]]


class _Loader:
    def __init__(self, signals: Mapping[str, Signal], aliases: Mapping[str, str]) -> None:
        self.notes = Notes()
        self.scope = Scope(signals, aliases, MappingProxyType({}))

    def load(self, where: Where) -> Ruleset | None:
        """The ruleset, None when there are problems; they stand in `notes`."""
        return self._load(self._read(where))

    def _read(self, where: Where) -> Iterator[Source | None]:
        for path in rule_files(where, self.notes):
            yield read_source(path, self.notes)

    def load_sources(self, texts: Iterable[tuple[str, str]]) -> Ruleset | None:
        """The same from texts with the names of their files."""
        return self._load(self._given(name, text) for name, text in texts)

    def _given(self, name: str, text: str) -> Source | None:
        self.notes.begin(name)
        return decoded(name, text.encode("utf-8", "surrogatepass"), self.notes)

    def _load(self, sources: Iterable[Source | None]) -> Ruleset | None:
        try:
            documents = self.documents(sources)
            read_anything = not self.notes.problems
            policy = self.policy(documents, complete=read_anything)
            rules = self.rules(documents, policy.if_unknown if policy else IfUnknown.MISS)
        except TooManyProblems:
            return None
        if self.notes.problems or policy is None:
            return None
        ruleset = Ruleset(policy=policy, rules=rules, version="", signals=self.scope.signals)
        return replace(ruleset, version=version_of(ruleset))

    def documents(self, sources: Iterable[Source | None]) -> list[_Document]:
        """The files that can be read. A key whose value has the wrong form is kept, and judged later."""
        found = []
        for source in sources:
            if source is None:
                continue
            before = len(self.notes.problems)
            root = compose(source, self.notes)
            if root is None or (isinstance(root, ScalarNode) and not root.text):
                if len(self.notes.problems) == before:
                    self.notes.add(source.path, "holds nothing", "write `rules: []`, or delete the file")
                continue
            with suppress(Wrong):
                found.append(_Document(source, FILE.entries(root, self.reading(source))))
        return found

    def reading(self, source: Source, if_unknown: IfUnknown = IfUnknown.MISS) -> Reading:
        return Reading(source=source, notes=self.notes, scope=self.scope, if_unknown=if_unknown)

    def policy(self, documents: list[_Document], complete: bool) -> Policy | None:
        """The policy with its attributes and lists, whose names the rules may use from now on."""
        found = self.only(documents, "policy")
        if found is None and complete:
            self.notes.add(documents[0].source.path if documents else "", "no file has a `policy:`",
                           "write `policy: {bands: {review: 40, verify: 70, deny: 150}}` in one of them")  # fmt: skip
        policy = None
        if found:
            with suppress(Wrong):
                policy = POLICY.read(found[1], self.reading(found[0]))
        declared = MappingProxyType(self.named(documents, "attributes", ATTRIBUTES))
        lists = MappingProxyType(self.named(documents, "lists", LISTS))
        self.scope = Scope(MappingProxyType({**self.scope.signals, **declared}), self.scope.aliases, lists)
        return policy and replace(policy, attributes=declared, lists=lists)

    def named(self, documents: list[_Document], key: str, shape: Named[Read]) -> dict[str, Read]:
        found = self.only(documents, key)
        if found:
            with suppress(Wrong):
                return shape.read(found[1], self.reading(found[0]))
        return {}

    def only(self, documents: list[_Document], key: str) -> tuple[Source, Node] | None:
        """The value of a key that stands in one file only."""
        first: tuple[Source, Node] | None = None
        for document in documents:
            if key not in document.entries:
                continue
            name, value = document.entries[key]
            if first is None:
                first, place = (document.source, value), document.source.place(name.start)
            else:
                self.notes.add(document.source.place(name.start), f"`{key}:` stands in two files",
                               f"it stands at {place} already; keep one of them")  # fmt: skip
        return first

    def rules(self, documents: list[_Document], if_unknown: IfUnknown) -> tuple[Rule, ...]:
        """The rules of all files; those that are wrong are noted and left out."""
        found: list[Rule] = []
        ids: dict[str, Place] = {}
        count = 0
        for document in documents:
            reading = self.reading(document.source, if_unknown)
            for node in self.items(document, reading):
                count += 1
                if count > MAX_RULES:
                    reading.note(node, f"there are more than {MAX_RULES} rules", "retire some, or use lists")
                    return tuple(found)
                self.note_id(node, reading, ids)
                with suppress(Wrong):
                    found.append(RULE.read(node, reading))
        return tuple(found)

    def items(self, document: _Document, reading: Reading) -> tuple[Node, ...]:
        if "rules" not in document.entries:
            return ()
        below = document.entries["rules"][1]
        if isinstance(below, SequenceNode):
            return below.items
        if not isinstance(below, BrokenNode):
            reading.note(below, f"`rules:` needs a list, got {described(below)}",
                          "begin each rule with `- id: ...`, or write `rules: []`")  # fmt: skip
        return ()

    def note_id(self, node: Node, reading: Reading, ids: dict[str, Place]) -> None:
        """A rule that is wrong elsewhere takes its id all the same."""
        if not isinstance(node, MappingNode):
            return
        for key, value in node.entries:
            if key.text == "id" and isinstance(value, ScalarNode):
                if value.text in ids:
                    reading.note(value, f"two rules have the id `{value.text[:80]}`",
                                  f"the other one is at {ids[value.text]}; rename one")  # fmt: skip
                ids.setdefault(value.text, reading.source.place(value.start))
