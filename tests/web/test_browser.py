"""The pages in a real browser: at a desktop, on a phone, from one to the other, and by keyboard; and the reviewers'."""

import asyncio

import pytest

from kycrisk.cli.folder import shipped_files
from kycrisk.store.api_keys import NewKey
from tests.procedures import customer
from tests.procedures.world import world
from tests.web.chromium import DESKTOP, PHONE, chromium, needs_chromium

pytestmark = [pytest.mark.heavy, needs_chromium]

EMAIL = "anna@host.example"
PERSON = {**customer.PERSON, "email": EMAIL}


@pytest.fixture
def browsing(tmp_path):
    """Runs a coroutine function with a site and a browser."""

    def run(body, policy="hostkey"):
        async def go():
            folder = tmp_path / "site"
            for relative, content in shipped_files():
                (folder / relative).parent.mkdir(parents=True, exist_ok=True)
                (folder / relative).write_bytes(content)
            async with world(folder, policy) as w, chromium(tmp_path) as devices:
                return await body(w, devices)

        return asyncio.run(go())

    return run


async def enter(w, screen, account="h-1", **more):
    """From the operator's application to the consent."""
    await screen.page.goto(f"{w.url}/me?claim={w.claim(account, **more)}")
    await screen.heading("Verification of your account")
    await screen.look("01-portal")
    await screen.press("Start the verification")
    await screen.page.get_by_label("I agree").wait_for()
    await screen.look("02-consent")


async def fill(screen, **changed):
    for name, value in {**PERSON, **changed}.items():
        field = screen.page.locator(f"main form [name={name}]")
        if await field.count() == 0:
            continue
        await (field.select_option(value) if name in ("country", "nationality") else field.fill(value))
    await screen.press("Continue")


async def choose(screen, kind="Passport"):
    await screen.page.get_by_label(kind, exact=True).check()
    await screen.press("Continue")


async def upload(screen, raw):
    files = {"name": "scan.jpg", "mimeType": "image/jpeg", "buffer": raw}
    await screen.page.locator("input[type=file]").first.set_input_files(files)
    await screen.press("Send")


async def film(screen):
    """All poses by the camera."""
    for number in range(await screen.page.locator("input[type=file]").count()):
        await screen.page.get_by_role("button", name="Use the camera").nth(number).click()
        video = screen.page.locator("video.viewer")
        await video.wait_for()
        await screen.page.get_by_role("button", name="Take a picture", exact=True).click()
        await video.wait_for(state="detached")
    await screen.page.wait_for_function("() => document.querySelector('img.taken').naturalWidth > 100")
    await screen.look("07-selfie-taken")
    await screen.press("Send")


async def code(w, screen, kind, texts):
    await screen.look(f"08-{kind}")
    await screen.press("Send me a code")
    await screen.page.get_by_label("The six digits that you received").fill(w.code_from(texts()))
    await screen.look(f"09-{kind}-code")
    await screen.press("Continue")


async def to_the_end(w, screen):
    """From the phone's code to the receipt."""
    await screen.heading("Your phone")
    await code(w, screen, "phone", lambda: w.texts.sent[-1][1])
    await screen.heading("Your e-mail address")
    await code(w, screen, "email", lambda: w.mail.to(EMAIL)[-1][1])
    await screen.heading("Your word")
    await screen.look("10-word")
    await screen.page.get_by_label("That is so").check()
    await screen.press("Continue")
    await screen.heading("Is everything correct?")
    await screen.look("11-confirm")
    await screen.press("Everything is correct")
    await screen.heading("Everything is here")
    await screen.look("12-submit")
    await screen.press("Submit")
    await screen.page.get_by_role("status").filter(has_text="submitted").wait_for()
    await screen.look("13-receipt")


@pytest.mark.row("S14", "H17", "H18", "H19", "Q10", "Q11")
def test_from_a_desktop_to_a_phone_and_back(browsing):
    async def body(w, devices):
        desktop, phone = await devices.device("desktop", **DESKTOP), await devices.device("handed-off", **PHONE)
        await enter(w, desktop)
        await desktop.page.get_by_label("I agree").check()
        await desktop.press("Start")
        await desktop.heading("Your data")
        await desktop.look("03-data")
        await fill(desktop)
        await desktop.heading("Your document")
        await desktop.look("04-kinds")
        await choose(desktop)
        await desktop.look("05-document")
        await upload(desktop, customer.blurred())
        await desktop.page.get_by_role("alert").filter(has_text="blurred").wait_for()
        await desktop.look("06-blurred")
        await upload(desktop, customer.picture())
        await desktop.heading("A picture of your face")
        await desktop.page.get_by_role("button", name="Continue on a phone").click()
        await desktop.heading("Continue on a phone")
        await desktop.press("Show a code to scan")
        await desktop.page.locator("figure.code svg").wait_for()
        await desktop.look("07-code")
        await desktop.press("Show a link to copy")
        await phone.page.goto(await desktop.page.get_by_label("Copy this link").input_value())
        await phone.look("01-entrance")
        await phone.press("Continue")
        await phone.heading("A picture of your face")
        await phone.look("06-selfie")
        await film(phone)
        await phone.heading("Your phone")
        await desktop.heading("Your phone")  # the desktop has noticed by itself
        await to_the_end(w, desktop)
        case = await w.get(f"/v1/cases/{(await w.case('h-1'))['id']}")
        return case["state"]

    assert browsing(body) == "submitted"


