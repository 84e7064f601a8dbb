"""How long what sources said counts when accounts are screened again: as long as their answers are kept anyway."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from kycrisk.lookups import abuseipdb, fraudrecord, ipqs, minfraud, rdap, stopforumspam
from kycrisk.sources.choice import Choice
from kycrisk.sources.http_lookup import lifetimes_of

#: What the DNS says (mail, blocklists) names its own, shorter lifetime, which is not stored; and what is not known.
A_DAY = timedelta(days=1)
_SHIPPED: Mapping[str, timedelta] = {
    each.NAME: each.TERMS.keep for each in (abuseipdb, fraudrecord, ipqs, minfraud, rdap, stopforumspam)
}


class Lifetimes:
    """The lifetimes of a site's answers. `least` lengthens those that are shorter."""

    def __init__(self, choice: Choice, least: timedelta | None = None) -> None:
        self._known = {**_SHIPPED, **lifetimes_of(choice)}
        self._least = least or timedelta(0)

    def of(self, source: str) -> timedelta:
        """How long what a source said counts."""
        return max(self._known.get(source, A_DAY), self._least)
