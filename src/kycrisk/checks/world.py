"""The world as checks see it: the lists, databases and the moment. One world serves many signups."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from kycrisk.feeds.lists import Lists


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What local checks may consult. It is rebuilt when a list is swapped or goes stale (`lists.good_until`)."""

    lists: Lists
    now: datetime
