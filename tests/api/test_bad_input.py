"""What is wrong with a request is said precisely, in one form, and nothing of it is stored."""

import json
from datetime import timedelta

import pytest

from kycrisk.api.asked import SCOPES
from kycrisk.api.rate import Rates
from kycrisk.screening.desk import now_utc
from tests.api.conftest import SIGNUP

JSON = {"Content-Type": "application/json"}
GOOD = json.dumps(SIGNUP)
MISSING = "every signup has `account_id`, `email`, `ip`"
UNDECLARED = "declare `signup.seats` under `attributes:` in the policy file, or leave it out"
UNUSABLE = "one of its parameters cannot be used"
NO_KEY = "there is no API key in the `Authorization: Bearer` header"
BROKEN = "policy: {bands: {verify: 10}}\nrules: [{id: x}]\n"

# name, (method, path, headers, content), (status, slug, detail, errors as (place, message, help))
REQUESTS = [
    (
        "malformed JSON",
        ("POST", "/v1/screenings", JSON, '{"account_id": '),
        (400, "malformed-json", "the body is not JSON at column 16: expecting value", []),
    ),
    (
        "a doubled key",
        ("POST", "/v1/screenings", JSON, '{"ip": "192.0.2.1", "ip": "192.0.2.2"}'),
        (400, "malformed-json", "the body the key `ip` is there twice", []),
    ),
    (
        "no UTF-8",
        ("POST", "/v1/screenings", JSON, b'{"account_id": "\xff"}'),
        (400, "malformed-json", "the body is not text in UTF-8", []),
    ),
    (
        "nothing",
        ("POST", "/v1/screenings", JSON, ""),
        (400, "malformed-json", "the body is not JSON at column 1: expecting value", []),
    ),
    (
        "bottomless nesting",
        ("POST", "/v1/screenings", JSON, "[" * 50_000),
        (400, "malformed-json", "the body is nested too deeply", []),
    ),
    (
        "no object",
        ("POST", "/v1/screenings", JSON, "[1]"),
        (422, "invalid-signup", "a signup is an object", [("", "expected an object with named fields", "")]),
    ),
    (
        "every problem at once",
        ("POST", "/v1/screenings", JSON, '{"account_id": 7, "email": "", "emial": "x", "attributes": {"seats": 3}}'),
        (
            422,
            "invalid-signup",
            "5 fields are not as they have to be",
            [
                ("account_id", "expected text, got `7`", ""),
                ("email", "is empty", ""),
                ("ip", "is missing", MISSING),
                ("attributes.seats", "unknown attribute", UNDECLARED),
                ("emial", "unknown field", "did you mean `email`?"),
            ],
        ),
    ),
    (
        "a lone surrogate",
        ("POST", "/v1/screenings", JSON, '{"account_id": "a\\ud800", "email": "x@example.com", "ip": "192.0.2.1"}'),
        (
            422,
            "invalid-signup",
            "one field is not as it has to be",
            [("account_id", "holds a lone surrogate, which is not a character", "")],
        ),
    ),
    (
        "a body that is too large",
        ("POST", "/v1/screenings", JSON, " " * 70_000),
        (413, "too-large", "the body has more than 65536 bytes", []),
    ),
    (
        "another kind of body",
        ("POST", "/v1/screenings", {"Content-Type": "text/plain"}, GOOD),
        (415, "unsupported-media-type", "the body has to be `application/json`, as `Content-Type` has to say", []),
    ),
    (
        "a key with a space",
        ("POST", "/v1/screenings", {**JSON, "Idempotency-Key": "a b"}, GOOD),
        (
            422,
            "invalid-request",
            UNUSABLE,
            [("header Idempotency-Key", "is not 1 to 255 visible ASCII characters", "")],
        ),
    ),
    (
        "a deadline of nothing",
        ("POST", "/v1/screenings", {**JSON, "Kycrisk-Deadline-Ms": "0"}, GOOD),
        (
            422,
            "invalid-request",
            UNUSABLE,
            [("header Kycrisk-Deadline-Ms", "is not a number of milliseconds from 10 to 60000", "")],
        ),
    ),
    (
        "an unknown parameter",
        ("POST", "/v1/screenings?complet=true", JSON, GOOD),
        (
            422,
            "invalid-request",
            UNUSABLE,
            [("query", "the only parameter is `complete`, which is `true` or `false`", "")],
        ),
    ),
    ("no such path", ("GET", "/v2/screenings", {}, None), (404, "not-found", "there is nothing at this path", [])),
    (
        "no such decision",
        ("GET", "/v1/screenings/dec_1", {}, None),
        (404, "not-found", "there is no decision `dec_1`", []),
    ),
    (
        "another method",
        ("PUT", "/v1/screenings", JSON, GOOD),
        (405, "method-not-allowed", "`PUT` is not answered here", []),
    ),
    (
        "a cursor that is none",
        ("GET", "/v1/screenings?cursor=x", {}, None),
        (
            422,
            "invalid-request",
            "`x` is no cursor",
            [("cursor", "`x` is no cursor", "take it from `next` of the page before")],
        ),
    ),
    (
        "a page that is too long",
        ("GET", "/v1/screenings?limit=5000", {}, None),
        (422, "invalid-request", UNUSABLE, [("query.limit", "input should be less than or equal to 1000", "")]),
    ),
    (
        "malformed JSON elsewhere",
        ("POST", "/v1/exemptions", JSON, "{"),
        (400, "malformed-json", "the body is not JSON", []),
    ),
    (
        "an unknown list",
        ("POST", "/v1/lists/ofice/entries", JSON, '{"value": "192.0.2.1"}'),
        (404, "not-found", "the policy declares no list `ofice`", [("name", "unknown", "did you mean `office`?")]),
    ),
    (
        "an entry of another kind",
        ("POST", "/v1/lists/office/entries", JSON, '{"value": "example.com"}'),
        (422, "invalid-request", UNUSABLE, [("value", "`example.com` is not a network or address", "")]),
    ),
    (
        "an exemption from nothing",
        (
            "POST",
            "/v1/exemptions",
            JSON,
            json.dumps({"rule": "brust", "subject": "ip", "value": "x", "until": "2001-01-01T00:00:00Z"}),
        ),
        (
            422,
            "invalid-request",
            UNUSABLE,
            [
                ("rule", "there is no rule `brust`", "did you mean `burst`?"),
                ("until", "is over already", ""),
                ("value", "`x` is not an address or network", ""),
            ],
        ),
    ),
    (
        "rules that do not load",
        ("POST", "/v1/rulesets", JSON, json.dumps({"files": {"policy.yaml": BROKEN}})),
        (
            422,
            "invalid-ruleset",
            "5 problems in the rules",
            None,
        ),
    ),
    (
        "a lists update of an unknown list",
        ("POST", "/v1/feeds/update", JSON, '{"names": ["tor"]}'),
        (422, "invalid-request", UNUSABLE, [("names.0", "there is no list `tor`", "")]),
    ),
]


