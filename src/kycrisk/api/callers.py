"""Who may come in: API keys, their scopes, and how often."""

from __future__ import annotations

import math

from kycrisk.api.asked import Asked
from kycrisk.api.problem import Kind, Refused
from kycrisk.api.service import Service
from kycrisk.store.api_keys import ApiKey, Refusal

_WORDS = {
    Refusal.UNKNOWN: "the API key is not known",
    Refusal.EXPIRED: "the API key has expired",
    Refusal.REVOKED: "the API key was revoked",
}


async def let_in(service: Service, asked: Asked, scope: str, client: str, token: str | None = None) -> ApiKey:
    """The caller's key, in force and with this scope. Raises `Refused`, also for one that comes too often.

    `token` is the key where it does not come in the header, as on pages.
    """
    if service.strangers.spent(client):
        raise _too_many(service.strangers.take(client))
    token = asked.token if token is None else token
    if not token:
        service.strangers.take(client)
        raise _unauthenticated("there is no API key in the `Authorization: Bearer` header")
    found = await service.store.api_keys.check(token, scope)
    if isinstance(found, ApiKey):
        asked.caller = found
        wait = service.rates.take(found.id)
        if wait:
            raise _too_many(wait)
        return found
    service.strangers.take(client)
    if found is Refusal.SCOPE:
        raise Refused(Kind.FORBIDDEN, f"the API key has no scope `{scope}`")
    raise _unauthenticated(_WORDS[found])


def _unauthenticated(detail: str) -> Refused:
    return Refused(Kind.UNAUTHENTICATED, detail, headers={"WWW-Authenticate": 'Bearer realm="kycrisk"'})


def _too_many(wait: float) -> Refused:
    seconds = max(1, math.ceil(wait))
    return Refused(Kind.RATE_LIMITED, f"come again in {seconds} s", headers={"Retry-After": str(seconds)})
