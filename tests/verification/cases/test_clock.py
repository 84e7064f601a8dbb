"""What the clock does to cases."""

import pytest

from kycrisk.verification.state import State


@pytest.mark.row("S7")
def test_72_hours_then_overdue_and_orders_are_held(office):
    async def body(office):
        case = await office.open()
        early = await office.sweep(hours=71)
        before = (await office.cases.gate("a-1", "order")).passage.value
        late = await office.sweep(hours=1)
        file = await office.cases.get(case.id)
        return early, before, late, file.case.state, [(each.kind, each.cause) for each in file.holds]

    early, before, late, state, holds = office(body)
    assert early == {"case.reminded": 1}  # three were missed, and told of in one mail
    assert before == "allow"
    assert late == {"case.deadline": 1}
    assert (state, holds) == (State.OVERDUE, [("orders", "deadline")])