def test_every_problem_has_its_document(api):
    async def body(api):
        for name, (method, path, headers, content), (status, slug, detail, errors) in REQUESTS:
            answered = await api.ask(method, path, headers={**headers, "X-Request-Id": "r.1"}, content=content)
            assert answered.headers["content-type"] == "application/problem+json", name
            told = answered.json()
            if errors is None:
                errors = [(each["place"], each["message"], each["help"]) for each in told["errors"]]
                assert all(place.startswith("policy.yaml") for place, _, _ in errors), name
                detail = told["detail"]
                assert errors, name
            assert told == {
                "type": f"https://kycrisk.invalid/problems/{slug}",
                "title": told["title"],
                "status": status,
                "detail": detail,
                "instance": path.partition("?")[0],
                "request_id": "r.1",
                "errors": [{"place": place, "message": message, "help": help_} for place, message, help_ in errors],
            }, name
            assert answered.status_code == status, name
        kept = await api.service.store.decisions.page()
        assert kept.items == ()  # nothing of all that
        assert (await api.service.store.accounts.page()).items == ()

    api(body)


CALLERS = [
    ("no key", {}, 401, "unauthenticated", NO_KEY),
    ("another scheme", {"Authorization": "Basic eA=="}, 401, "unauthenticated", NO_KEY),
    ("an unknown key", {"Authorization": "Bearer kyc_nonsense"}, 401, "unauthenticated", "the API key is not known"),
    ("an expired key", "expired", 401, "unauthenticated", "the API key has expired"),
    ("a revoked key", "revoked", 401, "unauthenticated", "the API key was revoked"),
    ("another scope", "reader", 403, "forbidden", "the API key has no scope `screen`"),
]