def test_all_of_it_on_a_phone(browsing):
    async def body(w, devices):
        phone = await devices.device("phone", **PHONE)
        await enter(w, phone)
        await phone.page.get_by_label("I agree").check()
        await phone.press("Start")
        await phone.heading("Your data")
        await fill(phone, phone="12", date_of_birth="1074-01-01")
        await phone.page.get_by_role("alert").wait_for()
        await phone.look("03-data-problems")
        await fill(phone)
        await phone.heading("Your document")
        await choose(phone)
        await phone.look("05-document")
        await upload(phone, customer.picture())
        await phone.heading("A picture of your face")
        await film(phone)
        await to_the_end(w, phone)
        return (await w.case("h-1"))["state"]

    assert browsing(body) == "submitted"


def test_by_keyboard_alone(browsing):
    async def body(w, devices):
        screen = await devices.device("keyboard", **DESKTOP)
        await enter(w, screen)
        for _ in range(20):
            await screen.page.keyboard.press("Tab")
            if await screen.page.evaluate("() => document.activeElement.id") == "agree":
                break
        await screen.page.keyboard.press("Space")
        await screen.page.keyboard.press("Tab")
        await screen.page.keyboard.press("Enter")
        await screen.heading("Your data")
        return (await w.case("h-1"))["state"]

    assert browsing(body) == "collecting"


def test_in_german(browsing):
    async def body(w, devices):
        phone = await devices.device("german", **{**PHONE, "locale": "de-DE"})
        await phone.page.goto(f"{w.url}/me?claim={w.claim('h-1')}")
        await phone.look("01-portal")
        await phone.page.locator("main form button").click()
        await phone.page.locator("#agree").check()
        await phone.look("02-consent")
        await phone.press("Beginnen")
        await phone.heading("Ihre Angaben")
        await phone.look("03-data")
        return await phone.page.evaluate("() => document.documentElement.lang")

    assert browsing(body) == "de"


@pytest.mark.row("B8", "H23", "Q13")
def test_reviewers(browsing):
    async def body(w, devices):
        for number in range(3):
            browser = await w.customer(f"b-{number}")
            await customer.data(browser, email=EMAIL)
            await customer.document(browser, "passport")
            await customer.document(browser, "utility_bill", "address")
            await customer.attest(browser)
            await browser.send("/verify/confirm")
            await browser.send("/verify/submit")
        new = NewKey(name="rita", scopes=("review",), by="tests")
        key = (await w.service.store.api_keys.issue(new)).token
        screen = await devices.device("reviewer", **DESKTOP)
        await screen.page.goto(f"{w.url}/review")
        await screen.look("01-login")
        await screen.page.get_by_label("Your API key").fill(key)
        await screen.press("Log in")
        await screen.heading("Queue")
        await screen.look("02-queue")
        await screen.page.locator("tbody a").first.click()
        pictures = screen.page.locator(".papers img")
        for number in range(await pictures.count()):
            await pictures.nth(number).scroll_into_view_if_needed()
        await screen.page.wait_for_function(
            "() => [...document.querySelectorAll('.papers img')].every((each) => each.naturalWidth > 0)"
        )
        await screen.look("03-case")
        await screen.page.get_by_text("Judge", exact=True).first.click()
        await screen.look("04-judge")
        await screen.page.get_by_role("button", name="Accept", exact=True).first.click()
        await screen.page.get_by_role("status").filter(has_text="Written down.").wait_for()
        await screen.page.get_by_label("The document is valid until").fill("2040-01-01")
        await screen.press("Approve")
        await screen.page.get_by_role("status").filter(has_text="Decided.").wait_for()
        await screen.look("05-decided")
        small = await devices.device("reviewer-phone", **PHONE)
        await small.page.goto(f"{w.url}/review/login")
        await small.page.get_by_label("Your API key").fill(key)
        await small.press("Log in")
        await small.heading("Queue")
        await small.look("02-queue")
        return sorted([(await w.case(f"b-{number}"))["state"] for number in range(3)])

    assert browsing(body, "stackbill") == ["submitted", "submitted", "verified"]
