"""The client for programs without an event loop. It may be shared between threads, and survives a fork.

Reads of a blocking socket are bounded one by one, and looking up a name is not bounded at all. So the exchange runs in
an event loop in a thread of its own, where all of it can be given up at one moment.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import threading
import time
from collections.abc import Mapping
from concurrent.futures import CancelledError
from types import TracebackType
from typing import Any, Self
from weakref import WeakSet

from kycrisk.client.async_client import checked_timeout
from kycrisk.client.exchange import Exchange, Server, server
from kycrisk.client.failure import Failure, OnFailure, ScreeningFailed, checked, fallback
from kycrisk.client.question import Question, question
from kycrisk.client.screening import Screening
from kycrisk.lookups.secrets import Secret


class Client:
    """Screens signups at a kycrisk server. Close it with `close`, or use `with`.

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
        self._lock, self._closed = threading.Lock(), False
        self._running: _Running | None = None
        _CLIENTS.add(self)

    def __repr__(self) -> str:
        return f"Client({self._server.base_url!r}, on_failure={self._on_failure!r}, timeout={self._timeout})"

    def screen(
        self, signup: Mapping[str, Any], *, idempotency_key: str | None = None, deadline_ms: int | None = None
    ) -> Screening:
        """The decision about a signup, as JSON has it (docs/cli.md), or the fallback.

        `deadline_ms` is what the server may take; left out, it is what the timeout leaves. Raises `ValueError` or
        `TypeError` for a signup that is not JSON, and `ScreeningFailed` where `on_failure` is `raise`.
        """
        moment = time.monotonic() + self._timeout
        asked = question(signup, idempotency_key=idempotency_key, deadline_ms=deadline_ms, timeout=self._timeout)
        try:
            return self._started().ask(asked, moment)
        except ScreeningFailed as failed:
            return fallback(failed, self._on_failure)

    def _started(self) -> _Running:
        running = self._running
        if running is None:
            with self._lock:
                if self._closed:
                    raise RuntimeError("the client is closed")
                running = self._running = self._running or _Running(self._server)
        return running

    def close(self) -> None:
        """Close every connection and end the thread."""
        with self._lock:
            running, self._running, self._closed = self._running, None, True
        if running is not None:
            running.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Running:
    """An exchange and the thread whose event loop it lives in."""

    def __init__(self, asked: Server) -> None:
        self._exchange = Exchange(asked)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="kycrisk-client", daemon=True)
        self._thread.start()

    def ask(self, asked: Question, moment: float) -> Screening:
        future = asyncio.run_coroutine_threadsafe(self._exchange.ask(asked, moment), self._loop)
        try:
            return future.result(max(0.0, moment - time.monotonic()))
        except TimeoutError:  # the loop's own timeout is for the same moment, and may be a little late
            future.cancel()
            raise ScreeningFailed(Failure.TIMEOUT, "no answer in time") from None
        except CancelledError:
            raise ScreeningFailed(Failure.UNREACHABLE, "the client was closed") from None

    def close(self) -> None:
        asyncio.run_coroutine_threadsafe(self._ended(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _ended(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await self._exchange.aclose()


_CLIENTS: WeakSet[Client] = WeakSet()
_OF_THE_PARENT: list[_Running] = []


def _after_fork() -> None:
    """A child has neither the thread nor a right to the connections. They are kept, and left alone: closing them would
    reach into the parent's event loop."""
    for client in list(_CLIENTS):
        client._lock = threading.Lock()
        if client._running is not None:
            _OF_THE_PARENT.append(client._running)
            client._running = None


os.register_at_fork(after_in_child=_after_fork)
