"""Manual review as a provider: people on our side decide, and nobody else is told.

There are no webhooks. What reviewers said of a case comes to an event, which is heard like that of any provider: in the
transaction of the last word (review.py), and again by `fetch` when nothing was heard of an attempt for long.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from kycrisk.verification.providers.provider import (
    WITHIN,
    Attempt,
    Event,
    NewAttempt,
    Outcome,
    Refusal,
    WebhookRefused,
)
from kycrisk.verification.reasons import Code, Reason, read_reason
from kycrisk.verification.verdict import Verdict

NAME = "manual"
_OUTCOMES: Mapping[Verdict, Outcome] = {
    Verdict.APPROVE: Outcome.APPROVED,
    Verdict.RETRY: Outcome.RETRY,
    Verdict.DENY: Outcome.DENIED,
}


@dataclass(frozen=True, slots=True)
class Word:
    """What a reviewer said of a case: `APPROVE`, `RETRY` or `DENY`."""

    verdict: Verdict
    by: str
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Said:
    """All words of an attempt, the oldest first, and how many people have to say the same to end it."""

    words: Sequence[Word]
    people: int = 1


#: What was said in the attempt of a reference.
Words = Callable[[str], Awaitable[Said]]
#: Has the pictures of the attempt of a reference erased.
Erase = Callable[[str], Awaitable[None]]


class ManualReview:
    """People as a provider. `page_url` is where customers fill in their case."""

    name = NAME

    def __init__(self, *, page_url: str, words: Words, erase: Erase) -> None:
        self._page_url, self._words, self._erase = page_url, words, erase

    async def create_attempt(self, new: NewAttempt, *, within: float = WITHIN) -> Attempt:
        """Nothing is asked of anybody: the attempt is known by our own reference."""
        return Attempt(ref=new.reference, url=self._page_url)

    async def reopen(self, ref: str, *, within: float = WITHIN) -> Attempt | None:
        """The same page."""
        return Attempt(ref=ref, url=self._page_url)

    def parse_webhook(self, raw: bytes, headers: Mapping[str, str]) -> Event:
        """Always refused: nobody sends webhooks for people."""
        raise WebhookRefused(Refusal.UNSIGNED, "manual: a webhook for manual review, which has none")

    async def fetch(self, ref: str, *, within: float = WITHIN) -> Event | None:
        """What was said comes to now; None before the first word."""
        return event_of(ref, await self._words(ref))

    async def delete(self, ref: str, *, within: float = WITHIN) -> None:
        """Erase the pictures of an attempt."""
        await self._erase(ref)


def event_of(ref: str, said: Said) -> Event | None:
    """What was said, as the port has it; the key is the same for the same verdict of the same people.

    The last word counts. One person sends a case back; to end it takes as many as the procedure asks for, who say the
    same. Until then it goes on being reviewed. None: nobody has said anything.
    """
    if not said.words:
        return None
    last = said.words[-1]
    same = tuple(dict.fromkeys(each.by for each in said.words if each.verdict is last.verdict))
    ended = last.verdict is Verdict.RETRY or len(same) >= said.people
    outcome = _OUTCOMES[last.verdict] if ended else Outcome.REVIEWING
    told = repr((outcome.value, last.reasons, same))
    return Event(
        key=f"{ref}:{hashlib.sha256(told.encode()).hexdigest()}",
        ref=ref,
        reference=ref,
        outcome=outcome,
        final=ended,
        reasons=tuple(map(_reason, last.reasons)) if ended else (),
    )


def _reason(code: str) -> Reason:
    """The port's own; a code that the operator made up is another reason to it."""
    try:
        return read_reason(code)
    except ValueError:
        return Reason(Code.OTHER)
