"""The FOSSBilling module under PHP, against the server; FOSSBilling's own classes are a shim that records."""

from __future__ import annotations

import json

import pytest

from tests.client.making import NEVER, raw_server, silent

REFUSAL = [403, "We cannot accept this online. Please contact our support."]
CLIENT = {
    "first_name": "Sam",
    "last_name": "Hill",
    "company": None,
    "phone_cc": "44",
    "phone": "2079460148",
    "address_1": "1 Example Street",
    "city": "London",
    "postcode": "EC1A 1BB",
    "country": "GB",
}
VISITS = {
    "allow": ("emma.clarke@webmail.example", "192.0.2.10"),
    "review": ("lukas.meyer@example.org", "203.0.113.5"),
    "verify": ("Sam.Hill@throwaway.example", "192.0.2.58"),
    "deny": ("greg@blocked.example", "203.0.113.230"),
}


@pytest.fixture
def fossbilling(php, panel, service):
    root = panel("fossbilling")

    def run(outcome, *events, **config):
        email, ip = VISITS[outcome]
        client = {**CLIENT, "email": email}
        steps = {
            "signup": ["onBeforeClientSignUp", {**client, "ip": ip}],
            "checkout": ["onBeforeClientCheckout", {"ip": ip, "client_id": 5, "cart_id": 9}],
        }
        given = {"base_url": service.url, "key": service.key, "on_failure": "review", "timeout_ms": "5000", **config}
        asked = len(service.asked)
        scenario = {
            "agent": "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
            "config": given,
            "clients": {"5": {**client, "id": 5, "pass": "$2y$10$hash", "email": email.lower()}},
            "calls": [steps[event] for event in events],
        }
        found = php("fossbilling.php", root, scenario)
        return {**found, "asked": service.asked[asked:]}

    return run


def test_the_listeners_are_those_of_the_events(fossbilling):
    assert fossbilling("allow")["listeners"] == ["onBeforeClientSignUp", "onBeforeClientCheckout"]


@pytest.mark.parametrize(
    ("outcome", "config", "signup", "checkout"),
    [
        ("allow", {}, None, None),
        ("review", {}, None, None),
        ("verify", {}, None, None),
        ("deny", {}, REFUSAL, REFUSAL),
        ("review", {"block_signup_at": "verify", "block_checkout_at": "verify"}, None, None),
        ("verify", {"block_checkout_at": "verify"}, None, REFUSAL),
        ("verify", {"block_signup_at": "verify"}, REFUSAL, None),
        ("deny", {"block_signup_at": "never", "block_checkout_at": "never"}, None, None),
    ],
)
def test_refused_is_what_the_settings_name(fossbilling, outcome, config, signup, checkout):
    found = fossbilling(outcome, "signup", "checkout", **config)
    assert found["returned"] == [signup, checkout]
    flagged = [line for level, line in found["log"] if level == "info"]
    assert len(flagged) == (0 if outcome == "allow" else 2)
    assert all(line.startswith(f"kycrisk: {outcome}, score ") for line in flagged)


def test_a_checkout_right_after_the_signup_is_no_second_signup(fossbilling):
    found = fossbilling("verify", "signup", "checkout")
    assert len(found["asked"]) == 2
    assert len(set(found["asked"])) == 1


@pytest.mark.parametrize(
    ("on_failure", "returned"), [("allow", None), ("review", None), ("verify", None), ("deny", REFUSAL)]
)
def test_fail_open_and_fail_closed(fossbilling, on_failure, returned):
    found = fossbilling("allow", "signup", "checkout", base_url=NEVER, on_failure=on_failure)
    assert found["returned"] == [returned, returned]


@pytest.mark.by_the_clock
def test_a_server_that_hangs_is_not_waited_for(fossbilling):
    with raw_server(silent) as url:
        found = fossbilling("deny", "signup", base_url=url, timeout_ms=200)
    assert found["returned"] == [None]
    assert 0.19 <= found["seconds"][0] <= 0.45
    assert found["log"][0][1].startswith("kycrisk: no decision (timeout): no answer in time; the outcome is review")


@pytest.mark.parametrize("config", [{"on_failure": ""}, {"block_signup_at": "review"}, {"key": ""}])
def test_a_module_that_is_not_set_up_goes_on(fossbilling, config):
    """`error_log` writes it to the standard error of the shim, which the runner would take for a fault."""
    with pytest.raises(AssertionError, match="nobody is screened"):
        fossbilling("deny", "signup", **config)


def test_neither_key_nor_customer_is_logged(fossbilling, service):
    shown = json.dumps(fossbilling("verify", "signup", "checkout"))
    for secret in (service.key, "throwaway.example", "$2y$10$hash", "Hill"):
        assert secret not in shown
