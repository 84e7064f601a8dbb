"""The client for programs with an event loop."""

from __future__ import annotations

import ssl
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from kycrisk.client.exchange import Exchange, server
from kycrisk.client.failure import OnFailure, ScreeningFailed, checked, fallback
from kycrisk.client.question import question
from kycrisk.client.screening import Screening
from kycrisk.lookups.secrets import Secret

LONGEST = 60.0


def checked_timeout(timeout: float) -> float:
    """Seconds. Raises `ValueError` when no call could be made within them."""
    if not 0.01 <= timeout <= LONGEST:
        raise ValueError(f"`timeout` is 0.01 to {LONGEST:.0f} seconds, not {timeout}")
    return timeout


class AsyncClient:
    """Screens signups at a kycrisk server, for one event loop. Close it with `aclose`, or use `async with`.

    A call takes `timeout` seconds at most, connecting and all. `on_failure` says what is answered when there is no
    decision by then: an outcome (`allow` fails open, `deny` fails closed), `raise`, or a function of the failure.
    """

    def __init__(
        self,
        base_url: str,
        key: str | Secret,
        *,
        on_failure: OnFailure,
        timeout: float = 0.8,
        tls: ssl.SSLContext | None = None,
        connections: int = 20,
    ) -> None:
        self._server = server(base_url, key, tls, connections)
        self._on_failure, self._timeout = checked(on_failure), checked_timeout(timeout)
        self._exchange = Exchange(self._server)

    def __repr__(self) -> str:
        return f"AsyncClient({self._server.base_url!r}, on_failure={self._on_failure!r}, timeout={self._timeout})"

    async def screen(
        self, signup: Mapping[str, Any], *, idempotency_key: str | None = None, deadline_ms: int | None = None
    ) -> Screening:
        """The decision about a signup, as JSON has it (docs/cli.md), or the fallback.

        `deadline_ms` is what the server may take; left out, it is what the timeout leaves. Raises `ValueError` or
        `TypeError` for a signup that is not JSON, and `ScreeningFailed` where `on_failure` is `raise`.
        """
        moment = time.monotonic() + self._timeout
        asked = question(signup, idempotency_key=idempotency_key, deadline_ms=deadline_ms, timeout=self._timeout)
        try:
            return await self._exchange.ask(asked, moment)
        except ScreeningFailed as failed:
            return fallback(failed, self._on_failure)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._exchange.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()
