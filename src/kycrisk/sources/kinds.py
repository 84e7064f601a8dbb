"""The kinds of sources there are, in the order in which they are shown: one file and one word each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from kycrisk.sources import dnsbl_settings, fraudrecord, mail, stopforumspam
from kycrisk.sources.kind import Kind

KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            mail.KIND,
            dnsbl_settings.KIND,
            stopforumspam.KIND,
            fraudrecord.KIND,
        )
    }
)
