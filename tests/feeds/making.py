"""Feeds and moments that the tests of this folder share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from kycrisk.feeds.catalogue import Feed

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def feed(**settings: Any) -> Feed:
    """A feed of disposable domains, unless the settings say otherwise."""
    given = {
        "name": "sample",
        "title": "Sample",
        "purpose": "disposable_domain",
        "kind": "domains",
        "url": "/nowhere",
        "licence": "CC0-1.0",
        "lineage": "sample",
        "trust": "trusted",
        "refresh": timedelta(hours=1),
        "max_age": timedelta(days=2),
    }
    return Feed(**{**given, **settings})
