"""What does a blocklist query cost, beside dnspython's own resolver? `python -m bench.dns`

A name server in a process of its own answers over loopback; CPU is that of the asking process alone. Names are asked
twelve at a time, as for one signup, and never twice. The contestants take turns, and medians are compared.
"""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from itertools import count, islice
from statistics import median
from time import perf_counter, process_time

import dns.asyncresolver
import dns.exception
import dns.resolver

from bench.alone import show
from bench.figure import Figure, Options, Section
from kycrisk.lookups.dns_answer import Kind, Status
from kycrisk.lookups.resolver import Resolver
from kycrisk.lookups.resolver_servers import Nameserver

ZONES = 12
DELAY_MS = 20
DEADLINE_MS = 250

Ask = Callable[[str, float], Awaitable[str]]  # a name and a deadline in seconds → how it turned out
_NUMBERS = count()


class Answering(asyncio.DatagramProtocol):
    """Says no to every name, yes below `listed`, late below `slow` and nothing below `hole`."""

    transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        name = data[12 : data.index(0, 12) + 1]
        question = data[12 : 12 + len(name) + 4]
        if b"\x04hole" in name:
            return
        if b"\x06listed" in name:
            head, tail = (
                b"\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00",
                b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x01\x2c\x00\x04\x7f\x00\x00\x02",
            )
        else:
            soa = b"\x02ns\xc0\x0c\x04host\xc0\x0c" + b"\x00\x00\x00\x01" * 5
            head = b"\x81\x83\x00\x01\x00\x00\x00\x01\x00\x00"
            tail = b"\xc0\x0c\x00\x06\x00\x01\x00\x00\x01\x2c" + len(soa).to_bytes(2, "big") + soa
        answer = data[:2] + head + question + tail
        if b"\x04slow" in name:
            asyncio.get_running_loop().call_later(DELAY_MS / 1000, self.transport.sendto, answer, addr)
        else:
            self.transport.sendto(answer, addr)


async def serve() -> None:
    """Answer until the process is ended; the port goes to stdout first."""
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Answering, local_addr=("127.0.0.1", 0))
    print(transport.get_extra_info("sockname")[1], flush=True)
    await asyncio.Event().wait()


