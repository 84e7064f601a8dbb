"""The customer's way through the pages, with everything that goes wrong on it."""

import re
from datetime import timedelta

import pytest

from kycrisk.verification.state import State, Trigger
from tests.verification import pictures
from tests.web.conftest import PERSON, desk

__all__ = ["desk"]

PASSPORT = pictures.saved(pictures.document("passport", 1300), "JPEG")
BLURRED = pictures.saved(pictures.blurred(pictures.document("passport", 1300), 12), "JPEG")
FACES = [pictures.saved(pictures.document("card_front", 1000, seed=seed), "JPEG") for seed in (2, 3, 4)]


def upload(raw, name="a.jpg", kind="image/jpeg"):
    return (name, raw, kind)


async def data(browser, **changed):
    asked = set(re.findall(r'name="(\w+)"', browser.page.text))
    return await browser.send(
        "/verify/personal-data", **{name: value for name, value in {**PERSON, **changed}.items() if name in asked}
    )


async def document(browser, raw=PASSPORT, type_="passport", category="identity", **sides):
    await browser.send(f"/verify/document/{category}/choose", type=type_)
    files = {name: upload(each) for name, each in (sides or {"front": raw}).items()}
    return await browser.send(f"/verify/document/{category}", files, type=type_, country="CH")


async def selfie(browser):
    names = re.findall(r'type="file".*?|id="(pose-\w+)"', browser.page.text)
    files = {name: upload(raw) for name, raw in zip(filter(None, names), FACES, strict=False)}
    return await browser.send("/verify/selfie", files)


async def codes(desk, browser):
    await browser.send("/verify/codes/phone", to=PERSON["phone"])
    code = re.search(r"\d{6}", desk.around.sms.sent[-1][1])[0]
    await browser.send("/verify/codes/phone/enter", to=browser.value("to"), code=code)
    await browser.send("/verify/codes/email", to=PERSON["email"])
    code = re.search(r"\d{6}", desk.around.mail.letters[-1].text)[0]
    return await browser.send("/verify/codes/email/enter", to=PERSON["email"], code=code)


async def filled(desk, account="a-1"):
    """HOSTKEY's four steps and what is around them, up to the confirmation."""
    browser = await desk.agreed(account)
    await data(browser)
    await document(browser)
    await selfie(browser)
    await codes(desk, browser)
    await browser.send("/verify/attest", agree=browser.value("agree"))
    return await browser.send("/verify/confirm")


@pytest.mark.row("B3", "B4", "H12", "H13", "H23", "B10", "Q12", "S11")
def test_from_the_menu_to_the_receipt(desk):
    async def body(desk):
        browser = await desk.browser().get("/me", params={"claim": desk.claim()})
        seen = [browser.text]
        await browser.send("/me", claim=desk.claim())
        seen.append(browser.heading)
        browser = await filled(desk)
        await browser.send("/verify/submit")
        return seen, browser.text, (await desk.case()).state

    seen, receipt, state = desk(body)
    assert "Start KYC verification" in seen[0]
    assert seen[1] == "Verification of your account"
    assert "Submitted successfully." in receipt
    assert "KYC under review" in receipt
    assert state is State.SUBMITTED


@pytest.mark.row("H15")
def test_nothing_is_taken_before_consent(desk):
    async def body(desk):
        browser = await desk.customer()
        await browser.send("/verify/start")
        without = browser.page.status_code, browser.text
        await browser.send("/verify/document/identity", {"front": upload(PASSPORT)}, type="passport", country="CH")
        return without, browser.page.status_code, (await desk.case()).state

    (status, text), uploaded, state = desk(body)
    assert status == 422
    assert "agree to go on, or close this page" in text
    assert uploaded == 403
    assert state is State.OPEN


@pytest.mark.row("Q7")
def test_everything_that_is_missing_at_once(desk):
    async def body(desk):
        browser = await desk.agreed()
        await data(browser, date_of_birth="12.08.1974", city="", phone="12")
        return browser.page.status_code, browser.page.text, browser.text

    status, raw, text = desk(body)
    assert status == 422
    assert "Date of birth: is not a date such as `1990-12-31`" in text
    assert "City: is missing" in text
    assert 'href="#city"' in raw
    assert 'aria-describedby="city-error"' in raw
    assert 'value="Eriksson"' in raw  # what was right need not be typed again


