"""The kinds of sources there are, in the order in which they are shown: one file and one word each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from kycrisk.sources import (
    abuseipdb,
    dnsbl_settings,
    domain_age,
    fraudrecord,
    http_lookup,
    ipqs,
    mail,
    minfraud,
    stopforumspam,
)
from kycrisk.sources.kind import Kind

KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            mail.KIND,
            dnsbl_settings.KIND,
            domain_age.KIND,
            stopforumspam.KIND,
            abuseipdb.KIND,
            fraudrecord.KIND,
            ipqs.KIND,
            minfraud.KIND,
            http_lookup.KIND,
        )
    }
)
