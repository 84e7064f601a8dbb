"""A panel of the operator's own, by signed messages. What it answers to `hold.placed` comes back with `hold.lifted`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from kycrisk.verification.outside import HeldBack
from kycrisk.verification.signed import SignedPost

_MOST = 65_536  # letters of an answer that are kept


@dataclass(frozen=True, slots=True)
class WebhookPanel:
    """`hold.placed` and `hold.lifted`, each under a key by which the receiver tells doubles."""

    post: SignedPost

    async def hold(self, held: HeldBack) -> str:
        answer = await self.post.send("hold.placed", held.key, _data(held))
        return json.dumps(_parsed(answer[:_MOST]))

    async def release(self, held: HeldBack, changed: str) -> None:
        await self.post.send("hold.lifted", held.key, {**_data(held), "changed": _parsed(changed)})


def _data(held: HeldBack) -> dict[str, object]:
    return {"account_id": held.person.account_id, "kind": held.kind, "cause": held.cause, "case": held.case}


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
