"""What is around a service: a panel, a mail server, a gateway for texts, FraudRecord, iDenfy; a clock that is moved."""

import asyncio
import json
import re
import socket
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from urllib.parse import parse_qs

import httpx
import uvicorn
from aiosmtpd.controller import Controller

from kycrisk.api.app import make_app
from kycrisk.api.service import Service
from kycrisk.settings import read_settings
from kycrisk.store.api_keys import NewKey
from kycrisk.verification.claim import Claim, sign_claim
from kycrisk.verification.practice.idenfy import PracticeIdenfy
from kycrisk.verification.practice.server import Answer, PracticeServer
from kycrisk.verification.sweep import sweep
from kycrisk.web.pages import PAGES
from tests.web.browser import Browser

IDENFY = {"api_key": "practice-key", "api_secret": "practice-secret", "signing_key": "practice-signing-key"}
PANEL_SECRET, PORTAL_SECRET = "panel-secret-of-the-demo", "portal-secret-of-the-demo"
SCOPES = ("screen", "read", "lists", "admin", "cases", "review", "disclose")


class Clock:
    def __init__(self):
        self.now = datetime.now(UTC)

    def __call__(self):
        return self.now


class Panel(PracticeServer):
    """A billing panel that speaks WHMCS's API: clients by e-mail, tickets, and services that can be suspended."""

    def __init__(self):
        super().__init__()
        self.clients, self.tickets, self.services = {}, {}, {}

    def answer(self, asked):
        given = {name: values[0] for name, values in parse_qs(asked.body.decode()).items()}
        if given.get("secret") != PANEL_SECRET:
            return Answer(403, {"result": "error", "message": "Authentication Failed"})
        told = getattr(self, given["action"])(given)
        return Answer(200, {"result": "success", **told})

    def client(self, email):
        number = self.clients.setdefault(email, len(self.clients) + 101)
        self.services.setdefault(number, {number * 10: ["Active", ""], number * 10 + 1: ["Suspended", "Unpaid"]})
        return number

    def GetClientsDetails(self, given):
        number = self.client(given["email"])
        return {"userid": number, "client": {"id": number}}

    def OpenTicket(self, given):
        number = len(self.tickets) + 1
        client = int(given["clientid"])
        self.tickets[number] = {"client": client, "subject": given["subject"], "said": [given["message"]]}
        return {"id": number}

    def AddTicketReply(self, given):
        self.tickets[int(given["ticketid"])]["said"].append(given["message"])
        return {}

    def GetTickets(self, given):
        found = [{"id": each, "subject": ticket["subject"]} for each, ticket in self.tickets.items()]
        return {"tickets": {"ticket": found}}

    def GetTicket(self, given):
        return {"replies": {"reply": [{"message": each} for each in self.tickets[int(given["ticketid"])]["said"]]}}

    def GetClientsProducts(self, given):
        mine = self.services.get(int(given["clientid"]), {})
        return {"products": {"product": [{"id": n, "status": s, "suspensionreason": w} for n, (s, w) in mine.items()]}}

    def ModuleSuspend(self, given):
        return self._changed(given, ["Suspended", given.get("suspendreason", "")])

    def ModuleUnsuspend(self, given):
        return self._changed(given, ["Active", ""])

    def _changed(self, given, state):
        for mine in self.services.values():
            if int(given["serviceid"]) in mine:
                mine[int(given["serviceid"])] = state
        return {}

    def tickets_of(self, email):
        return [each for each in self.tickets.values() if each["client"] == self.clients.get(email)]


class Texts(PracticeServer):
    """A gateway for texts to phones."""

    def __init__(self):
        super().__init__()
        self.sent = []

    def answer(self, asked):
        told = json.loads(asked.body)
        self.sent.append((told["to"], told["text"]))
        return Answer(202, {})


class FraudRecord(PracticeServer):
    """Answers as FraudRecord does: reports about one address, none about others."""

    def answer(self, asked):
        return Answer(200, "<report>12-3-7.5-0123456789abcdef</report>")


class Mailbox:
    """A mail server that keeps what comes."""

    def __init__(self):
        self.mails = []

    async def handle_DATA(self, server, session, envelope):
        message = message_from_bytes(envelope.content, policy=policy.default)
        self.mails.append((envelope.rcpt_tos[0], str(message["subject"]), message.get_body(("plain",)).get_content()))
        return "250 OK"

    def to(self, address):
        return [(subject, text) for each, subject, text in self.mails if each == address]


