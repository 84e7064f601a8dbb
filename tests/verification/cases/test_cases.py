"""Cases from their opening to their end, on both databases."""

import json
from dataclasses import replace
from datetime import date, timedelta

import pytest

from kycrisk.store.failure import Conflict
from kycrisk.store.labels import put
from kycrisk.store.rulesets import SecondPersonNeeded
from kycrisk.verification.attempt import Told
from kycrisk.verification.disclosure import NewDisclosure
from kycrisk.verification.policy import Review, Step, StepKind
from kycrisk.verification.refusal import Incomplete, NotNow, NotPossible
from kycrisk.verification.result import results_of
from kycrisk.verification.review import Judged, Verdict
from kycrisk.verification.state import State, Trigger


def told(outcome, key="1", final=True, reference="scan-1", **more):
    return Told(provider="idenfy", key=key, reference=reference, outcome=outcome, final=final, **more)


def approve(by="kim", **more):
    return Judged(verdict=Verdict.APPROVE, by=by, **more)


def retry(*reasons, by="kim"):
    return Judged(verdict=Verdict.RETRY, by=by, reasons=reasons or ("UNREADABLE",))


async def with_attempt(office, **more):
    case = await office.filled(**more)
    await office.cases.begin_attempt(case.id, "idenfy", "scan-1")
    return case


@pytest.mark.row("S2", "S17")
def test_the_whole_way_with_a_provider(office):
    async def body(office):
        case = await with_attempt(office)
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
        done = await office.cases.judge(case.id, approve())
        return case.state, pending, done.state, (await office.cases.get(case.id)).label.text

    assert office(body, "stackbill") == (State.SUBMITTED, "Pending", State.VERIFIED, "Completed")


ORDERS = [
    ("in order", ["submitted", "reviewing", "approved"], State.VERIFIED, ["moved", "moved", "moved"]),
    ("the result first", ["approved", "submitted", "reviewing"], State.VERIFIED, ["moved", "late", "late"]),
    ("only the result", ["approved"], State.VERIFIED, ["moved"]),
    ("suspicious, then cleared", ["needs_review", "approved"], State.VERIFIED, ["moved", "moved"]),
    ("denied, and a straggler", ["denied", "reviewing"], State.NEEDS_RESUBMISSION, ["moved", "late"]),
    ("denied, then approved", ["denied", "approved"], State.NEEDS_RESUBMISSION, ["moved", "late"]),
    ("an expired session ends the attempt", ["session_expired"], State.COLLECTING, ["noted"]),
    ("expired, then a result all the same", ["session_expired", "approved"], State.VERIFIED, ["noted", "moved"]),
    ("expired after it was handed in", ["submitted", "session_expired"], State.NEEDS_RESUBMISSION, ["moved", "moved"]),
    ("taken back", ["approved", "revoked"], State.IN_REVIEW, ["moved", "moved"]),
]


@pytest.mark.parametrize(("outcomes", "state", "effects"), [pytest.param(*row[1:], id=row[0]) for row in ORDERS])
def test_final_results_beat_others_in_whatever_order(office, outcomes, state, effects):
    async def body(office):
        case = await with_attempt(office)
        heard = []
        for key, outcome in enumerate(outcomes):
            final = outcome not in ("submitted", "reviewing")
            heard.append((await office.cases.hear(told(outcome, str(key), final=final))).effect)
        return heard, (await office.cases.get(case.id)).case.state

    assert office(body) == (effects, state)


def test_what_is_not_final_is_noted_only(office):
    async def body(office):
        case = await with_attempt(office)
        effect = (await office.cases.hear(told("approved", final=False))).effect
        unknown = (await office.cases.hear(told("approved", "2", reference="nobody's"))).effect
        return effect, unknown, (await office.cases.get(case.id)).case.state

    assert office(body) == ("noted", "unknown", State.COLLECTING)


@pytest.mark.row("Q17")
def test_a_new_attempt_at_once_and_the_old_one_is_over(office):
    async def body(office):
        case = await with_attempt(office)
        await office.cases.hear(told("denied", "1", reasons=("DOC_EXPIRED",)))
        back = (await office.cases.get(case.id)).case
        await office.cases.start(case.id)
        await office.cases.begin_attempt(case.id, "idenfy", "scan-2")
        straggler = (await office.cases.hear(told("reviewing", "2", final=False))).effect
        done = (await office.cases.hear(told("approved", "3", reference="scan-2"))).case
        return back.state, back.reasons, straggler, done.state, done.attempts

    assert office(body) == (State.NEEDS_RESUBMISSION, ("DOC_EXPIRED",), "late", State.VERIFIED, 2)


