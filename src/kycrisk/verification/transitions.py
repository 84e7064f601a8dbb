"""The table of transitions, as docs/verification.md has it; a test holds the two together.

A row says from which states which happening leads where. What is not in the table cannot happen: it changes nothing,
and whoever asked for it is told the state.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from kycrisk.verification.state import Happening, State

_S, _H = State, Happening
_UNDER_WAY = (_S.COLLECTING, _S.SUBMITTED, _S.IN_REVIEW, _S.OVERDUE)

#: From which states, by what, to which.
TABLE: tuple[tuple[tuple[State, ...], Happening, State], ...] = (
    ((_S.OPEN, _S.NEEDS_RESUBMISSION), _H.START, _S.COLLECTING),
    ((_S.OVERDUE,), _H.START, _S.OVERDUE),
    ((_S.COLLECTING, _S.OVERDUE), _H.SUBMIT, _S.SUBMITTED),
    ((_S.COLLECTING, _S.SUBMITTED, _S.OVERDUE), _H.UNDECIDED, _S.IN_REVIEW),
    ((*_UNDER_WAY, _S.NEEDS_RESUBMISSION), _H.APPROVED, _S.VERIFIED),
    (_UNDER_WAY, _H.SENT_BACK, _S.NEEDS_RESUBMISSION),
    (_UNDER_WAY, _H.REFUSED, _S.REJECTED),
    ((_S.OPEN, _S.COLLECTING, _S.NEEDS_RESUBMISSION), _H.DEADLINE, _S.OVERDUE),
    ((_S.REJECTED,), _H.DISPUTE, _S.IN_REVIEW),
    ((_S.VERIFIED,), _H.REVOKED, _S.IN_REVIEW),
    (tuple(each for each in State if each is not _S.CLOSED), _H.WITHDRAWN, _S.CLOSED),
)

NEXT: Mapping[tuple[State, Happening], State] = MappingProxyType(
    {(before, happening): after for states, happening, after in TABLE for before in states}
)


def next_state(before: State, happening: Happening) -> State | None:
    """The state that follows; None where this cannot happen."""
    return NEXT.get((before, happening))
