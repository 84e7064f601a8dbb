"""Manual review as a provider: what words of reviewers come to, and that the service uses it like any other."""

import asyncio

import pytest

from kycrisk.verification.providers.manual import ManualReview, Said, Word, event_of
from kycrisk.verification.providers.provider import NewAttempt, Outcome, Refusal, WebhookRefused
from kycrisk.verification.verdict import Verdict

APPROVE, RETRY, DENY = Verdict.APPROVE, Verdict.RETRY, Verdict.DENY
SAID = {
    "approved": ([Word(APPROVE, "ann")], 1, Outcome.APPROVED, []),
    "sent back": ([Word(RETRY, "ann", ("IMAGE_BLURRED",))], 1, Outcome.RETRY, ["IMAGE_BLURRED"]),
    "denied": ([Word(DENY, "ann", ("DOC_SUSPECT",))], 1, Outcome.DENIED, ["DOC_SUSPECT"]),
    "for a reason of the operator's own": ([Word(DENY, "ann", ("HOUSE_RULE",))], 1, Outcome.DENIED, ["OTHER"]),
    "four eyes, one pair": ([Word(APPROVE, "ann")], 2, Outcome.REVIEWING, []),
    "four eyes, one person twice": ([Word(APPROVE, "ann"), Word(APPROVE, "ann")], 2, Outcome.REVIEWING, []),
    "four eyes": ([Word(APPROVE, "ann"), Word(APPROVE, "bob")], 2, Outcome.APPROVED, []),
    "they contradict each other": ([Word(APPROVE, "ann"), Word(DENY, "bob", ("OTHER",))], 2, Outcome.REVIEWING, []),
    "two of three": ([Word(APPROVE, "ann"), Word(DENY, "bob"), Word(APPROVE, "eve")], 2, Outcome.APPROVED, []),
    "one sends it back": (
        [Word(APPROVE, "ann"), Word(RETRY, "bob", ("UNREADABLE",))], 2, Outcome.RETRY, ["UNREADABLE"]
    ),
}  # fmt: skip


@pytest.mark.parametrize(("words", "people", "outcome", "reasons"), SAID.values(), ids=SAID)
def test_words_come_to_an_event(words, people, outcome, reasons):
    event = event_of("case_1-1", Said(words, people))
    assert (event.outcome, [str(each) for each in event.reasons]) == (outcome, reasons)
    assert event.final == (outcome is not Outcome.REVIEWING)
    assert (event.ref, event.reference) == ("case_1-1", "case_1-1")


def test_people_are_a_provider_like_any_other():
    said, erased = [], []

    async def words(ref):
        return Said(tuple(said), 2)

    async def erase(ref):
        erased.append(ref)

    async def body():
        people = ManualReview(page_url="https://verify.example/verify", words=words, erase=erase)
        attempt = await people.create_attempt(NewAttempt(reference="case_1-1", subject="s"))
        first = await people.fetch(attempt.ref)
        said.append(Word(APPROVE, "ann"))
        second = await people.fetch(attempt.ref)
        said.append(Word(APPROVE, "bob"))
        third, again = await people.fetch(attempt.ref), await people.fetch(attempt.ref)
        await people.delete(attempt.ref)
        with pytest.raises(WebhookRefused, match="which has none") as refused:
            people.parse_webhook(b"{}", {})
        return attempt, await people.reopen("case_1-1"), (first, second, third, again), refused.value.why

    attempt, reopened, (first, second, third, again), why = asyncio.run(body())
    assert (attempt, attempt.url) == (reopened, "https://verify.example/verify")
    assert first is None
    assert (second.outcome, third.outcome) == (Outcome.REVIEWING, Outcome.APPROVED)
    assert (third.key == again.key, second.key == third.key) == (True, False)
    assert (erased, why) == (["case_1-1"], Refusal.UNSIGNED)