def test_after_the_last_attempt_it_is_rejected(office):
    async def body(office):
        case = await office.open()
        for number in range(3):
            await office.cases.start(case.id, text_version="1")
            await office.cases.begin_attempt(case.id, "idenfy", f"scan-{number}")
            heard = await office.cases.hear(told("denied", f"{number}", reference=f"scan-{number}"))
        second = await office.cases.open("a-1", Trigger.RISK_FLAG, actor="tests", reference="dec_9")
        return heard.case.state, second.is_new, [(each.kind, each.cause) for each in await holds(office)]

    assert office(body) == (State.REJECTED, False, [("orders", "rejected")])


async def holds(office, account="a-1"):
    return (await office.cases.standing(account)).holds


@pytest.mark.row("S19")
def test_a_dispute_is_for_another_person(office):
    async def body(office):
        office = office.changed(attempts=1)
        case = await office.submitted()
        await office.cases.judge(case.id, retry())
        disputed = await office.cases.dispute(case.id, "look again")
        queue = (await office.cases.queue()).items
        with pytest.raises(SecondPersonNeeded):
            await office.cases.judge(case.id, approve("kim"))
        done = await office.cases.judge(case.id, approve("lee"))
        return disputed.state, [each.disputed for each in queue], done.state, await holds(office)

    assert office(body, "stackbill") == (State.IN_REVIEW, [True], State.VERIFIED, ())


def test_pictures_of_a_disputed_case_are_not_purged(office):
    async def body(office):
        office = office.changed(attempts=1)
        case = await office.submitted()
        await office.cases.judge(case.id, retry())
        await office.cases.dispute(case.id, "look again")
        return await office.sweep(days=30)

    assert office(body, "stackbill") == {"case.escalated": 1}


def test_nothing_is_handed_in_that_no_provider_saw(office):
    async def body(office):
        case = await office.filled()
        with pytest.raises(Incomplete) as error:
            await office.cases.submit(case.id)
        return [str(each) for each in error.value.problems]

    assert office(body) == ["provider: nothing has been shown to idenfy yet"]


def test_a_procedure_may_change_while_a_case_is_open(office):
    async def body(office):
        case = await office.filled(trigger=Trigger.MANDATORY)
        [level] = office.site.policy.levels
        steps = (level.steps[0], Step(kind=StepKind.COUNTRY), *level.steps[1:])
        changed = office.changed(levels=(replace(level, steps=steps),))
        progress = (await changed.cases.get(case.id)).progress
        await changed.cases.enter_country(case.id, "CH")
        await changed.cases.confirm(case.id)
        return progress.next.step.name, (await changed.cases.submit(case.id)).state

    assert office(body, "hostkey") == ("country", State.SUBMITTED)


def test_four_eyes_take_two_people(office):
    async def body(office):
        office = office.changed(review=Review(four_eyes=True))
        case = await office.submitted()
        first = await office.cases.judge(case.id, approve("kim"))
        with pytest.raises(SecondPersonNeeded):
            await office.cases.judge(case.id, approve("kim"))
        return first.state, (await office.cases.judge(case.id, approve("lee"))).state

    assert office(body, "stackbill") == (State.IN_REVIEW, State.VERIFIED)


@pytest.mark.row("B8")
def test_documents_are_judged_one_by_one(office):
    async def body(office):
        case = await office.submitted()
        found = (await office.cases.get(case.id)).progress.papers
        papers = sorted(found, key=lambda each: each.category != "identity")
        bad = Judged(
            verdict=Verdict.REJECTED, by="kim", reasons=("IMAGE_BLURRED",), comment="Please again.", note="looks odd"
        )
        await office.cases.judge_document(case.id, papers[0].id, bad)
        for each in papers[1:]:
            await office.cases.judge_document(case.id, each.id, Judged(verdict=Verdict.ACCEPTED, by="kim"))
        with pytest.raises(NotNow, match="a document was rejected"):
            await office.cases.judge(case.id, approve())
        await office.cases.judge(case.id, retry("IMAGE_BLURRED"))
        await office.cases.start(case.id)
        open_ = [each.step.name for each in (await office.cases.get(case.id)).progress.steps if not each.done]
        return open_, await office.cases.reviews(case.id)

    open_, reviews = office(body, "stackbill")
    assert open_ == ["document identity", "confirm"]
    assert (reviews[0].comment, reviews[0].note) == ("Please again.", "looks odd")


def test_a_face_that_was_not_accepted_is_taken_anew_as_a_series(office):
    async def body(office):
        case = await office.submitted(trigger=Trigger.MANDATORY)
        papers = (await office.cases.get(case.id)).progress.papers
        face = next(each for each in papers if each.category == "selfie")
        rejected = Judged(verdict=Verdict.REJECTED, by="kim", reasons=("FACE_FAILED",))
        await office.cases.judge_document(case.id, face.id, rejected)
        await office.cases.judge(case.id, retry("FACE_FAILED"))
        await office.cases.start(case.id)
        progress = (await office.cases.get(case.id)).progress
        return [each.step.name for each in progress.steps if not each.done], {each.category for each in progress.papers}

    assert office(body, "hostkey") == (["selfie", "confirm"], {"identity"})


