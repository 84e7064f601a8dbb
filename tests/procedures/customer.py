"""What customers of every procedure do on their pages, one step a function."""

import re

from tests.verification import pictures

PERSON = {
    "first_name": "Anna Maria",
    "last_name": "Eriksson",
    "date_of_birth": "1974-08-12",
    "street": "Main Street",
    "house_number": "1",
    "city": "Bern",
    "postal_code": "3000",
    "region": "BE",
    "country": "CH",
    "nationality": "CH",
    "phone": "+41 79 123 45 67",
    "company": "Acme",
    "registration_number": "CHE-1",
    "position": "CEO",
}
KINDS = {"passport": "passport", "id_card": "card_front", "driving_licence": "card_front"}


def picture(kind="passport", seed=1, width=1300):
    return pictures.saved(pictures.document(kind, width, seed), "JPEG")


def blurred():
    return pictures.saved(pictures.blurred(pictures.document("passport", 1300), 12), "JPEG")


def reflected():
    return pictures.saved(pictures.reflected(pictures.document("passport", 1300)), "JPEG")


async def data(browser, **given):
    """Personal data: of everything that is asked for."""
    asked = re.findall(r'<(?:input|select) id="(\w+)" name="\1"', browser.page.text)
    told = {**PERSON, **given}
    return await browser.send("/verify/personal-data", **{name: told[name] for name in asked if name in told})


async def document(browser, type_, category="identity", raws=None, country="CH"):
    """A document with all its sides, or with those that are given."""
    await browser.send(f"/verify/document/{category}/choose", type=type_)
    sides = re.findall(r'<input id="(front|back)" name="\1" type="file"', browser.page.text)
    given = raws or {side: picture(KINDS.get(type_, "letter"), seed) for seed, side in enumerate(sides, 1)}
    files = {side: ("a.jpg", raw, "image/jpeg") for side, raw in given.items()}
    return await browser.send(f"/verify/document/{category}", files, type=type_, country=country)


async def selfie(browser):
    """All poses; their names."""
    poses = re.findall(r'<input id="(pose-\w+)"', browser.page.text)
    files = {name: ("a.jpg", picture("card_front", seed), "image/jpeg") for seed, name in enumerate(poses, 5)}
    await browser.send("/verify/selfie", files)
    return poses


async def phone(world, browser, number=PERSON["phone"]):
    await browser.send("/verify/codes/phone", to=number)
    code = world.code_from(world.texts.sent[-1][1])
    return await browser.send("/verify/codes/phone/enter", to=browser.value("to"), code=code)


async def email(world, browser, address):
    await browser.send("/verify/codes/email", to=address)
    code = world.code_from(world.mail.to(address)[-1][1])
    return await browser.send("/verify/codes/email/enter", to=address, code=code)


async def attest(browser):
    return await browser.send("/verify/attest", agree=browser.value("agree"))
