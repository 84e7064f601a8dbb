"""Cases over HTTP, as a host system asks for them."""

from dataclasses import replace

import pytest
from sqlalchemy import func, select

from kycrisk.api.asked import SCOPES
from kycrisk.shipped import shipped
from kycrisk.store.api_keys import NewKey
from kycrisk.store.secrets_schema import CODES, TOKENS
from kycrisk.verification.attempt import Told
from kycrisk.verification.codes import Channel, issue
from kycrisk.verification.documents.mrz import check_digit
from kycrisk.verification.filling import NewPaper
from kycrisk.verification.state import Trigger
from kycrisk.verification.tokens import Kind, Refused, issue_token, look
from tests.api.conftest import api, folder
from tests.verification.cases.conftest import PERSON

__all__ = ["api", "folder"]


@pytest.fixture
def ask(api, folder):
    """Runs a coroutine function with a client whose key opens everything, at a site with a procedure."""

    def run(body, policy="hostkey", settings=None, **more):
        (folder / "rules" / "verification").mkdir()
        for each in shipped("rules/verification").glob("*.yaml"):
            text = each.read_text().replace("exempt: [disposable-mail]", "exempt: [company]")
            (folder / "rules" / "verification" / each.name).write_text(text)
        written = folder / "kycrisk.yaml"
        written.write_text(written.read_text() + f"verification: {{policy: {policy}}}\n")
        if settings is not None:
            settings()

        async def with_scopes(api):
            new = NewKey(name="kim", scopes=tuple(SCOPES), by="tests")
            api.token = (await api.service.store.api_keys.issue(new)).token
            return await body(api)

        return api(with_scopes, **more)

    return run


@pytest.mark.row("S1", "S5")
def test_two_reasons_make_one_case_and_the_deadline_stays(ask):
    async def body(api):
        first = await api.ask("POST", "/v1/cases", {"account_id": "a-1", "trigger": "tos_violation"})
        second = await api.ask("POST", "/v1/cases", {"account_id": "a-1", "trigger": "risk_flag", "reference": "x"})
        third = await api.ask("POST", "/v1/cases", {"account_id": "a-1", "trigger": "risk_flag", "reference": "x"})
        told = (await api.ask("GET", first.headers["Location"])).json()
        return [first, second, third], told

    answers, told = ask(body, "spacecore")
    assert [each.status_code for each in answers] == [201, 200, 200]
    assert len({each.json()["id"] for each in answers}) == 1
    assert len({each.json()["deadline_at"] for each in answers}) == 1
    assert [each["trigger"] for each in told["triggers"]] == ["tos_violation", "risk_flag"]


@pytest.mark.row("H15", "H13")
def test_nothing_is_asked_before_consent(ask):
    async def body(api):
        path = (await api.ask("POST", "/v1/cases", {"account_id": "a-1", "trigger": "mandatory"})).headers["Location"]
        data = {"values": PERSON}
        before = [
            await api.ask("PUT", f"{path}/personal-data", data),
            await api.ask("POST", f"{path}/start", {}),
        ]
        started = await api.ask("POST", f"{path}/start", {"text_version": "2026-11", "address": "192.0.2.7"})
        entered = await api.ask("PUT", f"{path}/personal-data", data)
        return before, started, entered

    before, started, entered = ask(body)
    assert [each.status_code for each in before] == [403, 403]
    assert before[0].json()["type"].endswith("/consent-missing")
    assert (started.status_code, started.json()["state"]) == (200, "collecting")
    assert entered.status_code == 200


@pytest.mark.row("H6", "H7", "H8")
def test_an_abuse_report_holds_back_who_is_not_verified(ask):
    async def body(api):
        gates = [(await api.ask("GET", "/v1/gates/a-1/service")).json()["passage"]]
        event = {"account_id": "a-1", "reference": "dmca-1"}
        reported = await api.ask("POST", "/v1/abuse-events", event)
        again = await api.ask("POST", "/v1/abuse-events", event)
        gates += [(await api.ask("GET", f"/v1/gates/a-1/{gate}")).json()["passage"] for gate in ("service", "refund")]
        return reported, again, gates, (await api.ask("GET", "/v1/gates/a-1/refund")).json()["reasons"]

    reported, again, gates, reasons = ask(body)
    assert (reported.status_code, again.status_code) == (201, 200)
    assert [each["kind"] for each in reported.json()["standing"]["holds"]] == ["services", "refunds"]
    assert gates == ["allow", "deny", "deny"]
    assert reasons == ["it takes the level `verified`, and the account has none", "held back: abuse"]