def test_who_may_not_come_in(api):
    moved = timedelta(0)

    async def body(api):
        nonlocal moved
        expiring = await api.key("screen", expires_at=now_utc() + timedelta(hours=1))
        revoked, reader = await api.key("screen"), await api.key("read")
        await api.service.store.api_keys.revoke(revoked.key.id, "tests")
        moved = timedelta(hours=2)
        tokens = {"expired": expiring.token, "revoked": revoked.token, "reader": reader.token}
        for name, given, status, slug, detail in CALLERS:
            headers = {"Authorization": f"Bearer {tokens[given]}"} if isinstance(given, str) else given
            answered = await api.client.post("/v1/screenings", headers={**headers, **JSON}, content=GOOD)
            assert answered.status_code == status, name
            told = answered.json()
            assert (told["type"].rpartition("/")[2], told["detail"]) == (slug, detail), name
            assert ("www-authenticate" in answered.headers) == (status == 401), name

    api(body, clock=lambda: now_utc() + moved)


SCOPED = [
    ("POST", "/v1/screenings", "screen"),
    ("GET", "/v1/screenings", "read"),
    ("POST", "/v1/screenings/batch", "screen"),
    ("GET", "/v1/screenings/x", "read"),
    ("POST", "/v1/screenings/x/replay", "screen"),
    ("GET", "/v1/screenings/x/explanation", "screen"),
    ("GET", "/v1/accounts", "read"),
    ("GET", "/v1/accounts/x", "read"),
    ("GET", "/v1/accounts/x/export", "admin"),
    ("POST", "/v1/accounts/x/erase", "admin"),
    ("GET", "/v1/accounts/x/labels", "read"),
    ("POST", "/v1/accounts/x/labels", "lists"),
    ("GET", "/v1/lists", "read"),
    ("GET", "/v1/lists/office/entries", "read"),
    ("POST", "/v1/lists/office/entries", "lists"),
    ("DELETE", "/v1/lists/office/entries/1", "lists"),
    ("GET", "/v1/exemptions", "read"),
    ("POST", "/v1/exemptions", "lists"),
    ("DELETE", "/v1/exemptions/1", "lists"),
    ("GET", "/v1/rulesets", "read"),
    ("GET", "/v1/rulesets/active", "read"),
    ("GET", f"/v1/rulesets/sha256:{'0' * 64}", "read"),
    ("POST", "/v1/rulesets", "rules"),
    ("POST", "/v1/rulesets/validate", "rules"),
    ("POST", f"/v1/rulesets/sha256:{'0' * 64}/approve", "rules"),
    ("POST", f"/v1/rulesets/sha256:{'0' * 64}/publish", "rules"),
    ("POST", "/v1/rulesets/rollback", "rules"),
    ("PUT", "/v1/rulesets/active/rules/company/status", "rules"),
    ("GET", "/v1/feeds", "read"),
    ("POST", "/v1/feeds/update", "lists"),
    ("GET", "/v1/feeds/ours/held", "read"),
    ("POST", "/v1/feeds/ours/held/release", "lists"),
    ("POST", "/v1/feeds/ours/held/refuse", "lists"),
    ("GET", "/v1/rechecks", "read"),
    ("GET", "/v1/deliveries", "read"),
    ("GET", "/v1/deliveries/1", "read"),
    ("GET", "/v1/deliveries/endpoints", "read"),
    ("POST", "/v1/deliveries/1/replay", "admin"),
    ("POST", "/v1/deliveries/replay", "admin"),
    ("POST", "/v1/deliveries/endpoints/ep_1/enable", "admin"),
    ("POST", "/v1/cases", "cases"),
    ("GET", "/v1/cases", "cases"),
    ("GET", "/v1/cases/x", "cases"),
    ("POST", "/v1/cases/x/dispute", "cases"),
    ("POST", "/v1/cases/x/help", "cases"),
    ("POST", "/v1/cases/x/close", "cases"),
    ("POST", "/v1/cases/x/start", "cases"),
    ("PUT", "/v1/cases/x/country", "cases"),
    ("PUT", "/v1/cases/x/personal-data", "cases"),
    ("PUT", "/v1/cases/x/document", "cases"),
    ("POST", "/v1/cases/x/attest", "cases"),
    ("POST", "/v1/cases/x/confirm", "cases"),
    ("POST", "/v1/cases/x/submit", "cases"),
    ("POST", "/v1/cases/x/withdraw", "cases"),
    ("POST", "/v1/cases/x/links/end", "cases"),
    ("GET", "/v1/gates/x/refund", "cases"),
    ("POST", "/v1/abuse-events", "cases"),
    ("GET", "/v1/accounts/x/verification", "cases"),
    ("GET", "/v1/reviews", "review"),
    ("GET", "/v1/reviews/x", "review"),
    ("POST", "/v1/reviews/x/documents/x", "review"),
    ("POST", "/v1/reviews/x/documents/x/zone", "review"),
    ("POST", "/v1/reviews/x/decision", "review"),
    ("PUT", "/v1/reviews/x/holds/orders", "review"),
    ("DELETE", "/v1/reviews/x/holds/orders", "review"),
    ("GET", "/v1/reviews/x/accesses", "disclose"),
    ("POST", "/v1/accounts/x/disclosures", "disclose"),
    ("GET", "/v1/accounts/x/disclosures", "disclose"),
]


