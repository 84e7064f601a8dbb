"""Bodies of messages: the same at every attempt. What is signed anew at each are the headers."""

from __future__ import annotations

import json

from kycrisk.decision_json import moment_text
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