@pytest.mark.row("H2")
def test_every_signup_opens_a_case_where_it_is_mandatory(ask):
    async def body(api):
        outcome = (await api.screen()).json()["outcome"]
        cases = (await api.ask("GET", "/v1/cases?account_id=a-1")).json()["items"]
        await api.screen()
        return outcome, cases, (await api.ask("GET", "/v1/cases")).json()["items"]

    outcome, cases, later = ask(body)
    assert outcome == "allow"
    assert [(each["trigger"], each["state"]) for each in cases] == [("mandatory", "open")]
    assert len(later) == 1


def test_only_keys_with_the_scope_review(ask):
    async def body(api):
        token = (await api.key("cases")).token
        return [(await api.ask("GET", path, token=token)).status_code for path in ("/v1/reviews", "/v1/cases")]

    assert ask(body) == [403, 200]


@pytest.mark.row("Q8", "H4", "Q18")
def test_the_zone_is_held_against_what_was_entered(ask):
    """A letter that differs, a date, and an expired document are each found."""

    async def body(api):
        cases, path = api.service.cases, (await opened(api)).headers["Location"]
        case = path.rpartition("/")[2]
        await api.ask("POST", f"{path}/start", {"text_version": "1"})
        data = {name: PERSON[name] for name in ("first_name", "date_of_birth", "street", "city", "postal_code")}
        data |= {"last_name": "Dow", "nationality": "CH", "house_number": "1", "region": "BE"}
        await api.ask("PUT", f"{path}/country", {"country": "CH"})
        await api.ask("PUT", f"{path}/personal-data", {"values": data})
        new = NewPaper(category="identity", type="passport", side="front", country="CH", source="upload", file="f")
        paper = await cases.keep_paper(case, new)
        for pose in ("a", "b", "c"):
            await cases.keep_paper(case, replace(new, category="selfie", type="selfie", side=pose, file=pose))
        await api.ask("POST", f"{path}/confirm")
        await api.ask("POST", f"{path}/submit")
        zone = f"/v1/reviews/{case}/documents/{paper}/zone"
        good = await api.ask("POST", zone, {"text": passport("DOE", "JANE", "901231", "310517")})
        old = await api.ask("POST", zone, {"text": passport("DOW", "JANE", "901230", "200101")})
        none = await api.ask("POST", zone, {"text": "hello"})
        return good, old, none, (await api.ask("GET", f"/v1/reviews/{case}")).json()["results"]

    good, old, none, results = ask(body, "binance")
    assert good.json()["reasons"] == ["DATA_MISMATCH(last_name)"]
    assert good.json()["expires"] == "2031-05-17T00:00:00Z"
    assert old.json()["reasons"] == ["DOC_EXPIRED", "DATA_MISMATCH(date_of_birth)"]
    assert none.status_code == 422
    assert [each["result"] for each in results[:3]] == ["passed", "passed", "passed"]


def test_what_follows_from_a_result_is_visible(ask):
    """An approval exempts a rule for the account, a rejection is a label: both are told over the API, and both name
    their case."""

    async def body(api):
        cases, found = api.service.cases, {}
        for account, outcome in (("a-1", "approved"), ("a-2", "denied")):
            await api.screen({"account_id": account, "company": "Acme"})
            opened = await cases.open(account, Trigger.TOS_VIOLATION, actor="tests")
            for _ in range(3):
                await cases.start(opened.case.id, text_version="1")
                number = len((await cases.get(opened.case.id)).attempts)
                reference = f"{account}-{number}"
                await cases.begin_attempt(opened.case.id, "idenfy", reference)
                told = Told(provider="idenfy", key=reference, reference=reference, outcome=outcome, final=True)
                if (await cases.hear(told)).case.state.value in ("verified", "rejected"):
                    break
            await api.service.standings.reload()
            again = (await api.screen({"account_id": account, "company": "Acme"})).json()
            labels = (await api.ask("GET", f"/v1/accounts/{account}/labels")).json()
            found[account] = opened.case.id, again, labels["items"]
        return found, (await api.ask("GET", "/v1/exemptions")).json()["items"]

    found, exemptions = ask(body, "spacecore")
    approved, rejected = found["a-1"], found["a-2"]
    assert [(each["rule"], each["why"]) for each in exemptions] == [("company", f"verified by case {approved[0]}")]
    assert [(each["label"], each["source"]) for each in approved[2]] == [("legitimate", f"case {approved[0]}")]
    assert [(each["label"], each["source"]) for each in rejected[2]] == [("fraud", f"case {rejected[0]}")]
    scores = approved[1]["score"], rejected[1]["score"]
    assert scores == (0, 45)  # the rule counts for the other one only