def test_every_route_needs_its_scope_and_nothing_else(api):
    async def body(api):
        api.service.strangers = Rates(1e6, 1e6, lambda: 0.0)  # as many wrong tries as there are routes
        without = {scope: (await api.key(*(set(SCOPES) - {scope}))).token for scope in SCOPES}
        for method, path, scope in SCOPED:
            answered = await api.ask(method, path, {} if method in ("POST", "PUT") else None, token=without[scope])
            assert answered.status_code == 403, (method, path)
        contract = (await api.client.get("/v1/openapi.json")).json()
        told = {
            (method.upper(), path)
            for path, operations in contract["paths"].items()
            for method, operation in operations.items()
            if "x-kycrisk-scope" in operation
        }
        assert len(told) == len(SCOPED)  # none is left out above

    api(body)


def test_too_many_requests_of_one_key(api):
    async def body(api):
        statuses = [(await api.ask("GET", "/v1/lists")).status_code for _ in range(5)]
        assert statuses == [200, 200, 429, 429, 429]
        answered = await api.ask("GET", "/v1/lists")
        assert (answered.json()["detail"], answered.headers["retry-after"]) == ("come again in 1 s", "1")
        assert (await api.ask("GET", "/v1/lists", token=(await api.key("read")).token)).status_code == 200

    api(body, requests_per_second=1)


@pytest.mark.by_the_clock
def test_strangers_are_slowed_down(api):
    """Fifty at once, then five a second: of 150 some come too soon, unless the machine takes 20 seconds for them."""

    async def body(api):
        headers = {"Authorization": "Bearer kyc_guess"}
        statuses = [(await api.client.get("/v1/lists", headers=headers)).status_code for _ in range(150)]
        assert set(statuses[:49]) == {401}
        assert set(statuses) == {401, 429}

    api(body)


@pytest.mark.parametrize(
    ("given", "kept"), [("abc-1.2_X", True), ("a b", False), ("x" * 65, False), ("{}", False), ("", False)]
)
def test_request_ids_are_kept_where_they_are_sane(api, given, kept):
    async def body(api):
        answered = await api.client.get("/livez", headers={"X-Request-Id": given})
        assert (answered.headers["x-request-id"] == given) is kept
        assert answered.headers["x-request-id"]

    api(body)
