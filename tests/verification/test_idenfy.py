"""iDenfy against a practice server that speaks its protocol: sessions, results, signatures, and what goes wrong."""

import hashlib
import hmac
import json
from base64 import b64encode
from datetime import date, timedelta

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kycrisk.lookups.secrets import Secret
from kycrisk.verification.documents.kinds import DocumentKind
from kycrisk.verification.practice.idenfy import PracticeIdenfy
from kycrisk.verification.practice.server import Answer
from kycrisk.verification.providers.idenfy import Idenfy, IdenfySettings
from kycrisk.verification.providers.provider import (
    NewAttempt,
    Outcome,
    ProviderRefused,
    ProviderUnavailable,
    Refusal,
    UnknownAttempt,
    WebhookRefused,
)
from tests.store.making import NOW, Clock

KEY, SECRET, SIGNING = "practice-key", "practice-secret", "practice-signing-key"
NEW = NewAttempt(
    reference="case-7.attempt-1",
    subject="acct-pseudonym",
    country="CH",
    documents=(DocumentKind.PASSPORT, DocumentKind.DRIVING_LICENCE),
    locale="de",
    lifetime=timedelta(hours=2),
    success_url="https://kyc.example/done",
    webhook_url="https://kyc.example/hooks/idenfy",
)


def settings(endpoint="http://127.0.0.1:1", signing=(SIGNING,), secret=SECRET):
    keys = tuple(Secret(key) for key in signing)
    return IdenfySettings(api_key=Secret(KEY), api_secret=Secret(secret), signing_keys=keys, endpoint=endpoint)


@pytest.fixture
def practice():
    clock = Clock()
    with PracticeIdenfy(api_key=KEY, api_secret=SECRET, signing_key=SIGNING, now=clock) as server:
        server.clock = clock
        yield server


def offline(**given):
    """A provider that is only told things."""
    return Idenfy(None, settings(**given))


def signed(body, key=SIGNING, kind="IDENTIFICATION_AUTO_FINISHED"):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return raw, {"idenfy-signature": hmac.new(key.encode(), raw, "sha256").hexdigest(), "idenfy-event-type": kind}


def told(overall="APPROVED", final=True, **more):
    parts = {name: more.pop(name) for name in list(more) if name.endswith(("Face", "Document", "Tags"))}
    return {"final": final, "status": {"overall": overall, **parts}, "scanRef": "scan-1", "clientId": "c", **more}


@pytest.mark.row("S2")
def test_a_session_is_made_decided_told_of_and_deleted(practice, asked):
    async def body(http):
        idenfy = Idenfy(http, settings(practice.url), practice.clock)
        attempt = await idenfy.create_attempt(NEW)
        before = await idenfy.fetch(attempt.ref)
        webhook = practice.result(attempt.ref, "APPROVED")
        event = idenfy.parse_webhook(webhook.body, webhook.headers)
        fetched = await idenfy.fetch(attempt.ref)
        await idenfy.delete(attempt.ref)
        await idenfy.delete(attempt.ref)
        with pytest.raises(UnknownAttempt):
            await idenfy.fetch(attempt.ref)
        return attempt, before, webhook, event, fetched

    attempt, before, webhook, event, fetched = asked(body)
    sent = json.loads(practice.asked[0].body)
    assert sent == {
        "clientId": "acct-pseudonym",
        "externalRef": "case-7.attempt-1",
        "tokenType": "IDENTIFICATION",
        "expiryTime": 7200,
        "locale": "de",
        "country": "CH",
        "documents": ["PASSPORT", "DRIVER_LICENSE"],
        "successUrl": "https://kyc.example/done",
        "callbackUrl": "https://kyc.example/hooks/idenfy",
    }
    assert attempt.expires_at == NOW + timedelta(hours=2)
    assert attempt.url.startswith(f"{practice.url}/api/v2/redirect?authToken=")
    assert attempt.url not in repr(attempt)
    assert before is None
    digest = hashlib.sha256(webhook.body).hexdigest()
    assert event.key == f"{attempt.ref}:IDENTIFICATION_AUTO_FINISHED:{digest}"
    assert (event.ref, event.reference, event.outcome, event.final) == (
        attempt.ref,
        "case-7.attempt-1",
        Outcome.APPROVED,
        True,
    )
    assert (event.reasons, event.document_expiry) == ((), date(2031, 5, 17))
    assert (fetched.outcome, fetched.final) == (Outcome.APPROVED, True)


