"""IPQualityScore as a source: a question each about the IP address, the e-mail address and the phone number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from types import MappingProxyType
from typing import Annotated

from pydantic import Field

from kycrisk.checks.listing import nowhere
from kycrisk.lookups.ipqs import ENDPOINT, KINDS, NAME, OPTIONS, SIGNALS, TERMS, Ipqs, IpqsSettings
from kycrisk.money import FREE
from kycrisk.signals import Unknown, Value, Why
from kycrisk.signup import Signup
from kycrisk.sources.connections import Connections
from kycrisk.sources.form import BaseEndpoint, Cost, SecretText, SourceForm, one_of
from kycrisk.sources.inquiry import Foregone, inquiry_of
from kycrisk.sources.kind import InUse, Kind, Opened, judged, names_of


class IpqsForm(SourceForm):
    """IPQualityScore."""

    key: SecretText = Field(description="the key of your account")
    ask: list[Annotated[str, one_of(KINDS, "thing that IPQualityScore is asked about")]] = Field(
        default=["ip", "email"], min_length=1, description="what is asked about, one question each"
    )
    cost: Cost = Field(default=FREE, description="what a question costs")
    options: dict[Annotated[str, one_of(OPTIONS, "option of IPQualityScore")], str | int | bool] = Field(
        default_factory=dict, description="parameters of the questions, such as `strictness: 1`"
    )
    endpoint: BaseEndpoint = Field(default=ENDPOINT, description="where to ask")


def _key(kind: str, signup: Signup, known: Mapping[str, Value]) -> str | Unknown | Foregone:
    """What is asked about. A number that was not given cannot be a fraud's; of a private address, or of a text that is
    no address, IPQualityScore says nothing."""
    match kind:
        case "ip":
            if nowhere(signup.ip):
                return Unknown(Why.SKIPPED, "the address is not on the Internet")
            return str(signup.ip)
        case "email":
            return signup.email.address or Unknown(Why.SKIPPED, "there is no e-mail address to ask about")
        case _:
            if not signup.phone.given:
                return Foregone({"ipqs.phone_score": 0})
            return signup.phone.e164 or Unknown(Why.SKIPPED, "the phone number cannot be read")


def _in_use(form: IpqsForm, timeout: timedelta) -> InUse:
    kinds = tuple(dict.fromkeys(form.ask))
    options = {
        name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in form.options.items()
    }
    settings = tuple(
        IpqsSettings(
            key=form.key, kind=kind, options=MappingProxyType(options), endpoint=form.endpoint, price=form.cost
        )
        for kind in kinds
    )
    return InUse(
        name=NAME,
        answers=frozenset().union(*(names_of(KINDS[kind].signals) for kind in kinds)),
        timeout=timeout,
        settings=settings,
        sends=frozenset(KINDS[kind].sends.value for kind in kinds),
        price=form.cost,
        counted=frozenset({NAME}),
        details=(f"about {', '.join(kinds)}, one question each",),
        secrets=(form.key,),
        open=partial(_open, settings, timeout),
    )


async def _open(settings: tuple[IpqsSettings, ...], timeout: timedelta, connections: Connections) -> Opened:
    """One inquiry for each thing that is asked about; they share the quota of the source."""
    return Opened(
        tuple(
            replace(
                inquiry_of(
                    connections.source(Ipqs(connections.http, each), TERMS),
                    partial(_key, each.kind),
                    timeout=timeout.total_seconds(),
                ),
                name=f"{NAME}-{each.kind}",
            )
            for each in settings
        )
    )


KIND = Kind(
    name=NAME,
    title="IPQualityScore",
    form=IpqsForm,
    signals=lambda: SIGNALS,
    judge=judged(IpqsForm, _in_use),
)
