"""The headers of signed messages (Standard Webhooks): those of decisions, and those to panels and ticket systems."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from standardwebhooks import Webhook as Signer

from kycrisk.lookups.secrets import Secret


def signed_headers(message: str, body: bytes, secrets: Iterable[Secret], at: datetime) -> Mapping[str, str]:
    """The headers of one attempt to send a message. `at` is its moment, in UTC: receivers refuse old ones.

    With several secrets there is a signature by each, and whoever knows one of them can verify the message.
    """
    return {
        "Content-Type": "application/json",
        "webhook-id": message,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(Signer(each.reveal()).sign(message, at, body.decode()) for each in secrets),
    }