class World:
    """One site: its service behind a real socket, and everything around it."""

    def __init__(self, service, url, clock, around):
        self.service, self.url, self.clock = service, url, clock
        self.panel, self.mail, self.texts, self.idenfy = around
        self.api, self._clients = None, []

    async def aclose(self):
        for each in (self.api, *self._clients):
            await each.aclose()

    async def open(self):
        new = NewKey(name="operator", scopes=SCOPES, by="demo", expires_at=None)
        issued = await self.service.store.api_keys.issue(new)
        headers = {"Authorization": f"Bearer {issued.token}"}
        self.api = httpx.AsyncClient(base_url=self.url, headers=headers, timeout=60)
        return self

    def browser(self):
        self._clients.append(httpx.AsyncClient(base_url=self.url, follow_redirects=True, timeout=60))
        return Browser(self._clients[-1])

    def claim(self, account, **more):
        claim = Claim(account=account, expires=self.clock.now + timedelta(minutes=10), **more)
        return sign_claim(claim, PORTAL_SECRET.encode())

    async def customer(self, account, **more):
        """A browser that came from the operator's application and has agreed."""
        browser = await self.browser().send("/me", claim=self.claim(account, **more))
        return await browser.send("/verify/start", agree=browser.value("agree"))

    async def reviewer(self, name):
        issued = await self.service.store.api_keys.issue(NewKey(name=name, scopes=("review",), by="demo"))
        return await self.browser().send("/review/login", key=issued.token)

    async def settle(self):
        """Outgoing work is done: tickets, mail, panel."""
        await self.service.bureau.errands.run_all()

    async def later(self, **span):
        """Time goes on, and the clock's work is done."""
        self.clock.now += timedelta(**span)
        await sweep(self.service.cases.site)
        await self.settle()

    async def post(self, path, body=None, status=None):
        answered = await self.api.post(path, json=body or {})
        assert status is None or answered.status_code == status, answered.text
        return answered.json()

    async def get(self, path):
        answered = await self.api.get(path)
        return answered.json()

    async def case(self, account):
        return (await self.get(f"/v1/cases?account_id={account}"))["items"][0]

    async def gate(self, account, name):
        return (await self.get(f"/v1/gates/{account}/{name}"))["passage"]

    def code_from(self, text):
        return re.search(r"\b\d{6}\b", text)[0]


@asynccontextmanager
async def world(folder: Path, policy: str, more: str = "", prepare=lambda site: None):
    """A site with a procedure, and everything around it, while the block runs."""
    clock, mailbox = Clock(), Mailbox()
    with Panel() as panel, Texts() as texts, FraudRecord() as fraud, PracticeIdenfy(**IDENFY, now=clock) as idenfy:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        controller = Controller(mailbox, hostname="127.0.0.1", port=port)
        controller.start()
        listening = socket.create_server(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        settings = _site(folder, policy, url, panel.url, texts.url, idenfy.url, port)
        (folder / "kycrisk.yaml").write_text(settings + more.format(fraudrecord=fraud.url))
        prepare(folder)
        service = await Service.open(read_settings(folder, environ={}), clock=clock, upgrade_tables=True)
        config = uvicorn.Config(make_app(service, pages=PAGES), lifespan="off", log_level="error", ws="none")
        server = uvicorn.Server(config)
        server.capture_signals = _no_signals
        serving = asyncio.create_task(server.serve([listening]))
        try:
            opened = await World(service, url, clock, (panel, mailbox, texts, idenfy)).open()
            try:
                yield opened
            finally:
                await opened.aclose()
        finally:
            server.should_exit = True
            await serving
            await service.aclose()
            controller.stop()


class _no_signals:
    def __enter__(self):
        return self

    def __exit__(self, *raised):
        return None


def _site(folder, policy, url, panel, texts, idenfy, port):
    keys = ", ".join(f"{name}: {key}" for name, key in IDENFY.items())
    whmcs = f'{{kind: whmcs, url: "{panel}", identifier: kycrisk, secret: {PANEL_SECRET}, allow_private: true}}'
    return f"""\
rules: rules
verification:
  policy: {policy}
  public_url: {url}
  portal: {{secret: {PORTAL_SECRET}}}
  ticket: {whmcs}
  panel: {whmcs}
  mail: {{host: 127.0.0.1, port: {port}, security: none, sender: verify@kyc.example}}
  sms: {{kind: http, url: "{texts}/send", allow_private: true}}
  operators: [operators@kyc.example]
  providers: {{idenfy: {{{keys}, endpoint: "{idenfy}", allow_private: true}}}}
"""
