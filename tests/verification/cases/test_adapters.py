"""Ticket systems, panels, mail and SMS against local servers that speak their protocols and keep what came."""

import asyncio
import json
import socket
from base64 import b64decode, b64encode
from contextlib import asynccontextmanager
from urllib.parse import parse_qs

import pytest
from aiosmtpd.controller import Controller
from standardwebhooks import Webhook
from werkzeug import Request, Response

from kycrisk.lookups.secrets import Secret
from kycrisk.verification.connections import Connections
from kycrisk.verification.messages.smtp import SmtpMail
from kycrisk.verification.outside import HeldBack, Letter, OutsideFailure, Person, TicketMessage
from kycrisk.verification_settings import MailForm, PanelForm, SmsForm, TicketForm, VerificationSettings
from tests.store.making import Clock

PERSON = Person(account_id="whmcs:0123", email="jane@example.com", name="Jane Doe")
SECRET = "whsec_" + b64encode(bytes(range(32))).decode()
OPENED = TicketMessage(
    person=PERSON, subject="KYC", text="Please verify.\n[case_1-1]", mark="[case_1-1]", key="case_1-1"
)
REPLY = TicketMessage(person=PERSON, subject="KYC", text="Verified.\n[case_1-5]", mark="[case_1-5]", key="case_1-5")
SERVICES = HeldBack(person=PERSON, kind="services", cause="abuse", case="case_1", key="hold-1-hold")
ORDERS = HeldBack(person=PERSON, kind="orders", cause="deadline", case="case_1", key="hold-2-hold")


@asynccontextmanager
async def outside(**settings):
    connections = Connections(VerificationSettings(**settings), Clock())
    try:
        yield connections.outside()
    finally:
        await connections.aclose()


def form(model, **given):
    """Settings as they are read, secrets as texts."""
    return model.model_validate({"allow_private": True, **given})


class FakeWhmcs:
    """What of WHMCS is used here: one address, actions, JSON; results as its documentation shows them."""

    def __init__(self, httpserver):
        self.asked, self.tickets, self.lost = [], {}, set()
        self.services = {
            1: ["Active", ""],
            2: ["Suspended", "Overdue payment"],
            3: ["Active", ""],
            4: ["Terminated", ""],
        }
        httpserver.expect_request("/includes/api.php", method="POST").respond_with_handler(self)
        self.url = httpserver.url_for("").rstrip("/")

    def __call__(self, request: Request) -> Response:
        given = {name: values[0] for name, values in parse_qs(request.get_data(as_text=True)).items()}
        self.asked.append(given)
        if (given.get("identifier"), given.get("secret")) != ("kycrisk", SECRET):
            return Response('{"result":"error","message":"Authentication Failed"}', 403)
        told = getattr(self, given["action"])(given)
        if given["action"] in self.lost:  # done, and the answer never arrives
            self.lost.discard(given["action"])
            return Response("<html>502</html>", 502)
        return Response(json.dumps({"result": "success", **told}), content_type="application/json")

    def GetClientsDetails(self, given):
        assert given["email"] == "jane@example.com"
        return {"userid": 7, "client": {"id": 7}}

    def OpenTicket(self, given):
        number = len(self.tickets) + 1
        self.tickets[number] = {"subject": given["subject"], "clientid": given["clientid"], "said": [given["message"]]}
        return {"id": number, "tid": "482913", "c": "hash"}

    def AddTicketReply(self, given):
        self.tickets[int(given["ticketid"])]["said"].append(given["message"])
        return {}

    def GetTickets(self, given):
        found = [{"id": number, "subject": each["subject"]} for number, each in self.tickets.items()]
        return {"totalresults": len(found), "tickets": {"ticket": found} if found else ""}

    def GetTicket(self, given):
        said = self.tickets[int(given["ticketid"])]["said"]
        return {"ticketid": given["ticketid"], "replies": {"reply": [{"message": each} for each in said]}}

    def GetClientsProducts(self, given):
        found = [{"id": n, "status": s, "suspensionreason": why} for n, (s, why) in self.services.items()]
        return {"products": {"product": found}}

    def ModuleSuspend(self, given):
        self.services[int(given["serviceid"])] = ["Suspended", given["suspendreason"]]
        return {}

    def ModuleUnsuspend(self, given):
        self.services[int(given["serviceid"])] = ["Active", ""]
        return {}


