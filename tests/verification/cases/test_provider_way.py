"""iDenfy from a ticket to a result, through the service and a server that speaks its protocol."""

import hmac
import json
from dataclasses import replace

import httpx
import pytest

from kycrisk.verification.practice.idenfy import PracticeIdenfy
from kycrisk.verification.practice.server import Answer
from kycrisk.verification.sweep import sweep
from kycrisk.verification.tokens import Kind, go_on
from tests.api.conftest import api, folder, moment
from tests.store.making import Clock
from tests.verification.cases.panel import FakeTickets
from tests.verification.cases.test_api import ask

__all__ = ["api", "ask", "folder"]

KEYS = {"api_key": "practice-key", "api_secret": "practice-secret", "signing_key": "practice-signing"}
SETTINGS = """\
verification:
  policy: spacecore
  public_url: https://verify.example.com
  providers: {{idenfy: {{{keys}, endpoint: "{url}", allow_private: true}}}}
"""


@pytest.fixture
def practice():
    clock = Clock(moment("2026-11-25T12:00:00"))
    with PracticeIdenfy(**KEYS, now=clock) as server:
        server.clock = clock
        yield server


@pytest.fixture
def site(ask, api, folder, practice):
    """Runs a test's coroutine function at a site with iDenfy."""

    def run(body):
        def settings():
            keys = ", ".join(f"{name}: {key}" for name, key in KEYS.items())
            (folder / "kycrisk.yaml").write_text("rules: rules\n" + SETTINGS.format(keys=keys, url=practice.url))

        return ask(body, "spacecore", settings=settings, clock=practice.clock)

    return run


async def ready(api):
    """A case that is ready for the provider."""
    path = (await api.ask("POST", "/v1/cases", {"account_id": "a-1", "trigger": "self_request"})).headers["Location"]
    await api.ask("POST", f"{path}/start", {"text_version": "1"})
    await api.ask("PUT", f"{path}/country", {"country": "CH"})
    await api.ask("PUT", f"{path}/document", {"type": "passport", "country": "CH"})
    return path


async def deliver(api, webhook, **more):
    return await api.client.post(
        "/v1/providers/idenfy/webhook", content=webhook.body, headers={**webhook.headers, **more}
    )


@pytest.mark.row("S2", "S13", "S14")
def test_the_link_of_the_ticket_works_at_hour_71(site, practice):
    async def body(api):
        bureau, path = api.service.bureau, await ready(api)
        case = path.rpartition("/")[2]
        link = await bureau.link(case)
        practice.clock.forward(hours=71)
        token = link.removeprefix("https://verify.example.com/v/")
        first, second = [await api.service.store.write(lambda tx: go_on(tx, Kind.LINK, token)) for _ in range(2)]
        url = await bureau.sessions.begin(case)
        page = httpx.get(url)
        [session] = practice.sessions.values()
        answered = await deliver(api, practice.result(session.ref))
        told = (await api.ask("GET", path)).json()
        return first[0].subject == second[0].subject == case, page.status_code, session.asked, answered.json(), told

    same, status, asked, answered, told = site(body)
    assert same  # a second device goes on with the same case
    assert status == 200
    assert (asked["tokenType"], asked["country"].upper(), asked["documents"]) == ("IDENTIFICATION", "CH", ["PASSPORT"])
    assert asked["callbackUrl"] == "https://verify.example.com/v1/providers/idenfy/webhook"
    assert (answered, told["state"]) == ({"effect": "moved"}, "verified")
    assert [(each["provider"], each["state"], each["final"]) for each in told["attempts_made"]] == [
        ("idenfy", "approved", True)
    ]


def test_webhooks_that_are_not_believed_change_nothing(site, practice):
    async def body(api):
        path = await ready(api)
        await api.service.bureau.sessions.begin(path.rpartition("/")[2])
        [session] = practice.sessions.values()
        right = practice.result(session.ref)
        answers = [
            await deliver(api, right, **{"Idenfy-Signature": "00" * 32}),
            await deliver(api, practice.webhook(session.ref, final=True, event_type="X", signing_key="another")),
            await api.client.post("/v1/providers/nobody/webhook", content=b"{}"),
            await api.client.post("/v1/providers/idenfy/webhook", content=b"x" * 1_500_000),
        ]
        before = (await api.ask("GET", path)).json()["state"]
        good = [await deliver(api, right) for _ in range(3)]
        return [each.status_code for each in answers], before, [each.json()["effect"] for each in good]

    statuses, before, effects = site(body)
    assert statuses == [401, 401, 404, 413]
    assert before == "collecting"
    assert effects == ["moved", "repeated", "repeated"]