def test_what_is_sent_is_within_what_idenfy_takes(practice, asked):
    long = NewAttempt(reference="r" * 40, subject="s", lifetime=timedelta(days=90), locale="tlh")

    async def body(http):
        return await Idenfy(http, settings(practice.url), practice.clock).create_attempt(long)

    attempt = asked(body)
    sent = json.loads(practice.asked[0].body)
    assert (sent["expiryTime"], sent["locale"], len(sent["externalRef"])) == (2_592_000, "en", 40)
    assert attempt.expires_at == NOW + timedelta(days=30)
    assert "firstName" not in sent


def test_what_the_customer_entered_goes_out_only_when_it_is_given(practice, asked):
    entered = {"first_name": "Ada", "last_name": "Lovelace", "date_of_birth": "1815-12-10"}
    new = NewAttempt(reference="r", subject="s", compare=entered)

    async def body(http):
        await Idenfy(http, settings(practice.url), practice.clock).create_attempt(new)

    asked(body)
    sent = json.loads(practice.asked[0].body)
    assert (sent["firstName"], sent["lastName"], sent["dateOfBirth"]) == ("Ada", "Lovelace", "1815-12-10")
    assert "Lovelace" not in repr(new)


@pytest.mark.parametrize(
    ("reference", "subject"), [("", "s"), ("r" * 41, "s"), ("ré", "s"), ("r", ""), ("r", "s" * 101)]
)
def test_references_that_no_provider_takes_are_refused(reference, subject):
    with pytest.raises(ValueError, match="letters of ASCII"):
        NewAttempt(reference=reference, subject=subject)


OUTCOMES = {
    "approved": (told(), "approved", True, []),
    "approved, not final": (told(final=False), "approved", False, []),
    "final is a text": (told(final="true"), "approved", False, []),
    "final is missing": ({"status": {"overall": "APPROVED"}, "scanRef": "scan-1"}, "approved", False, []),
    "suspicious": (told("SUSPECTED", fraudTags=["VIRTUAL_CAMERA"]), "needs_review", True, ["SUSPICIOUS"]),
    "a duplicate": (told("SUSPECTED", fraudTags=["DUPLICATE_FACE"]), "needs_review", True, ["DUPLICATE"]),
    "reviewing": (told("REVIEWING", final=False), "reviewing", False, []),
    "expired": (told("EXPIRED"), "session_expired", True, []),
    "expired and deleted": (told("EXPIRED-DELETED"), "session_expired", True, []),
    "deleted": (told("DELETED"), "session_expired", True, []),
    "archived": (told("ARCHIVED"), "session_expired", True, []),
    "blurred": (told("DENIED", autoDocument="DOC_TOO_BLURRY"), "retry", True, ["IMAGE_BLURRED"]),
    "glared": (told("DENIED", autoDocument="DOC_GLARED"), "retry", True, ["IMAGE_GLARE"]),
    "expired document": (told("DENIED", autoDocument="DOC_EXPIRED"), "retry", True, ["DOC_EXPIRED"]),
    "unreadable": (told("DENIED", autoDocument="MRZ_OCR_READING_ERROR"), "retry", True, ["UNREADABLE"]),
    "no face": (told("DENIED", autoFace="NO_FACE_FOUND"), "retry", True, ["FACE_FAILED"]),
    "face differs": (told("DENIED", manualFace="FACE_MISMATCH"), "retry", True, ["FACE_FAILED"]),
    "mask": (told("DENIED", autoFace="FAKE_FACE"), "denied", True, ["FACE_FAILED"]),
    "forged": (told("DENIED", autoDocument="DOC_FAKE"), "denied", True, ["DOC_SUSPECT"]),
    "denied for no reason": (told("DENIED"), "denied", True, []),
    "denied with a tag": (
        told("DENIED", autoDocument="DOC_EXPIRED", fraudTags=["FACE_IN_BLACKLIST"]),
        "denied",
        True,
        ["DOC_EXPIRED", "SUSPICIOUS"],
    ),
    "the person overrules the machine": (
        told("DENIED", autoDocument="DOC_TOO_BLURRY", manualDocument="DOC_EXPIRED", autoFace="FACE_MATCH"),
        "retry",
        True,
        ["DOC_EXPIRED"],
    ),
    "data differ": (
        told("DENIED", autoDocument="DOC_INFO_MISMATCH", mismatchTags=["SURNAME", "DATE_OF_BIRTH"]),
        "retry",
        True,
        ["DATA_MISMATCH(last_name)", "DATA_MISMATCH(date_of_birth)"],
    ),
    "data differ somewhere": (told("DENIED", autoDocument="DOC_INFO_MISMATCH"), "retry", True, ["DATA_MISMATCH"]),
    "a new word": (told("DENIED", autoDocument="DOC_UPSIDE_DOWN"), "retry", True, ["OTHER"]),
}


