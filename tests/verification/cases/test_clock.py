"""What the clock does to cases: time is a parameter, so it jumps."""

from datetime import timedelta

import pytest

from kycrisk.api.case_measures import case_metrics
from kycrisk.verification.action import actions_of
from kycrisk.verification.attempt import Told
from kycrisk.verification.errand import Errands
from kycrisk.verification.policies import Policies
from kycrisk.verification.policy import StepKind
from kycrisk.verification.review import Judged, Verdict
from kycrisk.verification.state import State, Trigger
from tests.verification.cases.panel import outside

APPROVE = Judged(verdict=Verdict.APPROVE, by="kim")


async def passage(office, gate, account="a-1"):
    return (await office.cases.gate(account, gate)).passage.value


@pytest.mark.row("S7")
def test_72_hours_then_overdue_and_orders_are_held(office):
    async def body(office):
        case = await office.open()
        early = await office.sweep(hours=71)
        before = await passage(office, "order")
        late = await office.sweep(hours=1)
        file = await office.cases.get(case.id)
        return early, before, late, file.case.state, [(each.kind, each.cause) for each in file.holds]

    early, before, late, state, holds = office(body)
    assert early == {"case.reminded": 1}  # three were missed, and told of in one mail
    assert before == "allow"
    assert late == {"case.deadline": 1}
    assert (state, holds) == (State.OVERDUE, [("orders", "deadline")])


def test_reminders_come_at_their_hours(office):
    async def body(office):
        await office.open()
        return [await office.sweep(hours=hours) for hours in (23, 1, 23, 1, 17, 1, 5)]

    reminded, nothing = {"case.reminded": 1}, {}
    assert office(body) == [nothing, reminded, nothing, reminded, nothing, reminded, nothing]


def test_gates_are_right_when_no_sweep_has_run(office):
    async def body(office):
        await office.open()
        office.clock.forward(hours=72)
        return await passage(office, "order"), await passage(office, "refund")

    assert office(body) == ("deny", "allow")


@pytest.mark.row("H5")
def test_30_days_from_registration(office):
    async def body(office):
        registered = office.clock.now - timedelta(days=29)
        await office.open(trigger=Trigger.MANDATORY, registered_at=registered)
        before = await passage(office, "order")
        await office.sweep(days=1)
        return before, await passage(office, "order"), await passage(office, "service")

    assert office(body, "hostkey") == ("allow", "deny", "allow")


@pytest.mark.row("Q13")
def test_a_review_that_waits_too_long_is_told_once_and_the_customers_clock_stands(office):
    async def body(office):
        case = await office.submitted()
        deadline = case.deadline_at
        office.clock.forward(hours=23)
        before = (await office.cases.queue(overdue=True)).items
        escalated = await office.sweep(hours=30)
        again = await office.sweep(days=30)
        overdue = (await office.cases.queue(overdue=True)).items
        await office.cases.judge(case.id, Judged(verdict=Verdict.RETRY, by="kim", reasons=("UNREADABLE",)))
        moved = (await office.cases.get(case.id)).case.deadline_at - deadline
        figures = await office.cases.figures()
        return before, escalated, again, len(overdue), moved, figures.overdue

    before, escalated, again, overdue, moved, left = office(body, "stackbill")
    assert (before, escalated, again) == ((), {"case.escalated": 1}, {})
    assert (overdue, left) == (1, 0)
    assert moved == timedelta(days=30, hours=53)


@pytest.mark.row("B2", "H9")
@pytest.mark.parametrize(("policy", "months", "mode"), [("stackbill", 12, "full"), ("hostkey", 24, "confirm_only")])
def test_a_refresh_case_stands_beside_the_verified_one(office, policy, months, mode):
    async def body(office):
        case = await office.submitted(trigger=Trigger.MANDATORY)
        verified = await office.cases.judge(case.id, APPROVE)
        early = await office.sweep(days=months * 30)
        done = await office.sweep(days=months)
        standing = await office.cases.standing("a-1")
        fresh = standing.current
        return verified, early, done, standing, fresh.deadline_at - fresh.opened_at

    verified, early, done, standing, time = office(body, policy)
    assert verified.verified_until is not None
    assert "case.refresh" not in early
    assert done["case.refresh"] == 1
    assert (standing.level, standing.label.text) == ("verified", {"stackbill": "Completed"}.get(policy, "KYC verified"))
    assert (standing.current.mode.value, standing.current.opened_for) == (mode, Trigger.REFRESH)
    assert time == timedelta(days={"stackbill": 60, "hostkey": 90}[policy])


@pytest.mark.row("H9")
def test_known_data_only_has_to_be_confirmed(office):
    async def body(office):
        case = await office.submitted(trigger=Trigger.MANDATORY)
        await office.cases.judge(case.id, APPROVE)
        await office.sweep(days=800)
        fresh = (await office.cases.standing("a-1")).current
        entries = (await office.cases.look(fresh.id, "kim")).entries
        await office.cases.start(fresh.id, text_version="2")
        await office.cases.enter_personal_data(fresh.id, entries["personal_data"])
        await office.cases.attest(fresh.id, text_version="2")
        await office.cases.confirm(fresh.id)
        await office.cases.submit(fresh.id)
        await office.cases.judge(fresh.id, APPROVE)
        return (await office.cases.standing("a-1")).current, entries["personal_data"]["city"]

    assert office(body, "hostkey") == (None, "Bern")