def test_a_webhook_that_never_came_is_found_by_asking_once(site, practice):
    async def body(api):
        path = await ready(api)
        await api.service.bureau.sessions.begin(path.rpartition("/")[2])
        [session] = practice.sessions.values()
        practice.result(session.ref)  # and its webhook is lost
        early = await api.service.bureau.sessions.ask_stale()
        practice.clock.forward(hours=3)
        asked = [await api.service.bureau.sessions.ask_stale() for _ in range(2)]
        return early, asked, (await api.ask("GET", path)).json()["state"]

    assert site(body) == (0, [1, 0], "verified")


def test_a_session_that_expired_is_followed_by_another(site, practice):
    async def body(api):
        path = await ready(api)
        case = path.rpartition("/")[2]
        await api.service.bureau.sessions.begin(case)
        [first] = practice.sessions
        expired = (await deliver(api, practice.expire(first))).json()["effect"]
        state = (await api.ask("GET", path)).json()["state"]
        await api.service.bureau.sessions.begin(case)
        second = next(ref for ref in practice.sessions if ref != first)
        denied = practice.result(second, "DENIED", autoDocument="DOC_EXPIRED")
        await deliver(api, denied)
        told = (await api.ask("GET", path)).json()
        return expired, state, told["state"], told["reasons"], told["attempts"]

    assert site(body) == ("noted", "collecting", "needs_resubmission", ["DOC_EXPIRED"], 1)


def test_a_webhook_about_an_erased_or_unknown_case_is_answered_and_changes_nothing(site, practice, caplog):
    async def body(api):
        path = await ready(api)
        await api.service.bureau.sessions.begin(path.rpartition("/")[2])
        [session] = practice.sessions.values()
        late = practice.result(session.ref)
        await api.ask("POST", "/v1/accounts/a-1/erase", {"why": "asked for"})
        before = (await api.ask("GET", path)).json()
        answered = await deliver(api, late)
        body = late.body.replace(session.ref.encode(), b"nobodys-scan")
        signature = hmac.digest(KEYS["signing_key"].encode(), body, "sha256").hex()
        unknown = await deliver(api, replace(late, body=body), **{"Idenfy-Signature": signature})
        told = [(each.status_code, each.json()["effect"]) for each in (answered, unknown)]
        return told, before == (await api.ask("GET", path)).json()

    assert site(body) == ([(200, "noted"), (200, "unknown")], True)
    lines = "\n".join(each.getMessage() for each in caplog.records)
    assert "a webhook of idenfy is about a case that is closed" in lines
    assert "a webhook of idenfy is about an attempt that is not known here, or was erased" in lines


@pytest.mark.parametrize("how", ["erased", "withdrawn"])
def test_the_provider_deletes_what_it_holds_of_a_person(site, practice, how):
    async def body(api):
        bureau, path = api.service.bureau, await ready(api)
        await bureau.sessions.begin(path.rpartition("/")[2])
        [session] = practice.sessions.values()
        practice.fail_next(*[Answer(503, {})] * 5)
        if how == "erased":
            refused = await api.ask("POST", "/v1/accounts/a-1/erase", {"why": "asked for"})
            practice._faults.clear()
            await api.ask("POST", "/v1/accounts/a-1/erase", {"why": "asked for"})
            assert refused.status_code == 409
            assert "a provider does not delete what it holds now" in refused.json()["detail"]
        else:
            await api.ask("POST", f"{path}/withdraw")
            await sweep(bureau.site)
            await bureau.errands.run_all()
            assert session.ref in practice.sessions
            practice._faults.clear()
            practice.clock.forward(hours=1)
            await bureau.errands.run_all()
        told = [json.loads(each.body) for each in practice.asked if each.path == "/api/v2/delete"]
        return session.ref in practice.sessions, told[0] == told[-1] == {"scanRef": session.ref}

    assert site(body) == (False, True)


def test_tickets_carry_our_link(site, practice):
    async def body(api):
        bureau = api.service.bureau
        await ready(api)
        tickets = FakeTickets()
        object.__setattr__(bureau.outside, "tickets", tickets)
        await bureau.errands.run_all()
        return tickets.tickets

    [ticket] = site(body)
    assert ticket["subject"] == "KYC"
    assert "https://verify.example.com/v/" in ticket["said"][0]
    assert "idenfy" not in ticket["said"][0]
