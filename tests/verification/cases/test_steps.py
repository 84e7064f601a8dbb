"""The customer's steps: their order, what they take, and what is missing at the end."""

import pytest

from kycrisk.problems import Problems
from kycrisk.verification.action import actions_of
from kycrisk.verification.codes import Channel, Checked, NotYet
from kycrisk.verification.filling import NewPaper
from kycrisk.verification.outside import Outside
from kycrisk.verification.policy import StepKind, Subject
from kycrisk.verification.proof import Proofs
from kycrisk.verification.refusal import ConsentMissing, Incomplete, NotNow, NotPossible
from kycrisk.verification.result import results_of
from kycrisk.verification.state import State, Trigger
from tests.verification.cases.conftest import CONSENT, PERSON

BINANCE = {
    "first_name": "Jane", "last_name": "Doe", "date_of_birth": "1990-12-31", "nationality": "CH",
    "street": "Main Street", "house_number": "1", "city": "Bern", "postal_code": "3000", "region": "BE",
}  # fmt: skip


async def refused(kind, doing):
    with pytest.raises(kind) as error:
        await doing
    return error.value


def places(problems):
    return [str(each.place) for each in problems.problems]


@pytest.mark.row("H15")
def test_nothing_is_kept_before_consent_and_consent_can_be_withdrawn(office):
    async def body(office):
        case = await office.open()
        await refused(ConsentMissing, office.paper(case))
        await refused(ConsentMissing, office.cases.start(case.id))
        started = await office.cases.start(case.id, **CONSENT)
        await office.cases.enter_personal_data(case.id, PERSON)
        closed = await office.cases.withdraw(case.id)
        entries = (await office.cases.look(case.id, "kim")).entries
        await refused(NotNow, office.cases.submit(case.id))
        return started.state, closed.state, dict(entries)

    assert office(body, "hostkey") == (State.COLLECTING, State.CLOSED, {})


@pytest.mark.row("H14")
def test_steps_are_done_in_their_order(office):
    async def body(office):
        case = await office.collecting(trigger=Trigger.MANDATORY)
        early = await refused(NotNow, office.paper(case))
        await office.cases.enter_personal_data(case.id, PERSON)
        selfie = await refused(NotNow, office.paper(case, "selfie", "selfie", "pose-0"))
        await office.paper(case)
        await office.paper(case, "selfie", "selfie", "pose-0")
        return str(early), str(selfie), (await office.cases.get(case.id)).progress.next.step.name

    assert office(body, "hostkey") == (
        "`personal_data` comes before `document identity`",
        "`document identity` comes before `selfie`",
        "phone",
    )


@pytest.mark.row("S15", "S16", "Q6", "H16")
def test_country_and_kind_of_document_are_those_of_the_procedure(office):
    async def body(office):
        case = await office.collecting()
        await refused(NotNow, office.cases.choose_document(case.id, "identity", "passport", "CH"))
        nowhere = await refused(Problems, office.cases.enter_country(case.id, "Switzerland"))
        await office.cases.enter_country(case.id, "ch")
        other = await refused(Problems, office.cases.choose_document(case.id, "identity", "utility_bill", "CH"))
        await office.cases.choose_document(case.id, "identity", "passport", "CH")
        other_office = office.choosing("binance")
        second = await other_office.collecting("a-2")
        await other_office.cases.enter_country(second.id, "IN")
        await other_office.cases.enter_personal_data(second.id, BINANCE)
        indian = await refused(Problems, other_office.paper(second, "identity", "id_card", "front", "IN"))
        return nowhere, other, indian

    nowhere, other, indian = office(body)
    assert str(nowhere.problems[0]) == "country: is not a country by ISO 3166, such as `CH`"
    assert str(other.problems[0]) == "type: `utility_bill` is not accepted from CH"
    assert indian.problems[0].help == "accepted: passport, driving_licence"


@pytest.mark.row("B6", "B7")
def test_what_is_missing_is_listed(office):
    async def body(office):
        case = await office.collecting(trigger=Trigger.MANDATORY)
        first = await refused(Incomplete, office.cases.submit(case.id))
        await office.cases.enter_personal_data(case.id, {**PERSON})
        await office.paper(case, "identity", "id_card", "front")
        return places(first), places(await refused(Incomplete, office.cases.submit(case.id)))

    first, second = office(body, "stackbill")
    assert first == ["personal_data", "document.identity", "document.address", "attestation", "confirm"]
    assert second == ["document.identity.back", "document.address", "attestation", "confirm"]