@pytest.mark.parametrize(("body", "outcome", "final", "reasons"), OUTCOMES.values(), ids=OUTCOMES)
def test_statuses_become_outcomes(body, outcome, final, reasons):
    event = offline().parse_webhook(*signed(body))
    assert (event.outcome.value, event.final, [str(reason) for reason in event.reasons]) == (outcome, final, reasons)


@pytest.mark.row("Q18")
def test_a_field_that_differs_is_named():
    event = offline().parse_webhook(*signed(told("SUSPECTED", mismatchTags=["NAME", "HAIR"])))
    assert dict(event.matched) == {"first_name": False}
    assert [str(reason) for reason in event.reasons] == ["DATA_MISMATCH(first_name)"]


REFUSED = {
    "no signature": ((b"{}", {}), "unsigned", 401),
    "another key": (signed(told(), key="another-signing-key"), "wrong_signature", 401),
    "a body that was changed": ((b'{"final":true}', signed(told())[1]), "wrong_signature", 401),
    "a signature that is no text of ASCII": ((b"{}", {"Idenfy-Signature": "é"}), "wrong_signature", 401),
    "too much": (signed(b" " * 1_000_001), "too_large", 413),
    "not JSON": (signed(b"{"), "malformed", 400),
    "nested without end": (signed(b"[" * 100_000), "malformed", 400),
    "a list": (signed(b"[]"), "malformed", 400),
    "no session": (signed({"final": True, "status": {"overall": "APPROVED"}}), "malformed", 400),
    "no status": (signed({"scanRef": "scan-1", "final": True}), "irrelevant", 200),
    "a token that still waits": (signed(told("ACTIVE", final=False)), "irrelevant", 200),
    "a status of tomorrow": (signed(told("LEVITATING")), "irrelevant", 200),
}


@pytest.mark.parametrize(("sent", "why", "status"), REFUSED.values(), ids=REFUSED)
def test_webhooks_that_are_not_believed(sent, why, status):
    with pytest.raises(WebhookRefused) as refused:
        offline().parse_webhook(*sent)
    assert (refused.value.why, refused.value.status) == (Refusal(why), status)
    assert SIGNING not in str(refused.value)


def test_the_same_webhook_has_the_same_key_and_any_other_another():
    keys = [
        offline().parse_webhook(*signed(body, kind=kind)).key
        for body, kind in (
            (told(), "IDENTIFICATION_AUTO_FINISHED"),
            (told(), "IDENTIFICATION_AUTO_FINISHED"),
            (told(), "IDENTIFICATION_MANUAL_FINISHED"),
            (told(final=False), "IDENTIFICATION_AUTO_FINISHED"),
            (told(), "made-up-1"),
            (told(), "made-up-2"),
        )
    ]
    assert [keys.index(key) for key in keys] == [0, 0, 2, 3, 4, 4]