def whmcs(httpserver):
    fake = FakeWhmcs(httpserver)
    given = {"kind": "whmcs", "url": fake.url, "identifier": "kycrisk", "secret": SECRET}
    return fake, {"ticket": form(TicketForm, admin="support", **given), "panel": form(PanelForm, **given)}


@pytest.mark.row("S6", "S12", "S17")
def test_whmcs_tickets(httpserver):
    fake, settings = whmcs(httpserver)

    async def body():
        async with outside(**settings) as out:
            reference = await out.tickets.open(OPENED, again=False)
            await out.tickets.reply(reference, REPLY, again=False)

    asyncio.run(body())
    assert fake.tickets == {1: {"subject": "KYC", "clientid": "7", "said": [OPENED.text, REPLY.text]}}
    assert fake.asked[1] | {"secret": ""} == {
        "identifier": "kycrisk", "secret": "", "action": "OpenTicket", "responsetype": "json", "deptid": "1",
        "clientid": "7", "subject": "KYC", "message": OPENED.text, "priority": "Medium", "admin": "true",
        "markdown": "true",
    }  # fmt: skip
    assert fake.asked[2]["adminusername"] == "support"


@pytest.mark.parametrize("lost", ["OpenTicket", "AddTicketReply"])
def test_whmcs_what_arrived_without_an_answer_is_not_said_twice(httpserver, lost):
    fake, settings = whmcs(httpserver)

    async def body():
        async with outside(**settings) as out:
            fake.lost.add(lost)
            try:
                reference = await out.tickets.open(OPENED, again=False)
            except OutsideFailure:
                reference = await out.tickets.open(OPENED, again=True)
            try:
                await out.tickets.reply(reference, REPLY, again=False)
            except OutsideFailure:
                await out.tickets.reply(reference, REPLY, again=True)

    asyncio.run(body())
    assert [each["said"] for each in fake.tickets.values()] == [[OPENED.text, REPLY.text]]


def test_whmcs_suspends_and_unsuspends_exactly_what_it_suspended(httpserver):
    fake, settings = whmcs(httpserver)

    async def body():
        async with outside(**settings) as out:
            gates = await out.panel.hold(ORDERS)
            changed = await out.panel.hold(SERVICES)
            again = await out.panel.hold(SERVICES)  # the answer to the first was lost
            held = {number: each[0] for number, each in fake.services.items()}
            fake.services[3] = ["Suspended", "Spam"]  # meanwhile somebody else suspended it
            await out.panel.release(SERVICES, changed)
            return gates, json.loads(changed), json.loads(again), held

    gates, changed, again, held = asyncio.run(body())
    assert gates == '{"by": "gate"}'
    assert changed == again == {"client": 7, "suspended": [1, 3], "reason": "Verification required (case_1)"}
    assert held == {1: "Suspended", 2: "Suspended", 3: "Suspended", 4: "Terminated"}
    assert {number: each[0] for number, each in fake.services.items()} == {
        1: "Active",
        2: "Suspended",
        3: "Suspended",
        4: "Terminated",
    }


def test_a_wrong_secret_is_told_without_it(httpserver):
    fake, settings = whmcs(httpserver)
    settings["ticket"] = settings["ticket"].model_copy(update={"secret": Secret("not the secret")})

    async def body():
        async with outside(**settings) as out:
            with pytest.raises(OutsideFailure) as error:
                await out.tickets.open(OPENED, again=False)
            return str(error.value)

    assert asyncio.run(body()) == "whmcs GetClientsDetails: it answers 403"
    assert fake.tickets == {}