@pytest.mark.row("Q9")
def test_the_back_of_an_id_card_is_missed(office):
    async def body(office):
        case = await office.collecting()
        await office.cases.enter_country(case.id, "CH")
        await office.cases.enter_personal_data(case.id, BINANCE)
        await office.paper(case, "identity", "id_card", "front")
        one = await refused(Incomplete, office.cases.submit(case.id))
        await refused(Problems, office.paper(case, "identity", "passport", "back"))
        await office.paper(case, "identity", "passport", "front")  # another document takes its place
        return one, await refused(Incomplete, office.cases.submit(case.id))

    one, two = office(body, "binance")
    assert "the back of the id card is missing" in [each.message for each in one.problems]
    assert places(two) == ["selfie", "confirm"]


@pytest.mark.row("B1")
def test_companies_show_more_than_persons(office):
    async def body(office):
        person = await office.filled("a-1")
        company = await office.filled("a-2", subject=Subject.COMPANY)
        return [
            sorted({each.category for each in (await office.cases.get(case.id)).progress.papers})
            for case in (person, company)
        ]

    assert office(body, "stackbill") == [["address", "identity"], ["address", "identity", "registration"]]


@pytest.mark.row("Q7")
def test_every_field_is_asked_for(office):
    async def body(office):
        case = await office.collecting()
        await office.cases.enter_country(case.id, "CH")
        missing = await refused(
            Problems, office.cases.enter_personal_data(case.id, {"first_name": "Jane", "shoe": "38"})
        )
        wrong = await refused(
            Problems,
            office.cases.enter_personal_data(case.id, {**BINANCE, "date_of_birth": "31.12.1990", "city": "\x00"}),
        )
        return missing, wrong

    missing, wrong = office(body, "binance")
    assert places(missing) == ["shoe", *list(BINANCE)[1:]]
    assert [str(each) for each in wrong.problems] == [
        "date_of_birth: is not a date such as `1990-12-31`",
        "city: has control characters in it",
    ]


@pytest.mark.row("H3")
def test_a_fixed_line_is_refused_and_a_free_mailbox_is_told_of(office):
    async def body(office):
        case = await office.collecting(trigger=Trigger.MANDATORY)
        _, warnings = await office.cases.enter_personal_data(case.id, {**PERSON, "email": "jane@gmail.com"})
        await office.paper(case)
        await office.paper(case, "selfie", "selfie", "pose-0")
        proofs = Proofs(site=office.site, outside=Outside(sms=Phone(), mail=None))
        fixed = await refused(Problems, proofs.send(case.id, Channel.PHONE, "+41 44 668 18 00"))
        nanp = await proofs.send(case.id, Channel.PHONE, "+1 650 253 0000")
        await refused(NotNow, proofs.send(case.id, Channel.EMAIL, "jane@acme.example")) if proofs.outside.mail else None
        await refused(NotPossible, proofs.send(case.id, Channel.EMAIL, "jane@acme.example"))
        results = await office.store.read(results_of, case.id)
        return warnings, str(fixed.problems[0]), nanp.to, [(each.check, each.result) for each in results]

    warnings, fixed, nanp, results = office(body, "hostkey", free_mail=frozenset({"gmail.com"}))
    assert warnings == ("the e-mail address is at a free mailbox provider",)
    assert fixed == "phone: is not the number of a mobile phone, but fixed"
    assert nanp == "+16502530000"  # in North America a number does not tell which it is
    assert results == [("email.work", "failed")]


class Phone:
    def __init__(self):
        self.texts = []

    async def send(self, to, text):
        self.texts.append((to, text))


class Mailbox:
    def __init__(self):
        self.letters = []

    async def send(self, letter):
        self.letters.append(letter)


