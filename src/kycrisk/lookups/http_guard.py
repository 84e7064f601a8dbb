"""Connections to public addresses only: a host is resolved once, its addresses are judged, and one of these is used.

A name that is looked at and then resolved again by the library can answer differently the second time (DNS rebinding);
here the connection goes to the very address that was judged. Redirects come through here as every request does.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address

import httpx

from kycrisk.lookups.asked import LookupFailure
from kycrisk.signals import IP, Why
from kycrisk.special_networks import special_kind

#: The addresses of a host, by the moment of the event loop's clock. Raises `LookupFailure` when they cannot be had.
Resolve = Callable[[str, float], Awaitable[Sequence[IP]]]
Network = IPv4Network | IPv6Network

MAX_HOSTS = 64  # whose connections are kept; beyond that the one that was used longest ago goes
BUSY = 60.0  # seconds for which a host's connections may still be in use, as every request has its deadline


async def system_resolve(host: str, deadline: float) -> Sequence[IP]:
    """The addresses by the system's own resolver, which works in a thread: a hung one holds that thread, not us."""
    try:
        async with asyncio.timeout_at(deadline):
            found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except TimeoutError:
        raise LookupFailure(Why.TIMEOUT, f"the name `{host}` was not resolved in time", reached=False) from None
    except (OSError, UnicodeError):
        raise LookupFailure(Why.REFUSED, f"the name `{host}` does not resolve", reached=False) from None
    return [ip_address(str(where[0]).partition("%")[0]) for *_, where in found]


class GuardedTransport(httpx.AsyncBaseTransport):
    """An httpx transport that connects to judged addresses.

    `allowed` are networks that may be asked although they are not public: a site's own services. Each host has its own
    pool: a connection whose certificate was checked for one name must not serve another at the same address.
    """

    def __init__(
        self,
        resolve: Resolve,
        *,
        allowed: Iterable[Network] = (),
        tls: ssl.SSLContext,
        limits: httpx.Limits,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._resolve, self._allowed, self._tls, self._limits = resolve, tuple(allowed), tls, limits
        self._clock = clock
        self._pools: OrderedDict[tuple[str, str], tuple[httpx.AsyncHTTPTransport, float]] = OrderedDict()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request to an address of its host. Raises `LookupFailure` when none may be used."""
        host = request.url.host
        address = await self._address(host, request.extensions.get("deadline", 0.0))
        request.url = request.url.copy_with(host=str(address))  # the `Host` header was set before, and stays
        request.extensions = {**request.extensions, "sni_hostname": host}
        return await (await self._pool(request.url.scheme, host)).handle_async_request(request)

    async def _address(self, host: str, deadline: float) -> IP:
        try:
            found: Sequence[IP] = [ip_address(host.strip("[]"))]
        except ValueError:
            found = await self._resolve(host, deadline)
        if not found:
            raise LookupFailure(Why.REFUSED, f"the name `{host}` has no address", reached=False)
        for address in found:
            kind = special_kind(address)
            if kind and not any(address in network for network in self._allowed):
                # One bad address condemns them all: an honest public service has none.
                raise LookupFailure(
                    Why.REFUSED,
                    f"`{host}` is at a {kind.replace('_', '-')} address",
                    against_source=False,
                    reached=False,
                )
        return min(found, key=lambda address: address.version)  # IPv4 first: servers without IPv6 are common

    async def _pool(self, scheme: str, host: str) -> httpx.AsyncHTTPTransport:
        now = self._clock()
        pool, _ = self._pools.pop((scheme, host), (None, now))
        if pool is None:
            pool = httpx.AsyncHTTPTransport(verify=self._tls, trust_env=False, limits=self._limits)
        self._pools[scheme, host] = pool, now
        oldest, (idle, used) = next(iter(self._pools.items()))
        if len(self._pools) > MAX_HOSTS and now - used > BUSY:
            del self._pools[oldest]
            await idle.aclose()
        return pool

    async def aclose(self) -> None:
        """Close every connection."""
        for pool, _ in self._pools.values():
            await pool.aclose()
        self._pools.clear()
