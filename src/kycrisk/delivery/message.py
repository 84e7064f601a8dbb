"""Messages as Standard Webhooks has them: a body that is the same at every attempt, signed anew at each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime

from standardwebhooks import Webhook as Signer

from kycrisk.decision_json import moment_text
from kycrisk.lookups.secrets import Secret
from kycrisk.outcome import Outcome
from kycrisk.store.deliveries import Delivery


def body_of(delivery: Delivery, decision: bytes) -> bytes:
    """The body of a delivery: the decision's own JSON, to the byte, inside of a frame that is drawn from nothing else.

    So whatever is sent under one webhook-id is the same at every attempt, by whichever process.
    """
    timestamp = moment_text(delivery.decided_at)
    frame = f'{{"type":"{delivery.event.value}","timestamp":"{timestamp}","data":{{'
    before = delivery.before
    if before is not None:
        told = {"id": before.decision, "outcome": Outcome(before.outcome).word}
        frame += f'"before":{json.dumps(told, separators=(",", ":"))},'
    return frame.encode() + b'"decision":' + decision.strip() + b"}}"


def signed_headers(message: str, body: bytes, secrets: Iterable[Secret], at: datetime) -> Mapping[str, str]:
    """The headers of one attempt. `at` is its moment, in UTC: receivers refuse old ones.

    With several secrets there is a signature by each, and whoever knows one of them can verify the message.
    """
    return {
        "Content-Type": "application/json",
        "webhook-id": message,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(Signer(each.reveal()).sign(message, at, body.decode()) for each in secrets),
    }