UNUSABLE = {
    "blurred": (BLURRED, "image/jpeg", "The picture is blurred."),
    "a PDF": (b"%PDF-1.7\n", "application/pdf", "this is a PDF, not a picture"),
    "an SVG": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml", "SVG"),
    "sent as another type": (PASSPORT, "image/png", "was sent as something else"),
    "cut off": (PASSPORT[: len(PASSPORT) // 2], "image/jpeg", "damaged or cut off"),
    "no picture": (b"hello", "image/jpeg", "Front"),
}


@pytest.mark.row("H17")
@pytest.mark.parametrize("name", UNUSABLE)
def test_a_picture_that_cannot_be_used(desk, name):
    raw, kind, words = UNUSABLE[name]

    async def body(desk):
        browser = await desk.agreed()
        await data(browser)
        await browser.send("/verify/document/identity/choose", type="passport")
        files = {"front": upload(raw, kind=kind)}
        await browser.send("/verify/document/identity", files, type="passport", country="CH")
        status, text = browser.page.status_code, browser.text
        await document(browser)  # and then with a good one
        return status, text, browser.heading

    status, text, after = desk(body)
    assert status == 422
    assert words in text
    assert after == "A picture of your face"


@pytest.mark.row("Q11")
def test_one_picture_for_two_poses(desk):
    """Refused by the page, at once and later; and by what the camera's script asks. Then one for each is taken."""

    async def body(desk):
        browser = await desk.agreed(step_up=True)
        await browser.send("/verify/country", country="CH")
        await data(browser)
        await document(browser)
        poses = re.findall(r'<input id="(pose-\w+)"', browser.page.text)
        await browser.send("/verify/selfie", {name: upload(FACES[0]) for name in poses[:2]})
        seen = [(browser.page.status_code, browser.text)]
        await browser.send("/verify/selfie", {poses[2]: upload(FACES[0])})
        seen.append((browser.page.status_code, browser.text))
        form = {"csrf": browser.value("csrf")}
        asked = {"Accept": "application/json"}
        script = [
            await browser.client.post("/verify/selfie", data=form, files={name: upload(raw)}, headers=asked)
            for name, raw in ((poses[1], FACES[0]), ("pose-elbow", FACES[1]), (poses[1], FACES[1]))
        ]
        kept = (await desk.service.cases.get((await desk.case()).id)).progress.papers
        await browser.get("/verify", params={"step": "selfie"})
        await selfie(browser)  # also the same picture again for its own pose
        return poses, seen, script, [each.side for each in kept if each.category == "selfie"], browser.heading

    poses, seen, script, kept, after = desk(body, "binance")
    words = "this picture was sent for another pose already: take one for each"
    assert [status for status, _ in seen] == [422, 422]
    assert all(words in text for _, text in seen)
    assert [each.status_code for each in script] == [422, 422, 200]
    assert script[0].json()["errors"] == {poses[1]: words}
    assert "not asked for any more" in script[1].json()["errors"]["pose-elbow"]
    assert sorted(f"pose-{each}" for each in kept) == sorted(poses[:2])
    assert after == "Is everything correct?"


@pytest.mark.row("H20", "H21", "H3")
def test_codes(desk):
    async def body(desk):
        browser = await desk.agreed()
        await data(browser)
        await document(browser)
        await selfie(browser)
        said = []
        await browser.send("/verify/codes/phone", to="+41 44 668 18 00")
        said.append(browser.text)
        await browser.send("/verify/codes/phone", to=PERSON["phone"])
        right = re.search(r"\d{6}", desk.around.sms.sent[-1][1])[0]
        wrong = "000000" if right != "000000" else "111111"
        for _ in range(5):
            await browser.send("/verify/codes/phone/enter", to=browser.value("to"), code=wrong)
        said.append(browser.text)
        await browser.send("/verify/codes/phone/enter", to=browser.value("to"), code=right)
        said.append(browser.text)
        await browser.send("/verify/codes/phone", to=PERSON["phone"])
        said.append(browser.text)
        desk.clock.now += timedelta(minutes=2)
        await browser.send("/verify/codes/phone", to=PERSON["phone"])
        right = re.search(r"\d{6}", desk.around.sms.sent[-1][1])[0]
        desk.clock.now += timedelta(minutes=11)
        await browser.send("/verify/codes/phone/enter", to=browser.value("to"), code=right)
        said.append(browser.text)
        return said

    fixed, often, still, soon, old = desk(body)
    assert "is not the number of a mobile phone" in fixed
    assert "was wrong too often" in often
    assert "was wrong too often" in still
    assert "wait 60 seconds" in soon
    assert "is too old" in old


@pytest.mark.row("H22")
def test_an_edit_takes_the_confirmation_back(desk):
    async def body(desk):
        browser = await filled(desk)
        confirmed = browser.heading
        await browser.get("/verify", params={"step": "personal_data"})
        await data(browser, city="Basel")
        again = browser.heading
        await browser.send("/verify/submit")
        return confirmed, again, browser.page.status_code, browser.text

    confirmed, again, status, text = desk(body)
    assert (confirmed, again) == ("Everything is here", "Is everything correct?")
    assert status == 409
    assert "the data has not been confirmed" in text


@pytest.mark.row("S14", "H19")
def test_a_second_device_goes_on(desk):
    async def body(desk):
        browser = await desk.agreed()
        await data(browser)
        await browser.get("/verify/hand-off")
        ways = [each for each in ("qr", "copy", "email", "sms") if f'name="way" value="{each}"' in browser.page.text]
        await browser.send("/verify/hand-off", way="qr")
        code = "<svg" in browser.page.text
        await browser.send("/verify/hand-off", way="sms", to=PERSON["phone"])
        await browser.send("/verify/hand-off", way="email", to=PERSON["email"])
        await browser.send("/verify/hand-off", way="copy")
        link = browser.link("http://kycrisk.test/h/")
        phone = await desk.browser().get(link)  # a preview looks, and uses nothing up
        await phone.send(link)
        second = phone.heading
        third = await desk.browser().send(link)
        return ways, code, desk.around.sms.sent[-1][1], desk.around.mail.letters[-1].text, second, third.heading

    ways, code, text, letter, second, third = desk(body)
    assert ways == ["qr", "copy", "email", "sms"]
    assert code
    assert "http://kycrisk.test/h/" in text
    assert "http://kycrisk.test/h/" in letter
    assert second == "Your document"
    assert third == "This link was used already"


def test_links_to_other_devices_can_be_withdrawn(desk):
    """Also those that were used: whoever came by one is out, and the first device goes on."""

    async def body(desk):
        browser = await desk.agreed()
        phones = []
        for _ in range(2):
            await browser.send("/verify/hand-off", way="copy")
            phones.append(browser.link("http://kycrisk.test/h/"))
        phone = await desk.browser().get(phones[0])
        await phone.send(phones[0])
        inside = phone.heading
        await browser.send("/verify/hand-off/end")
        told = browser.text
        await phone.get("/verify")
        late = await desk.browser().get(phones[1])
        await browser.get("/verify")
        case = await desk.case()
        return (
            inside,
            told,
            phone.heading,
            (late.page.status_code, late.heading),
            browser.heading,
            case.id,
            ([each.action for each in (await desk.service.store.audit.page(subject=case.id, limit=100)).items]),
        )

    inside, told, phone, late, here, _, audit = desk(body)
    assert (inside, here) == ("Your data", "Your data")
    assert "The links were withdrawn." in told
    assert phone == "You were away for a while"
    assert late == (410, "This link is not valid any more")
    assert "case.links_ended" in audit


def test_who_leaves_a_device_is_out(desk):
    async def body(desk):
        browser = await desk.agreed()
        cookie = dict(browser.client.cookies)
        await browser.send("/verify/leave")
        left = browser.heading
        browser.client.cookies.update(cookie)  # as somebody has it who copied it
        await browser.get("/verify")
        return left, browser.page.status_code, (await desk.case()).state

    assert desk(body) == ("You have left your verification", 401, State.COLLECTING)


@pytest.mark.row("S14")
def test_the_first_device_notices(desk):
    async def body(desk):
        browser = await desk.agreed()
        await browser.get("/verify/hand-off")
        asked = browser.page.text.split('hx-get="')[1].split('"')[0]
        await browser.get(asked)
        before = browser.page
        await browser.get("/verify")
        await data(browser)
        await browser.get(asked)
        return before, browser.page

    before, after = desk(body)
    assert (before.status_code, "hx-redirect" in before.headers) == (204, False)
    assert (after.status_code, after.headers["hx-redirect"]) == (200, "/verify")


@pytest.mark.row("Q4")
@pytest.mark.parametrize(
    ("claim", "status", "heading"),
    [
        ({"step_up": True}, 200, "Verification of your account"),
        ({}, 401, "Please confirm that it is you"),
    ],
    ids=["proved a second time", "only logged in"],
)
def test_step_up(desk, claim, status, heading):
    async def body(desk):
        browser = await desk.customer(**claim)
        bearer = {"Authorization": f"Bearer {desk.claim('a-2', **claim)}"}
        asked = await desk.browser().client.post("/me/cases", headers=bearer)
        return browser.page.status_code, browser.heading, asked.status_code

    assert desk(body, "binance") == (status, heading, 201 if status == 200 else 401)


FOREIGN = {
    "another secret": lambda good: good[:-4] + "AAAA",
    "nothing": lambda good: "",
    "no claim": lambda good: "a.b",
    "not even base64": lambda good: "ä.ö",
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_claim_that_is_not_believed(desk, name):
    async def body(desk):
        browser = await desk.browser().get("/me", params={"claim": FOREIGN[name](desk.claim())})
        return browser.page.status_code, browser.heading

    assert desk(body) == (401, "Please log in again")


def test_a_claim_that_has_expired(desk):
    async def body(desk):
        claim = desk.claim()
        desk.clock.now += timedelta(minutes=6)
        browser = await desk.browser().get("/me", params={"claim": claim})
        return browser.page.status_code, browser.heading

    assert desk(body) == (401, "Please log in again")


@pytest.mark.row("H11", "Q5")
def test_a_banner_for_the_operators_pages(desk):
    async def body(desk):
        client = desk.browser().client
        bearer = {"Authorization": f"Bearer {desk.claim()}"}
        before = (await client.get("/me/verification", headers=bearer)).json()
        opened = await client.post("/me/cases", headers=bearer)
        after = (await client.get("/me/verification", headers=bearer)).json()
        return before, opened.json()["link"], after, (await client.get("/me/verification")).status_code

    before, link, after, without = desk(body)
    assert before["banner"]["show"] is False
    assert link.startswith("http://kycrisk.test/v/")
    assert after["banner"] == {"show": True, "text": "Start KYC verification", "severity": "warning"}
    assert without == 401


@pytest.mark.row("S13")
def test_the_link_of_a_ticket_works_after_71_hours(desk):
    async def body(desk):
        opened = await desk.service.cases.open("a-1", Trigger.RISK_FLAG, actor="tests")
        link = await desk.service.bureau.link(opened.case.id)
        desk.clock.now += timedelta(hours=71)
        browser = await desk.browser().get(link)
        entrance = browser.heading
        await browser.send(link)
        return entrance, browser.page.url.path, browser.page.status_code

    assert desk(body, "spacecore") == ("Verification of your account", "/verify", 200)


REFUSED = {
    "unknown link": (lambda browser: browser.get("/v/" + "x" * 43), 404, "This link is not known"),
    "no link": (lambda browser: browser.get("/verify"), 401, "Please open your link"),
    "form without its token": (lambda browser: browser.send("/verify/start", csrf="x"), 401, "Please open your link"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_who_has_no_visit(desk, name):
    do, status, heading = REFUSED[name]

    async def body(desk):
        browser = await do(desk.browser())
        return browser.page.status_code, browser.heading

    assert desk(body) == (status, heading)


def test_a_form_of_another_site_changes_nothing(desk):
    async def body(desk):
        browser = await desk.customer()
        await browser.send("/verify/start", csrf="0" * 32, agree="x")
        return browser.page.status_code, browser.heading, (await desk.case()).state

    assert desk(body) == (403, "This form is too old", State.OPEN)


def test_a_visit_ends_and_nothing_is_lost(desk):
    async def body(desk):
        browser = await desk.agreed()
        await data(browser)
        desk.clock.now += timedelta(hours=3)
        await browser.get("/verify")
        away = browser.page.status_code, browser.heading
        await browser.send("/me", claim=desk.claim())
        return away, browser.heading

    assert desk(body) == ((401, "You were away for a while"), "Your document")


def test_withdrawn_consent_ends_every_link(desk):
    async def body(desk):
        browser = await desk.agreed()
        await data(browser)
        await browser.send("/verify/withdraw")
        asked = browser.heading
        case = await desk.case()
        await browser.send("/verify/withdraw", sure="yes")
        closed = (await desk.service.cases.get(case.id)).case.state
        return asked, browser.heading, closed, (await browser.get("/verify")).page.status_code

    assert desk(body) == ("Withdraw your consent?", "Your consent is withdrawn", State.CLOSED, 401)


@pytest.mark.row("B9")
def test_help_by_ticket_and_by_mail(desk):
    async def body(desk):
        browser = await desk.agreed()
        await browser.send("/verify/help", message="My passport has no number.", ticket="1", email="1")
        await desk.service.bureau.errands.run_all()
        said = [text for ticket in desk.around.tickets.tickets for text in ticket["said"]]
        return (
            browser.text,
            said,
            [letter.text for letter in desk.around.mail.letters if letter.to == "ops@example.com"],
        )

    text, said, letters = desk(body)
    assert "Your question was sent." in text
    assert any("My passport has no number." in each for each in said)
    assert any("My passport has no number." in each for each in letters)


def test_the_other_language(desk):
    async def body(desk):
        browser = await desk.customer()
        await browser.send("/verify/language", language="de", back="/verify")
        german = browser.heading
        await browser.send("/verify/language", language="en", back="https://evil.example/")
        return german, str(browser.page.url)

    assert desk(body) == ("Überprüfung Ihres Kontos", "http://kycrisk.test/verify")


def test_what_browsers_may_do(desk):
    async def body(desk):
        browser = await desk.customer()
        return browser.page.headers, browser.page.history[0].headers["set-cookie"]

    headers, cookie = desk(body)
    assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