def test_an_account_is_held_back_by_hand_and_let_go(ask):
    async def body(api):
        path = (await opened(api)).headers["Location"].replace("/cases/", "/reviews/")
        token = (await api.key("cases")).token
        said = {"why": "a chargeback is under way"}
        answers = [
            await api.ask("PUT", f"{path}/holds/refunds", said, token=token),
            await api.ask("PUT", f"{path}/holds/everything", said),
            await api.ask("PUT", f"{path}/holds/refunds", {}),
            await api.ask("PUT", f"{path}/holds/feature:deposits", said),
            await api.ask("PUT", f"{path}/holds/orders", said),
            await api.ask("DELETE", f"{path}/holds/orders"),
            await api.ask("DELETE", f"{path}/holds/orders"),
        ]
        gates = [(await api.ask("GET", f"/v1/gates/a-1/{gate}")).json()["passage"] for gate in ("order", "deposits")]
        return [each.status_code for each in answers], answers[5].json()["holds"], gates

    statuses, holds, gates = ask(body)
    assert statuses == [403, 422, 422, 200, 200, 200, 404]
    assert [(each["kind"], each["cause"]) for each in holds] == [("feature:deposits", "manual")]
    assert gates == ["allow", "deny"]


def test_the_operator_withdraws_every_link_of_a_case(ask):
    async def body(api):
        path = (await opened(api)).headers["Location"]
        case = path.rpartition("/")[2]
        kinds = (Kind.LINK, Kind.HAND_OFF, Kind.PAGE)
        tokens = [await api.service.store.write(lambda tx, k=each: issue_token(tx, k, case)) for each in kinds]
        answers = [(await api.ask("POST", f"{path}/links/end")).json()["ended"] for _ in range(2)]
        now = api.service.clock()
        left = [await api.service.store.read(look, *each, now) for each in zip(kinds, tokens, strict=True)]
        unknown = (await api.ask("POST", "/v1/cases/case_0/links/end")).status_code
        return answers, left, unknown

    assert ask(body) == ([3, 0], [Refused.REVOKED] * 3, 404)


@pytest.mark.parametrize("how", ["withdraw", "close"])
def test_a_closed_case_has_no_codes_and_no_links(ask, how):
    async def body(api):
        path = (await opened(api)).headers["Location"]
        case = path.rpartition("/")[2]
        await api.ask("POST", f"{path}/start", {"text_version": "1"})
        store = api.service.store
        await store.write(lambda tx: issue(tx, case, Channel.PHONE, "+41791234567"))
        token = await store.write(lambda tx: issue_token(tx, Kind.HAND_OFF, case))
        await api.ask("POST", f"{path}/{how}")
        codes = await store.read(lambda c: c.execute(select(func.count()).select_from(CODES)).scalar_one())
        return codes, await store.read(look, Kind.HAND_OFF, token, api.service.clock())

    assert ask(body) == (0, Refused.REVOKED)


def test_an_erasure_takes_codes_and_tokens_along(ask):
    async def body(api):
        case = (await opened(api)).headers["Location"].rpartition("/")[2]
        store = api.service.store
        await store.write(lambda tx: issue(tx, case, Channel.EMAIL, "jane@acme.example"))
        await store.write(lambda tx: issue_token(tx, Kind.HAND_OFF, case))
        erased = await api.ask("POST", "/v1/accounts/a-1/erase", {"why": "asked for"})
        counted = [
            await store.read(lambda c, t=table: c.execute(select(func.count()).select_from(t)).scalar_one())
            for table in (CODES, TOKENS)
        ]
        return erased.status_code, counted

    assert ask(body) == (200, [0, 0])


async def opened(api):
    return await api.ask("POST", "/v1/cases", {"account_id": "a-1", "trigger": "self_request"})


def passport(last, first, born, expires):
    """A passport's zone with the right check digits (ICAO Doc 9303 part 4)."""
    line = f"P<CHE{last}<<{first}".ljust(44, "<")
    number = "X1234567<" + check_digit("X1234567<")
    birth, expiry = born + check_digit(born), expires + check_digit(expires)
    optional = "<" * 14 + check_digit("<" * 14)
    whole = check_digit(number + birth + expiry + optional)
    return f"{line}\n{number}CHE{birth}F{expiry}{optional}{whole}"