@pytest.mark.row("S5")
def test_two_flags_make_one_case(office, make):
    async def body(office):
        opener = office.opener()
        for number in range(2):
            office.clock.forward(hours=1)
            screening = make.screening(
                "a-1", office.clock.now, ip=f"192.0.2.{number}", also=opener, **{"ip.blocklisted": True}
            )
            await office.store.decisions.add(screening)
        [case] = await office.cases.of_account("a-1")
        triggers = [each.trigger for each in (await office.cases.get(case.id)).triggers]
        return triggers, case.deadline_at - case.opened_at

    assert office(body) == ([Trigger.RISK_FLAG] * 2, timedelta(hours=72))


def test_a_verified_account_is_not_asked_again_by_a_flag(office, make):
    async def body(office):
        case = await with_attempt(office)
        await office.cases.hear(told("approved"))
        again = await office.cases.open("a-1", Trigger.RISK_FLAG, actor="screening", reference="dec_7")
        insisted = await office.cases.open("a-1", Trigger.TOS_VIOLATION, actor="kim")
        return again.is_new, again.case.id == case.id, insisted.is_new

    assert office(body) == (False, True, True)


def test_a_rejection_is_a_label_for_backtests(office):
    async def body(office):
        office = office.changed(attempts=1)
        case = await office.submitted()
        await office.cases.judge(case.id, retry())
        return [(each.label, each.source == f"case {case.id}") for each in await office.store.labels.of("a-1")]

    assert office(body, "stackbill", put_label=put) == [("fraud", True)]


def test_an_approval_exempts_rules_and_a_label_is_put(office):
    labels = []

    async def body(office):
        await with_attempt(office)
        await office.cases.hear(told("approved"))
        return await office.store.exemptions.in_force(office.clock.now)

    [exemption] = office(body, put_label=lambda tx, account, label, source, at: labels.append((account, label)))
    assert (exemption.rule, exemption.kind, exemption.subject) == ("disposable-mail", "account", "a-1")
    assert labels == [("a-1", "legitimate")]


@pytest.mark.row("H4")
def test_what_the_provider_compared_is_kept(office):
    async def body(office):
        case = await with_attempt(office)
        more = {"matched": {"surname": True, "date_of_birth": False}, "document_expiry": date(2030, 1, 1)}
        await office.cases.hear(told("needs_review", **more))
        results = await office.store.read(results_of, case.id)
        found = (await office.cases.get(case.id)).case
        return [(each.check, each.result) for each in results], found.document_expires.date(), found.state

    checks = [("match.surname", "passed"), ("match.date_of_birth", "failed")]
    assert office(body) == (checks, date(2030, 1, 1), State.IN_REVIEW)


@pytest.mark.row("H1")
def test_disclosures_are_written_down(office):
    async def body(office):
        await office.open()
        new = NewDisclosure(recipient="police", basis="order 12", fields=("last_name",), by="kim")
        await office.cases.disclose("a-1", new)
        [row] = await office.cases.disclosures("a-1")
        return row.recipient, row.basis, row.fields, row.by

    assert office(body) == ("police", "order 12", ("last_name",), "kim")


def test_a_procedure_opens_on_its_reasons_only(office):
    async def body(office):
        with pytest.raises(NotPossible, match="opens no case on `mandatory`"):
            await office.open(trigger=Trigger.MANDATORY)
        with pytest.raises(Conflict, match="has no level `gold`"):
            await office.open(level="gold")

    office(body)


@pytest.mark.row("S4")
def test_an_export_has_the_case_in_it_and_an_erasure_takes_it_along(office):
    async def body(office):
        case = await office.submitted()
        exported = json.loads((await office.store.personal_data.export("a-1", "kim")).document)
        await office.store.personal_data.erase("a-1", "kim", "asked for")
        found = (await office.cases.get(case.id)).case
        left = (await office.cases.get(case.id)).progress.papers
        late = (await office.cases.hear(told("approved"))).effect
        return exported["cases"], found.state, left, late, (await office.store.audit.verify()).holds

    [exported], state, left, late, holds_ = office(body, "stackbill")
    assert exported["entries"]["personal_data"]["last_name"] == "Doe"
    assert [each["category"] for each in exported["documents"]] == ["identity", "address"]
    assert (state, left, late, holds_) == (State.CLOSED, (), "unknown", True)


def test_what_was_entered_is_nowhere_in_the_clear(office, url, tmp_path):
    async def body(office):
        case = await office.submitted()
        await office.cases.judge(case.id, retry())
        await office.cases.ask_for_help(case.id, ["email"], "Where is Bern?")

    office(body, "stackbill")
    if url.startswith("sqlite"):
        raw = b"".join(each.read_bytes() for each in tmp_path.glob("store.db*"))
        assert b"self_request" in raw
        assert [
            word for word in (b"Jane", b"+41791234567", b"acme.example", b"1990-12-31", b"Bern") if word in raw
        ] == []
