"""The reviewers' pages: who may see them, what they show, and what is written down."""

import json
import re

import pytest

from kycrisk.store.api_keys import NewKey
from kycrisk.store.failure import Erased
from kycrisk.verification.attempt import told_of
from kycrisk.verification.providers.provider import Outcome
from kycrisk.verification.state import State
from tests.verification import pictures
from tests.web.conftest import desk
from tests.web.test_customer import filled

__all__ = ["desk"]


async def waiting(desk):
    """A case that waits for a person, and a reviewer who is logged in."""
    browser = await filled(desk)
    await browser.send("/verify/submit")
    case = await desk.case()
    return browser, case, await desk.reviewer()


def test_nobody_sees_anything_without_a_key(desk):
    async def body(desk):
        stranger = await desk.browser().get("/review")
        wrong = await desk.browser().send("/review/login", key="kyc_nonsense")
        return stranger.page.url.path, wrong.page.status_code, wrong.text

    path, status, text = desk(body)
    assert path == "/review/login"
    assert status == 401
    assert "the API key is not known" in text


@pytest.mark.row("Q13")
def test_the_queue_and_a_case(desk):
    async def body(desk):
        _, case, reviewer = await waiting(desk)
        await reviewer.get("/review")
        queue = reviewer.text
        await reviewer.get(f"/review/cases/{case.id}")
        picture = await reviewer.client.get(reviewer.link(f"/review/cases/{case.id}/pictures/"))
        page = await desk.service.store.audit.page(limit=100)
        return case.id, queue, reviewer.text, picture, [(each.actor, each.action) for each in page.items]

    id_, queue, text, picture, audit = desk(body)
    assert "1 wait, 0 of them for too long." in queue
    assert id_ in queue
    assert "Eriksson" in text
    assert "Passport · Front" in text
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/jpeg")
    assert "sandbox" in picture.headers["content-security-policy"]
    assert ("kim", "vault.viewed") in audit


@pytest.mark.row("H4", "Q8", "Q18")
def test_the_zone_is_held_against_what_was_entered(desk):
    async def body(desk):
        _, case, reviewer = await waiting(desk)
        await reviewer.get(f"/review/cases/{case.id}")
        document = re.search(r"/documents/(doc_\w+)/zone", reviewer.page.text)[1]
        path = f"/review/cases/{case.id}/documents/{document}/zone"
        await reviewer.send(path, zone="\n".join(pictures.ZONES["passport"]))
        found = {each.check: each.result for each in (await desk.service.cases.look(case.id, "kim")).results}
        await reviewer.send(path, zone="P<UTO\nnonsense")
        return found, reviewer.page.status_code, reviewer.text

    found, status, text = desk(body)
    assert found["mrz"] == "passed"
    assert found["document.expiry"] == "failed"  # 15 April 2012
    assert found["match.last_name"] == "passed"
    assert found["match.date_of_birth"] == "passed"
    assert status == 422
    assert "nonsense" in text  # what was typed is still there


@pytest.mark.row("B8", "Q16", "Q17")
def test_one_document_is_rejected_and_taken_anew(desk):
    async def body(desk):
        browser, case, reviewer = await waiting(desk)
        await reviewer.get(f"/review/cases/{case.id}")
        document = re.search(r"/documents/(doc_\w+)", reviewer.page.text)[1]
        path = f"/review/cases/{case.id}"
        await reviewer.send(f"{path}/documents/{document}", verdict="rejected")
        without = reviewer.text
        await reviewer.send(
            f"{path}/documents/{document}", verdict="rejected", reason="IMAGE_GLARE", comment="The number is hidden.",
            note="third time",
        )  # fmt: skip
        await reviewer.send(f"{path}/decision", verdict="approve")
        refused = reviewer.page.status_code
        await reviewer.get(path)
        await reviewer.send(f"{path}/decision", verdict="retry", reason="IMAGE_GLARE")
        await browser.get("/verify")
        told = browser.text
        await browser.send("/verify/start")
        return without, refused, told, browser.heading, (await desk.case()).state

    without, refused, told, heading, state = desk(body)
    assert "say why the document is rejected" in without
    assert refused == 409
    assert "A reflection hides part of the document." in told
    assert "The number is hidden." in told
    assert "third time" not in told
    assert heading == "Your document"
    assert state is State.COLLECTING


@pytest.mark.row("S19", "S18")
def test_a_dispute_is_for_another_person(desk):
    async def body(desk):
        browser, case, reviewer = await waiting(desk)
        path = f"/review/cases/{case.id}"
        await reviewer.get(path)
        await reviewer.send(f"{path}/decision", verdict="deny", reason="DOC_SUSPECT")
        await browser.get("/verify")
        await browser.send("/verify/dispute", words="It is genuine.")
        disputed = browser.text
        await reviewer.get(path)
        await reviewer.send(f"{path}/decision", verdict="approve")
        same = reviewer.page.status_code, reviewer.text
        other = await desk.reviewer("lee")
        await other.get(path)
        await other.send(f"{path}/decision", verdict="approve", document_expires="2031-05-01")
        await browser.get("/verify")
        return disputed, same, browser.text, (await desk.service.cases.get(case.id)).case

    disputed, (status, text), told, case = desk(body)
    assert "Another person will look at it." in disputed
    assert status == 409
    assert "somebody else than before has to decide" in text
    assert "Your verification is complete" in told
    assert case.state is State.VERIFIED
    assert case.document_expires.date().isoformat() == "2031-05-01"


