"""Reporting to FraudRecord after a confirmed fraud, and taking a report back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from random import Random
from types import MappingProxyType

from kycrisk.lookups.asked import LookupFailure
from kycrisk.lookups.fraudrecord import NAME, FraudRecord, FraudRecordSettings
from kycrisk.signals import Why
from kycrisk.sources.choice import Choice
from kycrisk.sources.connections import Connections
from kycrisk.sources.fraudrecord import open_hasher
from kycrisk.sources.kind import Opened
from kycrisk.sources.opening import open_sources


@asynccontextmanager
async def reporting(
    choice: Choice, *, state: Path, now: Callable[[], datetime], random: Random
) -> AsyncIterator[FraudRecord]:
    """FraudRecord's client, for as long as reports are made.

    Raises `LookupFailure` where FraudRecord is not in use at this site, or values are hashed differently here.
    """
    source = choice.sources.get(NAME)
    if source is None or not isinstance(source.settings, FraudRecordSettings):
        missing = choice.out_of_use.get(NAME)
        raise _failure(missing.detail if missing else f"{NAME} is not set up")
    # Nothing is asked, so nothing has to be kept: a report can be made while a service uses the site's results.
    alone = replace(source, keeps=False, counted=frozenset(), open=_without_inquiries)
    opened = await open_sources(
        replace(choice, sources=MappingProxyType({NAME: alone})), state=state, now=now, random=random
    )
    try:
        hasher = open_hasher(opened.connections)
        if not await hasher.vector_holds():
            raise _failure("a published value is hashed differently here")
        yield FraudRecord(opened.connections.http, hasher, source.settings)
    finally:
        await opened.aclose()


async def _without_inquiries(connections: Connections) -> Opened:
    return Opened()


def _failure(detail: str) -> LookupFailure:
    return LookupFailure(Why.NOT_CONFIGURED, detail, against_source=False, reached=False)
