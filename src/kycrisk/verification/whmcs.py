"""The API of WHMCS (developers.whmcs.com/api, as of 2026-11): one address, an action a request, JSON in answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kycrisk.lookups.http import Http
from kycrisk.lookups.http_request import HttpRequest
from kycrisk.lookups.secrets import Secret
from kycrisk.verification.exchange import MOST_BYTES, json_of
from kycrisk.verification.outside import OutsideFailure, Person

_PATH = "/includes/api.php"


@dataclass(frozen=True, slots=True, kw_only=True)
class Whmcs:
    """A WHMCS installation, by the credentials of an API role."""

    http: Http
    url: str
    identifier: str
    secret: Secret

    async def call(self, action: str, **given: str | int) -> Mapping[str, Any]:
        """What an action answers. Raises `OutsideFailure`, also when WHMCS says that it failed."""
        form = {
            "identifier": self.identifier,
            "secret": self.secret.reveal(),
            "action": action,
            "responsetype": "json",
            **{name: str(value) for name, value in given.items()},
        }
        request = HttpRequest(
            url=self.url + _PATH, method="POST", form=form, max_bytes=MOST_BYTES, repeatable=False
        )  # fmt: skip
        found = await json_of(self.http, request, f"whmcs {action}")
        if found.get("result") != "success":
            raise OutsideFailure(f"whmcs {action}: it was refused")
        return found

    async def client_of(self, person: Person) -> int:
        """The client of an account: named by a number, or found by the address. Raises `OutsideFailure`."""
        if person.account_id.isascii() and person.account_id.isdigit():
            return int(person.account_id)
        if not person.email:
            raise OutsideFailure("whmcs: the account has no e-mail address to find its client by")
        found = await self.call("GetClientsDetails", email=person.email)
        inner = found.get("client")
        number = found.get("userid") or found.get("id") or (inner.get("id") if isinstance(inner, Mapping) else None)
        if not str(number or "").isdigit():
            raise OutsideFailure("whmcs GetClientsDetails: the answer names no client")
        return int(str(number))


def rows(found: Mapping[str, Any], *path: str) -> list[Mapping[str, Any]]:
    """The rows of a list that WHMCS wraps twice (`tickets.ticket`). An empty one comes as a text or not at all."""
    value: Any = found
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []
