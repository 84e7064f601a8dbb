"""AbuseIPDB as a source."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Annotated

from pydantic import Field

from kycrisk.checks.listing import nowhere
from kycrisk.lookups.abuseipdb import ENDPOINT, NAME, SIGNALS, TERMS, AbuseIpdb, AbuseIpdbSettings
from kycrisk.personal_data import Personal
from kycrisk.signals import IP, Unknown, Value, Why
from kycrisk.signup import Signup
from kycrisk.sources.connections import Connections
from kycrisk.sources.form import BaseEndpoint, SecretText, SourceForm, between
from kycrisk.sources.inquiry import Foregone, inquiry_of
from kycrisk.sources.kind import InUse, Kind, Opened, judged, names_of

#: Nobody can report an address that is not on the Internet; what it is used for nobody says either.
_NOWHERE = Foregone(
    {
        "abuseipdb.score": 0,
        "abuseipdb.reports": 0,
        "abuseipdb.reporters": 0,
        "abuseipdb.whitelisted": False,
        "abuseipdb.tor": False,
    },
    {"abuseipdb.usage_type": Unknown(Why.NOT_PUBLISHED, "the address is not on the Internet")},
)


class AbuseIpdbForm(SourceForm):
    """AbuseIPDB."""

    key: SecretText = Field(description="the key of your account")
    max_age: Annotated[timedelta, between(timedelta(days=1), timedelta(days=365))] = Field(
        default=timedelta(days=30), description="how old a report may be to count, in whole days"
    )
    endpoint: BaseEndpoint = Field(default=ENDPOINT, description="where to ask")


def _key(signup: Signup, known: Mapping[str, Value]) -> IP | Unknown | Foregone:
    return _NOWHERE if nowhere(signup.ip) else signup.ip


def _in_use(form: AbuseIpdbForm, timeout: timedelta) -> InUse:
    settings = AbuseIpdbSettings(key=form.key, endpoint=form.endpoint, max_age_days=form.max_age.days)
    return InUse(
        name=NAME,
        answers=names_of(SIGNALS),
        timeout=timeout,
        settings=settings,
        sends=frozenset({Personal.IP.value}),
        counted=frozenset({NAME}),
        secrets=(form.key,),
        open=partial(_open, settings, timeout),
    )


async def _open(settings: AbuseIpdbSettings, timeout: timedelta, connections: Connections) -> Opened:
    source = connections.source(AbuseIpdb(connections.http, settings), TERMS)
    return Opened((inquiry_of(source, _key, timeout=timeout.total_seconds()),))


KIND = Kind(
    name=NAME,
    title="AbuseIPDB",
    form=AbuseIpdbForm,
    signals=lambda: SIGNALS,
    judge=judged(AbuseIpdbForm, _in_use),
)
