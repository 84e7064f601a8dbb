"""Both clients behind one call, and servers that misbehave."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from kycrisk.client import AsyncClient, Client, Screening

NEVER = "http://127.0.0.1:9"  # nobody listens at the port of `discard`


def by_client(url: str, key: str, *signups: dict[str, Any], how: dict[str, Any] | None = None, **settings: Any):
    with Client(url, key, **settings) as client:
        return [client.screen(signup, **(how or {})) for signup in signups]


def by_async_client(url: str, key: str, *signups: dict[str, Any], how: dict[str, Any] | None = None, **settings: Any):
    async def work() -> list[Screening]:
        async with AsyncClient(url, key, **settings) as client:
            return [await client.screen(signup, **(how or {})) for signup in signups]

    return asyncio.run(work())


BOTH = [by_client, by_async_client]


@contextmanager
def raw_server(*answers: Callable[[socket.socket, bytes], None]) -> Iterator[str]:
    """A server that does to its connections what it is told: the first answer to the first, the last to all others."""
    listener = socket.create_server(("127.0.0.1", 0))
    open_: list[socket.socket] = []

    def serve() -> None:
        for number in range(1000):
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            open_.append(connection)
            threading.Thread(
                target=answered, args=(connection, answers[min(number, len(answers) - 1)]), daemon=True
            ).start()

    def answered(connection: socket.socket, answer: Callable[[socket.socket, bytes], None]) -> None:
        with suppress(OSError):
            answer(connection, b"")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)
        for connection in open_:
            connection.close()


def request(connection: socket.socket) -> bytes:
    """A whole request with a `Content-Length`, head and body; empty when the other side has gone."""
    got = b""
    while b"\r\n\r\n" not in got:
        more = connection.recv(65_536)
        if not more:
            return b""
        got += more
    head, _, body = got.partition(b"\r\n\r\n")
    [length] = [int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    while len(body) < length:
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body


def response(status: str, body: bytes, *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Content-Type: application/json", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def silent(connection: socket.socket, _: bytes) -> None:
    """Reads, and says nothing."""
    while connection.recv(65_536):
        pass


def dripping(connection: socket.socket, _: bytes) -> None:
    """A byte of the answer now and then, so that no single read takes long."""
    request(connection)
    connection.sendall(b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n")
    waiting = threading.Event()
    while True:
        connection.sendall(b" ")
        waiting.wait(0.01)


def hanging_up(connection: socket.socket, _: bytes) -> None:
    request(connection)
    connection.close()


def answering(status: str, body: bytes, *headers: str) -> Callable[[socket.socket, bytes], None]:
    def answer(connection: socket.socket, _: bytes) -> None:
        while request(connection):
            connection.sendall(response(status, body, *headers))

    return answer


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds taken, and what came of it."""
    start = time.monotonic()
    result = work()
    return time.monotonic() - start, result