@contextmanager
def serving() -> Iterator[int]:
    """The port of a server that runs until the block ends."""
    with subprocess.Popen([sys.executable, "-m", "bench.dns", "--serve"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield int(process.stdout.readline())
        finally:
            process.terminate()


def names(below: str, how_many: int) -> list[str]:
    """Names that were never asked before, each in a zone of its own."""
    return [f"{number >> 8 & 255}.{number & 255}.2.0.192.z{number}.{below}" for number in islice(_NUMBERS, how_many)]


class Floor(asyncio.DatagramProtocol):
    """The least that an asyncio client has to do: one socket, one future a question, the answer not even read."""

    def __init__(self) -> None:
        self.open: dict[bytes, asyncio.Future[str]] = {}
        self.idents = count()

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.open.pop(data[:2]).set_result("yes" if data[7] else "no")

    async def ask(self, name: str, deadline: float) -> str:
        ident = (next(self.idents) & 0xFFFF).to_bytes(2, "big")
        self.open[ident] = asyncio.get_running_loop().create_future()
        labels = b"".join(bytes((len(label),)) + label for label in name.encode().split(b"."))
        self.transport.sendto(ident + b"\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + labels + b"\x00\x00\x01\x00\x01")
        return await self.open[ident]


def ours(resolver: Resolver) -> Ask:
    """kycrisk's resolver."""
    words = {Status.RECORDS: "yes", Status.NXDOMAIN: "no", Status.TIMEOUT: "timeout"}

    async def ask(name: str, deadline: float) -> str:
        return words[(await resolver.ask(name, Kind.A, within=deadline)).status]

    return ask


def dnspython(port: int) -> Ask:
    """dnspython's asynchronous resolver, without a cache as it comes."""
    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], port

    async def ask(name: str, deadline: float) -> str:
        try:
            await resolver.resolve(name, "A", lifetime=deadline)
        except dns.resolver.NXDOMAIN:
            return "no"
        except dns.exception.Timeout:
            return "timeout"
        return "yes"

    return ask


async def cpu_per_query(ask: Ask, rounds: int) -> float:
    """µs of CPU for one query, asked twelve at a time; one in twelve is listed."""
    batches = [[*names("test", ZONES - 1), *names("listed.test", 1)] for _ in range(rounds)]
    gc.collect()
    begun = process_time()
    for batch in batches:
        answers = await asyncio.gather(*(ask(name, 2.0) for name in batch))
        if answers != ["no"] * (ZONES - 1) + ["yes"]:
            raise SystemExit(f"wrong answers: {answers}")
    return (process_time() - begun) / (rounds * ZONES) * 1e6


async def wall(ask: Ask, batch: list[str], deadline: float) -> tuple[float, list[str]]:
    """ms until all names of a batch are answered or given up, and how they turned out."""
    begun = perf_counter()
    answers = await asyncio.gather(*(ask(name, deadline) for name in batch))
    return (perf_counter() - begun) * 1000, list(answers)


async def measure(port: int, *, quick: bool) -> list[Figure]:
    """Every figure, in one run."""
    repeats, rounds = (3, 20) if quick else (15, 150)
    floor_transport, floor = await asyncio.get_running_loop().create_datagram_endpoint(
        Floor, remote_addr=("127.0.0.1", port)
    )
    with closing(Resolver([Nameserver("127.0.0.1", port)])) as resolver:
        contestants: dict[str, Ask] = {"kycrisk": ours(resolver), "dnspython": dnspython(port), "floor": floor.ask}
        cpu: dict[str, list[float]] = {name: [] for name in contestants}
        late: dict[str, list[float]] = {name: [] for name in contestants}
        holed: dict[str, list[float]] = {"kycrisk": [], "dnspython": []}
        for ask in contestants.values():
            await cpu_per_query(ask, 5)  # warm
        for _ in range(repeats):
            for name, ask in contestants.items():
                cpu[name].append(await cpu_per_query(ask, rounds))
                late[name].append((await wall(ask, names("slow.test", ZONES), 2.0))[0])
        for _ in range(2 if quick else 9):
            for name in holed:
                batch = [*names("slow.test", ZONES - 1), *names("hole.test", 1)]
                took, answers = await wall(contestants[name], batch, DEADLINE_MS / 1000)
                if answers != ["no"] * (ZONES - 1) + ["timeout"]:
                    raise SystemExit(f"wrong answers of {name}: {answers}")
                holed[name].append(took)
    floor_transport.close()
    return _figures(
        {name: median(values) for name, values in cpu.items()},
        {name: median(values) for name, values in late.items()},
        {name: max(values) for name, values in holed.items()},
        [theirs / own for own, theirs in zip(cpu["kycrisk"], cpu["dnspython"], strict=True)],
    )


def _figures(
    cpu: dict[str, float], late: dict[str, float], holed: dict[str, float], times: list[float]
) -> list[Figure]:
    twelve = f"{ZONES} queries at once, each answered after {DELAY_MS} ms"
    hole = f"one zone of {ZONES} silent, {DEADLINE_MS} ms deadline, the slowest run"
    return [
        Figure(name="CPU of an uncached blocklist query", value=cpu["kycrisk"], unit="µs"),
        Figure(name="the same by dnspython's async resolver", value=cpu["dnspython"], unit="µs"),
        Figure(name="the same by a bare asyncio datagram client", value=cpu["floor"], unit="µs", note="the floor"),
        Figure(name="times less CPU than dnspython", value=median(times), unit="×", bar=6, at_least=True),
        Figure(name=twelve, value=late["kycrisk"], unit="ms", bar=24),
        Figure(name=f"{twelve}: dnspython", value=late["dnspython"], unit="ms"),
        Figure(name=f"{twelve}: a bare client", value=late["floor"], unit="ms"),
        Figure(name=hole, value=holed["kycrisk"], unit="ms", bar=260),
        Figure(name=f"{hole}: dnspython", value=holed["dnspython"], unit="ms"),
    ]


def run(options: Options) -> Section:
    """Every contestant in turns, against a server in a process of its own."""
    with serving() as port:
        figures = asyncio.run(measure(port, quick=options.quick))
    return Section(name="dns", figures=tuple(figures), details={"zones": ZONES, "answered_after_ms": DELAY_MS})


if __name__ == "__main__":
    if "--serve" in sys.argv[1:]:
        asyncio.run(serve())
    else:
        show(run)
