"""The pages of a site with a procedure, as a browser sees them: cookies, forms and what is written on them."""

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from kycrisk.api.app import make_app
from kycrisk.api.service import Service
from kycrisk.settings import read_settings
from kycrisk.shipped import shipped
from kycrisk.store.api_keys import NewKey
from kycrisk.verification.bureau import words_of
from kycrisk.verification.claim import Claim, sign_claim
from kycrisk.verification.errand import Errands
from kycrisk.verification.proof import Proofs
from kycrisk.web.pages import PAGES
from tests.store.conftest import postgresql, url
from tests.verification.cases.panel import outside
from tests.web.browser import Browser

__all__ = ["postgresql", "url"]

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SECRET = "portal-secret-of-the-tests"
SITE = """\
rules: rules
offline: true
verification:
  policy: {policy}
  public_url: http://kycrisk.test
  portal: {{secret: {secret}}}
"""
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
    "email": "anna@acme.example",
    "phone": "+41 79 123 45 67",
    "company": "Acme",
    "registration_number": "CHE-1",
    "position": "CEO",
}


class Clock:
    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now


class Texts:
    """Texts that went to phones."""

    def __init__(self):
        self.sent = []

    async def send(self, to, text):
        self.sent.append((to, text))


class Desk:
    """An open service with its pages, and the world around it, which writes down what it is told."""

    def __init__(self, service, clock, around):
        self.service, self.clock, self.around = service, clock, around
        self.app = make_app(service, pages=PAGES)

    def browser(self):
        transport = httpx.ASGITransport(self.app, client=("192.0.2.7", 1234))
        client = httpx.AsyncClient(transport=transport, base_url="http://kycrisk.test", follow_redirects=True)
        return Browser(client)

    def claim(self, account="a-1", **more):
        claim = Claim(account=account, expires=self.clock.now + timedelta(minutes=5), **more)
        return sign_claim(claim, SECRET.encode())

    async def customer(self, account="a-1", **more):
        """A browser that came from the operator's application and has begun."""
        browser = self.browser()
        return await browser.send("/me", claim=self.claim(account, **more))

    async def agreed(self, account="a-1", **more):
        browser = await self.customer(account, **more)
        return await browser.send("/verify/start", agree=browser.value("agree"))

    async def reviewer(self, name="kim"):
        new = NewKey(name=name, scopes=("review", "cases"), by="tests", expires_at=None)
        issued = await self.service.store.api_keys.issue(new)
        return await self.browser().send("/review/login", key=issued.token)

    async def case(self, account="a-1"):
        return await self.service.cases.current(account)


@pytest.fixture
def desk(tmp_path, url):
    """Runs a coroutine function with the pages of a procedure."""

    def run(body, policy="hostkey"):
        async def go():
            folder = tmp_path / "site"
            folder.mkdir()
            (folder / "rules").symlink_to(shipped("rules"))
            (folder / "kycrisk.yaml").write_text(SITE.format(policy=policy, secret=SECRET))
            clock = Clock()
            settings = read_settings(folder, environ={"KYCRISK_DATABASE": url})
            service = await Service.open(settings, clock=clock, upgrade_tables=True)
            bureau = service.bureau
            around = outside(sms=Texts(), link=bureau.link)
            bureau.outside = around
            bureau.proofs = Proofs(site=bureau.site, outside=around)
            bureau.errands = Errands(site=bureau.site, outside=around, reason_text=words_of)
            try:
                return await body(Desk(service, clock, around))
            finally:
                await service.aclose()

        return asyncio.run(go())

    return run
