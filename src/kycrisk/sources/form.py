"""How the settings of sources are written in `kycrisk.yaml`: the kinds of their values, and what all sources share.

Texts are read here, keys are fetched here from the environment or a file, and no message ever quotes one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, cast
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, model_validator

from kycrisk.durations import format_duration, parse_duration
from kycrisk.lookups.resolver_servers import Nameserver, parse_nameserver
from kycrisk.lookups.secrets import Secret
from kycrisk.money import Money, parse_money
from kycrisk.problems import did_you_mean

MAX_TIMEOUT = timedelta(seconds=30)
MAX_SECRET_BYTES = 4096

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What settings are read in: the folder that paths are relative to, and the environment."""

    folder: Path
    environ: Mapping[str, str]


def around(info: ValidationInfo) -> Surroundings:
    """The surroundings that a validator was given."""
    return cast(Surroundings, info.context)


def quoted(raw: object) -> str:
    """A value as messages quote it; what may hold a key somewhere inside is not quoted."""
    return f"`{str(raw)[:60]}`" if isinstance(raw, (str, int, float)) else "this"


def _secret(raw: object, info: ValidationInfo) -> Secret:
    match raw:
        case str():
            return Secret(raw)
        case {"env": str(name), **more} if not more:
            return _from_environment(name, around(info).environ)
        case {"file": str(path), **more} if not more:
            return _from_file(around(info).folder / Path(path).expanduser())
    raise ValueError("this is no secret\nwrite it as a text, as `{env: NAME}` or as `{file: PATH}`")


def _from_environment(name: str, environ: Mapping[str, str]) -> Secret:
    if not _VARIABLE.fullmatch(name):
        raise ValueError("this is not the name of an environment variable\nwrite `{env: NAME}`")
    if not environ.get(name):
        near = did_you_mean(name, (each for each in environ if environ[each]))
        raise ValueError(f"the environment variable `{name}` is not set\n{near or 'set it for the service as well'}")
    try:
        return Secret(environ[name])
    except ValueError as error:
        raise ValueError(f"in the environment variable `{name}`: {error}") from None


def _from_file(path: Path) -> Secret:
    try:
        with path.open("rb") as file:
            text = file.read(MAX_SECRET_BYTES + 1).decode()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ValueError(f"the secret in `{path}` cannot be read: {reason}\ncheck its name and permissions") from None
    except UnicodeDecodeError:
        raise ValueError(f"the secret in `{path}` is not text in UTF-8") from None
    if len(text) > MAX_SECRET_BYTES:
        raise ValueError(f"`{path}` is too long to be a secret")
    try:
        return Secret(text.removesuffix("\n").removesuffix("\r"))
    except ValueError as error:
        raise ValueError(f"in `{path}`: {error}") from None


def _duration(least: timedelta, most: timedelta) -> Callable[[object], timedelta]:
    def read(raw: object) -> timedelta:
        if isinstance(raw, timedelta):
            return raw
        if not isinstance(raw, str):
            raise ValueError(f"{quoted(raw)} is not a duration such as `250ms`")
        duration = parse_duration(raw)
        if not least <= duration <= most:
            raise ValueError(f"`{raw}` is not between {format_duration(least)} and {format_duration(most)}")
        return duration

    return read


def _money(raw: object) -> Money:
    if not isinstance(raw, str):
        raise ValueError(f"{quoted(raw)} is not an amount of money such as `0.003 USD`")
    return parse_money(raw)


def _url(raw: object) -> str:
    """An address of the web. What stands before an `@` may be a password, so a wrong address is not quoted."""
    wrong = "this is not an address such as `https://api.example.com/v1`"
    if not isinstance(raw, str) or not raw.isascii() or not raw.isprintable() or " " in raw:
        raise ValueError(wrong)
    try:
        split = urlsplit(raw)
        host, _ = split.hostname, split.port
    except ValueError:
        raise ValueError(wrong) from None
    if split.scheme not in ("https", "http") or not host or split.query or split.fragment:
        raise ValueError(wrong)
    if "@" in split.netloc:
        raise ValueError("a user name or password stands in the address, which is not read")
    return raw


def _nameserver(raw: object) -> Nameserver:
    if not isinstance(raw, str):
        raise ValueError(f"{quoted(raw)} is not the IP address of a name server, as in `127.0.0.1:5353`")
    try:
        return parse_nameserver(raw)
    except ValueError as error:
        raise ValueError(f"{error}\nname the resolver by its address, not by its name") from None


def _network(raw: object) -> IPv4Network | IPv6Network:
    try:
        return ip_network(raw if isinstance(raw, str) else "")
    except ValueError:
        raise ValueError(f"{quoted(raw)} is not a network such as `10.1.2.0/24`") from None


def one_of(known: Iterable[str], what: str) -> BeforeValidator:
    """A word among those that are known, with a near one where it is none."""
    words = tuple(known)

    def read(raw: object) -> str:
        if raw not in words:
            help_ = did_you_mean(str(raw), words) or "known: " + ", ".join(words)
            raise ValueError(f"{quoted(raw)} is no {what}\n{help_}")
        return str(raw)

    return BeforeValidator(read)


SecretText = Annotated[Secret, BeforeValidator(_secret)]
Timeout = Annotated[timedelta, BeforeValidator(_duration(timedelta(milliseconds=1), MAX_TIMEOUT))]
Cost = Annotated[Money, BeforeValidator(_money)]
Endpoint = Annotated[str, BeforeValidator(_url)]
NameServer = Annotated[Nameserver, BeforeValidator(_nameserver)]
PrivateNetwork = Annotated[IPv4Network | IPv6Network, BeforeValidator(_network)]


def between(least: timedelta, most: timedelta) -> BeforeValidator:
    """A duration within bounds."""
    return BeforeValidator(_duration(least, most))


#: An address that paths are appended to.
BaseEndpoint = Annotated[str, BeforeValidator(_url), AfterValidator(lambda url: url.rstrip("/"))]


class Form(BaseModel):
    """A mapping in the settings: nothing in it is guessed, and nothing that is unknown is passed over."""

    model_config = ConfigDict(extra="forbid", strict=True, arbitrary_types_allowed=True)

    @model_validator(mode="before")
    @classmethod
    def _nothing(cls, raw: object) -> object:
        return {} if raw is None else raw  # `mail:` is `mail: {}`


class SourceForm(Form):
    """What every source can be told."""

    timeout: Timeout | None = Field(
        default=None, description="how long this source may take; `network.timeout` when left out"
    )
