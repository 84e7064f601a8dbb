"""Small YAML documents (settings, exemptions) checked by pydantic models, every problem with its place.

A document is read once; a model judges it as a whole, or one model each of its parts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from kycrisk.problems import Place, Problem, Problems, did_you_mean
from kycrisk.ruleset.compose import compose
from kycrisk.ruleset.files import read_source
from kycrisk.ruleset.nodes import MappingNode, Node, ScalarNode, SequenceNode, Source
from kycrisk.ruleset.noting import Notes
from kycrisk.ruleset.scalars import Trap, meaning

Model = TypeVar("Model", bound=BaseModel)
At = tuple[str | int, ...]  #: the way to a value: keys of mappings, indexes of lists

_LETTERS = re.compile(r"[^\r\n]")
_LABEL = re.compile(r"`[*&!][^`]*`")

# What pydantic finds wrong with a value, in the words of somebody who writes a file.
_WRONG = {
    "string_type": "is not a text; put quotes around it if it is meant as one",
    "string_too_short": "is empty",
    "string_too_long": "is too long",
    "bool_type": "is neither `true` nor `false`",
    "int_type": "is not a whole number",
    "list_type": "is not a list, as in `[one, another]`",
    "tuple_type": "is not a list, as in `[one, another]`",
    "too_short": "is empty",
    "path_type": "is not a path",
    "model_type": "is not a mapping of `key: value`",
    "dict_type": "is not a mapping of `key: value`",
}


def read_document(path: Path, model: type[Model], *, context: object = None) -> Model:
    """The document in a file, as its model has it. Raises `Problems` with everything that is wrong with the file.

    `context` is what the model's validators get to see as `info.context`.
    """
    return open_document(path).read(model, context=context)


def open_document(path: Path, *, confidential: Callable[[At], bool] | None = None) -> Document:
    """The document in a file. Raises `Problems` when it is no YAML that is read here.

    `confidential` says of which values nothing may be shown, in no message and no line. Where the file is no YAML,
    nobody can say which of its lines hold one, so none is shown.
    """
    notes = Notes()
    source = read_source(path, notes)
    node = compose(source, notes) if source else None
    if notes.problems:
        raise Problems(_unseen(notes.sorted()) if confidential else notes.sorted())
    return Document(source or Source(str(path), ""), node, confidential or (lambda at: False))


def _unseen(problems: Iterable[Problem]) -> Iterator[Problem]:
    """The problems without the lines they stand in, and without texts that were taken for aliases, anchors and tags."""
    for problem in problems:
        place = problem.place
        if isinstance(place, Place):
            place = Place(place.path, place.line, place.column)
        yield Problem(place, _LABEL.sub("this", problem.message), problem.help)


class _Trapped(NamedTuple):
    at: At
    start: int
    trap: Trap


class Document:
    """A file's content as plain data that knows where each value stands. Not to be changed."""

    def __init__(self, source: Source, node: Node | None, confidential: Callable[[At], bool]) -> None:
        self._keys: dict[At, int] = {}
        self._values: dict[At, tuple[int, int]] = {}
        self._traps: list[_Trapped] = []
        self._hidden: set[At] = set()
        self._confidential = confidential
        self.data: Any = self._plain(node, ()) if node else {}
        self._source = Source(source.path, self._blotted(source.text))

    @property
    def path(self) -> str:
        """The file."""
        return self._source.path

    def at(self, *at: str | int) -> Any:
        """The plain value there; None where there is none."""
        found = self.data
        for step in at:
            try:
                found = found[step]
            except (KeyError, IndexError, TypeError):
                return None
        return found

    def place(self, *at: str | int) -> Place | str:
        """Where a value stands; where there is none, the place of what it would stand in."""
        nearest = next(at[:size] for size in range(len(at), -1, -1) if at[:size] in self._values or size == 0)
        span = self._values.get(nearest)
        return self._source.place(span[0]) if span else self.path

    def key_place(self, *at: str | int) -> Place | str:
        """Where the key of a value stands."""
        start = self._keys.get(at)
        return self.place(*at) if start is None else self._source.place(start)

    def traps(self, at: At = (), *, but: Iterable[At] = ()) -> list[Problem]:
        """The values in and below a place on whose meaning YAML readers disagree, except below others."""
        others = tuple(but)
        return [
            self._trap_problem(each)
            for each in self._traps
            if each.at[: len(at)] == at and not any(each.at[: len(other)] == other for other in others)
        ]

    def read(self, model: type[Model], at: At = (), *, context: object = None, but: Iterable[At] = ()) -> Model:
        """What stands at a place, as a model has it. Raises `Problems` with everything that is wrong with it.

        `but` are places that somebody else judges; the model is not shown what stands there.
        """
        others = tuple(but)
        traps = self.traps(at, but=others)
        if traps:
            raise Problems(traps)
        try:
            return model.model_validate(self._without(at, others), context=context)
        except ValidationError as error:
            details = error.errors(include_url=False, include_input=False)
            raise Problems(self._problem(at, detail, model) for detail in map(dict, details)) from None

    def _without(self, at: At, others: tuple[At, ...]) -> Any:
        data = self.at(*at)
        gone = {other[-1] for other in others if other[:-1] == at}
        return (
            {key: value for key, value in data.items() if key not in gone} if gone and isinstance(data, dict) else data
        )

    def _plain(self, node: Node, at: At) -> Any:
        self._values[at] = (node.start, node.end)
        match node:
            case ScalarNode():
                if self._confidential(at):
                    self._hidden.add(at)
                found = meaning(node)
                if isinstance(found, Trap):
                    self._traps.append(_Trapped(at, node.start, found))
                    return node.text
                return found
            case SequenceNode(items=items):
                return [self._plain(item, (*at, index)) for index, item in enumerate(items)]
            case MappingNode(entries=entries):
                for key, _ in entries:
                    self._keys[(*at, key.text)] = key.start
                return {key.text: self._plain(value, (*at, key.text)) for key, value in entries}
        return None  # broken, which was noted when it was composed

    def _blotted(self, text: str) -> str:
        """The text with its confidential values covered, every line as long as before."""
        for at in self._hidden:
            start, end = self._values[at]
            text = text[:start] + _LETTERS.sub("*", text[start:end]) + text[end:]
        return text

    def _trap_problem(self, trapped: _Trapped) -> Problem:
        place = self._source.place(trapped.start)
        if trapped.at in self._hidden:
            return Problem(place, "this is not a text to all YAML readers", "put it in quotes")
        return Problem(place, trapped.trap.message, trapped.trap.help)

    def _problem(self, at: At, detail: Mapping[str, Any], model: type[BaseModel]) -> Problem:
        where: At = (*at, *detail["loc"])
        place = self.place(*where)
        key = str(where[-1]) if where else "the file"
        match detail["type"]:
            case "missing":
                return Problem(place, f"there is no `{key}`")
            case "extra_forbidden":
                return Problem(self.key_place(*where), f"unknown key `{key}`", _near(key, model))
            case "value_error" | "assertion_error":
                message, _, help_ = str(detail["ctx"]["error"]).partition("\n")
                return Problem(place, message, help_)
            case kind:
                return Problem(place, f"`{key}` {_WRONG.get(kind, detail['msg'].lower())}")


def _near(key: str, model: type[BaseModel]) -> str:
    """A known key near the one that is not, at the model's own level or the one below it."""
    names = [*model.model_fields, *(name for inner in _inner(model) for name in inner.model_fields)]
    return did_you_mean(key, names) or "known: " + ", ".join(names)


def _inner(model: type[BaseModel]) -> list[type[BaseModel]]:
    return [
        part
        for field in model.model_fields.values()
        for part in (field.annotation, *getattr(field.annotation, "__args__", ()))
        if isinstance(part, type) and issubclass(part, BaseModel)
    ]
