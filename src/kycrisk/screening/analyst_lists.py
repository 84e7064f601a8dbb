"""The operator's own lists: `lists/NAME.txt` beside the policy file, one entry a line."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from types import MappingProxyType

from kycrisk.feeds.match import DomainSet, NetworkSet
from kycrisk.normal.email import normal_email
from kycrisk.problems import Place, Problem
from kycrisk.ruleset.generate import network_test
from kycrisk.ruleset.model import AnalystList, ListKind
from kycrisk.signals import Origin, Unknown, Value, Why

MAX_BYTES = 20_000_000
_FEW = 8  # networks that are sooner tried one by one than looked for


@dataclass(frozen=True, slots=True, kw_only=True)
class Entries:
    """A list as it stood when it was read: whether it holds a value, and where that comes from."""

    name: str
    kind: ListKind
    holds: Callable[[Value], bool]
    exactly: frozenset[object]  # the entries in normal form
    origin: Origin

    @property
    def count(self) -> int:
        return len(self.exactly)


@dataclass(frozen=True, slots=True)
class Added:
    """Entries of a list that stand elsewhere than in its file, in normal form, and when the last one changed."""

    values: tuple[str, ...]
    as_of: datetime


NOTHING_ADDED: Mapping[str, Added] = MappingProxyType({})


def read_lists(
    declared: Mapping[str, AnalystList], folder: Path, added: Mapping[str, Added] = NOTHING_ADDED
) -> tuple[dict[str, Entries | Unknown], list[Problem]]:
    """Every declared list with what was added to it, or why it cannot be asked; and what is wrong with their files."""
    found: dict[str, Entries | Unknown] = {}
    problems: list[Problem] = []
    for declaration in declared.values():
        path, more = folder / f"{declaration.name}.txt", added.get(declaration.name)
        if path.is_file():
            found[declaration.name], wrong = _read(declaration, path, more)
            problems += wrong
        elif more is not None:
            found[declaration.name] = _entries(declaration, b"", {}, more.as_of, more)
        else:
            found[declaration.name] = Unknown(Why.NOT_CONFIGURED, f"{path} does not exist")
    return found, problems


def _read(declaration: AnalystList, path: Path, more: Added | None) -> tuple[Entries | Unknown, list[Problem]]:
    try:
        raw = path.read_bytes()
        text = raw.decode("utf-8-sig")
        as_of = datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except (OSError, UnicodeDecodeError) as error:
        problem = Problem(str(path), f"the list cannot be read: {error}")
        return Unknown(Why.MALFORMED_ANSWER, problem.message), [problem]
    if len(raw) > MAX_BYTES:
        problem = Problem(str(path), f"the list has {len(raw)} bytes, at most {MAX_BYTES} are read")
        return Unknown(Why.MALFORMED_ANSWER, problem.message), [problem]
    entries: dict[str, object] = {}
    problems: list[Problem] = []
    for number, line in enumerate(text.splitlines(), 1):
        entry = line.split("#", 1)[0].strip()
        if not entry:
            continue
        try:
            entries[entry] = list_entry(declaration.kind, entry)
        except ValueError as error:
            column = line.index(entry) + 1
            problems.append(Problem(Place(str(path), number, column, line), str(error), "correct or remove the line"))
    return _entries(declaration, raw, entries, as_of, more), problems


def _entries(
    declaration: AnalystList, raw: bytes, entries: Mapping[str, object], as_of: datetime, more: Added | None
) -> Entries:
    """The list of a file and of what was added to it; its hash tells both."""
    kind, name = declaration.kind, declaration.name
    hashed, values = hashlib.sha256(raw), list(entries.values())
    if more is not None:
        values += (list_entry(kind, value) for value in more.values)
        hashed.update("".join(f"\n{value}" for value in sorted(more.values)).encode())
        as_of = max(as_of, more.as_of)
    return Entries(
        name=name,
        kind=kind,
        holds=_matcher(kind, values),
        exactly=frozenset(values),
        origin=Origin(f"list {name}", as_of, (f"{name}@sha256:{hashed.hexdigest()}",)),
    )


def entries_of(name: str, kind: ListKind, values: Collection[object]) -> Entries:
    """A list of entries in normal form."""
    return Entries(
        name=name,
        kind=kind,
        holds=_matcher(kind, list(values)),
        exactly=frozenset(values),
        origin=Origin(f"list {name}"),
    )


def list_entry(kind: ListKind, entry: str) -> object:
    """An entry in the normal form in which its list compares. Raises `ValueError` with a message."""
    match kind:
        case ListKind.NETWORK:
            try:
                return ip_network(entry)
            except ValueError:
                raise ValueError(f"`{entry}` is not a network or address") from None
        case ListKind.DOMAIN:
            email = normal_email(f"x@{entry.removeprefix('*.').removeprefix('.')}")
            if not email.domain or "." not in email.domain:
                raise ValueError(f"`{entry}` is not a domain")
            return email.domain
        case ListKind.EMAIL:
            email = normal_email(entry)
            if not email.canonical:
                raise ValueError(f"`{entry}` is not an e-mail address")
            return email.canonical
        case ListKind.TEXT:
            return entry


def _matcher(kind: ListKind, entries: list[object]) -> Callable[[Value], bool]:
    match kind:
        case ListKind.NETWORK:
            given = [entry for entry in entries if isinstance(entry, (IPv4Network, IPv6Network))]
            if len(given) <= _FEW:
                return network_test(given)  # type: ignore[return-value]
            networks = NetworkSet.of(given)
            return lambda value: networks.find(value) is not None  # type: ignore[arg-type]
        case ListKind.DOMAIN:
            domains = DomainSet(frozenset(str(entry) for entry in entries))
            # most signups share a few mail domains
            return lru_cache(maxsize=16_384)(lambda value: domains.find(value) is not None)
        case ListKind.EMAIL:
            mailboxes = frozenset(entries)
            return lambda value: value in mailboxes or normal_email(str(value)).canonical in mailboxes
        case ListKind.TEXT:
            return frozenset(entries).__contains__
