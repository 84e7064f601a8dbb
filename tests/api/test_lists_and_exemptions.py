"""Entries and exemptions count as soon as they are answered, together with those of the files, and end visibly."""

from datetime import timedelta

import pytest

from kycrisk.screening.desk import now_utc

LATER = "2999-01-01T00:00:00Z"


def test_an_entry_counts_at_once_and_ends(api):
    async def body(api):
        signup = {"company": "Acme", "ip": "203.0.113.9"}
        assert (await api.screen(signup)).json()["outcome"] == "review"
        entry = {"value": "203.0.113.0/24", "who": "Kim", "why": "our second office"}
        added = await api.ask("POST", "/v1/lists/office/entries", entry)
        assert added.status_code == 201
        told = added.json()
        assert (told["value"], told["who"], told["why"]) == ("203.0.113.0/24", "Kim (key kim)", "our second office")
        assert (await api.screen(signup)).json()["outcome"] == "allow"
        assert (await api.screen({**signup, "ip": "198.51.100.7"})).json()["outcome"] == "allow"  # of the file
        assert (await api.ask("POST", "/v1/lists/office/entries", entry)).status_code == 409
        ended = await api.ask("DELETE", f"/v1/lists/office/entries/{told['id']}")
        assert (ended.status_code, ended.json()["ended_by"]) == (200, "kim")
        assert (await api.screen(signup)).json()["outcome"] == "review"
        assert (await api.ask("DELETE", f"/v1/lists/office/entries/{told['id']}")).status_code == 409
        kept = (await api.ask("GET", "/v1/lists/office/entries")).json()["items"]
        assert [each["id"] for each in kept] == [told["id"]]
        lists = (await api.ask("GET", "/v1/lists")).json()["items"]
        assert [(each["name"], each["entries"]) for each in lists] == [("office", 1), ("partners", None)]

    api(body)


def test_an_entry_ends_by_itself(api):
    moved = timedelta(0)

    async def body(api):
        nonlocal moved
        until = (now_utc() + timedelta(hours=1)).isoformat()
        entry = {"value": "203.0.113.9", "until": until}
        assert (await api.ask("POST", "/v1/lists/office/entries", entry)).status_code == 201
        assert api.service.standing.good_until <= now_utc() + timedelta(hours=1)
        moved = timedelta(hours=2)
        await api.service.standings.reload()
        assert (await api.screen({"company": "Acme", "ip": "203.0.113.9"})).json()["outcome"] == "review"

    api(body, clock=lambda: now_utc() + moved)


def test_an_exemption_silences_a_rule_for_one_subject(api):
    async def body(api):
        given = {"rule": "company", "subject": "email", "value": "Ann@Example.com", "until": LATER, "why": "known"}
        made = (await api.ask("POST", "/v1/exemptions", given)).json()
        assert (made["value"], made["who"]) == ("ann@example.com", "kim")
        decision = (await api.screen({"company": "Acme"})).json()
        assert (decision["outcome"], decision["exempt"][0]["rule"]) == ("allow", "company")
        assert (await api.ask("DELETE", f"/v1/exemptions/{made['id']}")).status_code == 200
        assert (await api.screen({"company": "Acme"})).json()["outcome"] == "review"

    api(body)


def test_another_process_sees_it_too(api):
    """The mark that is watched changes with every change that counts."""

    async def body(api):
        standings = api.service.standings
        marks = [await standings._marked()]
        entry = await api.ask("POST", "/v1/lists/partners/entries", {"value": "example.net"})
        marks.append(await standings._marked())
        await api.ask("DELETE", f"/v1/lists/partners/entries/{entry.json()['id']}")
        marks.append(await standings._marked())
        await api.ask("POST", "/v1/exemptions", {"rule": "burst", "subject": "account", "value": "a", "until": LATER})
        marks.append(await standings._marked())
        assert len(set(marks)) == 4

    api(body)


def test_labels_are_written_down_and_corrected(api):
    async def body(api):
        await api.screen()
        path = "/v1/accounts/a-1/labels"
        assert (await api.ask("GET", path)).json() == {"label": None, "items": []}
        put = await api.ask("POST", path, {"label": "fraud", "source": "chargeback", "who": "Kim", "why": "case 7"})
        assert (put.status_code, put.json()["source"], put.json()["who"]) == (201, "chargeback", "Kim (key kim)")
        assert (await api.ask("POST", path, {"label": "legitimate"})).status_code == 201
        found = (await api.ask("GET", path)).json()
        assert (found["label"], [each["label"] for each in found["items"]]) == ("legitimate", ["legitimate", "fraud"])
        assert (await api.ask("POST", path, {"label": "withdrawn"})).status_code == 201
        assert (await api.ask("GET", path)).json()["label"] is None

    api(body)


LABELS = [
    ("no label", "a-1", {"label": "suspicious"}, 422),
    ("still to come", "a-1", {"label": "fraud", "at": LATER}, 422),
    ("no such source", "a-1", {"label": "fraud", "source": "Charge Back"}, 422),
    ("an account that was never screened", "nobody", {"label": "fraud"}, 404),
]


@pytest.mark.parametrize(("account", "body", "status"), [row[1:] for row in LABELS], ids=[row[0] for row in LABELS])
def test_labels_that_are_refused(api, account, body, status):
    async def ask(api):
        await api.screen()
        return (await api.ask("POST", f"/v1/accounts/{account}/labels", body)).status_code

    assert api(ask) == status
