"""Outgoing work: what goes out, in which order, and what is moot when its turn comes."""

import pytest

from kycrisk.store.failure import Conflict, NotFound
from kycrisk.verification.action import ActionState, actions_of
from kycrisk.verification.bureau import words_of
from kycrisk.verification.errand import Errands
from kycrisk.verification.refusal import NotNow
from kycrisk.verification.review import Judged, Verdict
from kycrisk.verification.state import Trigger
from tests.verification.cases.panel import outside


def errands_of(office, **more):
    made = outside(**more)
    return Errands(site=office.site, outside=made), made


async def states(office, case):
    return {name: state.name for name, state, _ in await office.store.read(actions_of, case.id)}


@pytest.mark.row("S6", "S11", "S12", "S17", "S18")
def test_the_result_stands_in_the_ticket_called_kyc(office):
    async def body(office):
        errands, out = errands_of(office)
        case = await office.submitted(trigger=Trigger.SELF_REQUEST)
        await errands.run_all()
        office = office.changed(attempts=3)
        await office.cases.judge(case.id, Judged(verdict=Verdict.RETRY, by="kim", reasons=("IMAGE_BLURRED",)))
        await errands.run_all()
        return out.tickets.tickets

    [ticket] = office(body)
    assert ticket["subject"] == "KYC"
    assert len(ticket["said"]) == 2
    assert "Your verification failed." in ticket["said"][1]
    assert "IMAGE_BLURRED" in ticket["said"][1]


def test_orders_are_held_back_and_let_go(office):
    async def body(office):
        errands, out = errands_of(office)
        case = await office.submitted()
        await office.cases.judge(case.id, Judged(verdict=Verdict.RETRY, by="kim", reasons=("UNREADABLE",)))
        await office.sweep(days=4)
        await errands.run_all()
        held = out.panel.held()
        await office.cases.start(case.id)
        file = await office.cases.get(case.id)
        assert file.case.is_overdue
        await office.cases.submit(case.id)
        await office.cases.judge(case.id, Judged(verdict=Verdict.APPROVE, by="kim"))
        await errands.run_all()
        return held, out.panel.log, await office.store.audit.verify()

    held, log, verified = office(body, "spacecore")
    assert held == {("a-1", "orders")}
    assert log == [("hold", "a-1", "orders"), ("release", "a-1", "orders")]
    assert verified.holds


def test_nobody_is_erased_whom_the_panel_still_holds_back(office):
    async def body(office):
        errands, out = errands_of(office)
        case = await office.open()
        await office.sweep(hours=73)
        await errands.run_all()
        with pytest.raises(Conflict, match="the panel holds back orders of this account"):
            await office.store.personal_data.erase("a-1", "kim", "asked for")
        await office.cases.close(case.id, actor="kim")
        await errands.run_all()
        await office.store.personal_data.erase("a-1", "kim", "asked for")
        return out.panel.log

    assert office(body) == [("hold", "a-1", "orders"), ("release", "a-1", "orders")]


def test_what_a_person_holds_back_no_verification_lifts(office):
    async def body(office):
        errands, out = errands_of(office)
        case = await office.submitted()
        await office.cases.hold_back(case.id, "services", by="kim", why="chargeback")
        await office.cases.hold_back(case.id, "services", by="lee", why="again")  # and nothing happens twice
        await office.cases.judge(case.id, Judged(verdict=Verdict.APPROVE, by="kim"))
        await errands.run_all()
        held = out.panel.held(), (await office.cases.gate("a-1", "service")).reasons
        await office.cases.let_go(case.id, "services", by="kim")
        with pytest.raises(NotFound, match="not held back by hand"):
            await office.cases.let_go(case.id, "services", by="kim")
        await errands.run_all()
        page = await office.store.audit.page(subject=case.id, limit=100)
        rows = [(each.actor, each.action) for each in page.items if "hand" in each.action or "hold" in each.action]
        await office.cases.close(case.id, actor="kim")
        with pytest.raises(NotNow, match="the case is closed"):
            await office.cases.hold_back(case.id, "services", by="kim", why="too late")
        return held, out.panel.log, (await office.cases.gate("a-1", "service")).passage.value, rows

    held, log, passage, rows = office(body, "stackbill")
    assert held == ({("a-1", "services")}, ("held back: manual",))
    assert log == [("hold", "a-1", "services"), ("release", "a-1", "services")]
    assert passage == "allow"
    assert rows == [
        ("kim", "case.held_by_hand"),
        ("verification", "hold.placed"),
        ("kim", "case.let_go_by_hand"),
        ("kim", "hold.lifted"),
    ]


