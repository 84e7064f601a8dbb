"""The system's Chromium, with a camera that films a drawn card; what a page must hold to is looked at on every one."""

import os
import shutil
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import async_playwright

from tests.verification import pictures

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SCREENSHOTS = Path(__file__).parent / "screenshots"
AXE = Path(__file__).parent / "axe.min.js"
DESKTOP = {"viewport": {"width": 1280, "height": 900}, "locale": "en-GB"}
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
    "locale": "en-GB",
}
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]
_PATIENCE = 60_000  # ms: a machine may be slow
# A form that was filled in wrongly is answered with 422 or 409, which Chromium writes into its console.
_TOLD = ("status of 422", "status of 409")

needs_chromium = pytest.mark.skipif(
    CHROMIUM is None and not os.environ.get("KYCRISK_REQUIRE_CHROMIUM"), reason="there is no Chromium here"
)


class Screen:
    """A page of a browser, and what went wrong on it."""

    def __init__(self, page, name):
        self.page, self.name, self.wrong = page, name, []
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.wrong.append(f"{page.url}: {error}"))

    def _console(self, message):
        if message.type in ("error", "warning") and not any(each in message.text for each in _TOLD):
            self.wrong.append(f"{self.page.url}: {message.text}")

    async def look(self, step):
        """A picture of the page; what axe finds serious on it, and whether it is wider than its screen."""
        SCREENSHOTS.mkdir(exist_ok=True)
        await self.page.screenshot(path=SCREENSHOTS / f"{self.name}-{step}.png", full_page=True)
        found = await self.page.evaluate("async () => (await axe.run()).violations")
        for each in found:
            if each["impact"] in ("serious", "critical"):
                places = [node["target"] for node in each["nodes"]]
                self.wrong.append(f"{self.name}-{step}: {each['id']}: {each['help']}: {places}")
        if await self.page.evaluate("() => document.documentElement.scrollWidth > innerWidth"):
            self.wrong.append(f"{self.name}-{step}: wider than the screen")

    async def heading(self, text):
        """Wait for a page that is called so."""
        await self.page.get_by_role("heading", level=1, name=text, exact=True).wait_for()

    async def press(self, name):
        """Press the button of this name."""
        await self.page.get_by_role("button", name=name, exact=True).click()


class Chromium:
    """Devices in one browser, each with cookies of its own."""

    def __init__(self, browser):
        self._browser, self.screens = browser, []

    async def device(self, name, **options):
        context = await self._browser.new_context(**options)
        context.set_default_timeout(_PATIENCE)
        await context.add_init_script(path=AXE)
        self.screens.append(Screen(await context.new_page(), name))
        return self.screens[-1]

    @property
    def wrong(self):
        return [each for screen in self.screens for each in screen.wrong]


@asynccontextmanager
async def chromium(folder):
    """A browser while the block runs; nothing went wrong on any page of it."""
    film = folder / "camera.mjpeg"
    frame = pictures.on_a_table(pictures.document("card_front", 1280, seed=2), size=(1280, 720))
    film.write_bytes(pictures.saved(frame, "JPEG") * 2)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=[*_FLAGS, f"--use-file-for-fake-video-capture={film}"], timeout=_PATIENCE
        )
        opened = Chromium(browser)
        try:
            yield opened
        except PlaywrightError:
            for each in opened.screens:
                await each.page.screenshot(path=SCREENSHOTS / f"{each.name}-failed.png", full_page=True)
            raise
        finally:
            await browser.close()
    assert opened.wrong == []
