"""The WHMCS hooks and fraud module under PHP, against the server; WHMCS's own functions are a shim that records."""

from __future__ import annotations

import json

import pytest

from tests.client.making import NEVER, raw_server, silent

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
REFUSAL = "We cannot take this order online. Please contact us."
#: Where WHMCS says what a hook gets: see integrations/whmcs/includes/hooks/kycrisk.php.
FORM = {
    "a": "checkout",
    "custtype": "new",
    "clientId": 0,
    "firstname": "Sam",
    "lastname": "O&#039;Hill",
    "companyname": "",
    "address1": "1 Example Street",
    "address2": "",
    "city": "London",
    "state": "",
    "postcode": "EC1A 1BB",
    "country": "GB",
    "phonenumber": "020 7946 0148",
    "password": "hunter2-hunter2",
    "ccnumber": "4111111111111111",
    "cccvv": "999",
}
VISITS = {
    "allow": ("emma.clarke@webmail.example", "192.0.2.10"),
    "review": ("lukas.meyer@example.org", "203.0.113.5"),
    "verify": ("sam.hill@throwaway.example", "192.0.2.58"),
    "deny": ("greg@blocked.example", "203.0.113.230"),
}


@pytest.fixture
def whmcs(php, panel, service):
    root = panel("whmcs")

    def run(outcome, *calls, admin=False, settings=None, **changed):
        email, ip = VISITS[outcome]
        form = {**FORM, "email": email, **changed}
        stored = {**form, "phonenumber": "+44.2079460148", "client_id": 17, "userid": 17}
        steps = {
            "checkout": ["hook", "ShoppingCartValidateCheckout", form],
            "added": ["hook", "ClientAdd", stored],
            "module": ["check", {"ip": ip, "clientsdetails": stored, "order": {"order_number": "1", "amount": "5"}}],
            "checked": ["hook", "AfterFraudCheck", {"orderid": 3, "isfraud": False, "clientdetails": stored}],
        }
        given = {
            "base_url": service.url,
            "key": service.key,
            "on_failure": "review",
            "timeout_ms": 5000,
            **(settings or {}),
        }
        asked = len(service.asked)
        found = php(
            "whmcs.php",
            root,
            {
                "admin": admin,
                "ip": ip,
                "agent": BROWSER,
                "settings": given,
                "calls": [steps[call] if isinstance(call, str) else call for call in calls],
            },
        )
        return {**found, "asked": service.asked[asked:]}

    return run


@pytest.mark.parametrize(
    ("outcome", "block_at", "refused"),
    [
        ("allow", "deny", False),
        ("review", "deny", False),
        ("verify", "deny", False),
        ("deny", "deny", True),
        ("review", "verify", False),
        ("verify", "verify", True),
        ("deny", "verify", True),
        ("deny", "never", False),
    ],
)
def test_a_checkout_is_refused_only_for_what_the_settings_name(whmcs, outcome, block_at, refused):
    found = whmcs(outcome, "checkout", "module", settings={"block_at": block_at})
    checkout, module = found["returned"]
    assert checkout == ([REFUSAL] if refused else [])
    assert module.get("error") == ({"title": "Order not accepted", "description": REFUSAL} if refused else None)
    assert module["data"]["outcome"] == outcome


@pytest.mark.parametrize("block_at", ["verify", "deny", "never"])
def test_review_flags_and_leaves_the_order_alone(whmcs, block_at):
    found = whmcs("review", "checkout", "added", "module", "checked", settings={"block_at": block_at})
    assert "error" not in found["returned"][2]
    [[command, note]] = found["api"]  # no CancelOrder, no FraudOrder, no PendingOrder
    assert (command, note["userid"], note["sticky"]) == ("AddClientNote", 17, True)
    assert note["notes"].startswith("kycrisk: review, score 55 (dec_")


@pytest.mark.parametrize(("outcome", "notes"), [("allow", 0), ("review", 1), ("verify", 1)])
def test_one_order_is_one_signup_and_one_note(whmcs, outcome, notes):
    """Four hooks ask; WHMCS rewrites the telephone number between the first and the second."""
    found = whmcs(outcome, "checkout", "added", "module", "checked")
    assert len(found["asked"]) == 1
    assert len(found["api"]) == notes


