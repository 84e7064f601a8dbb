"""Manual review as a provider: what reviews of documents come to, and what the customer sees of them."""

import asyncio
from datetime import date, timedelta

import pytest

from kycrisk.verification.providers.manual import DocumentReview, Judgement, ManualReview, judged, public
from kycrisk.verification.providers.provider import NewAttempt, Outcome, WebhookRefused
from kycrisk.verification.reasons import Code, Reason
from tests.store.making import NOW

BLURRED, EXPIRED = Reason(Code.IMAGE_BLURRED), Reason(Code.DOC_EXPIRED)


def review(document, judgement, by="ann", minutes=0, **more):
    if judgement is Judgement.REFUSED:
        more.setdefault("reasons", (BLURRED,))
    return DocumentReview(document=document, judgement=judgement, by=by, at=NOW + timedelta(minutes=minutes), **more)


YES, NO, FALSE = Judgement.ACCEPTED, Judgement.REFUSED, Judgement.FALSE
CASES = {
    "nothing said": ([], 1, "reviewing", []),
    "one of two": ([review("id", YES)], 1, "reviewing", []),
    "both": ([review("id", YES), review("bill", YES)], 1, "approved", []),
    "one refused": ([review("id", YES), review("bill", NO)], 1, "retry", ["IMAGE_BLURRED"]),
    "refused, then accepted": (
        [review("id", YES), review("bill", YES, minutes=9), review("bill", NO, minutes=3)],
        1,
        "approved",
        [],
    ),
    "false": ([review("id", FALSE)], 1, "denied", ["DOC_SUSPECT"]),
    "four eyes, one pair": ([review("id", YES), review("bill", YES)], 2, "reviewing", []),
    "four eyes, half each": ([review("id", YES), review("bill", YES, by="bob")], 2, "reviewing", []),
    "four eyes": ([review(d, YES, by=who) for d in ("id", "bill") for who in ("ann", "bob")], 2, "approved", []),
    "four eyes, one person twice": (
        [review(d, YES, minutes=m) for d in ("id", "bill") for m in (1, 2)],
        2,
        "reviewing",
        [],
    ),
    "they contradict each other": (
        [review("id", YES), review("bill", YES), review("bill", NO, by="bob")],
        1,
        "reviewing",
        [],
    ),
    "about another document": ([review("id", YES), review("car", YES)], 1, "reviewing", []),
}


@pytest.mark.parametrize(("reviews", "reviewers", "outcome", "reasons"), CASES.values(), ids=CASES)
def test_reviews_come_to_a_verdict(reviews, reviewers, outcome, reasons):
    verdict = judged(["id", "bill"], reviews, reviewers)
    assert (verdict.outcome.value, [str(each) for each in verdict.reasons]) == (outcome, reasons)
    assert verdict.final == (outcome != "reviewing")


@pytest.mark.row("B8")
def test_the_customer_sees_the_comment_and_never_the_note():
    note = "looks like the one of last week"
    seen = public(
        [
            review("id", NO, public_comment="the lower edge is cut off", internal_note=note),
            review("bill", YES, internal_note=note),
        ]
    )
    assert [(each.document, each.judgement.value, each.comment) for each in seen] == [
        ("id", "refused", "the lower edge is cut off"),
        ("bill", "accepted", ""),
    ]
    assert note not in repr(seen)
    assert "ann" not in repr(seen)


def test_a_refusal_says_what_to_do_better():
    with pytest.raises(ValueError, match="leaves the customer with nothing"):
        review("id", NO, reasons=())


def test_the_earliest_expiry_counts():
    verdict = judged(
        ["id", "bill"], [review("id", YES, expiry=date(2031, 1, 1)), review("bill", YES, expiry=date(2027, 5, 1))]
    )
    assert verdict.document_expiry == date(2027, 5, 1)


def test_people_are_a_provider_like_any_other():
    said, erased = [], []

    async def reviews(ref):
        return ["id"], list(said)

    async def erase(ref):
        erased.append(ref)

    async def body():
        people = ManualReview(page_url=lambda ref: f"/v/page/{ref}", reviews=reviews, erase=erase, eyes=4)
        attempt = await people.create_attempt(NewAttempt(reference="a-1", subject="s"))
        first = await people.fetch(attempt.ref)
        said.append(review("id", YES))
        second = await people.fetch(attempt.ref)
        said.append(review("id", YES, by="bob"))
        third, again = await people.fetch(attempt.ref), await people.fetch(attempt.ref)
        await people.delete(attempt.ref)
        with pytest.raises(WebhookRefused, match="which has none"):
            people.parse_webhook(b"{}", {})
        return attempt, await people.reopen("a-1"), first, second, third, again

    attempt, reopened, first, second, third, again = asyncio.run(body())
    assert (attempt, attempt.url) == (reopened, "/v/page/a-1")
    assert first is None
    assert (second.outcome, second.final, third.outcome, third.final) == (
        Outcome.REVIEWING,
        False,
        Outcome.APPROVED,
        True,
    )
    assert (third.key == again.key, second.key == third.key, erased) == (True, False, ["a-1"])
    with pytest.raises(ValueError, match="two eyes or four"):
        ManualReview(page_url=str, reviews=reviews, erase=erase, eyes=3)
