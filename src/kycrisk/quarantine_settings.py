"""The `quarantine:` section of the settings: from when on a new version of a list is held."""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

_PERCENT = re.compile(r"(?P<number>\d{1,3}(?:\.\d{1,6})?)\s?%", re.ASCII)
_DOMAIN = re.compile(r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z][a-z0-9-]{0,62}", re.ASCII)


def _share(raw: object) -> float:
    found = _PERCENT.fullmatch(raw) if isinstance(raw, str) else None
    if found is None:
        raise ValueError(f"`{str(raw)[:60]}` is not a share such as `0.5%`")
    share = float(found["number"]) / 100
    if not 0 <= share <= 1:
        raise ValueError(f"`{raw}` is more than all")
    return share


def _own(raw: object) -> str:
    if isinstance(raw, str):
        name = raw.lower().removesuffix(".")
        if _DOMAIN.fullmatch(name):
            return name
        try:
            return str(ip_network(raw))
        except ValueError:
            pass
    raise ValueError(f"`{str(raw)[:60]}` is neither a domain nor a network such as `203.0.113.0/24`")


class QuarantineForm(BaseModel):
    """When a new version of a list is held until somebody has looked at it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    flips: Annotated[float, BeforeValidator(_share)] = Field(
        default=0.005, description="the share of the customers whose outcome a new version of a list may change"
    )
    accounts: str = Field(
        default="",
        description="a table of the customers, Parquet or CSV, to judge by; default: those of the store",
    )
    own: list[Annotated[str, BeforeValidator(_own)]] = Field(
        default_factory=list, description="your own domains and networks; a version that names one is held"
    )
