"""FraudRecord's hashing: how keys and values are prepared, and a process that hashes beside the event loop.

One value takes some 10 ms, during which CPython holds its lock, so threads do not help.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import sys
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path

from kycrisk.lookups import fraudrecord_worker
from kycrisk.lookups.asked import LookupFailure
from kycrisk.lookups.cache import CacheTerms, Kept, KeptResults, TtlCache
from kycrisk.lookups.fraudrecord_worker import hash_bytes
from kycrisk.signals import Why

SPACE = "fraudrecord.hash"
MAX_KEY = 17
MAX_VALUE = 4096

#: Values waiting to be hashed, above which nobody would see theirs in time.
MAX_WAITING = 256

_NOT_IN_KEYS = re.compile(r"[^a-zA-Z0-9-]", re.ASCII)
_PHP_BLANKS = b" \t\n\r\0\x0b"  # what PHP's trim takes away
_HASH = re.compile(r"[0-9a-f]{40}", re.ASCII)

#: Vectors that FraudRecord publishes (fraudrecord.com/security and /developers, www.fraudrecord.com/docs/api).
#: The password's is for the value as it is: passwords are neither stripped nor lowercased.
KNOWN_VECTORS: Mapping[str, str] = {
    "John Smith": "ac2c739924bf5d4d9bf5875dc70274fef0fe54cf",
    "john.smith@example.com": "34efd0a968b48cbf9a43ac3e73053e4f343234e4",
    "jsmith@example.net": "2a1ab4a6ed14713d0e26127c1920417e4b193924",
    "11.22.33.44": "f25c0306279af0bd9faf1caf0549daedb3472b7f",
    "+1 000 111 22 33": "3f09086d8d4e4019eb534ce28e6b64c8ef563ec9",
    "+1 555 123 45 67": "d542e4bad3dbb13bcf0e31f484394997cd969b18",
    "example.com": "ff07748b4d4b8f08f21499e078ef792fded46641",
    "john@compuserve.net": "ddb48c18cf40686416e811256b47c6f96485d70a",
}
KNOWN_PASSWORD_VECTOR = ("iLoveLinux!", "93491c2dff7b35528c319f304b0222fc55ebcfcb")


def data_key(raw: str) -> str:
    """A key as FraudRecord files it: `Paypal_Email 2` → `paypal-email-2`. Raises `ValueError` when nothing is left."""
    key = raw.strip().replace(" ", "-").replace("_", "-")
    key = _NOT_IN_KEYS.sub("", key).lower()[:MAX_KEY]
    if not key:
        raise ValueError(f"`{raw[:40]}` has no letter or digit to make a FraudRecord key of")
    return key


def data_value(raw: str, *, verbatim: bool = False) -> bytes:
    """A value as it is hashed: trimmed, blanks taken out, lower case; passwords (`verbatim`) are hashed as they are.

    It is what the published PHP does on PHP 8: its `strtolower` knows ASCII only, so `É` stays `É`. What FraudRecord
    means for other letters is not written down.
    """
    value = raw.encode("utf-8", errors="replace")
    return value if verbatim else value.strip(_PHP_BLANKS).replace(b" ", b"").lower()


def is_password(key: str) -> bool:
    """Whether a key holds a password, which is hashed verbatim: fraudrecord.com/developers."""
    return "pass" in key


def vector_holds() -> bool:
    """Whether this machine hashes a known value as FraudRecord does."""
    value, expected = next(iter(KNOWN_VECTORS.items()))
    return hash_bytes(data_value(value)) == expected


class Hasher:
    """Hashes values in a process of its own, which starts with the first one; each value once ever.

    Hashes are kept in memory and in `kept`, there under a digest of the value that `pepper` (a secret) keys. It
    belongs to one event loop; close it with `aclose`.
    """

    def __init__(self, kept: KeptResults, *, pepper: bytes, clock: Callable[[], float], remembered: int = 50_000) -> None:
        self._kept, self._pepper = kept, pepper[:64]
        forever = 10 * 365 * 86_400.0
        self._ttl = forever
        self._memory: TtlCache[bytes, str] = TtlCache(clock, CacheTerms(entries=remembered, most=forever))
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._waiting: deque[asyncio.Future[str]] = deque()
        self._under_way: dict[bytes, asyncio.Task[str]] = {}
        self._starting = asyncio.Lock()
        self.hashed = 0  # how many values were really hashed, for the curious

    async def hashes(self, fields: Mapping[str, str], deadline: float) -> dict[str, str]:
        """The hashes of a person's fields by their prepared keys; empty values are left out.

        Raises `ValueError` for keys that are none, or two that become one, and `LookupFailure` when it takes longer
        than until `deadline` (the work goes on, and is there the next time).
        """
        prepared: dict[str, bytes] = {}
        for raw_key, raw_value in fields.items():
            key = data_key(raw_key)
            value = data_value(raw_value[:MAX_VALUE], verbatim=is_password(key))
            if not value:
                continue
            if key in prepared:
                raise ValueError(f"two fields become `{key}` at FraudRecord")
            prepared[key] = value
        try:
            async with asyncio.timeout_at(deadline):
                return {key: await each for key, each in [(key, self._hash(value)) for key, value in prepared.items()]}
        except TimeoutError:
            raise LookupFailure(
                Why.TIMEOUT, "hashing for FraudRecord takes longer than that", against_source=False, reached=False
            ) from None

    async def aclose(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            await process.wait()
        if self._reader is not None:
            await asyncio.wait([self._reader])
        for task in list(self._under_way.values()):
            task.cancel()
        await asyncio.gather(*self._under_way.values(), return_exceptions=True)
