"""A stub resolver: it asks recursive name servers over UDP, and over TCP where they say so.

It exists because it is asked a dozen times for every signup: dnspython's own costs 300 µs of CPU a query and overshoots
its deadline. Network conditions are answers, never exceptions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random, SystemRandom

from kycrisk.lookups.dns_answer import DnsAnswer, Kind, Status
from kycrisk.lookups.dns_question import edns_record, question_section, with_random_case
from kycrisk.lookups.resolver_cache import DEFAULT_LIMITS, AnswerCache, CacheLimits
from kycrisk.lookups.resolver_flight import Flight, Wording
from kycrisk.lookups.resolver_servers import Nameserver, system_nameservers
from kycrisk.lookups.resolver_socket import Channel, Channels, Opener, open_socket
from kycrisk.lookups.resolver_tcp import ask_by_tcp

_DOWN_AFTER = 3  # silences in a row
_DOWN_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolverOptions:
    """How questions are asked. Times in seconds.

    `retry_after` is when a question that got no answer is asked again, once, of the next server where there is one,
    while the first one may still be answered. `edns_payload` is the UDP size that is offered, 0 for none: what we
    ask fits into 512 bytes nearly always. `random_case` makes answers harder to forge ("0x20").
    """

    retry_after: float = 0.1
    edns_payload: int = 0
    random_case: bool = False
    most_open: int = 4096
    cache: CacheLimits = field(default=DEFAULT_LIMITS)


DEFAULT_OPTIONS = ResolverOptions()


class Resolver:
    """Asks questions of the DNS. Made, used and closed in one event loop.

    Without `servers` the system's are asked. The same question is never on its way twice.
    """

    def __init__(
        self,
        servers: Sequence[Nameserver] = (),
        *,
        options: ResolverOptions = DEFAULT_OPTIONS,
        random: Random | None = None,
        opener: Opener = open_socket,
    ) -> None:
        """Raises `RuntimeError` outside of an event loop."""
        self.loop = asyncio.get_running_loop()
        self.servers = tuple(servers) or system_nameservers()
        self.cache = AnswerCache(options.cache)
        self._options = options
        self._random = random or SystemRandom()
        self._edns = edns_record(options.edns_payload) if options.edns_payload else b""
        self._flights: dict[tuple[str, Kind], Flight] = {}
        self._channels: dict[Nameserver, Channels[Flight]] = {
            server: Channels(server, self._random, opener, self.loop) for server in self.servers
        }
        self._silences = dict.fromkeys(self.servers, 0)
        self._down_until = dict.fromkeys(self.servers, 0.0)
        self._closed = False

    async def ask(self, name: str, kind: Kind, *, within: float, fresh: bool = False) -> DnsAnswer:
        """The answer to a question, given at most `within` seconds from now.

        The name is one of A-labels, with or without a final dot. `fresh` passes over answers that are kept. Never
        raises for what the network does. Raises `RuntimeError` on a resolver that was closed.
        """
        if self._closed:
            raise RuntimeError("the resolver is closed")
        now = self.loop.time()
        key = (name.lower().removesuffix("."), kind)
        if not fresh and (kept := self.cache.get(key, now)) is not None:
            return kept
        flight = self._flights.get(key)
        if flight is not None:
            return await flight.join(now + within)
        if len(self._flights) >= self._options.most_open:
            return DnsAnswer(Status.OVERLOADED, detail=f"{self._options.most_open} questions are open")
        section = question_section(key[0], kind)
        if section is None:
            return DnsAnswer(Status.BAD_NAME)
        exact_case = self._options.random_case
        if exact_case:
            section = with_random_case(section, self._random)
        flight = Flight(Wording(key, section, self._edns, exact_case), now + self._options.retry_after, self)
        self._flights[key] = flight
        waiter = flight.join(now + within)
        flight.start()
        return await waiter

    @property
    def is_silent(self) -> bool:
        """Whether no server has answered anything lately, whatever it was asked."""
        return all(silences >= _DOWN_AFTER for silences in self._silences.values())

    def forget(self, suffix: str) -> int:
        """Drop the answers kept about a name and all below it; how many there were."""
        return self.cache.forget(suffix.lower().removesuffix("."))

    def close(self) -> None:
        """Give all sockets back. Who still waits is told that there is no answer."""
        self._closed = True
        for flight in tuple(self._flights.values()):
            flight.land(DnsAnswer(Status.UNREACHABLE, detail="the resolver was closed"))
        for channels in self._channels.values():
            channels.close()

    # What flights need.

    def choose(self, tried: tuple[Nameserver, ...]) -> Nameserver:
        """The best server to ask: one that was not tried, and that answered lately."""
        if len(self.servers) == 1:
            return self.servers[0]
        now = self.loop.time()
        return min(self.servers, key=lambda server: (server in tried, self._down_until[server] > now))

    def has_other(self, tried: tuple[Nameserver, ...]) -> bool:
        """Whether there is a server that was not tried."""
        return any(server not in tried for server in self.servers)

    def channel(self, server: Nameserver) -> tuple[Channel[Flight], int]:
        """A socket to the server, and an id that is free on it. Raises `OSError`."""
        return self._channels[server].pick()

    def silent(self, server: Nameserver) -> None:
        """A server did not answer in time, or cannot be reached; after some silences others go first for a while."""
        self._silences[server] += 1
        if self._silences[server] >= _DOWN_AFTER:
            self._down_until[server] = self.loop.time() + _DOWN_SECONDS

    def heard(self, server: Nameserver) -> None:
        """A server answered, whatever it said."""
        if self._silences[server]:
            self._silences[server] = 0
            self._down_until[server] = 0.0

    def by_tcp(self, flight: Flight, server: Nameserver) -> asyncio.Task[None]:
        """Ask the server again by TCP; the flight cancels the task when it is over."""

        async def fetch() -> None:
            wording = flight.wording
            kind = wording.key[1]
            answer = await ask_by_tcp(server, wording.section, kind, wording.edns, self._random)
            flight.answered(answer)

        return self.loop.create_task(fetch())

    def landed(self, flight: Flight, answer: DnsAnswer) -> None:
        """A flight is over; its answer may be kept."""
        self._flights.pop(flight.wording.key, None)
        self.cache.put(flight.wording.key, answer, self.loop.time())
