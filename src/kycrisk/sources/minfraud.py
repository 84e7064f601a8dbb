"""MaxMind minFraud as a source, through its official SDK (the extra `minfraud`)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from importlib.util import find_spec
from typing import Annotated

from pydantic import Field, model_validator

from kycrisk.checks.listing import nowhere
from kycrisk.lookups.minfraud import (
    FACTORS_SIGNALS,
    NAME,
    PARTS,
    SERVICES,
    TERMS,
    MinFraud,
    MinFraudSettings,
    Transaction,
    open_sdk,
)
from kycrisk.money import FREE
from kycrisk.personal_data import Personal
from kycrisk.signals import Unknown, Value, Why
from kycrisk.signup import Signup
from kycrisk.sources.connections import Connections
from kycrisk.sources.form import Cost, SecretText, SourceForm, one_of
from kycrisk.sources.inquiry import Foregone, inquiry_of
from kycrisk.sources.kind import InUse, Kind, Opened, judged, names_of


class MinFraudForm(SourceForm):
    """MaxMind minFraud."""

    account_id: int = Field(ge=1, description="the number of your account")
    key: SecretText = Field(description="its licence key")
    service: Annotated[str, one_of(SERVICES, "service of minFraud")] = Field(
        default="score", description="`score`, `insights` or `factors`"
    )
    send: list[Annotated[str, one_of(PARTS, "part of a signup that minFraud is sent")]] = Field(
        default=["ip", "email"], min_length=1, description="what is sent"
    )
    plain_email: bool = Field(default=False, description="send the e-mail address itself, not its MD5 and its domain")
    cost: Cost = Field(default=FREE, description="what a question costs")
    host: str = Field(default="minfraud.maxmind.com", min_length=1, description="the server to ask")

    @model_validator(mode="after")
    def _installed(self) -> MinFraudForm:
        if find_spec("minfraud") is None:
            raise ValueError('minFraud\'s SDK is not installed\ninstall it with `pip install "kycrisk[minfraud]"`')
        if not {"ip", "email"}.intersection(self.send):
            raise ValueError("minFraud wants the IP or the e-mail address\nadd `ip` or `email` to `send`")
        return self


def _key(parts: tuple[str, ...], signup: Signup, known: Mapping[str, Value]) -> Transaction | Unknown | Foregone:
    address = signup.address
    ip = "" if nowhere(signup.ip) else str(signup.ip)
    email = signup.email.address if signup.email.valid else ""
    if not (ip and "ip" in parts) and not (email and "email" in parts):
        return Unknown(Why.SKIPPED, "the signup has no address that minFraud can be asked about")
    return Transaction(
        ip=ip,
        email=email,
        first_name=signup.first_name,
        last_name=signup.last_name,
        company=signup.company,
        address=" ".join(address.lines.split()),
        city=address.city,
        region=address.region,
        postal_code=address.postal_code,
        country=address.country,
        phone=signup.phone.e164,
        user_agent=signup.user_agent,
        account_id=signup.account_id,
    )


def _in_use(form: MinFraudForm, timeout: timedelta) -> InUse:
    parts = tuple(dict.fromkeys(form.send))
    settings = MinFraudSettings(
        account_id=form.account_id,
        key=form.key,
        service=form.service,
        parts=parts,
        plain_email=form.plain_email,
        host=form.host,
        price=form.cost,
    )
    sends = frozenset(each.value for part in parts for each in PARTS[part])
    if form.plain_email and "email" in parts:
        sends = sends - {Personal.EMAIL_HASH.value} | {Personal.EMAIL.value}
    return InUse(
        name=NAME,
        answers=names_of(SERVICES[form.service]),
        timeout=timeout,
        settings=settings,
        sends=sends,
        price=form.cost,
        counted=frozenset({NAME}),
        keeps=True,
        details=(f"service {form.service}, sent {', '.join(parts)}",),
        secrets=(form.key,),
        open=partial(_open, settings, timeout),
    )


async def _open(settings: MinFraudSettings, timeout: timedelta, connections: Connections) -> Opened:
    sdk = await asyncio.to_thread(open_sdk, settings)  # loading it takes 0.3 s
    client = MinFraud(sdk, settings, connections.http.redactor)
    connections.closing.push_async_callback(client.aclose)
    source = connections.source(client, TERMS)
    return Opened((inquiry_of(source, partial(_key, settings.parts), timeout=timeout.total_seconds()),))


KIND = Kind(
    name=NAME,
    title="MaxMind minFraud",
    form=MinFraudForm,
    signals=lambda: FACTORS_SIGNALS,
    judge=judged(MinFraudForm, _in_use),
)
