"""The world as checks see it: the lists, databases and the moment. One world serves many signups."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from kycrisk.feeds.geo import NO_GEO, Geo
from kycrisk.feeds.lists import Lists


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What local checks may consult. It is rebuilt when a list is swapped or goes stale (`good_until`)."""

    lists: Lists
    now: datetime
    geo: Geo = NO_GEO

    @property
    def good_until(self) -> datetime:
        """The earliest moment at which a list or database goes stale."""
        return min(self.lists.good_until, self.geo.good_until)
