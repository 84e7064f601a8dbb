"""MaxMind's SDK, spoken to through `requests`: with a limit on bytes, and its errors translated.

Only `kycrisk.lookups.minfraud.open_sdk` loads this, where the SDK is installed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import requests
from minfraud.errors import (
    AuthenticationError,
    HTTPError,
    InsufficientFundsError,
    InvalidRequestError,
    MinFraudError,
    PermissionRequiredError,
)
from minfraud.webservice import Client
from requests.adapters import HTTPAdapter

from kycrisk.lookups.asked import LookupFailure
from kycrisk.lookups.minfraud import MinFraudSettings, SdkAnswer
from kycrisk.signals import Why

MAX_BYTES = 262_144

# What is raised, in the order in which it is looked up: why, in words, and whether the source fails.
_ERRORS: tuple[tuple[type[Exception], Why, str, bool], ...] = (
    (AuthenticationError, Why.REFUSED, "MaxMind does not accept the account or its key", True),
    (InsufficientFundsError, Why.OVER_BUDGET, "the account at MaxMind is out of funds", True),
    (PermissionRequiredError, Why.REFUSED, "the account at MaxMind may not use this service", True),
    (InvalidRequestError, Why.SKIPPED, "MaxMind cannot use what the signup says", False),
    (HTTPError, Why.REFUSED, "MaxMind answers", True),
    (MinFraudError, Why.MALFORMED_ANSWER, "the answer is not JSON", True),
    (requests.exceptions.Timeout, Why.TIMEOUT, "MaxMind does not answer in time", True),
    (requests.exceptions.ContentDecodingError, Why.MALFORMED_ANSWER, f"more than {MAX_BYTES} bytes came", True),
    (requests.exceptions.ChunkedEncodingError, Why.MALFORMED_ANSWER, "the answer is cut off", True),
    (requests.exceptions.ConnectionError, Why.REFUSED, "MaxMind cannot be reached", True),
    (requests.exceptions.RequestException, Why.REFUSED, "the request failed", True),
    # The SDK's models are built from whatever the JSON holds, without a look at its shape.
    (TypeError, Why.MALFORMED_ANSWER, "the answer has not the shape of a minFraud answer", True),
    (AttributeError, Why.MALFORMED_ANSWER, "the answer has not the shape of a minFraud answer", True),
    (ValueError, Why.MALFORMED_ANSWER, "the answer has not the shape of a minFraud answer", True),
)
_ANY = tuple(kind for kind, *_ in _ERRORS)


class _BoundedAdapter(HTTPAdapter):
    """Reads a body up to a limit of bytes and time; the SDK itself would read on for ever."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        super().__init__(max_retries=0)
        self._seconds, self._clock = seconds, clock

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        until = self._clock() + self._seconds
        response = super().send(request, *args, **{**options, "stream": True})
        body = bytearray()
        for chunk in response.iter_content(16_384):
            body += chunk
            if len(body) > MAX_BYTES:
                response.close()
                raise requests.exceptions.ContentDecodingError("too many bytes", request=request)
            if self._clock() > until:
                response.close()
                raise requests.exceptions.ReadTimeout("the body takes too long", request=request)
        response._content = bytes(body)  # where `requests` itself keeps a body that it has read
        return response


class _BoundedClient(Client):
    """The SDK's client with our adapter, and without redirects."""

    def __init__(self, settings: MinFraudSettings, clock: Callable[[], float]) -> None:
        super().__init__(settings.account_id, settings.key.reveal(), host=settings.host, timeout=settings.timeout)
        self._session.mount("https://", _BoundedAdapter(settings.timeout, clock))
        self._session.max_redirects = 0


class BlockingSdk:
    """The SDK for one service. Each thread that asks gets a client of its own."""

    def __init__(self, settings: MinFraudSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings, self._clock = settings, clock
        self._local = threading.local()
        self._clients: list[Client] = []

    def ask(self, transaction: Mapping[str, Any]) -> SdkAnswer:
        """What the service says about a transaction. Raises `LookupFailure`."""
        ask = getattr(self._client(), self._settings.service)
        try:
            return _read(ask(dict(transaction), hash_email=not self._settings.plain_email))
        except _ANY as error:
            raise _translated(error) from None

    def close(self) -> None:
        """Close the connections."""
        for client in self._clients:
            client.close()

    def _client(self) -> Client:
        client: Client | None = getattr(self._local, "client", None)
        if client is None:
            client = self._local.client = _BoundedClient(self._settings, self._clock)
            self._clients.append(client)
        return client


def _read(model: Any) -> SdkAnswer:
    """The signals of a Score, Insights or Factors; the later ones hold all that the earlier ones do."""
    email = getattr(model, "email", None)
    reasons = getattr(model, "risk_score_reasons", None)
    return SdkAnswer(
        risk_score=model.risk_score,
        ip_risk=model.ip_address.risk,
        disposition=model.disposition.action,
        email_disposable=getattr(email, "is_disposable", None),
        email_high_risk=getattr(email, "is_high_risk", None),
        reasons=None if reasons is None else [each.code for reason in reasons for each in reason.reasons if each.code],
    )


def _translated(error: Exception) -> LookupFailure:
    """The SDK's own words quote whole bodies and URLs, so only its status is taken over."""
    _, why, words, against_source = next(row for row in _ERRORS if isinstance(error, row[0]))
    status = error.http_status if isinstance(error, HTTPError) else None
    return LookupFailure(
        why, f"{words} {status}" if status else words, against_source=against_source, reached=why is not Why.SKIPPED
    )
