"""The settings of a working folder: `kycrisk.yaml`, and environment variables over it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator

from kycrisk.documents import At, open_document
from kycrisk.durations import parse_duration
from kycrisk.feeds.catalogue import default_catalogue
from kycrisk.problems import Problem, Problems
from kycrisk.quarantine_settings import QuarantineForm
from kycrisk.service_settings import (
    JobsForm,
    LimitsForm,
    RescreeningForm,
    RetentionForm,
    ServiceForm,
    ServiceSettings,
    listen_address,
    service_settings,
)
from kycrisk.shipped import shipped
from kycrisk.sources.choice import NOTHING_CHOSEN, Choice
from kycrisk.sources.choosing import SECTIONS, is_confidential, read_choice
from kycrisk.sources.form import Surroundings
from kycrisk.verification_settings import NO_VERIFICATION, VerificationSettings, read_verification
from kycrisk.verification_settings import SECTION as VERIFICATION
from kycrisk.verification_settings import is_confidential as is_verification_secret
from kycrisk.webhook_settings import NO_WEBHOOKS, Webhooks, read_webhooks
from kycrisk.webhook_settings import SECTION as WEBHOOKS
from kycrisk.webhook_settings import is_confidential as is_webhook_secret

FILE = "kycrisk.yaml"
GEO_MAX_AGE = timedelta(days=90)
EngineName = Literal["generated", "durable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where everything of a site lies, and whom it asks; paths are absolute.

    What is wrong with the sources stands in `sources.problems`: it costs those sources, and nothing else. So do
    the `webhooks`.
    """

    file: Path | None  # None: no kycrisk.yaml, so everything is as shipped
    folder: Path
    rules: Path
    exemptions: Path
    state: Path  # whatever is kept
    catalogues: tuple[Path, ...]  # of list sources, the shipped one first
    geo_country: Path | None = None
    geo_asn: Path | None = None
    geo_max_age: timedelta = GEO_MAX_AGE
    offline: bool = False
    engine: EngineName = "generated"
    sources: Choice = NOTHING_CHOSEN
    database: str = field(repr=False)  # the URL of the store; it may hold a password
    site_key: Path
    service: ServiceSettings = field(default_factory=ServiceSettings)
    webhooks: Webhooks = NO_WEBHOOKS
    verification: VerificationSettings = NO_VERIFICATION
    jobs: JobsForm = field(default_factory=JobsForm)
    rescreening: RescreeningForm = field(default_factory=RescreeningForm)
    retention: RetentionForm = field(default_factory=RetentionForm)
    archive_at: Path | None = None
    quarantine: QuarantineForm = field(default_factory=QuarantineForm)
    customers: Path | None = None  # a table of them, to judge new versions of lists by; None: those of the store

    def __post_init__(self) -> None:
        if self.offline and not self.sources.offline:
            object.__setattr__(self, "sources", self.sources.without_network())

    @property
    def archive(self) -> Path:
        """The folder of the decisions' copy as columns."""
        return self.archive_at or self.state / "archive"

    @property
    def snapshots(self) -> Path:
        """The folder of the compiled lists."""
        return self.state / "lists"


class GeoForm(BaseModel):
    """MaxMind-format databases: `country` for countries, `asn` for networks."""

    model_config = ConfigDict(extra="forbid", strict=True)

    country: str | None = Field(
        default=None, min_length=1, description="a database of countries, such as GeoLite2-Country.mmdb"
    )
    asn: str | None = Field(default=None, min_length=1, description="a database of networks, such as GeoLite2-ASN.mmdb")
    max_age: timedelta = Field(default=GEO_MAX_AGE, description="an older database answers unknown")

    @field_validator("max_age", mode="before")
    @classmethod
    def _duration(cls, raw: object) -> timedelta:
        if not isinstance(raw, str):
            raise ValueError(f"`{raw}` is not a duration such as `90d`")
        duration = parse_duration(raw)
        if duration <= timedelta(0):
            raise ValueError(f"`{raw}` is not longer than nothing")
        return duration


class SettingsForm(BaseModel):
    """`kycrisk.yaml`. Paths are relative to the file."""

    model_config = ConfigDict(extra="forbid", strict=True)

    rules: str = Field(default="rules", min_length=1, description="the folder with policy and rules")
    exemptions: str = Field(default="exemptions.yaml", min_length=1, description="who is exempt from which rule")
    state: str = Field(default=".kycrisk", min_length=1, description="where lists, answers and budgets are kept")
    feeds: list[str] = Field(default_factory=list, description="catalogues of list sources over the shipped one")
    geo: GeoForm = Field(default_factory=GeoForm, description="databases of countries and networks")
    network: Any = Field(default=None, description="how sources are asked")
    budget: Any = Field(default=None, description="what all sources together may use in a day")
    sources: Any = Field(default=None, description="who is asked; nobody is who does not stand here")
    database: str = Field(
        default="", description="the store: a file, or the URL of a PostgreSQL database; default: store.db in `state`"
    )
    site_key: str = Field(default="", description="the file of the site key; default: site.key in `state`")
    archive: str = Field(
        default="",
        description="the folder of the decisions' copy as columns; default: archive in `state`",
    )
    service: ServiceForm = Field(default_factory=ServiceForm, description="how `kycrisk serve` runs")
    webhooks: Any = Field(default=None, description="where decisions are sent")
    verification: Any = Field(default=None, description="what happens behind the flag")
    jobs: JobsForm = Field(default_factory=JobsForm, description="when what recurs is done")
    rescreening: RescreeningForm = Field(
        default_factory=RescreeningForm, description="how accounts that are inside already are screened again"
    )
    retention: RetentionForm = Field(default_factory=RetentionForm, description="how long what is kept is kept")
    quarantine: QuarantineForm = Field(
        default_factory=QuarantineForm, description="when new versions of lists are held"
    )
    offline: bool = Field(default=False, description="never use the network")
    engine: EngineName = Field(default="generated", description="what judges the rules")

    @field_validator("engine", mode="before")
    @classmethod
    def _engine(cls, raw: object) -> object:
        if raw not in get_args(EngineName):
            raise ValueError(f"`{str(raw)[:60]}` is no engine\nan engine is `generated` or `durable`")
        return raw


