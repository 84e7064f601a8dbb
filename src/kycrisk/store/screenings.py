"""One screening into the store: signup, counts, decision, recheck, idempotency key and audit row, in one transaction.

All screenings of a batch take each step together, so that each step is a few statements however many they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Row, select

from kycrisk.decision import Decision
from kycrisk.decision_json import text_json
from kycrisk.quickly_made import quickly_made
from kycrisk.store.audit import DECISION_ADDED
from kycrisk.store.bodies import Bodies
from kycrisk.store.failure import Erased
from kycrisk.store.idempotency import IdempotencyKey, found
from kycrisk.store.moments import micros
from kycrisk.store.rechecks import put_on_list
from kycrisk.store.schema import ACCOUNT_KEYS, DECISIONS, IDEMPOTENCY
from kycrisk.store.sealing import seal, unseal
from kycrisk.store.signups import NewSignup, Registered, register
from kycrisk.store.transaction import Transaction
from kycrisk.store.velocity import Counts, Signals


@quickly_made
@dataclass(frozen=True, slots=True)
class Stored:
    """A decision that is on the disk. `body` is its JSON; `repeated` says that it was given under this key before."""

    decision_id: str
    seq: int
    signup: int
    body: bytes
    repeated: bool = False


class Added(NamedTuple):
    """A screening as it was stored, for what else is written with it."""

    signup: Registered
    stored: Stored
    decision: Decision


#: Adds rows of other tables that belong to screenings.
Also = Callable[[Transaction, Sequence[Added]], None]


def all_of(*others: Also | None) -> Also | None:
    """Several of them as one; None where there are none."""
    chosen = tuple(each for each in others if each is not None)
    if len(chosen) < 2:
        return chosen[0] if chosen else None

    def also(tx: Transaction, added: Sequence[Added]) -> None:
        for each in chosen:
            each(tx, added)

    return also


@quickly_made
@dataclass(frozen=True, slots=True, kw_only=True)
class Screening:
    """What is stored about one screening, all of it or nothing.

    `signup` is new, or was registered before. `decide` makes the decision from the counts, in the writer's thread and
    perhaps twice: it must be quick, and wait for nothing. `also` adds rows of other tables (an outbox of deliveries) in
    the transaction, for all screenings of a batch that have the same one together, and perhaps twice; whatever it
    raises takes back the screening that it is about and no other.
    """

    signup: NewSignup | Registered
    decide: Callable[[Counts], Decision]
    idempotency: IdempotencyKey | None = None
    also: Also | None = None
    actor: str = "signup"


def add(tx: Transaction, signals: Signals, bodies: Bodies, screenings: Sequence[Screening]) -> list[Stored | Exception]:
    """Store screenings. Those whose key was used before are answered from what is stored."""
    answers = _Answers(tx, bodies, screenings)
    fresh = answers.fresh()
    chosen = [screenings[index] for index in fresh]
    stored = _store(tx, signals, bodies, chosen)
    answers.give(dict(zip(fresh, stored, strict=True)))
    return answers.all()


class _Answers:
    """The answers to a batch, those from earlier requests first."""

    def __init__(self, tx: Transaction, bodies: Bodies, screenings: Sequence[Screening]) -> None:
        self._tx, self._bodies = tx, bodies
        self._keys = [
            None if each.idempotency is None else (each.idempotency, each.idempotency.digest(tx.site))
            for each in screenings
        ]
        self._given: list[Stored | Exception | None] = [None] * len(screenings)
        self._first: dict[bytes, int] = {}  # the first of this batch under a key
        self._before: dict[bytes, Row[Any]] = {}
        digests = [pair[1] for pair in self._keys if pair]
        if digests:
            self._before = {bytes(row.digest): row for row in found(tx.connection, digests)}

    def fresh(self) -> list[int]:
        """Which screenings are to be stored: without a key, or the first under theirs."""
        chosen = []
        for index, pair in enumerate(self._keys):
            if pair is None:
                chosen.append(index)
            elif pair[1] in self._before:
                self._given[index] = self._answer_before(pair[0], self._before[pair[1]])
            elif pair[1] not in self._first:
                self._first[pair[1]] = index
                chosen.append(index)
        return chosen

    def give(self, stored: Mapping[int, Stored]) -> None:
        """What was stored is the answer from now on to the keys it came under."""
        rows = []
        for index, each in stored.items():
            self._given[index] = each
            pair = self._keys[index]
            if pair:
                row = {"digest": pair[1], "body": pair[0].body, "created_at": self._tx.at, "decision": each.seq}
                rows.append(row)
        self._tx.insert(IDEMPOTENCY, rows)

    def all(self) -> list[Stored | Exception]:
        for index, pair in enumerate(self._keys):
            if self._given[index] is None and pair:
                first = self._first[pair[1]]
                used, told = self._keys[first], self._given[first]
                assert used is not None
                assert isinstance(told, Stored)
                agrees = pair[0].agrees(used[0].body)
                self._given[index] = _repeated(told) if agrees else pair[0].conflict()
        return [each for each in self._given if each is not None]

    def _answer_before(self, key: IdempotencyKey, row: Row[Any]) -> Stored | Exception:
        if row.decision is None or not key.agrees(bytes(row.body)):
            return key.conflict()
        wanted = select(DECISIONS, ACCOUNT_KEYS.c.salt).outerjoin(ACCOUNT_KEYS, ACCOUNT_KEYS.c.id == DECISIONS.c.key)
        kept = self._tx.connection.execute(wanted.where(DECISIONS.c.seq == row.decision)).first()
        if kept is None or kept.salt is None:
            return Erased(f"the answer to idempotency key `{key.key[:100]}` was erased")
        secret = self._tx.site.account_key(bytes(kept.salt))
        packed = unseal(secret, bytes(kept.sealed), f"decision {kept.id}")
        body = self._bodies.unpack(self._tx.connection, kept.dictionary, packed)
        return Stored(kept.id, kept.seq, kept.signup, body, repeated=True)


def _repeated(told: Stored) -> Stored:
    return Stored(told.decision_id, told.seq, told.signup, told.body, repeated=True)


def _store(tx: Transaction, signals: Signals, bodies: Bodies, screenings: Sequence[Screening]) -> list[Stored]:
    new = [each.signup for each in screenings if isinstance(each.signup, NewSignup)]
    registered = iter(register(tx, signals, new) if new else ())
    signups = [each.signup if isinstance(each.signup, Registered) else next(registered) for each in screenings]
    decisions = [each.decide(signup.counts) for each, signup in zip(screenings, signups, strict=True)]
    rows, stored = [], []
    for seq, screening, signup, decision in zip(
        tx.ids("decision", len(screenings)), screenings, signups, decisions, strict=True
    ):
        body, dictionary, packed = bodies.pack(tx, decision)
        sealed = seal(signup.account.cipher, packed, f"decision {decision.id}")
        decided_at = micros(decision.decided_at)
        rows.append(_row(seq, signup, decision, decided_at, dictionary, sealed))
        stored.append(Stored(decision.id, seq, signup.id, body))
        # As `Transaction.audit` writes details: an object with its names in their order.
        details = (
            f'{{"account":"{signup.account.pseudonym}","decided_at":{decided_at},'
            f'"sha256":"{hashlib.sha256(sealed).hexdigest()}"}}'
        )
        tx.audit_told(screening.actor, DECISION_ADDED, decision.id, details)
    tx.add(DECISIONS, _COLUMNS, rows)
    put_on_list(tx, list(zip(signups, decisions, strict=True)))
    others: dict[Also, list[Added]] = {}
    for screening, added in zip(screenings, map(Added, signups, stored, decisions), strict=True):
        if screening.also is not None:
            others.setdefault(screening.also, []).append(added)
    for also, each in others.items():
        also(tx, each)
    return stored


_COLUMNS = tuple(column.name for column in DECISIONS.columns)


def _row(
    seq: int, signup: Registered, decision: Decision, decided_at: int, dictionary: int, sealed: bytes
) -> tuple[Any, ...]:
    """The values of the table's columns, in their order."""
    return (
        seq,
        decision.id,
        signup.account.number,
        signup.account.key_number,
        signup.id,
        decided_at,
        int(decision.outcome),
        int(decision.lowest),
        int(decision.highest),
        decision.score,
        decision.lowest_score,
        decision.highest_score,
        decision.settled,
        decision.ruleset,
        _findings_json(decision),
        dictionary,
        sealed,
    )


def _findings_json(decision: Decision) -> str:
    """Which rules hit, could not be judged, were exempt, or spoke in shadow: names of rules only."""
    hit, unknown, exempt = (
        ",".join([text_json(each.rule) for each in some])
        for some in (decision.reasons, decision.undetermined, decision.exempt)
    )
    shadow = ",".join([f'{text_json(each.rule)}:"{each.finding.value}"' for each in decision.shadow])
    return f'{{"hit":[{hit}],"unknown":[{unknown}],"exempt":[{exempt}],"shadow":{{{shadow}}}}}'
