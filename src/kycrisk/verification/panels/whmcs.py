"""WHMCS as a panel: services are suspended and unsuspended by module commands. Orders, refunds and features are held
back where they are asked for: hooks ask the gates of this service, so nothing has to be changed in WHMCS."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kycrisk.verification.outside import HeldBack
from kycrisk.verification.whmcs import Whmcs, rows

SERVICES = "services"
_MOST = 500  # services of a client


@dataclass(frozen=True, slots=True)
class WhmcsPanel:
    """Suspends a client's active services, and later those that it suspended itself and nobody else."""

    whmcs: Whmcs

    async def hold(self, held: HeldBack) -> str:
        """What was suspended. What was suspended under this case's reason by an earlier try is ours as well."""
        if held.kind != SERVICES:
            return json.dumps({"by": "gate"})
        client = await self.whmcs.client_of(held.person)
        reason = _reason(held)
        suspended = []
        for each in await self._services(client):
            if each.get("status") == "Active":
                await self.whmcs.call("ModuleSuspend", serviceid=_id(each), suspendreason=reason)
                suspended.append(_id(each))
            elif each.get("status") == "Suspended" and each.get("suspensionreason") == reason:
                suspended.append(_id(each))
        return json.dumps({"client": client, "suspended": suspended, "reason": reason})

    async def release(self, held: HeldBack, changed: str) -> None:
        """Only what is still suspended, and for our reason: what somebody else suspended since stays so."""
        told = json.loads(changed or "{}")
        if held.kind != SERVICES or not told.get("suspended"):
            return
        for each in await self._services(int(told["client"])):
            ours = _id(each) in told["suspended"] and each.get("suspensionreason") == told["reason"]
            if ours and each.get("status") == "Suspended":
                await self.whmcs.call("ModuleUnsuspend", serviceid=_id(each))

    async def _services(self, client: int) -> list[Mapping[str, Any]]:
        found = await self.whmcs.call("GetClientsProducts", clientid=client, limitnum=_MOST)
        return rows(found, "products", "product")


def _reason(held: HeldBack) -> str:
    return f"Verification required ({held.case})"


def _id(service: Mapping[str, Any]) -> int:
    return int(service.get("id", 0))