#: Environment variables that go before the file, and the settings they stand for.
VARIABLES: Mapping[str, tuple[str, ...]] = {
    "KYCRISK_RULES": ("rules",),
    "KYCRISK_EXEMPTIONS": ("exemptions",),
    "KYCRISK_STATE": ("state",),
    "KYCRISK_GEO_COUNTRY": ("geo", "country"),
    "KYCRISK_GEO_ASN": ("geo", "asn"),
    "KYCRISK_LISTEN": ("service", "listen"),
    "KYCRISK_DATABASE": ("database",),
    "KYCRISK_SITE_KEY": ("site_key",),
    "KYCRISK_ARCHIVE": ("archive",),
    "KYCRISK_OFFLINE": ("offline",),
}


def read_settings(where: Path, *, environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings of a folder, or of a settings file. Without a file everything is as shipped.

    Raises `Problems` with everything that is wrong with the file or the environment, but for what is wrong with sources
    (`Settings.sources.problems`).
    """
    file = where if where.is_file() or where.suffix in (".yaml", ".yml") else where / FILE
    if file is where and not where.is_file():
        raise Problems([Problem(str(where), "there is no such settings file", "`kycrisk init` makes one")])
    if file is not where and not where.is_dir():
        raise Problems([Problem(str(where), "there is no such folder", "`kycrisk init` makes one")])
    present, folder = file.is_file(), file.parent.resolve()
    if not present:
        return _settings(_overridden(SettingsForm(), environ), None, folder, _Sections())
    document = open_document(file, confidential=_is_confidential)
    others = [(name,) for name in (*SECTIONS, WEBHOOKS, VERIFICATION)]
    form = _overridden(document.read(SettingsForm, but=others), environ)
    around = Surroundings(folder=folder, environ=environ)
    sections = _Sections(
        read_choice(document, around), read_webhooks(document, around), read_verification(document, around)
    )
    return _settings(form, file, folder, sections)


@dataclass(frozen=True, slots=True)
class _Sections:
    """The sections that have readers of their own."""

    sources: Choice = NOTHING_CHOSEN
    webhooks: Webhooks = NO_WEBHOOKS
    verification: VerificationSettings = NO_VERIFICATION


def _is_confidential(at: At) -> bool:
    hidden = is_confidential(at) or is_webhook_secret(at) or is_verification_secret(at)
    return hidden or at == ("database",)  # its URL may hold a password


def _overridden(form: SettingsForm, environ: Mapping[str, str]) -> SettingsForm:
    raw: dict[str, Any] = form.model_dump()
    for variable, path in VARIABLES.items():
        text = environ.get(variable, "")
        if not text:
            continue
        if path == ("offline",) and text.lower() not in ("true", "false", "1", "0"):
            raise Problems([Problem(f"${variable}", f"`{text}` is neither `true` nor `false`")])
        if path == ("service", "listen"):
            _check_listen(variable, text)
        *outer, last = path
        target = raw[outer[0]] if outer else raw
        if path == ("offline",):
            target[last] = text.lower() in ("true", "1")
        elif path == ("service", "listen") or (path == ("database",) and "://" in text):
            target[last] = text
        else:
            target[last] = str(Path(text).absolute())
    geo, service = GeoForm.model_construct(**raw["geo"]), ServiceForm.model_construct(**raw["service"])
    service.limits = LimitsForm.model_construct(**raw["service"]["limits"])
    apart = {
        "geo": geo,
        "service": service,
        "jobs": form.jobs,
        "rescreening": form.rescreening,
        "retention": form.retention,
        "quarantine": form.quarantine,
    }
    return SettingsForm.model_construct(**{**raw, **apart})


def _check_listen(variable: str, text: str) -> None:
    try:
        listen_address(text)
    except ValueError as error:
        raise Problems([Problem(f"${variable}", str(error))]) from None


def _settings(form: SettingsForm, file: Path | None, folder: Path, sections: _Sections) -> Settings:
    def at(text: str) -> Path:
        return folder / Path(text).expanduser()

    rules, state = at(form.rules), at(form.state)
    database = form.database or str(state / "store.db")
    return Settings(
        file=file,
        folder=folder,
        rules=rules if file or rules.is_dir() else shipped("rules"),
        exemptions=at(form.exemptions),
        state=state,
        catalogues=(default_catalogue(), *map(at, form.feeds)),
        geo_country=at(form.geo.country) if form.geo.country else None,
        geo_asn=at(form.geo.asn) if form.geo.asn else None,
        geo_max_age=form.geo.max_age,
        offline=form.offline,
        database=database if "://" in database else f"sqlite:///{at(database)}",
        site_key=at(form.site_key) if form.site_key else state / "site.key",
        archive_at=at(form.archive) if form.archive else None,
        service=service_settings(form.service),
        engine=form.engine,
        sources=sections.sources,
        webhooks=sections.webhooks,
        verification=sections.verification,
        jobs=form.jobs,
        rescreening=form.rescreening,
        retention=form.retention,
        quarantine=form.quarantine,
        customers=at(form.quarantine.accounts) if form.quarantine.accounts else None,
    )
