"""The Paymenter extension under PHP, against the server; Paymenter's and Laravel's own classes are a shim."""

from __future__ import annotations

import json

import pytest

from tests.client.making import NEVER, raw_server, silent

REFUSAL = "We cannot accept this online. Please contact our support."
PROPERTIES = {
    "phone": "+442079460148",
    "address": "1 Example Street",
    "city": "London",
    "state": "London",
    "zip": "EC1A 1BB",
    "country": "GB",
    "favourite_colour": "blue",
}
VISITS = {
    "allow": ("emma.clarke@webmail.example", "192.0.2.10"),
    "review": ("lukas.meyer@example.org", "203.0.113.5"),
    "verify": ("sam.hill@throwaway.example", "192.0.2.58"),
    "deny": ("greg@blocked.example", "203.0.113.230"),
}


@pytest.fixture
def paymenter(php, panel, service):
    root = panel("paymenter")

    def run(outcome, *kinds, config=None, properties=PROPERTIES, **about):
        email, ip = VISITS[outcome]
        user = {"first_name": "Sam", "last_name": "Hill", "email": email}
        users = {"user": user, "order": {**user, "exists": True, "properties": properties}}
        given = {
            "base_url": service.url,
            "key": service.key,
            "on_failure": "review",
            "timeout_ms": 5000,
            **(config or {}),
        }
        asked = len(service.asked)
        scenario = {
            "config": given,
            "ip": ip,
            "agent": "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
            "calls": [[kind, users[kind]] for kind in kinds],
            **about,
        }
        return {**php("paymenter.php", root, scenario), "asked": service.asked[asked:]}

    return run


@pytest.mark.parametrize(
    ("outcome", "config", "user", "order"),
    [
        ("allow", {}, None, None),
        ("review", {}, None, None),
        ("verify", {}, None, None),
        ("deny", {}, REFUSAL, REFUSAL),
        ("review", {"block_signup_at": "verify", "block_order_at": "verify"}, None, None),
        ("verify", {"block_order_at": "verify"}, None, REFUSAL),
        ("verify", {"block_signup_at": "verify"}, REFUSAL, None),
        ("deny", {"block_signup_at": "never", "block_order_at": "never"}, None, None),
    ],
)
def test_refused_is_what_the_settings_name(paymenter, outcome, config, user, order):
    found = paymenter(outcome, "user", "order", config=config)
    assert found["returned"] == [user, order]
    assert [level for level, _ in found["log"]] == ([] if outcome == "allow" else ["warning", "warning"])
    assert all(line.startswith(f"kycrisk: {outcome}, score ") for _, line in found["log"])


def test_a_country_in_words_is_left_out(paymenter):
    found = paymenter("allow", "order", properties={**PROPERTIES, "country": "United Kingdom"})
    assert (found["returned"], found["log"]) == ([None], [])


@pytest.mark.parametrize("about", [{"staff": True}, {"console": True}], ids=["staff", "console"])
def test_whoever_does_not_sit_at_the_customers_address_is_not_screened(paymenter, about):
    found = paymenter("deny", "user", "order", **about)
    assert (found["returned"], found["asked"]) == ([None, None], [])


@pytest.mark.parametrize(
    ("on_failure", "returned"), [("allow", None), ("review", None), ("verify", None), ("deny", REFUSAL)]
)
def test_fail_open_and_fail_closed(paymenter, on_failure, returned):
    found = paymenter("allow", "user", config={"base_url": NEVER, "on_failure": on_failure})
    assert found["returned"] == [returned]


@pytest.mark.by_the_clock
def test_a_server_that_hangs_is_not_waited_for(paymenter):
    with raw_server(silent) as url:
        found = paymenter("deny", "user", config={"base_url": url, "timeout_ms": 200})
    assert found["returned"] == [None]
    assert 0.19 <= found["seconds"][0] <= 0.45


@pytest.mark.parametrize(
    ("config", "line"),
    [
        ({"on_failure": None}, "`on_failure` is `allow` (fail open), `review`, `verify` or `deny` (fail closed)"),
        ({"block_signup_at": "review"}, "`block_signup_at` is `verify`, `deny` or `never`"),
        ({"key": None}, "`key` is not an API key"),
    ],
    ids=["no fallback", "block at review", "no key"],
)
def test_an_extension_that_is_not_set_up_says_so_and_goes_on(paymenter, config, line):
    found = paymenter("deny", "user", config=config)
    assert (found["returned"], found["log"]) == ([None], [["error", f"kycrisk: {line}; nobody is screened"]])


def test_a_panel_without_the_events_is_told(paymenter):
    found = paymenter("deny", events=False)
    assert found["log"] == [["error", "kycrisk: this Paymenter has no Creating events; nobody is screened"]]


def test_every_setting_has_a_field(paymenter):
    assert paymenter("allow")["settings"] == {
        "base_url": "text",
        "key": "password",
        "timeout_ms": "number",
        "on_failure": "select",
        "block_signup_at": "select",
        "block_order_at": "select",
    }


def test_neither_key_nor_customer_is_logged(paymenter, service):
    shown = json.dumps(paymenter("verify", "user", "order"))
    for secret in (service.key, "throwaway.example", "Hill"):
        assert secret not in shown
