"""The lookups that an analyst declares, as sources: each is judged for itself.

The signals of a lookup that is out of use are still declared as far as they can be read, so that the rules over them
load, and are unknown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from pydantic import Field

from kycrisk.documents import Document, open_document
from kycrisk.lookups import http_lookup_yaml as yaml
from kycrisk.lookups.http_lookup import HttpLookup, HttpLookupClient
from kycrisk.lookups.secrets import Secret
from kycrisk.problems import Problem, Problems
from kycrisk.signals import Signal, Unknown, Value, Why
from kycrisk.signup import Signup
from kycrisk.sources.choice import LOOKUPS, Choice
from kycrisk.sources.connections import Connections
from kycrisk.sources.form import Form, SecretText
from kycrisk.sources.inquiry import Foregone, inquiry_of
from kycrisk.sources.kind import InUse, Judged, Kind, Opened, Part, Secrets

NAME = LOOKUPS


class LookupsForm(Form):
    """The site's own lookups by HTTP, which a file declares."""

    file: str = Field(min_length=1, description="the file that declares them")
    hosts: list[str] = Field(min_length=1, description="the hosts that they may ask; the operator's list")
    secrets: dict[str, SecretText] = Field(
        default_factory=dict, description="the keys that they use, by the names that the file calls them by"
    )


class _FileForm(Form):
    """The file, before anybody looks at the single lookups."""

    lookups: dict[str, Any] = Field(max_length=100)


class _Lookup(NamedTuple):
    """A lookup, or what is wrong with it; and the signals that it declares all the same."""

    name: str
    lookup: HttpLookup | None
    problems: tuple[Problem, ...]
    signals: Mapping[str, Signal]
    why: str = ""
    complete: bool = True  # no signal is missing that it was to declare


def _judge(part: Part) -> Judged:
    secrets = part.secrets("secrets")
    path: Path | None = None
    try:
        form = part.read(LookupsForm, but=("secrets",))
        path = part.around.folder / Path(form.file).expanduser()
        document = open_document(path, confidential=lambda at: "headers" in at)
        document.read(_FileForm)
    except Problems as wrong:
        return Judged(None, (*wrong.problems, *secrets.problems), undeclared=wrong.problems, file=path)
    found = tuple(_lookups(document, part, form, secrets))
    usable = tuple(each.lookup for each in found if each.lookup is not None)
    why = {each.name: Unknown(Why.NOT_CONFIGURED, f"{each.name} is out of use: {each.why}") for each in found}
    return Judged(
        _in_use(usable, secrets.known) if usable else None,
        (*secrets.problems, *(problem for each in found for problem in each.problems)),
        MappingProxyType({name: why[each.name] for each in found if each.lookup is None for name in each.signals}),
        MappingProxyType({name: signal for each in found for name, signal in each.signals.items()}),
        tuple(problem for each in found if not each.complete for problem in each.problems),
        path,
    )


def _lookups(document: Document, part: Part, form: LookupsForm, secrets: Secrets) -> Iterator[_Lookup]:
    surroundings = yaml.Surroundings(
        signals=part.signals,
        hosts=frozenset(host.lower() for host in form.hosts),
        secrets=frozenset(secrets.known) | frozenset(secrets.missing),
    )
    taken: dict[str, str] = {}
    for name in document.at("lookups"):
        found = _lookup(name, document, part, surroundings, secrets)
        twice = [signal for signal in found.signals if signal in taken]
        if twice:
            place = document.key_place("lookups", name, "signals", twice[0])
            problem = Problem(place, f"`{twice[0]}` is answered by both `{taken[twice[0]]}` and `{name}`")
            signals = {signal: one for signal, one in found.signals.items() if signal not in twice}
            found = _Lookup(name, None, (*found.problems, problem), signals, problem.message, found.complete)
        taken |= dict.fromkeys(found.signals, name)
        yield found