@pytest.mark.row("S4")
def test_who_looked_is_written_down_and_can_be_asked_for(desk):
    async def body(desk):
        _, case, reviewer = await waiting(desk)
        await reviewer.get(f"/review/cases/{case.id}")
        await reviewer.client.get(reviewer.link(f"/review/cases/{case.id}/pictures/"))
        paper = re.search(r"/pictures/(doc_\w+)", reviewer.page.text)[1]
        keys = desk.service.store.api_keys
        asked = []
        for scope in ("review", "disclose"):
            token = (await keys.issue(NewKey(name=scope, scopes=(scope,), by="tests"))).token
            headers = {"Authorization": f"Bearer {token}"}
            asked.append(await desk.browser().client.get(f"/v1/reviews/{case.id}/accesses", headers=headers))
        exported = json.loads((await desk.service.store.personal_data.export("a-1", "kim")).document)
        return paper, asked, [(each["what"], each["by"]) for each in exported["cases"][0]["accesses"]]

    paper, (refused, told), exported = desk(body)
    assert refused.status_code == 403
    assert [(each["what"], each["by"]) for each in told.json()["items"]] == [("data", "kim"), (paper, "kim")]
    assert exported == [("data", "kim"), (paper, "kim")]


def test_a_reviewer_holds_an_account_back_and_lets_it_go(desk):
    async def body(desk):
        _, case, reviewer = await waiting(desk)
        path = f"/review/cases/{case.id}"
        await reviewer.get(path)
        await reviewer.send(f"{path}/holds", kind="services", do="hold")
        without = reviewer.page.status_code, reviewer.text
        await reviewer.send(f"{path}/holds", kind="feature:nothing", do="hold", why="x")
        unknown = reviewer.page.status_code
        await reviewer.send(f"{path}/holds", kind="services", do="hold", why="a chargeback")
        held = reviewer.text
        await desk.service.bureau.errands.run_all()
        at_panel = desk.around.panel.held()
        await reviewer.send(f"{path}/holds", kind="services", do="let_go")
        await desk.service.bureau.errands.run_all()
        return without, unknown, held, at_panel, desk.around.panel.held(), reviewer.text

    (status, said), unknown, held, at_panel, after, text = desk(body)
    assert (status, unknown) == (422, 422)
    assert "say why it is held back" in said
    assert "Held back: services (manual)" in held
    assert "kim: case.held_by_hand · services · a chargeback" in held
    assert (at_panel, after) == ({("a-1", "services")}, set())
    assert "Held back:" not in text


def test_people_are_the_provider_of_the_case(desk):
    """An attempt begins with the customer's start; what reviewers say is heard, and asked for, as of any provider; a
    dispute is another attempt; and to delete what the provider holds erases the pictures."""

    async def body(desk):
        browser, case, reviewer = await waiting(desk)
        cases, people = desk.service.cases, desk.service.bureau.sessions.providers["manual"]
        [first] = (await cases.get(case.id)).attempts
        unsaid = await people.fetch(first.reference)
        path = f"/review/cases/{case.id}"
        await reviewer.get(path)
        await reviewer.send(f"{path}/decision", verdict="deny", reason="DOC_SUSPECT")
        event = await people.fetch(first.reference)
        again = await cases.hear(told_of("manual", event))
        await browser.get("/verify")
        await browser.send("/verify/dispute", words="It is genuine.")
        other = await desk.reviewer("lee")
        await other.get(path)
        await other.send(f"{path}/decision", verdict="approve")
        told = [(each.provider, each.state, each.final) for each in (await cases.get(case.id)).attempts]
        paper = (await cases.get(case.id)).progress.papers[0]
        await people.delete(first.reference)
        with pytest.raises(Erased):
            await desk.service.bureau.vault.view(paper.file, case=case.id, by="kim", why="tests")
        webhook = await desk.browser().client.post("/v1/providers/manual/webhook", content=b"{}")
        return unsaid, event.outcome, again.effect, told, webhook.status_code

    unsaid, outcome, again, told, webhook = desk(body)
    assert (unsaid, outcome, again, webhook) == (None, Outcome.DENIED, "repeated", 401)
    assert told == [("manual", "denied", True), ("manual", "approved", True)]


def test_a_form_of_another_site_decides_nothing(desk):
    async def body(desk):
        _, case, reviewer = await waiting(desk)
        await reviewer.send(f"/review/cases/{case.id}/decision", csrf="0" * 32, verdict="approve")
        return reviewer.page.url.path, (await desk.case()).state

    assert desk(body) == ("/review/login", State.SUBMITTED)
