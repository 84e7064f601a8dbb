"""Stop Forum Spam's API as a source: the IP and the e-mail address in one question."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Annotated

from pydantic import Field

from kycrisk.checks.listing import nowhere
from kycrisk.lookups.stopforumspam import (
    EMAIL_SIGNALS,
    ENDPOINT,
    IP_SIGNALS,
    NAME,
    SIGNALS,
    TERMS,
    Spammer,
    StopForumSpam,
    StopForumSpamSettings,
    not_there,
)
from kycrisk.personal_data import Personal
from kycrisk.signals import Unknown, Value
from kycrisk.signup import Signup
from kycrisk.sources.connections import Connections
from kycrisk.sources.form import Endpoint, SourceForm, one_of
from kycrisk.sources.inquiry import Foregone, inquiry_of
from kycrisk.sources.kind import InUse, Kind, Opened, judged, names_of

_SIGNALS = {"ip": IP_SIGNALS, "email": EMAIL_SIGNALS}


class StopForumSpamForm(SourceForm):
    """Stop Forum Spam."""

    ask: list[Annotated[str, one_of(_SIGNALS, "part that Stop Forum Spam is asked about")]] = Field(
        default=["ip", "email"], min_length=1, description="what is asked about"
    )
    plain_email: bool = Field(
        default=False, description="send the e-mail address itself, which also finds its variants, not its MD5"
    )
    endpoint: Endpoint = Field(default=ENDPOINT, description="where to ask")


def _key(parts: tuple[str, ...], signup: Signup, known: Mapping[str, Value]) -> Spammer | Unknown | Foregone:
    """Who is asked about. A private address and what is no e-mail address are nowhere, so they were never reported."""
    spammer = Spammer(
        ip="" if nowhere(signup.ip) or "ip" not in parts else str(signup.ip),
        email=signup.email.address if "email" in parts else "",
    )
    if not any(spammer):
        found = not_there(parts)
        return Foregone(found.known, found.unknown)
    return spammer


def _in_use(form: StopForumSpamForm, timeout: timedelta) -> InUse:
    parts = tuple(dict.fromkeys(form.ask))
    settings = StopForumSpamSettings(endpoint=form.endpoint, parts=parts, plain_email=form.plain_email)
    email = Personal.EMAIL if form.plain_email else Personal.EMAIL_HASH
    return InUse(
        name=NAME,
        answers=frozenset().union(*(names_of(_SIGNALS[part]) for part in parts)),
        timeout=timeout,
        settings=settings,
        sends=frozenset({"ip": Personal.IP.value, "email": email.value}[part] for part in parts),
        counted=frozenset({NAME}),
        open=partial(_open, settings, timeout),
    )


async def _open(settings: StopForumSpamSettings, timeout: timedelta, connections: Connections) -> Opened:
    source = connections.source(StopForumSpam(connections.http, settings), TERMS)
    return Opened((inquiry_of(source, partial(_key, settings.parts), timeout=timeout.total_seconds()),))


KIND = Kind(
    name=NAME,
    title="Stop Forum Spam",
    form=StopForumSpamForm,
    signals=lambda: SIGNALS,
    judge=judged(StopForumSpamForm, _in_use),
)
