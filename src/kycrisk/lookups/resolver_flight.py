"""One question on its way: who waits for it, where it was sent, when it is asked again and when it is given up."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Protocol

from kycrisk.lookups.dns_answer import DnsAnswer, Status
from kycrisk.lookups.dns_question import packet
from kycrisk.lookups.dns_response import answers_question, is_truncated, read_response, refuses_format
from kycrisk.lookups.resolver_cache import Key
from kycrisk.lookups.resolver_servers import Nameserver
from kycrisk.lookups.resolver_socket import Channel

_TRIES = 2  # the question, and at most one retry
_SLACK = 0.001  # timers may come early by the clock's resolution


class Sky(Protocol):
    """What a flight needs of its resolver."""

    loop: asyncio.AbstractEventLoop

    def choose(self, tried: tuple[Nameserver, ...]) -> Nameserver:
        """The best server to ask, one that was not tried where there is one."""

    def channel(self, server: Nameserver) -> tuple[Channel[Flight], int]:
        """A socket to the server, and an id that is free on it. Raises `OSError`."""

    def has_other(self, tried: tuple[Nameserver, ...]) -> bool:
        """Whether there is a server that was not tried."""

    def silent(self, server: Nameserver) -> None:
        """A server did not answer in time, or cannot be reached."""

    def heard(self, server: Nameserver) -> None:
        """A server answered, whatever it said."""

    def by_tcp(self, flight: Flight, server: Nameserver) -> asyncio.Task[None]:
        """Ask the server again by TCP."""

    def landed(self, flight: Flight, answer: DnsAnswer) -> None:
        """The flight is over."""


@dataclass(frozen=True, slots=True)
class Wording:
    """A question as it is sent. `exact_case` is set where the case of letters was drawn at random."""

    key: Key
    section: bytes
    edns: bytes
    exact_case: bool


class Flight:
    """One question, asked once for everybody who waits for it. It holds the name and is never shown."""

    __slots__ = ("_failure", "_open", "_retry_at", "_sent", "_sky", "_task", "_timer", "_tried", "_waiters", "wording")

    def __init__(self, wording: Wording, retry_at: float, sky: Sky) -> None:
        self.wording = wording
        self._sky = sky
        self._retry_at = retry_at
        self._waiters: list[tuple[float, asyncio.Future[DnsAnswer]]] = []
        self._sent: list[tuple[Channel[Flight], int]] = []
        self._tried: tuple[Nameserver, ...] = ()
        self._open = 0  # packets that may still be answered
        self._failure: DnsAnswer | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return "<a question>"  # the name may hold a key, and event loops print what they call

    def join(self, deadline: float) -> asyncio.Future[DnsAnswer]:
        """Wait for the answer until a moment of the loop's clock; the future holds a TIMEOUT then."""
        waiter = self._sky.loop.create_future()
        self._waiters.append((deadline, waiter))
        if self._timer is None or deadline < self._timer.when():
            self._set_timer()
        return waiter

    def start(self) -> None:
        """Send the question."""
        self._send(self.wording.edns)

    def land(self, answer: DnsAnswer) -> None:
        """Tell everybody, and expect nothing more."""
        if self._timer is not None:
            self._timer.cancel()
        for channel, ident in self._sent:
            channel.forget(ident)
        if self._task is not None and self._task is not asyncio.current_task(self._sky.loop):
            self._task.cancel()
        waiters, self._waiters, self._sent = self._waiters, [], []
        self._sky.landed(self, answer)
        for _, waiter in waiters:
            if not waiter.done():
                waiter.set_result(answer)

    def arrived(self, packet: bytes, server: Nameserver) -> bool:
        """A packet with the question's id came; False when it does not answer the question."""
        wording = self.wording
        if not answers_question(packet, wording.section, exact_case=wording.exact_case):
            return False
        self._sky.heard(server)
        if is_truncated(packet):
            if self._task is None:
                self._task = self._sky.by_tcp(self, server)
            else:
                self._open -= 1
            return True
        if wording.edns and refuses_format(packet) and len(self._tried) < _TRIES:
            self._open -= 1
            self._send(b"")
            return True
        self.answered(read_response(packet, wording.section, wording.key[1], str(server)))
        return True

    def answered(self, answer: DnsAnswer) -> None:
        """An answer, or a server's failure to give one, which another server may make good."""
        if answer.conclusive:
            self.land(answer)
            return
        self._open -= 1
        self._failure = answer
        if len(self._tried) < _TRIES and self._sky.has_other(self._tried):
            self._send(self.wording.edns)
        elif self._open <= 0:
            self.land(answer)

    def lost(self, server: Nameserver, error: OSError) -> None:
        """The network says that the server cannot be reached."""
        self._sky.silent(server)
        self.answered(_unreachable(server, error))

    def _send(self, edns: bytes) -> None:
        server = self._sky.choose(self._tried)
        self._tried = (*self._tried, server)
        self._open += 1
        try:
            channel, ident = self._sky.channel(server)
            self._sent.append((channel, ident))
            channel.send(ident, packet(ident, self.wording.section, edns), self)
        except OSError as error:
            self.lost(server, error)

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        moments = [deadline for deadline, _ in self._waiters]
        if len(self._tried) < _TRIES and self._task is None:
            moments.append(self._retry_at)
        self._timer = self._sky.loop.call_at(min(moments), self._on_time)

    def _on_time(self) -> None:
        now = self._sky.loop.time() + _SLACK
        late = [waiter for deadline, waiter in self._waiters if deadline <= now]
        self._waiters = [(deadline, waiter) for deadline, waiter in self._waiters if deadline > now]
        asked = " and ".join(dict.fromkeys(map(str, self._tried)))
        answer = self._failure or DnsAnswer(Status.TIMEOUT, detail=f"no answer from {asked}")
        for waiter in late:
            if not waiter.done():
                waiter.set_result(answer)
        if all(waiter.done() for _, waiter in self._waiters):
            for server in dict.fromkeys(self._tried if self._failure is None else ()):
                self._sky.silent(server)
            self.land(answer)
            return
        if len(self._tried) < _TRIES and now >= self._retry_at and self._task is None:
            self._sky.silent(self._tried[-1])
            self._send(self.wording.edns)
        if self._waiters:
            self._set_timer()


def _unreachable(server: Nameserver, error: OSError) -> DnsAnswer:
    return DnsAnswer(Status.UNREACHABLE, detail=f"{server}: {_words(error)}", server=str(server))


def _words(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()
