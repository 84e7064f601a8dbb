"""The process that does FraudRecord's hashing: a value in hexadecimal per line in, its hash per line out.

It is run by its path, so that it starts with the standard library alone, in some 15 ms.
"""

from __future__ import annotations

import os
import sys
from hashlib import sha1

ROUNDS = 32_000


def hash_bytes(value: bytes) -> str:
    """The hash of a prepared value: 32,000 times SHA-1 over `fraudrecord-` and what came before.

    www.fraudrecord.com/docs/data-conversion. The state after the prefix is copied instead of computed each time, which
    takes a fifth off.
    """
    begin = sha1(b"fraudrecord-", usedforsecurity=False).copy
    for _ in range(ROUNDS):
        digest = begin()
        digest.update(value)
        value = digest.hexdigest().encode()
    return value.decode()


def main() -> None:
    """Answer until the input ends, which it does when the parent ends."""
    os.nice(5)  # on a machine that is short of time, screenings go first
    for line in sys.stdin.buffer:
        sys.stdout.write(hash_bytes(bytes.fromhex(line.decode())) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