def test_a_signing_key_can_be_changed_without_losing_a_webhook():
    provider = offline(signing=("practice-new-key", SIGNING))
    for key in ("practice-new-key", SIGNING):
        assert provider.parse_webhook(*signed(told(), key=key)).outcome is Outcome.APPROVED
    with pytest.raises(ValueError, match="without a signing key"):
        settings(signing=())


def test_signatures_in_capitals_are_the_same():
    raw, headers = signed(told())
    shouted = {name.upper(): text.upper() if "signature" in name else text for name, text in headers.items()}
    assert offline().parse_webhook(raw, shouted).outcome is Outcome.APPROVED


FAULTS = {
    "too many": (Answer(429, {"identifier": "TOO_MANY_REQUESTS"}, {"Retry-After": "30"}), ProviderUnavailable, 30.0),
    "broken": (Answer(500, {"identifier": "INTERNAL_ERROR"}), ProviderUnavailable, 0.0),
    "away": (Answer(503, {}, {"Retry-After": "5"}), ProviderUnavailable, 5.0),
    "a page": (Answer(201, "<h1>proxy</h1>"), ProviderUnavailable, 0.0),
    "half an answer": (Answer(201, {"authToken": "t"}), ProviderUnavailable, 0.0),
    "no text for a token": (Answer(201, {"authToken": 7, "scanRef": "s"}), ProviderUnavailable, 0.0),
    "slow": (Answer(201, {}, pause=3.0), ProviderUnavailable, 0.0),
    "not allowed": (Answer(403, {"identifier": "PERMISSIONS_ERROR"}), ProviderRefused, None),
    "not understood": (Answer(400, {"identifier": "BAD_VALUE", "message": "acct-pseudonym"}), ProviderRefused, None),
}


@pytest.mark.parametrize(("fault", "kind", "retry_after"), FAULTS.values(), ids=FAULTS)
def test_a_provider_that_fails_is_told_of_without_secrets(practice, asked, fault, kind, retry_after):
    practice.fail_next(fault)

    async def body(http):
        idenfy = Idenfy(http, settings(practice.url), practice.clock)
        with pytest.raises(kind) as failed:
            await idenfy.create_attempt(NEW, within=0.6 if fault.pause else 20.0)
        again = await idenfy.create_attempt(NEW)
        return failed.value, again

    failed, again = asked(body, Secret(KEY), Secret(SECRET))
    assert getattr(failed, "retry_after", None) == retry_after
    shown = f"{failed} {failed.help}"
    token = b64encode(f"{KEY}:{SECRET}".encode()).decode()
    assert [each for each in (KEY, SECRET, token, "acct-pseudonym", "127.0.0.1") if each in shown] == []
    assert again.ref in practice.sessions


def test_a_wrong_key_is_refused(practice, asked):
    async def body(http):
        with pytest.raises(ProviderRefused, match=r"the key is not accepted, 401 \(UNAUTHORIZED\)"):
            await Idenfy(http, settings(practice.url, secret="another-secret"), practice.clock).create_attempt(NEW)

    asked(body)


def test_nobody_there_is_unavailable(asked):
    async def body(http):
        with pytest.raises(ProviderUnavailable, match="idenfy: the server cannot be reached"):
            await Idenfy(http, settings()).create_attempt(NEW)

    asked(body)


def test_a_lost_webhook_is_found_by_asking(practice, asked):
    async def body(http):
        idenfy = Idenfy(http, settings(practice.url), practice.clock)
        ref = (await idenfy.create_attempt(NEW)).ref
        practice.result(ref, "REVIEWING", event_type="IDENTIFICATION_AUTO_FINISHED")  # never sent
        reviewing = await idenfy.fetch(ref)
        practice.result(ref, "DENIED", autoDocument="DOC_EXPIRED", event_type="IDENTIFICATION_MANUAL_FINISHED")
        denied, again = await idenfy.fetch(ref), await idenfy.fetch(ref)
        return reviewing, denied, again

    reviewing, denied, again = asked(body)
    assert (reviewing.outcome, reviewing.final) == (Outcome.REVIEWING, False)
    assert (denied.outcome, denied.final, [str(each) for each in denied.reasons]) == (
        Outcome.RETRY,
        True,
        ["DOC_EXPIRED"],
    )
    assert (denied.key == again.key, denied.key == reviewing.key) == (True, False)


