"""Manual review as a provider: people on our side decide, document by document, and nobody else is told.

There are no webhooks. A verdict becomes an event by `fetch`, or is made with `verdict_event` where it is given.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from kycrisk.verification.providers.provider import (
    WITHIN,
    Attempt,
    Event,
    NewAttempt,
    Outcome,
    Refusal,
    WebhookRefused,
)
from kycrisk.verification.reasons import Code, Reason, distinct

NAME = "manual"


class Judgement(StrEnum):
    """What a reviewer says about one document."""

    ACCEPTED = "accepted"
    REFUSED = "refused"  # another picture or document may be accepted
    FALSE = "false"  # forged, or somebody else's: no further try


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentReview:
    """One reviewer's word on one document. The customer sees `public_comment` and the reasons, never the note."""

    document: str
    judgement: Judgement
    by: str
    at: datetime
    reasons: tuple[Reason, ...] = ()
    public_comment: str = ""
    internal_note: str = field(default="", repr=False)
    expiry: date | None = None

    def __post_init__(self) -> None:
        if self.judgement is Judgement.REFUSED and not (self.reasons or self.public_comment):
            raise ValueError("a refusal without a reason or a comment leaves the customer with nothing to do better")


@dataclass(frozen=True, slots=True)
class PublicReview:
    """What the customer sees of a review."""

    document: str
    judgement: Judgement
    reasons: tuple[Reason, ...]
    comment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the reviews of an attempt come to."""

    outcome: Outcome
    reasons: tuple[Reason, ...] = ()
    document_expiry: date | None = None
    reviewers: tuple[str, ...] = ()

    @property
    def final(self) -> bool:
        return self.outcome is not Outcome.REVIEWING


#: The reviews of an attempt's documents, by the attempt's reference: the documents shown, and what was said of them.
Reviews = Callable[[str], Awaitable[tuple[Sequence[str], Sequence[DocumentReview]]]]
Erase = Callable[[str], Awaitable[None]]


class ManualReview:
    """People as a provider. `page_url` gives the address of our own page for an attempt's reference."""

    name = NAME

    def __init__(self, *, page_url: Callable[[str], str], reviews: Reviews, erase: Erase, eyes: int = 2) -> None:
        """`eyes`: 2 for one reviewer, 4 where an approval needs two. Raises `ValueError` for other numbers."""
        if eyes not in (2, 4):
            raise ValueError(f"a review has two eyes or four, not {eyes}")
        self._page_url, self._reviews, self._erase, self._reviewers = page_url, reviews, erase, eyes // 2

    async def create_attempt(self, new: NewAttempt, *, within: float = WITHIN) -> Attempt:
        """Nothing is asked of anybody: the attempt is known by our own reference."""
        return Attempt(ref=new.reference, url=self._page_url(new.reference))

    async def reopen(self, ref: str, *, within: float = WITHIN) -> Attempt | None:
        """The same page."""
        return Attempt(ref=ref, url=self._page_url(ref))

    def parse_webhook(self, raw: bytes, headers: Mapping[str, str]) -> Event:
        """Always refused: nobody sends webhooks for people."""
        raise WebhookRefused(Refusal.UNSIGNED, "manual: a webhook for manual review, which has none")

    async def fetch(self, ref: str, *, within: float = WITHIN) -> Event | None:
        """What the reviews come to now; None before the first."""
        documents, reviews = await self._reviews(ref)
        return verdict_event(ref, judged(documents, reviews, self._reviewers)) if reviews else None

    async def delete(self, ref: str, *, within: float = WITHIN) -> None:
        """Erase the pictures of an attempt."""
        await self._erase(ref)


def judged(documents: Iterable[str], reviews: Sequence[DocumentReview], reviewers: int = 1) -> Verdict:
    """What reviews come to: the last word of each reviewer on each document counts.

    A false document denies at once; a refusal asks for another try; an approval needs `reviewers` people who accepted
    every document. Where reviewers contradict each other, it goes on being reviewed.
    """
    last = {(review.document, review.by): review for review in sorted(reviews, key=lambda review: review.at)}
    wanted = tuple(dict.fromkeys(documents))
    of = {name: [review for (document, _), review in last.items() if document == name] for name in wanted}
    said = [review for each in of.values() for review in each]
    people = tuple(sorted({review.by for review in said}))
    reasons = distinct(reason for review in said for reason in review.reasons)
    if any(review.judgement is Judgement.FALSE for review in said):
        return Verdict(outcome=Outcome.DENIED, reasons=reasons or (Reason(Code.DOC_SUSPECT),), reviewers=people)
    if not wanted or any({review.judgement for review in each} != {_only(each)} for each in of.values()):
        return Verdict(outcome=Outcome.REVIEWING, reviewers=people)
    if any(_only(each) is Judgement.REFUSED for each in of.values()):
        return Verdict(outcome=Outcome.RETRY, reasons=reasons or (Reason(Code.OTHER),), reviewers=people)
    accepted = [frozenset(review.by for review in each) for each in of.values()]
    enough = tuple(sorted(frozenset.intersection(*accepted)))
    if len(enough) < reviewers:
        return Verdict(outcome=Outcome.REVIEWING, reviewers=people)
    expiries = [review.expiry for review in said if review.expiry is not None]
    return Verdict(outcome=Outcome.APPROVED, document_expiry=min(expiries, default=None), reviewers=enough)


def verdict_event(ref: str, verdict: Verdict) -> Event:
    """A verdict as the port has it; the key is the same for the same verdict of the same people."""
    told = repr((verdict.outcome.value, [str(each) for each in verdict.reasons], verdict.reviewers))
    return Event(
        key=f"{ref}:{hashlib.sha256(told.encode()).hexdigest()}",
        ref=ref,
        reference=ref,
        outcome=verdict.outcome,
        final=verdict.final,
        reasons=verdict.reasons,
        document_expiry=verdict.document_expiry,
    )


def public(reviews: Iterable[DocumentReview]) -> tuple[PublicReview, ...]:
    """What the customer sees: the last word on each document, without names and notes."""
    last = {review.document: review for review in sorted(reviews, key=lambda review: review.at)}
    return tuple(
        PublicReview(each.document, each.judgement, each.reasons, each.public_comment) for each in last.values()
    )


def _only(reviews: Sequence[DocumentReview]) -> Judgement | None:
    """The judgement that all agree on; None where there is none."""
    given = {review.judgement for review in reviews}
    return next(iter(given)) if len(given) == 1 else None
