"""Small YAML documents (settings, exemptions) checked by a pydantic model, every problem with its place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from kycrisk.problems import Place, Problem, Problems, did_you_mean
from kycrisk.ruleset.compose import compose
from kycrisk.ruleset.files import read_source
from kycrisk.ruleset.nodes import MappingNode, Node, ScalarNode, SequenceNode, Source
from kycrisk.ruleset.noting import Notes
from kycrisk.ruleset.scalars import Trap, meaning

Model = TypeVar("Model", bound=BaseModel)
Path_ = tuple[str | int, ...]

# What pydantic finds wrong with a value, in the words of somebody who writes a file.
_WRONG = {
    "string_type": "is not a text; put quotes around it if it is meant as one",
    "string_too_short": "is empty",
    "string_too_long": "is too long",
    "bool_type": "is neither `true` nor `false`",
    "int_type": "is not a whole number",
    "list_type": "is not a list, as in `[one, another]`",
    "tuple_type": "is not a list, as in `[one, another]`",
    "path_type": "is not a path",
    "model_type": "is not a mapping of `key: value`",
    "dict_type": "is not a mapping of `key: value`",
}


def read_document(path: Path, model: type[Model], *, context: object = None) -> Model:
    """The document in a file, as its model has it. Raises `Problems` with everything that is wrong with the file.

    `context` is what the model's validators get to see as `info.context`.
    """
    notes = Notes()
    source = read_source(path, notes)
    node = compose(source, notes) if source else None
    reading = _Reading(source or Source(str(path), ""), notes)
    data = reading.plain(node, ()) if node else {}
    if notes.problems:
        raise Problems(notes.sorted())
    try:
        return model.model_validate(data, context=context)
    except ValidationError as error:
        problems = [reading.problem(dict(detail), model) for detail in error.errors(include_url=False)]
        raise Problems(problems) from None


class _Reading:
    """Nodes as plain data, remembering where each value stands."""

    def __init__(self, source: Source, notes: Notes) -> None:
        self.source, self.notes = source, notes
        self.keys: dict[Path_, Place] = {}
        self.values: dict[Path_, Place] = {}

    def plain(self, node: Node, path: Path_) -> Any:
        self.values[path] = self.source.place(node.start)
        match node:
            case ScalarNode():
                found = meaning(node)
                if isinstance(found, Trap):
                    self.notes.add(self.source.place(node.start), found.message, found.help)
                return found
            case SequenceNode(items=items):
                return [self.plain(item, (*path, index)) for index, item in enumerate(items)]
            case MappingNode(entries=entries):
                for key, _ in entries:
                    self.keys[(*path, key.text)] = self.source.place(key.start)
                return {key.text: self.plain(value, (*path, key.text)) for key, value in entries}
        return None  # broken, which is noted

    def problem(self, detail: Mapping[str, Any], model: type[BaseModel]) -> Problem:
        path: Path_ = tuple(detail["loc"])
        nearest = next(path[:size] for size in range(len(path), -1, -1) if path[:size] in self.values or size == 0)
        place: Place | str = self.values.get(nearest, self.source.path)
        key = str(path[-1]) if path else "the file"
        match detail["type"]:
            case "missing":
                return Problem(place, f"there is no `{key}`")
            case "extra_forbidden":
                return Problem(self.keys.get(path, place), f"unknown key `{key}`", _near(key, model))
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