def test_a_session_that_nobody_used_expires(practice, asked):
    async def body(http):
        idenfy = Idenfy(http, settings(practice.url), practice.clock)
        attempt = await idenfy.create_attempt(NEW)
        practice.clock.forward(hours=1, minutes=59)
        waiting = await idenfy.fetch(attempt.ref)
        practice.clock.forward(minutes=1)
        return attempt, waiting, await idenfy.fetch(attempt.ref), await idenfy.reopen(attempt.ref)

    attempt, waiting, expired, reopened = asked(body)
    assert (waiting, expired.outcome, expired.final, reopened) == (None, Outcome.SESSION_EXPIRED, True, None)
    assert httpx.get(attempt.url).status_code == 410


def test_the_practice_page_sends_what_was_chosen(practice, asked, httpserver):
    from_page = []
    httpserver.expect_oneshot_request("/hook").respond_with_handler(lambda request: from_page.append(request) or "")
    new = NewAttempt(
        reference="r-1", subject="s", webhook_url=httpserver.url_for("/hook"), success_url="https://kyc.example/done"
    )

    async def body(http):
        return await Idenfy(http, settings(practice.url), practice.clock).create_attempt(new)

    attempt = asked(body)
    page = httpx.get(attempt.url)
    assert (page.status_code, 'value="APPROVED"' in page.text) == (200, True)
    with httpserver.wait(raise_assertions=True, stop_on_nohandler=True, timeout=120) as waiting:
        sent = httpx.post(
            f"{practice.url}/practice/decide",
            data={"token": attempt.url.partition("authToken=")[2], "overall": "APPROVED"},
        )
    assert (sent.status_code, sent.headers["location"], waiting.result) == (303, "https://kyc.example/done", True)
    event = offline().parse_webhook(from_page[0].get_data(), dict(from_page[0].headers))
    assert (event.outcome, event.reference) == (Outcome.APPROVED, "r-1")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
words = st.sampled_from(["APPROVED", "DENIED", "SUSPECTED", "DOC_FAKE", "FAKE_FACE", "NAME", "DUPLICATE_FACE", ""])
statuses = st.dictionaries(
    st.sampled_from(["overall", "fraudTags", "mismatchTags", "autoFace", "manualFace", "autoDocument"]),
    words | st.lists(words | json_values, max_size=3) | json_values,
)
bodies = st.fixed_dictionaries(
    {},
    optional={
        "final": json_values,
        "scanRef": st.text(max_size=30) | json_values,
        "status": statuses | json_values,
        "data": st.dictionaries(st.just("docExpiry"), json_values) | json_values,
        "externalRef": json_values,
    },
)


def read_or_refused(raw, headers):
    try:
        return offline().parse_webhook(raw, headers)
    except WebhookRefused as refused:
        return refused


@given(body=bodies | json_values)
def test_whatever_is_signed_is_read_or_refused(body):
    found = read_or_refused(*signed(body))
    if isinstance(found, WebhookRefused):
        assert found.why in (Refusal.MALFORMED, Refusal.IRRELEVANT)
    else:
        assert found.final == (body.get("final") is True)
        assert found.ref == body["scanRef"]


@given(raw=st.binary(max_size=200), signature=st.text(max_size=70), kind=st.text(max_size=20))
def test_whatever_is_not_signed_is_refused(raw, signature, kind):
    with pytest.raises(WebhookRefused) as refused:
        offline().parse_webhook(raw, {"Idenfy-Signature": signature, "Idenfy-Event-Type": kind})
    assert refused.value.why in (Refusal.UNSIGNED, Refusal.WRONG_SIGNATURE)
