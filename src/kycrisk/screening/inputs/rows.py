"""What every input gives: numbered rows, each a signup still raw or what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from kycrisk.intake import COLUMNS
from kycrisk.problems import Problem, Problems, did_you_mean
from kycrisk.signals import Signal

#: A row's number, and its raw signup or what made it unreadable.
Row = tuple[int, Mapping[str, object] | Problems]

_REQUIRED = ("account_id", "email", "ip")
_ATTRIBUTES, _DECLARED = "attributes.", "signup."


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """An input that is open. `unit` is what rows are counted in; a line is shown as `name:17`.

    `from_text` says that all values are text, as in CSV. `single` inputs hold one signup and no table of them.
    `size` and `position` are for a progress bar: `position()` runs up to `size`, which is None where it is not known.
    """

    name: str
    rows: Iterable[Row]
    unit: str = "line"
    from_text: bool = False
    single: bool = False
    size: int | None = None
    position: Callable[[], int] = lambda: 0

    def place(self, number: int) -> str:
        """How messages name a row."""
        if self.single:
            return self.name
        return f"{self.name}:{number}" if self.unit == "line" else f"{self.name}: {self.unit} {number}"


def checked_columns(
    place: str, names: Sequence[str], attributes: Mapping[str, Signal], ignore_unknown: bool = False
) -> tuple[str, ...]:
    """The columns of a table, "" for those to be left out. Raises all `Problems` of the header at once.

    With `ignore_unknown` columns that no signup has are left out; without it they are problems.
    """
    declared = [name.removeprefix(_DECLARED) for name in attributes]
    known = {*COLUMNS, *(prefix + name for prefix in (_ATTRIBUTES, _DECLARED) for name in declared)}
    columns = tuple(name.strip() for name in names)
    if known.isdisjoint(columns):
        message = "the first line names no column of a signup"
        raise Problems([Problem(place, message, f"it should read as `{','.join(COLUMNS[:4])},…`")])
    problems = [Problem(place, f"column {at} has no name") for at, name in enumerate(columns, 1) if not name]
    problems += [
        Problem(place, f"column `{name}` is there twice") for name in dict.fromkeys(columns) if columns.count(name) > 1
    ]
    unknown = [name for name in dict.fromkeys(columns) if name and name not in known]
    if not ignore_unknown:
        problems += [Problem(place, f"unknown column `{name}`", _column_help(name, known)) for name in unknown]
    problems += [
        Problem(place, f"there is no column `{name}`", "every signup has account_id, email and ip")
        for name in _REQUIRED
        if name not in columns
    ]
    if problems:
        raise Problems(problems)
    return tuple("" if name in unknown else name for name in columns)


def _column_help(name: str, known: Collection[str]) -> str:
    leave_out = "`--ignore-unknown` leaves such columns out"
    prefixed = [prefix + name for prefix in ("address.", _ATTRIBUTES) if prefix + name in known]
    near = f"did you mean `{prefixed[0]}`?" if prefixed else did_you_mean(name, known)
    return f"{near} {leave_out}" if near else leave_out
