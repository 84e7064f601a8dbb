"""Endpoints of webhooks: what the settings say, under an id that shows nothing of the address."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kycrisk.store.outbox import Event, Outbox, Route
from kycrisk.store.sealing import SiteKey
from kycrisk.webhook_settings import Webhook


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A webhook of the settings. The id is of its address: another address is another endpoint."""

    id: str
    webhook: Webhook


def endpoints_of(webhooks: Iterable[Webhook], site: SiteKey) -> tuple[Endpoint, ...]:
    """The endpoints of a site."""
    return tuple(Endpoint(f"ep_{site.pseudonym('webhook', each.url).hex()[:16]}", each) for each in webhooks)


def outbox_of(endpoints: Iterable[Endpoint]) -> Outbox | None:
    """What writes down deliveries beside decisions; None where nobody is to hear of any."""
    routes = [Route(each.id, frozenset(map(Event, each.webhook.events))) for each in endpoints]
    return Outbox(routes) if routes else None
