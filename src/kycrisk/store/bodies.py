"""The JSON of decisions, made small: most of it is the same in all decisions of one day, so it is compressed with that.

A decision takes about 10 kB, of which a twentieth is its own: the names of signals, the sources and the snapshots are
those of its neighbours. Deflate with a preset dictionary (RFC 1950, 2.2) keeps the bytes exactly and takes 30 µs.
"""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import replace

from sqlalchemy import Connection, select

from kycrisk.decision import Decision
from kycrisk.decision_json import decision_to_json
from kycrisk.signals import Evidence, Unknown
from kycrisk.store.schema import DICTIONARIES
from kycrisk.store.transaction import Transaction

_MOST_BYTES = 32_768  # what deflate can look back to
_LEAST_USES = 256  # decisions before another dictionary may be made
_MOST_KEPT = 64


class Bodies:
    """Packs texts in the writer's thread, and unpacks them in any. Dictionaries come and go with the site's lists."""

    def __init__(self) -> None:
        self._current = 0
        self._packer = zlib.compressobj()
        self._usual = 0
        self._uses = 0
        self._texts: dict[int, bytes] = {}

    def pack(self, tx: Transaction, decision: Decision, text: bytes) -> tuple[int, bytes]:
        """The number of the dictionary, and the packed text."""
        if not self._current:
            self._change(tx, decision, text)
        packed = self._packed(text)
        if len(packed) > 2 * self._usual and self._uses >= _LEAST_USES:
            self._change(tx, decision, text)
            packed = self._packed(text)
        self._uses += 1
        return self._current, packed

    def unpack(self, connection: Connection, dictionary: int, packed: bytes) -> bytes:
        """The text, to the byte."""
        known = self._texts.get(dictionary)
        if known is None:
            wanted = select(DICTIONARIES.c.text).where(DICTIONARIES.c.id == dictionary)
            known = bytes(connection.execute(wanted).scalar_one())
            if len(self._texts) >= _MOST_KEPT:
                self._texts.clear()
            self._texts[dictionary] = known
        return zlib.decompressobj(wbits=-15, zdict=known).decompress(packed)

    def _packed(self, text: bytes) -> bytes:
        packer = self._packer.copy()
        return packer.compress(text) + packer.flush()

    def _change(self, tx: Transaction, decision: Decision, text: bytes) -> None:
        common = _common(decision)
        digest = hashlib.sha256(common).digest()
        found = tx.connection.execute(select(DICTIONARIES.c.id).where(DICTIONARIES.c.digest == digest)).scalar()
        if found is None:
            added = DICTIONARIES.insert().values(digest=digest, text=common).returning(DICTIONARIES.c.id)
            found = tx.connection.execute(added).scalar_one()
            tx.undone.append(self._forget)
        self._packer = zlib.compressobj(2, zlib.DEFLATED, -15, 6, zlib.Z_DEFAULT_STRATEGY, common)
        self._current, self._uses, self._usual = found, 0, len(self._packed(text)) + 200

    def _forget(self) -> None:
        self._current = 0


def _common(decision: Decision) -> bytes:
    """The decision without anything that is of this signup: values, texts that were filled in, details, ids."""
    evidence = decision.evidence
    blank = replace(
        decision,
        id="",
        account_id="",
        reasons=(),
        exempt=(),
        lookups=(),
        undetermined=tuple(
            replace(each, why={name: Unknown(why.why) for name, why in each.why.items()})
            for each in decision.undetermined
        ),
        evidence=Evidence(
            dict.fromkeys(evidence.known, False),
            {name: Unknown(why.why) for name, why in evidence.unknown.items()},
            evidence.origins,
        ),
    )
    return decision_to_json(blank).encode()[-_MOST_BYTES:]
