"""Which RDAP server knows which top-level domain: IANA's bootstrap file (RFC 9224), which a site downloads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kycrisk.problems import Problem, Problems

MAX_BYTES = 5_000_000
_HELP = "download https://data.iana.org/rdap/dns.json (RFC 9224)"


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """Servers by the domain below which they know all names, in lower-case A-labels."""

    servers: Mapping[str, str]

    def server(self, domain: str) -> str | None:
        """The server for a domain, by the longest match (RFC 9224 section 4); None when there is none."""
        labels = domain.split(".")
        for start in range(len(labels)):
            found = self.servers.get(".".join(labels[start:]))
            if found is not None:
                return found
        return None


def read_bootstrap(path: Path) -> Bootstrap:
    """The bootstrap file. Raises `Problems` when it is none."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise Problems([Problem(str(path), f"cannot be read: {reason}", _HELP)]) from None
    try:
        services = json.loads(raw)["services"] if len(raw) <= MAX_BYTES else None
    except (ValueError, KeyError, TypeError, RecursionError):
        services = None
    if not isinstance(services, list):
        raise Problems([Problem(str(path), "is not an RDAP bootstrap file", _HELP)])
    servers = {entry.lower(): server for service in services for entry, server in _entries(service)}
    if not servers:
        raise Problems([Problem(str(path), "names no server", _HELP)])
    return Bootstrap(servers)


def _entries(service: Any) -> list[tuple[str, str]]:
    """The domains of a service with its server, an encrypted one where there is one; nothing for what is no service."""
    match service:
        case [[*domains], [*urls]]:
            usable = [url for url in urls if isinstance(url, str) and url.startswith(("https://", "http://"))]
            usable.sort(key=lambda url: not url.startswith("https://"))
            if usable:
                server = usable[0] if usable[0].endswith("/") else f"{usable[0]}/"
                return [(domain, server) for domain in domains if isinstance(domain, str)]
    return []
