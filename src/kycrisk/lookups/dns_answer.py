"""What was asked of the DNS and what came back: kinds of question, and the ways an answer can turn out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import NamedTuple

from kycrisk.signals import Unknown, Why


class Kind(IntEnum):
    """The type of record that is asked for (RFC 1035 section 3.2.2, RFC 3596)."""

    A = 1
    NS = 2
    MX = 15
    TXT = 16
    AAAA = 28

    __hash__ = int.__hash__  # questions are looked up by it all the time, and an enum's own takes five times as long


class Status(Enum):
    """How a question to the DNS turned out. Only the first three are answers about the name."""

    RECORDS = "records"
    NODATA = "no data"  # the name exists, without records of this kind (RFC 2308 section 2.2)
    NXDOMAIN = "no such name"  # neither the name nor anything below it exists (RFC 8020)
    SERVFAIL = "server failure"
    REFUSED = "refused"  # also by the rarer codes that say no: NOTIMP, NOTAUTH ...
    TIMEOUT = "timeout"
    MALFORMED = "malformed answer"
    UNREACHABLE = "unreachable"  # no packet could be sent, or the network said so
    OVERLOADED = "overloaded"  # too many questions of our own are open
    BAD_NAME = "not a name"  # no question could be made of it (RFC 1035 section 2.3.4)


class Mx(NamedTuple):
    """A mail exchanger. `host` is lower case without the final dot; "" is the root, a null MX (RFC 7505)."""

    preference: int
    host: str


Record = str | Mx


@dataclass(frozen=True, slots=True)
class DnsAnswer:
    """An answer, or why there is none. The name that was asked is not kept: it may hold a key.

    `records` are IP addresses as text (A, AAAA), names (NS), texts (TXT) or `Mx`; empty unless the status is
    RECORDS. `ttl` in seconds is how long the answer was good for when it came, by its records or by the SOA
    (RFC 2308); 0 where it may not be kept. `server` is the name server that answered.
    """

    status: Status
    records: tuple[Record, ...] = ()
    ttl: int = 0
    detail: str = ""
    server: str = ""

    @property
    def conclusive(self) -> bool:
        """Whether this is an answer about the name: records, no data or no such name."""
        return self.status in _CONCLUSIVE

    @property
    def texts(self) -> tuple[str, ...]:
        """The records that are text: addresses, names, TXT."""
        return tuple(record for record in self.records if isinstance(record, str))

    @property
    def exchangers(self) -> tuple[Mx, ...]:
        """The records that are mail exchangers, in the order in which they came."""
        return tuple(record for record in self.records if isinstance(record, Mx))


_CONCLUSIVE = frozenset({Status.RECORDS, Status.NODATA, Status.NXDOMAIN})

_WHY = {
    Status.SERVFAIL: Why.REFUSED,
    Status.REFUSED: Why.REFUSED,
    Status.TIMEOUT: Why.TIMEOUT,
    Status.UNREACHABLE: Why.TIMEOUT,
    Status.MALFORMED: Why.MALFORMED_ANSWER,
    Status.OVERLOADED: Why.OVER_BUDGET,
    Status.BAD_NAME: Why.SKIPPED,
}


def why_unknown(answer: DnsAnswer, asked: str) -> Unknown:
    """The reason that an inconclusive answer gives. `asked` names the question as people may see it, without keys.

    Raises `KeyError` for a conclusive answer, which gives no such reason.
    """
    detail = f": {answer.detail}" if answer.detail else ""
    return Unknown(_WHY[answer.status], f"{asked}: {answer.status.value}{detail}")
