"""The UDP sockets that questions leave by: several at a time, on random ports, each for few questions.

A forger has to guess the port and the id of a question (RFC 5452 section 4). The kernel takes packets only from the
address and port that a socket is connected to, so an answer from elsewhere never gets here.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Callable
from random import Random
from typing import Generic, Protocol, TypeVar

from kycrisk.lookups.resolver_servers import Nameserver

PORTS = range(16_384, 65_536)
SOCKETS_AT_ONCE = 4
QUESTIONS_PER_SOCKET = 16
SECONDS_PER_SOCKET = 30.0
_PORT_TRIES = 4
_MOST_BYTES = 4096  # as much as any EDNS payload we offer


class Asked(Protocol):
    """A question in flight, as its socket sees it."""

    def arrived(self, packet: bytes, server: Nameserver) -> bool:
        """Take a packet with the question's id; False when it does not answer the question."""

    def lost(self, server: Nameserver, error: OSError) -> None:
        """The network says that the server cannot be reached."""


Question = TypeVar("Question", bound=Asked)
Opener = Callable[[Nameserver, Random], socket.socket]


def open_socket(server: Nameserver, random: Random) -> socket.socket:
    """A non-blocking UDP socket, connected to the server, on a random port. Raises `OSError`."""
    made = socket.socket(server.family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
    try:
        _bind_at_random(made, "::" if server.family is socket.AF_INET6 else "0.0.0.0", random)
        made.connect(server.endpoint())
    except OSError:
        made.close()
        raise
    return made


def _bind_at_random(made: socket.socket, anywhere: str, random: Random) -> None:
    for _ in range(_PORT_TRIES):
        try:
            made.bind((anywhere, random.choice(PORTS)))
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
        else:
            return
    made.bind((anywhere, 0))  # the kernel's choice, which is random on Linux and the BSDs as well


class Channel(Generic[Question]):
    """One socket and the questions that are open on it."""

    __slots__ = ("_loop", "_open", "_socket", "born", "left", "server")

    def __init__(self, made: socket.socket, server: Nameserver, loop: asyncio.AbstractEventLoop) -> None:
        self.server = server
        self.born = loop.time()
        self.left = QUESTIONS_PER_SOCKET
        self._socket = made
        self._loop = loop
        self._open: dict[int, Question] = {}
        loop.add_reader(made.fileno(), self._readable)

    def is_free(self, ident: int) -> bool:
        """Whether no open question has this id."""
        return ident not in self._open

    def send(self, ident: int, packet: bytes, question: Question) -> None:
        """Ask. Raises `OSError` where the packet cannot even leave."""
        self.left -= 1
        self._open[ident] = question
        try:
            self._socket.send(packet)
        except OSError:
            self.forget(ident)
            raise

    def forget(self, ident: int) -> None:
        """Expect no answer any more."""
        self._open.pop(ident, None)
        if self.left <= 0 and not self._open:
            self.close()

    def close(self) -> None:
        """Give the port back; open questions on it stay unanswered."""
        self._open.clear()
        self.left = 0
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket.fileno())
            self._socket.close()

    def _readable(self) -> None:
        try:
            packet = self._socket.recv(_MOST_BYTES)
        except (BlockingIOError, InterruptedError):
            return  # the kernel dropped a packet with a wrong checksum after it woke us (select(2), BUGS)
        except OSError as error:  # an ICMP message: refused, no route ...
            questions = tuple(self._open.values())
            self.close()
            for lost in questions:
                lost.lost(self.server, error)
            return
        ident = int.from_bytes(packet[:2], "big")
        question = self._open.get(ident)
        if question is not None and question.arrived(packet, self.server):
            self.forget(ident)


class Channels(Generic[Question]):
    """The sockets to one server, which come and go."""

    __slots__ = ("_channels", "_loop", "_opener", "_random", "_server")

    def __init__(self, server: Nameserver, random: Random, opener: Opener, loop: asyncio.AbstractEventLoop) -> None:
        self._server = server
        self._random = random
        self._opener = opener
        self._loop = loop
        self._channels: list[Channel[Question] | None] = [None] * SOCKETS_AT_ONCE

    def pick(self) -> tuple[Channel[Question], int]:
        """A socket and an id that is free on it, both at random. Raises `OSError` when none can be opened."""
        draw = self._random.getrandbits(32)
        slot = (draw >> 16) % SOCKETS_AT_ONCE
        channel = self._channels[slot]
        if channel is None or channel.left <= 0 or self._loop.time() - channel.born > SECONDS_PER_SOCKET:
            channel = self._renew(slot)
        ident = draw & 0xFFFF
        while not channel.is_free(ident):
            ident = self._random.getrandbits(16)
        return channel, ident

    def _renew(self, slot: int) -> Channel[Question]:
        old = self._channels[slot]
        channel: Channel[Question] = Channel(self._opener(self._server, self._random), self._server, self._loop)
        self._channels[slot] = channel
        if old is not None:
            old.left = 0
            old.forget(-1)  # closes it, unless questions are still open on it
        return channel

    def close(self) -> None:
        """Close every socket that new questions would use."""
        for channel in self._channels:
            if channel is not None:
                channel.close()
        self._channels = [None] * SOCKETS_AT_ONCE
