"""Screenings over HTTP: answered when they are on the disk, once under a key, each counted by the next."""

import asyncio
import json

import pytest

from tests.api.conftest import SIGNUP


def test_a_screening_is_answered_stored_and_found(api):
    async def body(api):
        answered = await api.screen({"company": "Acme"}, headers={"X-Request-Id": "req-1"})
        assert answered.status_code == 201
        assert answered.headers["x-request-id"] == "req-1"
        assert answered.headers["content-type"] == "application/json"
        decision = answered.json()
        assert (decision["outcome"], decision["score"], decision["settled"]) == ("review", 45, True)
        assert answered.headers["location"] == f"/v1/screenings/{decision['id']}"
        again = await api.ask("GET", answered.headers["location"])
        assert (again.status_code, again.content) == (200, answered.content)

    api(body)


def test_the_same_key_gets_the_same_answer(api):
    async def body(api):
        key = {"Idempotency-Key": "order-77"}
        first = await api.screen(headers=key)
        second = await api.screen(headers=key)
        assert (first.status_code, second.status_code) == (201, 201)
        assert second.content == first.content
        assert "idempotency-replayed" not in first.headers
        assert second.headers["idempotency-replayed"] == "true"
        other = await api.screen({"company": "Acme"}, headers=key)
        assert (other.status_code, other.json()["type"]) == (
            409,
            "https://kycrisk.invalid/problems/idempotency-conflict",
        )
        stranger = await api.screen({"company": "Acme"}, headers=key, token=(await api.key("screen")).token)
        assert stranger.status_code == 201  # keys of different callers have nothing to do with each other
        listed = (await api.ask("GET", "/v1/screenings")).json()["items"]
        assert len(listed) == 2

    api(body)


def test_one_decision_for_many_at_once_under_one_key(api):
    async def body(api):
        answers = await asyncio.gather(*(api.screen(headers={"Idempotency-Key": "k"}) for _ in range(20)))
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.content for answer in answers}) == 1
        assert sum("idempotency-replayed" in answer.headers for answer in answers) == 19

    api(body)


def test_signups_of_one_instant_count_each_other(api):
    """Each pair at least once: of n signups the counts are 0 to n-1, in some order."""

    async def body(api):
        answers = await asyncio.gather(*(api.screen({"account_id": f"a-{number}"}) for number in range(12)))
        counts = [answer.json()["evidence"]['signups(ip.address, "24h")']["value"] for answer in answers]
        assert sorted(counts) == list(range(12))
        assert sum(answer.json()["outcome"] == "verify" for answer in answers) == 9

    api(body)


PERSON = {"first_name": "Anna", "last_name": "Müller", "address": {"lines": "Hauptstraße 12a", "postal_code": "3011"}}
SAME = {"first_name": "ANNA", "last_name": "Mueller", "address": {"lines": "Hauptstr. 12 A", "postal_code": "3011"}}
OTHER = {**PERSON, "address": {"lines": "Hauptstraße 14", "postal_code": "3011"}}


def test_one_person_at_one_address_is_counted_whatever_the_spelling(api, folder):
    rule = 'signups(name_address, "24h") >= 1'
    rules = (folder / "rules" / "policy.yaml").read_text().replace('signups(ip.address, "24h") >= 3', rule)
    rules = rules.replace("'{signups(ip.address, \"24h\")} came from {ip.address}'", '"known by name and address"')
    (folder / "rules" / "policy.yaml").write_text(rules)

    async def body(api):
        signups = [("a-1", PERSON), ("a-1", PERSON), ("a-2", OTHER), ("a-3", SAME), ("a-4", {})]
        return [(await api.screen({"account_id": account, **given})).json()["outcome"] for account, given in signups]

    assert api(body) == ["allow", "allow", "allow", "verify", "allow"]


@pytest.mark.parametrize("deadline", ["10", "20000", "60000"])
def test_within_its_deadline_or_a_problem(api, deadline):
    async def body(api):
        answered = await api.screen(headers={"Kycrisk-Deadline-Ms": deadline})
        assert answered.status_code in ((201, 408, 503) if deadline == "10" else (201,))  # 408: gone while it was read
        if answered.status_code == 503:
            assert answered.json()["type"] == "https://kycrisk.invalid/problems/not-in-time"

    api(body)


def test_pages_hold_everything_once_while_more_comes_in(api):
    async def body(api):
        made = [(await api.screen({"account_id": f"a-{number}"})).json()["id"] for number in range(7)]
        seen, cursor = [], ""
        while True:
            page = (await api.ask("GET", "/v1/screenings", params={"limit": 2, "cursor": cursor})).json()
            seen += [each["id"] for each in page["items"]]
            cursor = page["next"]
            await api.screen({"account_id": "later"})
            if not cursor:
                break
        assert seen == made[::-1]

    api(body)


