"""Load over HTTP: so many connections, each with one request under way, and how long each answer took.

A protocol of its own instead of a client library, which would take more of the machine than the servers it measures.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import quantiles
from time import perf_counter
from typing import cast

import uvloop


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came of it: answers a second, milliseconds at percentiles, and how many answers had another status."""

    rate: float
    p50: float
    p99: float
    longest: float
    other: int
    seconds: float


class _Caller(asyncio.Protocol):
    """One connection: the next request goes out when the answer to the last one is whole."""

    def __init__(self, requests: list[bytes], times: list[float], expected: bytes, done: asyncio.Future[None]) -> None:
        self._requests, self._times, self._expected, self._done = requests, times, expected, done
        self._left, self._sent, self.other = 0, 0.0, 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._next()

    def data_received(self, data: bytes) -> None:
        if self._left == 0:
            head, _, body = data.partition(b"\r\n\r\n")
            at = head.lower().index(b"content-length: ") + 16
            self._left = int(head[at:].partition(b"\r")[0]) - len(body)
            self.other += not data.startswith(self._expected)
        else:
            self._left -= len(data)
        if self._left == 0:
            self._times.append(perf_counter() - self._sent)
            self._next()

    def connection_lost(self, error: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(error or ConnectionError("the server ended the connection"))

    def _next(self) -> None:
        if self._requests:
            self._sent = perf_counter()
            self._transport.write(self._requests.pop())
        elif not self._done.done():
            self._done.set_result(None)


def load(port: int, requests: Sequence[bytes], connections: int, status: int) -> Loaded:
    """Send the requests over so many connections, as fast as they are answered."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_load(port, list(reversed(requests)), connections, status))


async def _load(port: int, requests: list[bytes], connections: int, status: int) -> Loaded:
    loop, times = asyncio.get_running_loop(), list[float]()
    expected = f"HTTP/1.1 {status} ".encode()
    futures = [loop.create_future() for _ in range(connections)]
    callers = [_Caller(requests, times, expected, future) for future in futures]
    begun = perf_counter()
    for caller in callers:
        await loop.create_connection(lambda caller=caller: caller, "127.0.0.1", port)
    await asyncio.gather(*futures)
    seconds = perf_counter() - begun
    percentiles = quantiles(times, n=100)
    return Loaded(
        rate=len(times) / seconds,
        p50=percentiles[49] * 1000,
        p99=percentiles[98] * 1000,
        longest=max(times) * 1000,
        other=sum(caller.other for caller in callers),
        seconds=seconds,
    )


def request(method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> bytes:
    """A request as it goes over the wire."""
    told = {"Host": "127.0.0.1", **(headers or {}), **({"Content-Length": str(len(body))} if body else {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body