def test_a_registration_without_a_cart_is_screened(whmcs):
    found = whmcs("verify", "added")
    assert len(found["asked"]) == 1
    assert found["api"][0][1]["notes"].startswith("kycrisk: verify, score 70 (dec_")


def test_other_details_are_another_signup(whmcs):
    """Who passes a check with good details and then registers with others is screened again."""
    other = {**FORM, "email": VISITS["verify"][0], "firstname": "Samuel", "client_id": 18}
    found = whmcs("verify", "checkout", ["hook", "ClientAdd", other])
    assert len(found["asked"]) == 2
    assert len(set(found["asked"])) == 2


def test_a_checkout_tried_again_gets_the_stored_decision(whmcs):
    found = whmcs("verify", "checkout", "checkout", "added")
    assert len(found["asked"]) == 2
    assert len(set(found["asked"])) == 1


@pytest.mark.parametrize("changed", [{"custtype": "existing"}, {"clientId": 17}], ids=["existing", "logged in"])
def test_a_client_of_long_standing_is_no_signup(whmcs, changed):
    found = whmcs("deny", "checkout", **changed)
    assert (found["returned"], found["asked"]) == ([[]], [])


def test_the_staff_do_not_sit_at_the_customers_address(whmcs):
    """They add clients unscreened; a check that they start uses the order's own address, and is a new judgement."""
    found = whmcs("verify", "added", "module", "checked", "module", admin=True)
    assert found["returned"][1]["data"]["outcome"] == "verify"
    assert len(found["asked"]) == 2
    assert [command for command, _ in found["api"]] == ["AddClientNote", "AddClientNote"]


@pytest.mark.parametrize(
    ("on_failure", "refused"), [("allow", False), ("review", False), ("verify", False), ("deny", True)]
)
def test_fail_open_and_fail_closed(whmcs, on_failure, refused):
    found = whmcs("allow", "checkout", "added", settings={"base_url": NEVER, "on_failure": on_failure})
    assert found["returned"][0] == ([REFUSAL] if refused else [])
    assert found["activity"][0] == (
        f"kycrisk: no decision (unreachable): the server cannot be reached (curl error 7); the outcome is {on_failure}"
    )


@pytest.mark.by_the_clock
def test_a_server_that_hangs_is_waited_for_once(whmcs):
    with raw_server(silent) as url:
        found = whmcs("allow", "checkout", "added", "module", "checked", settings={"base_url": url, "timeout_ms": 200})
    assert 0.19 <= found["seconds"][0] <= 0.45
    assert sum(found["seconds"][1:]) < 0.1
    assert len(found["activity"]) == 1


def test_a_number_that_no_server_takes_does_not_open_the_gate(whmcs):
    found = whmcs("deny", "checkout", "added", settings={"on_failure": "allow"}, phonenumber="+1" * 200)
    assert found["api"][0][1]["notes"].startswith("kycrisk: no decision (signup)")


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"on_failure": ""}, "`on_failure` is `allow` (fail open), `review`, `verify` or `deny` (fail closed)"),
        ({"block_at": "review"}, "`block_at` is `verify`, `deny` or `never`; nothing is refused on `review`"),
        ({"key": ""}, "`key` is not an API key"),
    ],
    ids=["no fallback", "block at review", "no key"],
)
def test_a_panel_that_is_not_set_up_says_so_and_goes_on(whmcs, settings, line):
    found = whmcs("deny", "checkout", "added", "module", settings=settings)
    assert found["returned"][:2] == [[], None]
    assert "error" not in found["returned"][2]
    assert found["activity"][0] == f"kycrisk: {line}; nobody is screened"


def test_the_staff_see_the_result(whmcs):
    found = whmcs("verify", ["show", {"data": json.dumps({"line": "kycrisk: verify <b>"})}], ["show", {"data": "junk"}])
    assert found["returned"] == ["<p>kycrisk: verify &lt;b&gt;</p>", "<p>kycrisk: no result</p>"]


def test_neither_key_nor_password_nor_card_is_kept_or_logged(whmcs, service):
    found = whmcs("verify", "checkout", "added", "module", "checked")
    shown = json.dumps(found)
    for secret in (service.key, FORM["password"], FORM["ccnumber"], "sam.hill@", "Hill"):
        assert secret not in shown