FILTERS = [
    ("by account", {"account_id": "a-2"}, ["a-2"]),
    ("by outcome", {"outcome": "review"}, ["a-2"]),
    ("settled", {"settled": "true"}, ["a-3", "a-2", "a-1"]),
    ("unsettled", {"settled": "false"}, []),
    ("since tomorrow", {"since": "2999-01-01T00:00:00Z"}, []),
    ("until now", {"until": "2999-01-01T00:00:00Z"}, ["a-3", "a-2", "a-1"]),
]


def test_lists_are_narrowed_down(api):
    async def body(api):
        for account, company in (("a-1", ""), ("a-2", "Acme"), ("a-3", "")):
            await api.screen({"account_id": account, "company": company})
        for name, wanted, expected in FILTERS:
            page = (await api.ask("GET", "/v1/screenings", params=wanted)).json()
            assert [each["account_id"] for each in page["items"]] == expected, name

    api(body)


def test_a_decision_is_made_again_after_its_rules_have_changed(api, folder):
    async def body(api):
        decision = (await api.screen({"company": "Acme"})).json()
        policy = folder / "rules" / "policy.yaml"
        policy.write_text(policy.read_text().replace("score: 45", "score: 5"))
        assert await api.service.standings.reload() is None
        same = (await api.ask("POST", f"/v1/screenings/{decision['id']}/replay")).json()
        assert same == {"same": True, "decision": decision}
        new = (await api.ask("POST", f"/v1/screenings/{decision['id']}/replay", params={"rules": "active"})).json()
        assert (new["same"], new["decision"]["score"], new["decision"]["outcome"]) == (False, 5, "allow")
        explained = (await api.ask("GET", f"/v1/screenings/{decision['id']}/explanation")).json()
        findings = {each["rule"]: each["finding"] for each in explained["rules"]}
        assert findings == {"company": "hit", "burst": "miss", "office": "miss"}

    api(body)


def test_many_signups_in_one_request(api):
    lines = [
        json.dumps({**SIGNUP, "account_id": "b-1"}),
        "",
        '{"account_id": "b-3"}',
        "not json",
        "x" * 70_000,
        json.dumps({**SIGNUP, "account_id": "b-6", "company": "Acme"}),
    ]

    async def body(api):
        answered = await api.ask(
            "POST", "/v1/screenings/batch", content="\n".join(lines), headers={"Content-Type": "application/x-ndjson"}
        )
        assert (answered.status_code, answered.headers["content-type"]) == (200, "application/x-ndjson")
        told = [json.loads(line) for line in answered.text.splitlines()]
        assert [each["row"] for each in told] == [1, 3, 4, 5, 6]
        problems = {each["row"]: each["problem"]["type"].rpartition("/")[2] for each in told if "problem" in each}
        assert problems == {3: "invalid-signup", 4: "malformed-json", 5: "too-large"}
        assert [each["decision"]["outcome"] for each in told if "decision" in each] == ["allow", "review"]
        stored = (await api.ask("GET", f"/v1/screenings/{told[-1]['decision']['id']}")).json()
        assert stored == told[-1]["decision"]

    api(body)


def test_what_was_erased_is_gone_and_its_decision_says_so(api):
    async def body(api):
        decision = (await api.screen()).json()
        exported = await api.ask("GET", "/v1/accounts/a-1/export")
        assert "ann@example.com" in exported.text
        erased = await api.ask("POST", "/v1/accounts/a-1/erase", {"why": "asked for"})
        assert erased.status_code == 200
        assert len(erased.json()["proof"]) == 64
        gone = await api.ask("GET", f"/v1/screenings/{decision['id']}")
        assert (gone.status_code, gone.json()["title"]) == (410, "The personal data was erased")
        assert (await api.ask("GET", "/v1/accounts/a-1")).json()["account_id"] is None

    api(body)


def test_accounts_and_their_decisions(api):
    async def body(api):
        first = (await api.screen()).json()["id"]
        second = (await api.screen({"company": "Acme"})).json()["id"]
        account = (await api.ask("GET", "/v1/accounts/a-1")).json()
        assert [(each["id"], each["outcome"]) for each in account["decisions"]] == [
            (second, "review"),
            (first, "allow"),
        ]
        assert [each["account_id"] for each in (await api.ask("GET", "/v1/accounts")).json()["items"]] == ["a-1"]
        assert (await api.ask("GET", "/v1/accounts/nobody")).status_code == 404

    api(body)
