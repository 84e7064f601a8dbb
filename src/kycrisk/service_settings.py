"""The `service:` section of the settings: where `kycrisk serve` listens, what it keeps, and what it bears."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from kycrisk.cron import parse_cron
from kycrisk.durations import parse_duration

_LISTEN = re.compile(r"(?:(?P<host>[^\s:/\[\]]+)|\[(?P<v6>[0-9A-Fa-f:.]+)\]):(?P<port>\d{1,5})", re.ASCII)


def _duration(raw: object) -> timedelta:
    if not isinstance(raw, str):
        raise ValueError(f"`{raw}` is not a duration such as `30s`")
    duration = parse_duration(raw)
    if duration <= timedelta(0):
        raise ValueError(f"`{raw}` is not longer than nothing")
    return duration


Span = Annotated[timedelta, BeforeValidator(_duration)]


class LimitsForm(BaseModel):
    """What one caller may ask for, and how much of it at once."""

    model_config = ConfigDict(extra="forbid", strict=True)

    requests_per_second: int = Field(
        default=500, ge=1, le=1_000_000, description="of one API key; twice as many may come at once"
    )
    body: int = Field(default=65_536, ge=1_024, le=100_000_000, description="bytes of a signup, and of a line of many")
    large_body: int = Field(default=8_000_000, ge=1_024, le=1_000_000_000, description="bytes of any other request")
    time: Span = Field(default=timedelta(seconds=30), description="for a request without a deadline of its own")
    waiting: int = Field(
        default=2_000, ge=1, le=1_000_000, description="screenings under way; those over it are answered 503 at once"
    )


def _cron(raw: object) -> str:
    if not isinstance(raw, str):
        raise ValueError(f"`{raw}` is not a schedule such as `*/5 * * * *`")
    return parse_cron(raw)


Cron = Annotated[str, BeforeValidator(_cron)]


class JobsForm(BaseModel):
    """When what recurs is done, as cron expressions in UTC. What is left out is not done."""

    model_config = ConfigDict(extra="forbid", strict=True)

    recheck: Cron | None = Field(
        default=None, description="unsettled accounts are screened anew where the sources they wait for answer again"
    )
    feeds: Cron | None = Field(default=None, description="lists from outside are brought up to date")
    retention: Cron | None = Field(default=None, description="what is past its `retention` is deleted")
    archive: Cron | None = Field(default=None, description="the decisions' copy as columns is brought in step")
    cases: Cron | None = Field(
        default=None, description="clocks of verification cases; every minute where a procedure is chosen"
    )


class RescreeningForm(BaseModel):
    """How the accounts that are inside already are screened again."""

    model_config = ConfigDict(extra="forbid", strict=True)

    schedule: Cron | None = Field(
        default=None, description="when all accounts of the store are screened again, as a cron expression in UTC"
    )
    ask: bool = Field(
        default=False, description="whether sources are asked about accounts that are not settled, within the budgets"
    )
    answers: Span | None = Field(
        default=None, description="how long what sources said counts at least; without it as long as it is kept"
    )


class RetentionForm(BaseModel):
    """How long what is kept is kept, by kind. What is left out is kept for good, or as long as the store says."""

    model_config = ConfigDict(extra="forbid", strict=True)

    signups: Span | None = Field(default=None, description="what customers gave; rechecks need it")
    facts: Span | None = Field(default=None, description="what velocity counts; at least the longest window of a rule")
    decisions: Span | None = Field(default=None, description="decisions, with their evidence and deliveries")
    list_entries: Span | None = Field(default=None, description="ended entries of lists")
    exemptions: Span | None = Field(default=None, description="ended exemptions")
    api_keys: Span | None = Field(default=None, description="ended API keys")
    cases: Span | None = Field(default=None, description="verification cases, after their end")


class ServiceForm(BaseModel):
    """How the service runs."""

    model_config = ConfigDict(extra="forbid", strict=True)

    listen: str = Field(default="127.0.0.1:8080", description="host and port, `[::1]:8080` for IPv6")
    metrics: Literal["open", "key"] = Field(default="open", description="`key`: /metrics needs a key with scope `read`")
    commit_reserve: Span = Field(
        default=timedelta(milliseconds=40), description="kept back from a caller's deadline for storing the decision"
    )
    stop_within: Span = Field(default=timedelta(seconds=20), description="requests under way have so long at the end")
    limits: LimitsForm = Field(default_factory=LimitsForm, description="what callers may ask for")

    @field_validator("listen")
    @classmethod
    def _address(cls, text: str) -> str:
        listen_address(text)
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSettings:
    """The same, read; spans in seconds."""

    host: str = "127.0.0.1"
    port: int = 8080
    metrics_need_key: bool = False
    commit_reserve: float = 0.04
    stop_within: float = 20.0
    limits: LimitsForm = field(default_factory=LimitsForm)


def listen_address(text: str) -> tuple[str, int]:
    """`127.0.0.1:8080` → host and port. Raises `ValueError`."""
    found = _LISTEN.fullmatch(text)
    if found is None or int(found["port"]) > 65_535:
        raise ValueError(f"`{text[:60]}` is not a host and port such as `127.0.0.1:8080`")
    return found["v6"] or found["host"], int(found["port"])


def service_settings(form: ServiceForm) -> ServiceSettings:
    """The settings of a form."""
    host, port = listen_address(form.listen)
    return ServiceSettings(
        host=host,
        port=port,
        metrics_need_key=form.metrics == "key",
        commit_reserve=form.commit_reserve.total_seconds(),
        stop_within=form.stop_within.total_seconds(),
        limits=form.limits,
    )
