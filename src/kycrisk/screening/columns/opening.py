"""A table screener of a working folder: its rules, lists and databases as they stand at a moment."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from kycrisk.checks.world import World
from kycrisk.feeds.catalogue import read_catalogues
from kycrisk.feeds.geo import Geo
from kycrisk.feeds.lists import Lists
from kycrisk.ruleset.evaluate import compile_ruleset
from kycrisk.screening.columns.table import TableScreener
from kycrisk.screening.site import Site, read_site
from kycrisk.settings import read_settings


def open_table_screener(folder: str | Path, now: datetime, *, shadow: bool = False) -> TableScreener:
    """The table screener of a working folder (with `kycrisk.yaml`). Raises `Problems` with all that is wrong in it."""
    return table_screener(read_site(read_settings(Path(folder))), now, shadow=shadow)


def table_screener(site: Site, now: datetime, *, shadow: bool = False) -> TableScreener:
    """The table screener of a site that is read already."""
    settings = site.settings
    lists = Lists.open(read_catalogues(settings.catalogues), settings.snapshots, now)
    geo = Geo.open(settings.geo_country, settings.geo_asn, max_age=settings.geo_max_age)
    world = World(lists=lists, now=now, geo=geo)
    return TableScreener(compile_ruleset(site.ruleset), world, site.lists, exemptions=site.exemptions, shadow=shadow)