def test_what_is_let_go_by_hand_is_not_what_the_deadline_holds_back(office):
    async def body(office):
        case = await office.open()
        await office.sweep(hours=73)
        await office.cases.hold_back(case.id, "orders", by="kim", why="chargeback")
        both = [(each.kind, each.cause) for each in (await office.cases.standing("a-1")).holds]
        await office.cases.let_go(case.id, "orders", by="kim")
        return both, [(each.kind, each.cause) for each in (await office.cases.standing("a-1")).holds]

    assert office(body) == ([("orders", "deadline"), ("orders", "manual")], [("orders", "deadline")])


def test_what_nobody_wishes_any_more_is_moot(office):
    async def body(office):
        errands, out = errands_of(office)
        case = await office.open()
        await office.sweep(hours=73)
        await office.cases.close(case.id, actor="kim")
        await errands.run_all()
        return await states(office, case), out.mail.letters, out.panel.log

    found, letters, log = office(body)
    assert set(found.values()) == {"MOOT"}
    assert (letters, log) == ([], [])


def test_a_panel_that_is_down_is_tried_again_and_mail_does_not_wait_for_it(office, make):
    async def body(office):
        errands, out = errands_of(office)
        await office.store.decisions.add(make.screening("a-1", office.clock.now))  # the signup has the address
        case = await office.open()
        await office.sweep(hours=73)
        out.panel.down = True
        await errands.run_all()
        before = await states(office, case)
        out.panel.down = False
        office.clock.forward(minutes=1)
        await errands.run_all()
        return before, await states(office, case), [each.subject for each in out.mail.letters], out.panel.log

    before, after, subjects, log = office(body)
    assert (before["holds"], after["holds"]) == (ActionState.WAITING.name, ActionState.DONE.name)
    assert (before["mail.overdue"], log) == ("DONE", [("hold", "a-1", "orders")])
    assert subjects == ["SpaceCore: Please verify your account", "SpaceCore: The time for your verification is over"]


@pytest.mark.row("B9")
def test_a_customer_reaches_the_operators_by_ticket_and_by_mail(office):
    async def body(office):
        errands, out = errands_of(office)
        case = await office.open()
        await errands.run_all()
        await office.cases.ask_for_help(case.id, ["ticket", "email"], "My passport has no number.")
        await errands.run_all()
        return out.tickets.tickets[0]["said"][1], out.mail.letters[-1]

    said, letter = office(body)
    assert said.startswith("My passport has no number.")
    assert (letter.to, "My passport has no number." in letter.text) == ("ops@example.com", True)


@pytest.mark.row("Q14", "Q16")
def test_one_mail_tells_the_reason(office):
    async def body(office):
        made = outside()
        errands = Errands(site=office.site, outside=made, reason_text=words_of)
        case = await office.submitted()
        await office.cases.judge(case.id, Judged(verdict=Verdict.RETRY, by="kim", reasons=("DOC_EXPIRED",)))
        await errands.run_all()
        return [each for each in made.mail.letters if "did not succeed" in each.subject]

    [letter] = office(body, "stackbill")
    assert "- The document has expired. Use one that is valid." in letter.text
