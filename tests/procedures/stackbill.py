"""StackBill: persons and companies upload documents of each category; an administrator decides document by document."""

import re

from tests.procedures.customer import attest, data, document
from tests.procedures.world import world

EMAIL = "anna@stack.example"


async def walk(folder, row):
    async with world(folder, "stackbill") as w:
        await before(w, row)
        browser = await uploads(w, row)
        await decided(w, row, browser)
        await refreshed(w, row)


async def before(w, row):
    portal = await w.browser().get("/me", params={"claim": w.claim("b-1")})
    row("B3", "the menu of the panel leads to a page", portal.page.status_code == 200)
    row("B4", "before the start it says so", "Not started" in portal.text)
    person, company = [
        (await w.post("/v1/cases", {"account_id": account, "trigger": "self_request", "subject": subject}, 201))["id"]
        for account, subject in (("b-1", "person"), ("b-2", "company"))
    ]
    steps = [{each["category"] for each in (await w.get(f"/v1/cases/{each}"))["steps"]} for each in (person, company)]
    row("B1", "companies are asked for more than persons", steps[1] - steps[0] == {"registration"})
    row("B5", "which documents are asked for stands in the procedure", {"identity", "address"} <= steps[0])


async def uploads(w, row):
    browser = await w.customer("b-1")
    await data(browser, email=EMAIL)
    await document(browser, "passport")
    await browser.send("/verify/submit")
    row(
        "B6",
        "without a document of each category nothing is submitted",
        browser.page.status_code == 409 and "no document of category `address`" in browser.text,
    )
    await browser.get("/verify")
    await document(browser, "utility_bill", "address")
    await attest(browser)
    await browser.send("/verify/confirm")
    state = (await w.case("b-1"))["state"]
    await browser.send("/verify/submit")
    row("B7", "it is handed in by a click of its own", state == "collecting" and "submit" in str(browser.page.url))
    row("B10", "the customer is told so", "Your documents were submitted successfully." in browser.text)
    row("B11", "it is called Pending then", browser.heading == "Pending")
    await w.settle()
    mails = [subject for subject, _ in w.mail.to(EMAIL) if "arrived" in subject]
    row("B12", "one mail says that it has arrived", len(mails) == 1)
    return browser


async def decided(w, row, browser):
    case = (await w.case("b-1"))["id"]
    reviewer = await w.reviewer("rita")
    await reviewer.get(f"/review/cases/{case}")
    papers = dict(re.findall(r"<strong>([\w ]+) · Front</strong>.*?/documents/(doc_\w+)\"", reviewer.page.text, re.S))
    await reviewer.send(f"/review/cases/{case}/documents/{papers['Passport']}", verdict="accepted")
    await reviewer.get(f"/review/cases/{case}")
    await reviewer.send(
        f"/review/cases/{case}/documents/{papers['Utility bill']}",
        verdict="rejected",
        reason="UNREADABLE",
        comment="The street is cut off.",
        note="again the same bill",
    )
    await reviewer.get(f"/review/cases/{case}")
    await reviewer.send(f"/review/cases/{case}/decision", verdict="retry", reason="UNREADABLE")
    await browser.get("/verify")
    row(
        "B8",
        "each document has a comment for the customer and a note for colleagues",
        "The street is cut off." in browser.text and "again the same bill" not in browser.text,
    )
    await browser.send("/verify/help", message="Which bill do you want?", ticket="1", email="1")
    await w.settle()
    said = [text for ticket in w.panel.tickets_of(EMAIL) for text in ticket["said"]]
    row(
        "B9",
        "a question goes out by ticket and by mail",
        any("Which bill" in each for each in said)
        and any("Which bill" in text for _, text in w.mail.to("operators@kyc.example")),
    )
    await browser.get("/verify")
    await browser.send("/verify/start")
    await document(browser, "bank_statement", "address")
    await browser.send("/verify/confirm")
    await browser.send("/verify/submit")
    await reviewer.get(f"/review/cases/{case}")
    await reviewer.send(f"/review/cases/{case}/decision", verdict="approve", document_expires="2040-01-01")
    await browser.get("/verify")
    row("B13", "approved is called Completed", browser.heading == "Completed")


async def refreshed(w, row):
    await w.later(days=366)
    case = await w.case("b-1")
    row("B2", "a year later it is asked for again", case["trigger"] == "refresh" and case["state"] == "open")