class FakeFossBilling:
    """What of FOSSBilling's admin API is used here: basic authentication, JSON, `result` or `error`."""

    def __init__(self, httpserver):
        self.tickets, self.lost = {}, False
        httpserver.expect_request("/api/admin/client/get").respond_with_handler(self.guarded(self.client))
        httpserver.expect_request("/api/admin/support/ticket_create").respond_with_handler(self.guarded(self.create))
        httpserver.expect_request("/api/admin/support/ticket_reply").respond_with_handler(self.guarded(self.reply))
        httpserver.expect_request("/api/admin/support/ticket_get_list").respond_with_handler(self.guarded(self.list))
        httpserver.expect_request("/api/admin/support/ticket_get").respond_with_handler(self.guarded(self.get))
        self.url = httpserver.url_for("").rstrip("/")

    def guarded(self, answer):
        def handle(request):
            kind, _, token = request.headers["Authorization"].partition(" ")
            if (kind, b64decode(token).decode()) != ("Basic", f"admin:{SECRET}"):
                return Response('{"result":null,"error":{"message":"Authentication Failed","code":206}}', 401)
            told = {"result": answer(request.get_json()), "error": None}
            if self.lost and answer == self.create:
                self.lost = False
                return Response("", 500)
            return Response(json.dumps(told), content_type="application/json")

        return handle

    def client(self, given):
        assert given == {"email": "jane@example.com"}
        return {"id": 12}

    def create(self, given):
        assert (given["client_id"], given["support_helpdesk_id"]) == ("12", 3)
        number = len(self.tickets) + 1
        self.tickets[number] = {"id": number, "subject": given["subject"], "messages": [{"content": given["content"]}]}
        return number

    def reply(self, given):
        self.tickets[int(given["id"])]["messages"].append({"content": given["content"]})
        return 99

    def list(self, given):
        return {"pages": 1, "list": list(self.tickets.values())}

    def get(self, given):
        return self.tickets[int(given["id"])]


@pytest.mark.parametrize("lost", [False, True], ids=["answered", "the first answer is lost"])
def test_fossbilling_tickets(httpserver, lost):
    fake = FakeFossBilling(httpserver)
    fake.lost = lost

    async def body():
        settings = form(TicketForm, kind="fossbilling", url=fake.url, secret=SECRET, department=3)
        async with outside(ticket=settings) as out:
            try:
                reference = await out.tickets.open(OPENED, again=False)
            except OutsideFailure:
                reference = await out.tickets.open(OPENED, again=True)
            await out.tickets.reply(reference, REPLY, again=False)
            await out.tickets.reply(reference, REPLY, again=True)

    asyncio.run(body())
    assert list(fake.tickets.values()) == [
        {"id": 1, "subject": "KYC", "messages": [{"content": OPENED.text}, {"content": REPLY.text}]}
    ]


def test_signed_messages_to_systems_of_ones_own(httpserver):
    came = []

    def answer(request):

        came.append((request.headers["webhook-id"], json.loads(request.get_data())))
        return Response('{"reference":"T-7","suspended":["vps-1"]}', content_type="application/json")

    httpserver.expect_request("/hook", method="POST").respond_with_handler(answer)
    given = {"url": httpserver.url_for("/hook"), "secret": SECRET}

    async def body():
        settings = {
            "ticket": form(TicketForm, kind="webhook", **given),
            "panel": form(PanelForm, kind="webhook", **given),
        }
        async with outside(**settings) as out:
            reference = await out.tickets.open(OPENED, again=False)
            await out.tickets.reply(reference, REPLY, again=False)
            changed = await out.panel.hold(SERVICES)
            await out.panel.release(SERVICES, changed)
            return reference

    assert asyncio.run(body()) == "T-7"
    assert [(key, told["type"]) for key, told in came] == [
        ("case_1-1", "ticket.opened"),
        ("case_1-5", "ticket.replied"),
        ("hold-1-hold", "hold.placed"),
        ("hold-1-hold", "hold.lifted"),
    ]
    assert came[1][1]["data"]["reference"] == "T-7"
    assert came[3][1]["data"]["changed"] == {"reference": "T-7", "suspended": ["vps-1"]}
    for request, _ in httpserver.log:
        signer = Webhook(SECRET)
        signature = signer.sign(request.headers["webhook-id"], Clock()(), request.get_data(as_text=True))
        assert request.headers["webhook-signature"] == signature


