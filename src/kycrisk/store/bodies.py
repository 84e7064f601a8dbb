"""The JSON of decisions, made small: most of it is the same in all decisions of one day, so it is kept once.

A decision takes about 10 kB, of which a tenth is its own: the names of signals, the sources and the snapshots are those
of its neighbours. Where many decisions have one shape (`decision_json.Shape`), its texts are kept once, and of each
decision the values between them; to cut and join them takes 3 µs. A decision whose shape is rare, as of one that asked
the network, is deflated with a preset dictionary (RFC 1950, 2.2), which takes 50 µs. Both keep the bytes exactly.
"""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import replace

from sqlalchemy import Connection, select

from kycrisk.decision import Decision
from kycrisk.decision_json import Shape, decision_to_json, taken_apart
from kycrisk.signals import Evidence, Unknown
from kycrisk.store.schema import DICTIONARIES
from kycrisk.store.transaction import Transaction

_MOST_BYTES = 32_768  # what deflate can look back to
_LEAST_USES = 256  # decisions before another dictionary may be made
_MOST_KEPT = 64
_OFTEN = 64  # decisions of one shape from which on it is kept: it takes as much as some twenty of them
_BETWEEN = b"\0"  # stands in no JSON: it would be written `\u0000`
_SHORT, _LONG = (b"\0t", b"\0f"), (b"\0true", b"\0false")  # no other value begins so


class Bodies:
    """Packs texts in the writer's thread, and unpacks them in any. Dictionaries come and go with the site's lists."""

    def __init__(self) -> None:
        self._current = 0
        self._packer = zlib.compressobj()
        self._usual = 0
        self._uses = 0
        self._texts: dict[int, bytes] = {}
        self._shapes: dict[int, tuple[Shape, int]] = {}  # by identity: the number that each is kept under

    def pack(self, tx: Transaction, decision: Decision) -> tuple[bytes, int, bytes]:
        """The decision's JSON, the number of its shape or dictionary, and the packed JSON."""
        shape, values = taken_apart(decision)
        text = shape.filled(values).encode()
        if shape.uses < _OFTEN:
            return (text, *self._deflated(tx, decision, text))
        kept = self._shapes.get(id(shape))
        number = kept[1] if kept and kept[0] is shape else self._keep(tx, shape)
        packed = "\0".join(values).encode()
        for long, short in zip(_LONG, _SHORT, strict=True):
            packed = packed.replace(long, short)
        return text, number, packed

    def _deflated(self, tx: Transaction, decision: Decision, text: bytes) -> tuple[int, bytes]:
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
        if _BETWEEN not in known:
            return zlib.decompressobj(wbits=-15, zdict=known).decompress(packed)
        for long, short in zip(_LONG, _SHORT, strict=True):
            packed = packed.replace(short, long)
        texts, values = known.split(_BETWEEN), packed.split(_BETWEEN)
        return b"".join([part for pair in zip(texts, (*values, b""), strict=True) for part in pair])

    def _packed(self, text: bytes) -> bytes:
        packer = self._packer.copy()
        return packer.compress(text) + packer.flush()

    def _change(self, tx: Transaction, decision: Decision, text: bytes) -> None:
        common = _common(decision)
        found = self._number(tx, common)
        self._packer = zlib.compressobj(2, zlib.DEFLATED, -15, 6, zlib.Z_DEFAULT_STRATEGY, common)
        self._current, self._uses, self._usual = found, 0, len(self._packed(text)) + 200

    def _keep(self, tx: Transaction, shape: Shape) -> int:
        number = self._number(tx, _BETWEEN.join([text.encode() for text in shape.texts[::2]]))
        if len(self._shapes) >= _MOST_KEPT:
            self._shapes.clear()
        self._shapes[id(shape)] = (shape, number)
        return number

    def _number(self, tx: Transaction, text: bytes) -> int:
        """The number under which a text is kept, from now on where it is new."""
        digest = hashlib.sha256(text).digest()
        found = tx.connection.execute(select(DICTIONARIES.c.id).where(DICTIONARIES.c.digest == digest)).scalar()
        if found is None:
            added = DICTIONARIES.insert().values(digest=digest, text=text).returning(DICTIONARIES.c.id)
            found = tx.connection.execute(added).scalar_one()
            tx.undone.append(self._forget)
        return int(found)

    def _forget(self) -> None:
        self._current = 0
        self._shapes.clear()


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