def test_the_documents_expiry_brings_the_refresh_forward(office):
    async def body(office):
        case = await office.submitted()
        expires = (office.clock.now + timedelta(days=100)).replace(hour=0, minute=0, second=0, microsecond=0)
        verified = await office.cases.judge(
            case.id, Judged(verdict=Verdict.APPROVE, by="kim", document_expires=expires)
        )
        return expires - verified.verified_until

    assert office(body, "stackbill") == timedelta(days=30)


def test_pictures_are_purged_days_after_the_decision(office):
    purged = []

    async def purge(case_id):
        purged.append(case_id)

    async def body(office):
        case = await office.submitted()
        await office.cases.judge(case.id, APPROVE)
        errands = Errands(site=office.site, outside=outside(purge=purge))
        await office.sweep(days=6)
        await errands.run_all()
        early = list(purged)
        await office.sweep(days=2)
        await errands.run_all()
        return early, purged == [case.id], (await office.cases.get(case.id)).progress.papers

    assert office(body, "stackbill") == ([], True, ())


def test_doing_it_twice_or_late_changes_nothing(office):
    async def body(office):
        case = await office.open()
        first = await office.sweep(days=400)
        second = await office.sweep()
        actions = [name for name, *_ in await office.store.read(actions_of, case.id)]
        return first, second, actions

    first, second, actions = office(body)
    assert (first, second) == ({"case.deadline": 1}, {})
    assert actions == ["ticket.open", "mail.opened", "ticket.overdue", "mail.overdue", "holds"]


def test_a_case_whose_procedure_is_gone_waits_for_it(office):
    async def body(office):
        case = await office.open()
        without = office.choosing("hostkey")
        object.__setattr__(without.site, "policies", Policies({}))
        shelved = await without.sweep(days=4)
        later = await office.sweep(days=2)
        return shelved, later, (await office.cases.get(case.id)).case.state

    assert office(body) == ({"case.shelved": 1}, {"case.deadline": 1}, State.OVERDUE)


@pytest.mark.row("S3")
def test_the_active_time_leaves_waits_for_the_customer_out(office):
    async def body(office):
        for minutes in (4, 6, 20):
            case = await office.open(f"a-{minutes}")
            office.clock.forward(hours=5)
            await office.cases.start(case.id, text_version="1")
            await office.cases.begin_attempt(case.id, "idenfy", f"scan-{minutes}")
            office.clock.forward(minutes=minutes)
            await office.cases.hear(told(f"scan-{minutes}"))
        figures = await office.cases.figures()
        [metric] = [each for each in case_metrics(figures) if each.name == "kycrisk_case_active_seconds"]
        return figures.median_active, [sample.value for sample in metric.samples]

    def told(reference):
        return Told(provider="idenfy", key=reference, reference=reference, outcome="approved", final=True)

    assert office(body) == (timedelta(minutes=6), [360.0])


@pytest.mark.row("Q1", "Q2")
def test_levels_unlock_features(office):
    async def body(office):
        nobody = await passage(office, "withdrawals"), await passage(office, "nonsense")
        case = await office.open(level="basic")
        await office.cases.start(case.id, text_version="1")
        steps = [each.step.kind for each in (await office.cases.get(case.id)).progress.steps]
        await office.cases.enter_country(case.id, "CH")
        person = {
            "first_name": "Jane", "last_name": "Doe", "date_of_birth": "1990-12-31", "nationality": "CH",
            "street": "Main Street", "house_number": "1", "city": "Bern", "postal_code": "3000", "region": "BE",
        }  # fmt: skip
        await office.cases.enter_personal_data(case.id, person)
        await office.cases.submit(case.id)
        await office.cases.judge(case.id, APPROVE)
        basic = await passage(office, "withdrawals")
        full = await office.submitted()
        await office.cases.judge(full.id, APPROVE)
        return nobody, steps[-1], basic, await passage(office, "withdrawals")

    nobody, last, basic, full = office(body, "binance")
    assert nobody == ("deny", "unknown")
    assert last is StepKind.PERSONAL_DATA
    assert (basic, full) == ("deny", "allow")


@pytest.mark.row("H6")
def test_a_verified_account_is_not_suspended(office):
    async def body(office):
        case = await office.submitted(trigger=Trigger.MANDATORY)
        await office.cases.judge(case.id, APPROVE)
        event = await office.cases.open("a-1", Trigger.ABUSE_EVENT, actor="desk", reference="dmca-1")
        other = await office.cases.open("a-2", Trigger.ABUSE_EVENT, actor="desk", reference="dmca-2")
        return event.is_new, await passage(office, "service"), other.is_new, await passage(office, "service", "a-2")

    assert office(body, "hostkey") == (False, "allow", True, "deny")


@pytest.mark.row("H11", "Q5", "H12")
def test_the_banner_invites(office):
    async def body(office):
        before = await office.cases.standing("a-1")
        await office.open(trigger=Trigger.MANDATORY)
        invited = await office.cases.standing("a-1")
        return before.banner, before.label, invited.banner, invited.label

    before, label, invited, banner = office(body, "binance")
    assert (before, invited) == (False, True)
    assert (label.text, banner.text, banner.severity) == ("Verify now", "Verify now", "warning")
