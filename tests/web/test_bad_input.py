"""Bad input: the customer reads what is wrong, the operator finds a line in the log, and the case is as it was."""

from datetime import timedelta

import pytest

from tests.verification.test_picture import bomb
from tests.web.conftest import desk
from tests.web.test_customer import PASSPORT, data, document, filled, upload

__all__ = ["desk"]

BEHIND = PASSPORT + b"<script>alert(1)</script>"  # a picture, and something else behind it


async def asked_for(desk):
    """A customer who is asked for a document."""
    browser = await desk.agreed()
    return await data(browser)


async def sent(browser, raw, kind="image/jpeg"):
    files = {"front": upload(raw, kind=kind)}
    await browser.send("/verify/document/identity/choose", type="passport")
    return await browser.send("/verify/document/identity", files, type="passport", country="CH")


async def handed_in(desk):
    browser = await filled(desk)
    return await browser.send("/verify/submit")


async def with_link(desk):
    browser = await asked_for(desk)
    await browser.send("/verify/hand-off", way="copy")
    return browser


async def used_twice(desk, browser):
    link = browser.link("http://kycrisk.test/h/")
    for _ in range(2):
        other = await desk.browser().send(link)
    return other


async def used_late(desk, browser):
    desk.clock.now += timedelta(minutes=16)
    return await desk.browser().get(browser.link("http://kycrisk.test/h/"))


async def from_the_application(desk, browser, minutes):
    """With a claim by a clock that is off by so much."""
    desk.clock.now += timedelta(minutes=minutes)
    claim = desk.claim()
    desk.clock.now -= timedelta(minutes=minutes)
    return await desk.browser().get("/me", params={"claim": claim})


#: What comes before, what is done, the status, what the customer reads, what the operator reads.
BAD = {
    "a PDF that is a picture, too": (
        asked_for, lambda desk, browser: sent(browser, b"%PDF-1.7\n" + PASSPORT),
        422, "this is a PDF, not a picture", "a picture is not taken: this is a PDF",
    ),
    "an SVG": (
        asked_for, lambda desk, browser: sent(browser, b"<svg><script/></svg>", "image/svg+xml"),
        422, "SVG drawing", "a picture is not taken: this is an SVG drawing",
    ),
    "400 megapixels": (
        asked_for, lambda desk, browser: sent(browser, bomb(), "image/png"),
        422, "this picture has 400 megapixels", "a picture is not taken: this picture has 400 megapixels",
    ),
    "another content type": (
        asked_for, lambda desk, browser: sent(browser, PASSPORT, "image/png"),
        422, "was sent as something else", "a picture is not taken: the file is JPEG",
    ),
    "cut off": (
        asked_for, lambda desk, browser: sent(browser, PASSPORT[:20_000]),
        422, "damaged or cut off", "a picture is not taken: this picture is damaged",
    ),
    "after the submission": (
        handed_in, lambda desk, browser: sent(browser, PASSPORT),
        409, "takes no pictures now", "a page refuses: the case is `submitted`, and takes no pictures now",
    ),
    "a link that was used": (
        with_link, used_twice, 410, "This link was used already", "a link is not taken: it is used",
    ),
    "a link that has expired": (
        with_link, used_late, 410, "This link has expired", "a link is not taken: it is expired",
    ),
    "a clock ten minutes behind": (
        asked_for, lambda desk, browser: from_the_application(desk, browser, -10),
        401, "a clock is wrong", "it expired 300 seconds ago: it is old, or the clock of the application",
    ),
    "a clock two hours ahead": (
        asked_for, lambda desk, browser: from_the_application(desk, browser, 120),
        401, "a clock is wrong", "it lives 3900 seconds longer than an hour",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("before", "do", "status", "words", "line"), BAD.values(), ids=BAD)
def test_it_is_told_and_changes_nothing(desk, caplog, before, do, status, words, line):
    async def body(desk):
        browser = await before(desk)
        case, caplog_from = await desk.case(), len(caplog.records)
        papers = (await desk.service.cases.get(case.id)).progress.papers
        shown = await do(desk, browser)
        after = await desk.service.cases.get(case.id)
        lines = [each.getMessage() for each in caplog.records[caplog_from:] if each.name.startswith("kycrisk.")]
        same = after.case == case and after.progress.papers == papers
        return shown.page.status_code, shown.text, lines, same

    caplog.set_level("INFO", logger="kycrisk")
    found, text, lines, same = desk(body)
    assert found == status
    assert words in text
    assert any(line in each for each in lines), lines
    assert same


def test_of_a_picture_with_something_behind_it_the_picture_is_kept(desk):
    async def body(desk):
        browser = await asked_for(desk)
        await document(browser, BEHIND)
        case = await desk.case()
        [paper] = (await desk.service.cases.get(case.id)).progress.papers
        return (await desk.service.bureau.vault.view(paper.file, case=case.id, by="tests", why="tests")).content

    content = desk(body)
    assert content.startswith(b"\xff\xd8")
    assert b"script" not in content


def test_a_clock_ten_minutes_ahead_is_borne(desk):
    """Claims of five minutes by a clock ten minutes ahead are believed: nobody is locked out by it."""

    async def body(desk):
        browser = await asked_for(desk)
        return (await from_the_application(desk, browser, 10)).page.status_code

    assert desk(body) == 200