@pytest.mark.row("H20", "H21", "H4")
def test_codes_prove_a_phone_and_a_mailbox(office):
    async def body(office):
        case = await office.collecting(trigger=Trigger.MANDATORY)
        await office.cases.enter_personal_data(case.id, PERSON)
        await office.paper(case)
        await office.paper(case, "selfie", "selfie", "pose-0")
        phone, mailbox = Phone(), Mailbox()
        proofs = Proofs(site=office.site, outside=Outside(sms=phone, mail=mailbox))
        number = "+41 79 123 45 67"
        await proofs.send(case.id, Channel.PHONE, number)
        again = await proofs.send(case.id, Channel.PHONE, number)
        code = phone.texts[0][1].split()[3].rstrip(".")
        wrong = await proofs.enter(case.id, Channel.PHONE, number, "000000" if code != "000000" else "111111")
        right = await proofs.enter(case.id, Channel.PHONE, number, code)
        await proofs.send(case.id, Channel.EMAIL, "jane@acme.example")
        code = mailbox.letters[0].text.split()[3].rstrip(".")
        mail = await proofs.enter(case.id, Channel.EMAIL, "jane@acme.example", code)
        results = await office.store.read(results_of, case.id)
        return again, wrong, right, mail, results, (await office.cases.get(case.id)).progress.next.step.kind

    again, wrong, right, mail, results, following = office(body, "hostkey")
    assert isinstance(again, NotYet)
    assert (wrong.checked, wrong.left) == (Checked.WRONG, 4)
    assert (right.checked, mail.checked) == (Checked.RIGHT, Checked.RIGHT)
    assert [(each.check, each.result) for each in results] == [("code.phone", "passed"), ("code.email", "passed")]
    assert following is StepKind.ATTESTATION


@pytest.mark.row("H22")
def test_an_edit_takes_the_confirmation_back(office):
    async def body(office):
        case = await office.filled(trigger=Trigger.MANDATORY)
        confirmed = case.snapshot
        await office.cases.enter_personal_data(case.id, {**PERSON, "city": "Basel"})
        edited = await refused(Incomplete, office.cases.submit(case.id))
        await office.cases.confirm(case.id)
        again = (await office.cases.get(case.id)).case.snapshot
        return confirmed, places(edited), again, (await office.cases.submit(case.id)).state

    confirmed, edited, again, state = office(body, "hostkey")
    assert confirmed is not None
    assert edited == ["confirm"]
    assert again not in (None, confirmed)
    assert state is State.SUBMITTED


@pytest.mark.row("B10", "B12", "Q12")
def test_one_mail_says_that_it_arrived(office):
    async def body(office):
        case = await office.submitted()
        await refused(NotNow, office.cases.submit(case.id))
        return [name for name, *_ in await office.store.read(actions_of, case.id) if name == "mail.submitted"]

    assert office(body, "stackbill") == ["mail.submitted"]


@pytest.mark.row("Q10", "Q11", "H18")
def test_pictures_come_from_a_camera_or_a_file_and_poses_are_counted(office):
    async def body(office):
        case = await office.collecting()
        await office.cases.enter_country(case.id, "CH")
        await office.cases.enter_personal_data(case.id, BINANCE)
        await office.paper(case, source="camera")
        for pose in ("left", "right"):
            await office.paper(case, "selfie", "selfie", pose, source="camera")
        two = await refused(NotNow, office.cases.confirm(case.id))
        await office.paper(case, "selfie", "selfie", "centre", source="camera")
        await office.cases.confirm(case.id)
        papers = (await office.cases.get(case.id)).progress.papers
        return str(two), sorted((each.category, each.source) for each in papers)

    two, papers = office(body, "binance")
    assert two == "`selfie` comes before `confirm`"
    assert papers == [("identity", "camera"), *[("selfie", "camera")] * 3]


@pytest.mark.row("H10")
def test_the_attested_text_is_kept_by_its_version(office):
    async def body(office):
        case = await office.filled(trigger=Trigger.MANDATORY)
        exported = await office.store.personal_data.export("a-1", "kim")
        return case.id, exported.document

    _, document = office(body, "hostkey")
    assert '"kind":"attestation","text_version":"attestation-1"' in document


def test_an_upload_after_the_submission_changes_nothing(office):
    async def body(office):
        case = await office.submitted()
        late = NewPaper(category="identity", type="passport", side="front", country="CH", source="upload", file="late")
        await refused(NotNow, office.cases.keep_paper(case.id, late))
        return [each.file for each in (await office.cases.get(case.id)).progress.papers]

    assert "late" not in office(body, "stackbill")
