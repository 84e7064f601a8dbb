"""HOSTKEY: every client verifies in four steps within 30 days; an abuse report suspends who is not verified."""

from datetime import timedelta

from tests.procedures import customer
from tests.procedures.world import world

EMAIL = "anna@host.example"


async def walk(folder, row):
    async with world(folder, "hostkey") as w:
        await mandatory(w, row)
        browser = await steps(w, row)
        await finished(w, row, browser)
        await abused(w, row)
        await refreshed(w, row)


async def mandatory(w, row):
    signup = {"account_id": "h-1", "email": EMAIL, "ip": "192.0.2.10", "first_name": "Anna", "last_name": "Eriksson"}
    screened = await w.post("/v1/screenings", signup, 201)
    case = await w.case("h-1")
    row("H2", "a clean account has a case, too", case["trigger"] == "mandatory" and screened["outcome"] != "verify")
    bearer = {"Authorization": f"Bearer {w.claim('h-1')}"}
    banner = (await w.api.get("/me/verification", headers=bearer)).json()["banner"]
    row("H11", "who logs in is invited", banner["show"] and banner["text"] == "Start KYC verification")
    portal = await w.browser().get("/me", params={"claim": w.claim("h-1")})
    row("H12", "the profile has a page for it", portal.page.status_code == 200)
    await portal.send("/me", claim=w.claim("h-1"))
    await portal.send("/verify/document/identity", {"front": ("a.jpg", b"x", "image/jpeg")}, type="passport")
    row("H15", "nothing is taken before the consent", portal.page.status_code == 403)
    names = [each["step"] for each in (await w.get(f"/v1/cases/{case['id']}"))["steps"]]
    row(
        "H14",
        "four steps in their order: document, selfie, phone, e-mail",
        [each for each in names if each in ("document", "selfie", "phone", "email")]
        == ["document", "selfie", "phone", "email"],
    )


async def steps(w, row):
    browser = await w.customer("h-1")
    row("H13", "a button starts it", (await w.case("h-1"))["state"] == "collecting")
    await customer.data(browser, email="anna@gmail.com", phone="12")
    short = browser.page.status_code
    await customer.data(browser, email=EMAIL)
    await browser.send(
        "/verify/document/identity", {"front": _file(customer.picture())}, type="library_card", country="CH"
    )
    row("H16", "other documents are refused", browser.page.status_code == 422)
    await customer.document(browser, "passport", raws={"front": customer.blurred()})
    row("H17", "a blurred picture is to be taken anew, with the reason", "The picture is blurred" in browser.text)
    await browser.get("/verify/hand-off")
    ways = [each for each in ("qr", "email", "sms", "copy") if f'name="way" value="{each}"' in browser.page.text]
    row("H19", "four ways to go on at a phone", len(ways) == 4)
    await browser.get("/verify")
    await customer.document(browser, "passport")
    page = browser.page.text
    row("H18", "the selfie is taken with a camera", 'capture="user"' in page and "camera.js" in page)
    await customer.selfie(browser)
    await browser.send("/verify/codes/phone", to="+41 44 668 18 00")
    row(
        "H3",
        "a mobile number is required, a landline refused",
        short == 422 and "not the number of a mobile" in browser.text,
    )
    await customer.phone(w, browser)
    row("H20", "a code confirms the phone", "Your e-mail address" in browser.heading)
    await customer.email(w, browser, EMAIL)
    row("H21", "a code confirms the mailbox", browser.heading == "Your word")
    await customer.attest(browser)
    await browser.send("/verify/confirm")
    await browser.get("/verify", params={"step": "personal_data"})
    await customer.data(browser, email=EMAIL, city="Basel")
    row("H22", "an edit takes the confirmation back", browser.heading == "Is everything correct?")
    await browser.send("/verify/confirm")
    return browser


async def finished(w, row, browser):
    case = (await w.case("h-1"))["id"]
    told = await w.get(f"/v1/cases/{case}")
    row(
        "H10",
        "the terms were attested",
        any(each["step"] == "attestation" and each["done_at"] for each in told["steps"]),
    )
    await browser.send("/verify/submit")
    reviewer = await w.reviewer("hank")
    await reviewer.get(f"/review/cases/{case}")
    document = reviewer.page.text.split("/documents/")[1].split("/zone")[0].split('"')[0]
    zone = "\n".join(customer.pictures.ZONES["passport"])
    await reviewer.send(f"/review/cases/{case}/documents/{document}/zone", zone=zone)
    checks = {each["check"] for each in (await w.get(f"/v1/reviews/{case}"))["results"]}
    row(
        "H4",
        "digits, expiry, names and codes are checked by the program",
        {"mrz", "document.expiry", "match.last_name", "code.phone", "code.email"} <= checks,
    )
    await reviewer.get(f"/review/cases/{case}")
    await reviewer.send(f"/review/cases/{case}/decision", verdict="approve")
    await browser.get("/verify")
    row("H23", "the customer reads of the success", "Your verification is complete" in browser.text)
    body = {"recipient": "Cantonal police", "basis": "order 2026/12", "fields": ["last_name", "street"]}
    await w.post("/v1/accounts/h-1/disclosures", body, 201)
    [kept] = (await w.get("/v1/accounts/h-1/disclosures"))["items"]
    row("H1", "every disclosure is written down", kept["recipient"] == "Cantonal police")


async def abused(w, row):
    await w.post("/v1/screenings", {"account_id": "h-2", "email": "late@host.example", "ip": "192.0.2.11"}, 201)
    await w.settle()
    await w.post("/v1/abuse-events", {"account_id": "h-2", "reference": "dmca-1"})
    await w.post("/v1/abuse-events", {"account_id": "h-1", "reference": "dmca-2"})
    await w.settle()
    number = w.panel.client("late@host.example")
    services = w.panel.services[number]
    row(
        "H6",
        "an abuse report suspends who is not verified, and nobody else",
        [state for state, _ in services.values()] == ["Suspended", "Suspended"]
        and await w.gate("h-1", "service") == "allow",
    )
    row("H7", "then there is no refund", await w.gate("h-2", "refund") == "deny")
    row(
        "H8",
        "refunds are for verified accounts",
        await w.gate("h-9", "refund") == "deny" and await w.gate("h-1", "refund") == "allow",
    )
    registered = (w.clock.now - timedelta(days=29)).isoformat()
    await w.post("/v1/cases", {"account_id": "h-3", "trigger": "mandatory", "registered_at": registered}, 201)
    before = await w.gate("h-3", "order")
    w.clock.now += timedelta(days=2)  # and no sweep has run
    row(
        "H5",
        "no new orders 30 days after the registration",
        (before, await w.gate("h-3", "order")) == ("allow", "deny"),
    )


async def refreshed(w, row):
    await w.later(days=740)
    case = await w.case("h-1")
    bearer = {"Authorization": f"Bearer {w.claim('h-1')}"}
    standing = (await w.api.get("/me/verification", headers=bearer)).json()
    row(
        "H9",
        "two years later known data is confirmed, and the account stays verified",
        case["mode"] == "confirm_only" and standing["level"] == "verified",
    )


def _file(raw):
    return ("a.jpg", raw, "image/jpeg")
