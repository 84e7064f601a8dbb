"""FraudRecord's hashing: how keys and values are prepared, and each value hashed once ever, beside the event loop.

One value takes some 10 ms, during which CPython holds its lock, so threads would not help.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Callable, Mapping
from functools import partial

from kycrisk.lookups.asked import LookupFailure
from kycrisk.lookups.cache import CacheTerms, Kept, KeptResults, TtlCache
from kycrisk.lookups.fraudrecord_process import HashProcess
from kycrisk.lookups.single_flight import Abandoned, SingleFlight
from kycrisk.signals import Why

SPACE = "fraudrecord.hash"
MAX_KEY = 17
MAX_VALUE = 4096

_FOREVER = 100 * 365 * 86_400.0
_NOT_IN_KEYS = re.compile(r"[^a-zA-Z0-9-]", re.ASCII)
_PHP_BLANKS = b" \t\n\r\0\x0b"  # what PHP's trim takes away
_HASH = re.compile(r"[0-9a-f]{40}", re.ASCII)

#: Vectors that FraudRecord publishes: the first six on fraudrecord.com/security, then those of /developers and
#: www.fraudrecord.com/docs/api.
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
#: The vector of a password, which is hashed as it is (fraudrecord.com/developers).
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

    It is what the published PHP does on PHP 8, whose `strtolower` knows ASCII only: `É` stays `É`. What FraudRecord
    means for other letters is not written down.
    """
    value = raw.encode("utf-8", errors="replace")
    return value if verbatim else value.strip(_PHP_BLANKS).replace(b" ", b"").lower()


def prepared(fields: Mapping[str, str]) -> dict[str, bytes]:
    """A person's fields as they are hashed, by their prepared keys; what is empty is left out.

    Raises `ValueError` for a key that is none, and for two that become one.
    """
    found: dict[str, bytes] = {}
    for raw_key, raw_value in fields.items():
        key = data_key(raw_key)
        value = data_value(raw_value[:MAX_VALUE], verbatim="pass" in key)
        if value and key in found:
            raise ValueError(f"two fields become `{key}` at FraudRecord")
        if value:
            found[key] = value
    return found


class Hasher:
    """Hashes each value once ever: hashes are kept in memory and in `kept`.

    There they stand under a digest of the value that `pepper` (a secret) keys: beside a bare one, the 32,000 rounds
    would be no protection any more. It belongs to one event loop; close it with `aclose`.
    """

    def __init__(
        self, kept: KeptResults, *, pepper: bytes, clock: Callable[[], float], remembered: int = 50_000
    ) -> None:
        self._kept, self._pepper = kept, pepper[:64]
        self._memory: TtlCache[bytes, str] = TtlCache(clock, CacheTerms(entries=remembered, most=_FOREVER))
        self._flights: SingleFlight[bytes, str] = SingleFlight(linger=True)
        self.process = HashProcess()
        self.computed = 0  # how many values were really hashed

    async def hashes(self, values: Mapping[str, bytes], deadline: float) -> dict[str, str]:
        """The hashes of prepared values, by the same keys.

        Raises `LookupFailure` when they are not there by `deadline` (a moment of the event loop's clock); the work
        goes on, and is done the next time.
        """
        wanted = {key: self._memory.get(value) for key, value in values.items()}
        missing = [key for key, known in wanted.items() if known is None]
        shares = (self._flights.share(values[key], partial(self._hash, values[key]), deadline) for key in missing)
        results = await asyncio.gather(*shares, return_exceptions=True)  # none is left behind when one fails
        for key, result in zip(missing, results, strict=True):
            match result:
                case str():
                    wanted[key] = result
                case TimeoutError() | Abandoned():
                    detail = "hashing for FraudRecord takes longer than that"
                    raise LookupFailure(Why.TIMEOUT, detail, against_source=False, reached=False) from None
                case _:
                    raise result
        return {key: known for key, known in wanted.items() if known is not None}

    async def vector_holds(self) -> bool:
        """Whether a published value is hashed here as it is at FraudRecord."""
        value, expected = next(iter(KNOWN_VECTORS.items()))
        return await self.process.hash(data_value(value)) == expected

    async def aclose(self) -> None:
        """End the process."""
        await self._flights.aclose()
        await self.process.aclose()

    async def _hash(self, value: bytes) -> str:
        digest = hashlib.blake2b(value, digest_size=20, key=self._pepper).hexdigest()
        kept = await self._kept.get(SPACE, digest)
        if kept is not None and _HASH.fullmatch(kept.text):
            found = kept.text
        else:
            found = await self.process.hash(value)
            self.computed += 1
            await self._kept.put(SPACE, digest, Kept(found))
        self._memory.put(value, found, _FOREVER)
        return found