class Kept:
    def __init__(self):
        self.mails = []

    async def handle_DATA(self, server, session, envelope):
        self.mails.append(envelope)
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody@"):
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"


@pytest.fixture
def smtp():
    kept = Kept()
    with socket.create_server(("127.0.0.1", 0)) as free:
        kept.port = free.getsockname()[1]
    controller = Controller(kept, hostname="127.0.0.1", port=kept.port)
    controller.start()
    yield kept
    controller.stop()


LETTER = Letter(
    to="jane@example.com", subject="Ihre Prüfung", text="Grüße", html="<p>Grüße</p>", key="case_1-3-mail.verified"
)


def mail_of(smtp):
    return MailForm.model_validate(
        {"host": "127.0.0.1", "port": smtp.port, "security": "none", "sender": "verify@kyc.example"}
    )


@pytest.mark.row("Q14")
def test_mail_is_text_and_html_under_one_message_id(smtp):
    async def body():
        async with outside(mail=mail_of(smtp)) as out:
            return [await out.mail.send(LETTER) for _ in range(2)]

    assert asyncio.run(body()) == ["<case_1-3-mail.verified@kyc.example>"] * 2
    message = smtp.mails[0].content.decode()
    assert smtp.mails[0].rcpt_tos == ["jane@example.com"]
    for part in ("Content-Type: text/plain", "Content-Type: text/html", "Auto-Submitted: auto-generated"):
        assert part in message


def test_tickets_by_mail_are_a_thread(smtp):
    async def body():
        settings = {"mail": mail_of(smtp), "ticket": TicketForm.model_validate({"kind": "email"})}
        async with outside(**settings) as out:
            reference = await out.tickets.open(OPENED, again=False)
            await out.tickets.reply(reference, REPLY, again=False)

    asyncio.run(body())
    first, second = (each.content.decode() for each in smtp.mails)
    assert "Subject: KYC\r\n" in first
    assert "Subject: Re: KYC\r\n" in second
    assert "In-Reply-To: <case_1-1@kyc.example>\r\n" in second


@pytest.mark.parametrize(
    ("to", "words"),
    [
        ("nobody@example.com", "mail: the server refuses the receiver"),
        ("not an address", "mail: the receiver's address is none"),
        ("a@b.example\r\nBcc: c@d.example", "mail: the receiver's address is none"),
    ],
)
def test_mail_that_cannot_go_out_is_told_without_the_address(smtp, to, words):
    async def body():
        mail = SmtpMail(host="127.0.0.1", port=smtp.port, security="none", sender="a@b.example", clock=Clock())
        with pytest.raises(OutsideFailure) as error:
            await mail.send(Letter(to=to, subject="x", text="x", html="x", key="k"))
        return str(error.value)

    assert asyncio.run(body()) == words
    assert smtp.mails == []


def test_texts_go_to_any_json_service(httpserver):
    expected = {"recipient": "+41791234567", "body": "Your code is 123456.", "from": "KYC"}
    headers = {"Authorization": "Bearer sms-secret"}
    httpserver.expect_oneshot_request("/sms", method="POST", json=expected, headers=headers).respond_with_data("", 202)
    settings = form(
        SmsForm, kind="http", url=httpserver.url_for("/sms"), secret="sms-secret", to_field="recipient",
        text_field="body", more={"from": "KYC"},
    )  # fmt: skip

    async def body():
        async with outside(sms=settings) as out:
            await out.sms.send("+41791234567", "Your code is 123456.")

    asyncio.run(body())
    httpserver.check_assertions()


def test_a_panel_at_a_private_address_is_asked_only_where_that_is_allowed(httpserver):
    settings = PanelForm.model_validate({"kind": "webhook", "url": httpserver.url_for("/hook"), "secret": SECRET})

    async def body():
        async with outside(panel=settings) as out:
            with pytest.raises(OutsideFailure, match="is at a loopback address"):
                await out.panel.hold(ORDERS)

    asyncio.run(body())
    assert httpserver.log == []
