"""The age of the mail domain as a source: RDAP, asked of the registry that IANA's bootstrap file names."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Annotated

from pydantic import BeforeValidator, Field, ValidationInfo

from kycrisk.lookups.rdap import NAME, SIGNALS, TERMS, Rdap, RdapSettings
from kycrisk.lookups.rdap_bootstrap import Bootstrap, read_bootstrap
from kycrisk.personal_data import Personal
from kycrisk.problems import Problems
from kycrisk.signals import Unknown, Value, Why
from kycrisk.signup import Signup
from kycrisk.sources.connections import Connections
from kycrisk.sources.form import SourceForm, around, quoted
from kycrisk.sources.inquiry import Foregone, inquiry_of
from kycrisk.sources.kind import InUse, Kind, Opened, judged, names_of


def _bootstrap(raw: object, info: ValidationInfo) -> Bootstrap:
    if not isinstance(raw, str) or not raw:
        raise ValueError(f"{quoted(raw)} is not a path")
    try:
        return read_bootstrap(around(info).folder / raw)
    except Problems as wrong:
        (problem,) = wrong.problems
        raise ValueError(f"`{problem.place}` {problem.message}\n{problem.help}") from None


class DomainAgeForm(SourceForm):
    """The registries of domains (RDAP)."""

    bootstrap: Annotated[Bootstrap, BeforeValidator(_bootstrap)] = Field(
        description="IANA's file of registries, downloaded from https://data.iana.org/rdap/dns.json"
    )


def _key(signup: Signup, known: Mapping[str, Value]) -> str | Unknown | Foregone:
    if signup.email.registrable:
        return signup.email.registrable
    return Unknown(Why.SKIPPED, "the address has no domain that somebody could have registered")


def _in_use(form: DomainAgeForm, timeout: timedelta) -> InUse:
    return InUse(
        name=NAME,
        answers=names_of(SIGNALS),
        timeout=timeout,
        sends=frozenset({Personal.EMAIL_DOMAIN.value}),
        counted=frozenset({NAME}),
        keeps=True,
        details=(f"registries of {len(form.bootstrap.servers)} top-level domains",),
        open=partial(_open, RdapSettings(bootstrap=form.bootstrap), timeout),
    )


async def _open(settings: RdapSettings, timeout: timedelta, connections: Connections) -> Opened:
    source = connections.source(Rdap(connections.http, settings, connections.now), TERMS)
    return Opened((inquiry_of(source, _key, timeout=timeout.total_seconds()),))


KIND = Kind(
    name=NAME,
    title="the age of the mail domain (RDAP)",
    form=DomainAgeForm,
    signals=lambda: SIGNALS,
    judge=judged(DomainAgeForm, _in_use),
)