def _lookup(name: str, document: Document, part: Part, surroundings: yaml.Surroundings, secrets: Secrets) -> _Lookup:
    at = ("lookups", name)
    try:
        yaml.lookup_name(name)
        if name in part.names:
            raise ValueError(f"`{name}` is the name of a source of kycrisk's own\nchoose another one")
        form = document.read(yaml.LookupForm, at, context=surroundings)
    except Problems as wrong:
        return _broken(name, document, part, wrong.problems)
    except ValueError as error:
        message, _, help_ = str(error).partition("\n")
        return _broken(name, document, part, (Problem(document.key_place(*at), message, help_),))
    lookup = form.built(name, surroundings.hosts)
    message, help_ = part.spending.refusal(name, lookup.price)
    if message:
        return _broken(name, document, part, (Problem(document.place(*at, "cost"), message, help_),))
    signals = {signal: replace(one, check=NAME) for signal, (one, _) in lookup.signals.items()}
    missing = sorted(lookup.secrets & secrets.missing.keys())
    if missing:
        return _Lookup(name, None, (), signals, secrets.missing[missing[0]])  # which is told of already
    return _Lookup(name, lookup, (), signals)


def _broken(name: str, document: Document, part: Part, problems: tuple[Problem, ...]) -> _Lookup:
    declared = document.at("lookups", name, "signals")
    signals: dict[str, Signal] = {}
    for signal in declared if isinstance(declared, Mapping) else ():
        try:
            yaml.new_signal(signal, part.signals)
            form = document.read(yaml.SignalForm, ("lookups", name, "signals", signal))
        except ValueError:  # `Problems` are among them; the lookup's own have told of it
            continue
        signals[signal] = Signal(signal, form.type, form.question, form.subject, check=NAME, advice=form.advice)
    complete = isinstance(declared, Mapping) and len(signals) == len(declared)
    return _Lookup(name, None, problems, signals, problems[0].message, complete)


def _in_use(lookups: tuple[HttpLookup, ...], secrets: Mapping[str, Secret]) -> InUse:
    return InUse(
        name=NAME,
        answers=frozenset(signal for lookup in lookups for signal in lookup.signals),
        timeout=max((lookup.timeout for lookup in lookups), default=timedelta(0)),
        settings=lookups,
        sends=frozenset().union(*(lookup.sends for lookup in lookups)),
        counted=frozenset(lookup.name for lookup in lookups),
        keeps=any(lookup.price.amount for lookup in lookups),
        details=tuple(_described(lookup) for lookup in lookups),
        secrets=tuple(secrets.values()),
        open=partial(_open, lookups, secrets),
    )


def lifetimes_of(choice: Choice) -> dict[str, timedelta]:
    """How long what each of a site's own lookups says is kept, by the lookup's name."""
    used = choice.sources.get(NAME)
    lookups = used.settings if used is not None and isinstance(used.settings, tuple) else ()
    return {each.name: each.keep for each in lookups}


def _described(lookup: HttpLookup) -> str:
    cost = f", {lookup.price} a question" if lookup.price.amount else ""
    return f"{lookup.name}, within {lookup.timeout / timedelta(milliseconds=1):g} ms{cost}"


async def _open(lookups: tuple[HttpLookup, ...], secrets: Mapping[str, Secret], connections: Connections) -> Opened:
    inquiries = []
    for lookup in lookups:
        client = HttpLookupClient(connections.http, lookup, secrets)
        source = connections.source(client, lookup.terms)
        timeout = lookup.timeout.total_seconds()
        inquiries.append(inquiry_of(source, partial(_key, client), timeout=timeout, needs=lookup.needs))
    return Opened(tuple(inquiries))


def _key(client: HttpLookupClient, signup: Signup, known: Mapping[str, Value]) -> tuple[str, ...] | Unknown | Foregone:
    return client.key_of(known)


KIND = Kind(
    name=NAME,
    title="lookups of your own",
    form=LookupsForm,
    signals=lambda: (),
    judge=_judge,
    zones=lambda: (),
)
