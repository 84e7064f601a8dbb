"""Cases from their opening to their end, on both databases."""

import pytest

from kycrisk.verification.attempt import Told
from kycrisk.verification.review import Judged, Verdict
from kycrisk.verification.state import State


def told(outcome, key="1", final=True, reference="scan-1", **more):
    return Told(provider="idenfy", key=key, reference=reference, outcome=outcome, final=final, **more)


def test_the_whole_way_with_a_provider(office):
    async def body(office):
        case = await office.filled()
        await office.cases.begin_attempt(case.id, "idenfy", "scan-1")
        seen = [(await office.cases.get(case.id)).case.state]
        for each in (told("submitted", "1", final=False), told("reviewing", "2", final=False), told("approved", "3")):
            seen.append((await office.cases.hear(each)).case.state)
        return seen, (await office.cases.hear(told("approved", "3"))).effect, await office.audited(case.id)

    seen, again, audited = office(body)
    assert seen == [State.COLLECTING, State.SUBMITTED, State.IN_REVIEW, State.VERIFIED]
    assert again == "repeated"
    assert audited[-3:] == ["case.submit", "case.undecided", "case.approved"]


@pytest.mark.row("B7", "B11", "B13")
def test_the_whole_way_with_people(office):
    async def body(office):
        case = await office.submitted()
        pending = (await office.cases.get(case.id)).label.text
        done = await office.cases.judge(case.id, Judged(verdict=Verdict.APPROVE, by="kim"))
        return case.state, pending, done.state, (await office.cases.get(case.id)).label.text

    assert office(body, "stackbill") == (State.SUBMITTED, "Pending", State.VERIFIED, "Completed")
