"""Binance, as qPilot describes it: levels, data that matches the document letter by letter, three poses."""

from tests.procedures import customer
from tests.procedures.world import world
from tests.verification.cases.test_api import passport

EMAIL = "anna@coins.example"


async def walk(folder, row):
    async with world(folder, "binance") as w:
        await before(w, row)
        browser = await uploads(w, row)
        await judged(w, row, browser)


async def before(w, row):
    await w.post("/v1/screenings", {"account_id": "q-1", "email": EMAIL, "ip": "192.0.2.12"}, 201)
    gates = [await w.gate("q-1", each) for each in ("deposits", "withdrawals", "trading")]
    row("Q1", "without a verification no deposits, withdrawals or trading", gates == ["deny"] * 3)
    levels = [each.name for each in w.service.cases.site.policy.levels]
    row(
        "Q2",
        "basic is not enough",
        levels == ["basic", "intermediate"] and (await w.case("q-1"))["level"] == "intermediate",
    )
    steps = {each["step"] for each in (await w.get(f"/v1/cases/{(await w.case('q-1'))['id']}"))["steps"]}
    row("Q3", "intermediate is data, document and face", {"personal_data", "document", "selfie"} <= steps)
    bearer = {"Authorization": f"Bearer {w.claim('q-1')}"}
    refused = await w.api.post("/me/cases", headers=bearer)
    row("Q4", "only who has proved themselves a second time may start", refused.status_code == 401)
    banner = (await w.api.get("/me/verification", headers=bearer)).json()["banner"]
    row("Q5", "a banner says how urgent it is", (banner["text"], banner["severity"]) == ("Verify now", "warning"))


async def uploads(w, row):
    browser = await w.customer("q-1", step_up=True)
    await browser.send("/verify/country", country="")
    row("Q6", "the country of residence is asked for", browser.page.status_code == 422)
    await browser.send("/verify/country", country="CH")
    await customer.data(browser, region="", postal_code="")
    row(
        "Q7",
        "every field that is missing is told at once",
        "Postal code: is missing" in browser.text and "Region: is missing" in browser.text,
    )
    await customer.data(browser, last_name="Eriksen")
    await customer.document(browser, "id_card", raws={"front": customer.picture("card_front")})
    await browser.send("/verify/submit")
    row(
        "Q9",
        "cards have two sides",
        browser.page.status_code == 409 and "the back of the id card is missing" in browser.text,
    )
    await browser.get("/verify")
    await customer.document(browser, "id_card", raws={"front": customer.reflected()})
    glare = browser.text
    await customer.document(browser, "passport", raws={"front": customer.blurred()})
    blurred = browser.text
    await browser.get("/verify/hand-off")
    await browser.send("/verify/hand-off", way="qr")
    code = "<svg" in browser.page.text
    await browser.get("/verify")
    await customer.document(browser, "passport")
    row("Q10", "by a phone, or with a file that is there", code and browser.heading == "A picture of your face")
    poses = await customer.selfie(browser)
    row("Q11", "three poses, the centre among them", len(poses) == 3 and "pose-centre" in poses)
    await browser.send("/verify/confirm")
    await browser.send("/verify/submit")
    row("Q12", "then it is being processed", "Your data is being processed" in browser.text)
    w.seen = glare + blurred
    return browser


async def judged(w, row, browser):
    case, reviewer = (await w.case("q-1"))["id"], await w.reviewer("quinn")
    await w.later(hours=25)
    late = (await w.get("/v1/reviews?overdue=true"))["items"]
    row(
        "Q13",
        "after 24 hours it is late, and the operators are told",
        bool(late) and bool(w.mail.to("operators@kyc.example")),
    )
    await reviewer.get(f"/review/cases/{case}")
    document = reviewer.page.text.split("/zone")[0].rsplit("/documents/", 1)[1]
    path = f"/review/cases/{case}/documents/{document}"
    await reviewer.send(f"{path}/zone", zone=passport("ERIKSSON", "ANNA<MARIA", "740812", "200415"))
    found = {each["check"]: each["result"] for each in (await w.get(f"/v1/reviews/{case}"))["results"]}
    row(
        "Q8",
        "one letter that differs is found",
        found["match.last_name"] == "failed" and found["match.first_name"] == "passed",
    )
    await reviewer.get(f"/review/cases/{case}")
    reasons = ["FACE_FAILED", "DOC_EXPIRED", "DATA_MISMATCH(last_name)"]
    await reviewer.send(f"/review/cases/{case}/decision", verdict="retry", reason=reasons)
    await w.settle()
    told = "\n".join(text for _, text in w.mail.to(EMAIL))
    row("Q16", "a mail says why it failed", "The document has expired" in told)
    everything = told + w.seen
    row(
        "Q18",
        "blur, reflection, other data, expiry, face: each has its words",
        all(
            words in everything
            for words in (
                "picture is blurred",
                "A reflection",
                "differs from what the document says: surname",
                "has expired",
                "Your face could not be matched",
            )
        ),
    )
    await browser.send("/me", claim=w.claim("q-1", step_up=True))  # a day later, so the visit is a new one
    await browser.send("/verify/start")
    await browser.get("/verify", params={"step": "personal_data"})
    await customer.data(browser)
    await browser.send("/verify/confirm")
    await browser.send("/verify/submit")
    state = (await w.case("q-1"))["state"]
    row("Q17", "a second attempt at once", state == "submitted")
    await reviewer.get(f"/review/cases/{case}")
    await reviewer.send(f"/review/cases/{case}/decision", verdict="approve", document_expires="2040-01-01")
    await w.settle()
    mails = [subject for subject, _ in w.mail.to(EMAIL) if "is verified" in subject]
    row("Q14", "one mail when it is done", len(mails) == 1)
    bearer = {"Authorization": f"Bearer {w.claim('q-1')}"}
    standing = (await w.api.get("/me/verification", headers=bearer)).json()
    allowed = [await w.gate("q-1", each) for each in ("deposits", "withdrawals", "trading")]
    row(
        "Q15",
        "the profile says Verified, and the gates are open",
        standing["label"]["text"] == "Verified" and allowed == ["allow"] * 3,
    )
