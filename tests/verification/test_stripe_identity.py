"""Stripe Identity against a practice server: a session for all tries, fresh addresses, signatures with their time."""

import hmac
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kycrisk.lookups.secrets import Secret
from kycrisk.verification.documents.kinds import DocumentKind
from kycrisk.verification.practice.server import Answer
from kycrisk.verification.practice.stripe import PracticeStripe
from kycrisk.verification.providers.provider import (
    NewAttempt,
    Outcome,
    ProviderRefused,
    ProviderUnavailable,
    UnknownAttempt,
    WebhookRefused,
)
from kycrisk.verification.providers.stripe_identity import StripeIdentity, StripeIdentitySettings
from tests.store.making import Clock

KEY, SIGNING = "rk_practice_0001", "whsec_practice_0001"
NEW = NewAttempt(
    reference="case-7.attempt-1",
    subject="acct-pseudonym",
    documents=(DocumentKind.PASSPORT, DocumentKind.ID_CARD, DocumentKind.RESIDENCE_PERMIT),
    success_url="https://kyc.example/done",
)


@pytest.fixture
def practice():
    clock = Clock()
    with PracticeStripe(api_key=KEY, signing_key=SIGNING, now=clock) as server:
        server.clock = clock
        yield server


def provider(http=None, practice=None, key=KEY, signing=(SIGNING,)):
    settings = StripeIdentitySettings(
        api_key=Secret(key),
        signing_keys=tuple(Secret(each) for each in signing),
        endpoint=practice.url if practice else "http://127.0.0.1:1",
    )
    return StripeIdentity(http, settings, practice.clock if practice else Clock())


def test_a_failed_try_goes_on_in_the_same_session_at_a_fresh_address(practice, asked):
    async def body(http):
        stripe = provider(http, practice)
        first = await stripe.create_attempt(NEW)
        same = await stripe.create_attempt(NEW)
        assert await stripe.fetch(first.ref) is None
        failed = practice.becomes(first.ref, "requires_input", "document_expired")
        retry, asked_retry = stripe.parse_webhook(failed.body, failed.headers), await stripe.fetch(first.ref)
        reopened = [await stripe.reopen(first.ref) for _ in range(2)]
        processing = practice.becomes(first.ref, "processing")
        submitted = stripe.parse_webhook(processing.body, processing.headers)
        closed = await stripe.reopen(first.ref)
        verified = practice.becomes(first.ref, "verified")
        approved = stripe.parse_webhook(verified.body, verified.headers)
        return first, same, (retry, asked_retry), reopened, submitted, closed, approved

    first, same, retries, reopened, submitted, closed, approved = asked(body)
    assert dict(parse_qsl(practice.asked[0].body.decode())) == {
        "type": "document",
        "client_reference_id": "acct-pseudonym",
        "metadata[reference]": "case-7.attempt-1",
        "options[document][require_matching_selfie]": "true",
        "options[document][allowed_types][0]": "passport",
        "options[document][allowed_types][1]": "id_card",
        "return_url": "https://kyc.example/done",
    }
    assert (first.ref == same.ref, practice.asked[0].headers["idempotency-key"]) == (True, "kycrisk-case-7.attempt-1")
    for retry in retries:
        assert (retry.outcome, retry.final, [str(each) for each in retry.reasons], retry.reference) == (
            Outcome.RETRY,
            True,
            ["DOC_EXPIRED"],
            "case-7.attempt-1",
        )
    assert ({each.ref for each in reopened}, len({first.url, *(each.url for each in reopened)})) == ({first.ref}, 3)
    assert (submitted.outcome, submitted.final, closed) == (Outcome.SUBMITTED, False, None)
    assert (approved.outcome, approved.final, approved.reasons) == (Outcome.APPROVED, True, ())
    assert approved.said_at == practice.clock()


STATUSES = {
    "face differs": ("requires_input", "selfie_face_mismatch", "retry", ["FACE_FAILED"]),
    "unreadable": ("requires_input", "document_unverified_other", "retry", ["UNREADABLE"]),
    "left": ("requires_input", "abandoned", "retry", ["ABANDONED"]),
    "declined": ("requires_input", "consent_declined", "retry", ["CONSENT_DECLINED"]),
    "too young": ("requires_input", "under_supported_age", "denied", ["UNDER_AGE"]),
    "manipulated": ("requires_input", "selfie_manipulated", "denied", ["FACE_FAILED"]),
    "a new word": ("requires_input", "document_levitates", "retry", ["OTHER"]),
    "canceled": ("canceled", "", "session_expired", []),
    "redacted": ("redacted", "", "session_expired", []),
}


@pytest.mark.parametrize(("status", "error", "outcome", "reasons"), STATUSES.values(), ids=STATUSES)
def test_statuses_become_outcomes(practice, asked, status, error, outcome, reasons):
    async def body(http):
        stripe = provider(http, practice)
        ref = (await stripe.create_attempt(NEW)).ref
        webhook = practice.becomes(ref, status, error)
        return stripe.parse_webhook(webhook.body, webhook.headers), await stripe.fetch(ref)

    for event in asked(body):
        assert (event.outcome.value, event.final, [str(each) for each in event.reasons]) == (outcome, True, reasons)


CLOCKS = {
    "in time": (timedelta(minutes=4), "IRRELEVANT"),
    "an old one": (timedelta(minutes=10), "signed 600 s before now, of which 300 s are allowed"),
    "from the future": (timedelta(minutes=-10), "signed 600 s after now, of which 300 s are allowed"),
}


@pytest.mark.parametrize(("late", "says"), CLOCKS.values(), ids=CLOCKS)
def test_clocks_that_differ_give_a_clear_reason(practice, asked, late, says):
    async def body(http):
        stripe = provider(http, practice)
        ref = (await stripe.create_attempt(NEW)).ref
        webhook = practice.becomes(ref, "requires_input", late=late)
        with pytest.raises(WebhookRefused) as refused:
            stripe.parse_webhook(webhook.body, webhook.headers)
        return refused.value

    refused = asked(body)
    assert says in f"{refused.why.name} {refused}"
    assert ("clock" in str(refused)) == (refused.why.value == "out_of_time")


def test_a_wrong_signature_says_nothing_about_the_clock(practice, asked):
    async def body(http):
        stripe = provider(http, practice)
        ref = (await stripe.create_attempt(NEW)).ref
        webhook = practice.becomes(ref, "verified", late=timedelta(days=9), signing_key="whsec_another_one")
        with pytest.raises(WebhookRefused, match="wrong signature") as refused:
            stripe.parse_webhook(webhook.body, webhook.headers)
        return refused.value.status

    assert asked(body) == 401


@pytest.mark.parametrize(
    "signature", ["", "t=1", "v1=00", "t=1,t=2,v1=00", "t=x,v1=00", "t=²,v1=00", "t=9999999999999,v1=00", ",,,"]
)
def test_headers_that_are_no_signature(signature):
    with pytest.raises(WebhookRefused) as refused:
        provider().parse_webhook(b"{}", {"stripe-signature": signature})
    assert refused.value.why.value == "unsigned"


def test_events_about_other_things_are_passed_over(practice):
    for told in ({"id": "evt_1", "type": "charge.failed", "data": {"object": {"id": "ch_1"}}},):
        raw, headers = signed(json.dumps(told).encode())
        with pytest.raises(WebhookRefused) as refused:
            provider().parse_webhook(raw, headers)
        assert (refused.value.why.value, refused.value.status) == ("irrelevant", 200)


def test_a_session_is_redacted_once_nobody_works_on_it(practice, asked):
    async def body(http):
        stripe = provider(http, practice)
        ref = (await stripe.create_attempt(NEW)).ref
        practice.becomes(ref, "processing")
        with pytest.raises(ProviderRefused, match="verification_session_not_redactable"):
            await stripe.delete(ref)
        practice.becomes(ref, "verified")
        await stripe.delete(ref)
        await stripe.delete("vs_unknown")
        with pytest.raises(UnknownAttempt):
            await stripe.fetch("vs_unknown")
        return practice.sessions[ref].status

    assert asked(body) == "redacted"


FAULTS = {
    "too many": (Answer(429, {"error": {"code": "rate_limit"}}, {"Retry-After": "7"}), ProviderUnavailable, 7.0),
    "broken": (Answer(500, {}), ProviderUnavailable, 0.0),
    "a wrong key": (Answer(401, {"error": {"message": f"no such key {KEY}"}}), ProviderRefused, None),
}


@pytest.mark.parametrize(("fault", "kind", "retry_after"), FAULTS.values(), ids=FAULTS)
def test_a_provider_that_fails_is_told_of_without_secrets(practice, asked, fault, kind, retry_after):
    practice.fail_next(fault)

    async def body(http):
        with pytest.raises(kind) as failed:
            await provider(http, practice).create_attempt(NEW)
        return failed.value

    failed = asked(body, Secret(KEY))
    assert (getattr(failed, "retry_after", None), KEY in str(failed)) == (retry_after, False)


def signed(raw, at=None):
    at = int(Clock()().timestamp()) if at is None else at
    digest = hmac.new(SIGNING.encode(), f"{at}.".encode() + raw, "sha256").hexdigest()
    return raw, {"Stripe-Signature": f"t={at},v1={digest}"}


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
sessions = st.fixed_dictionaries(
    {},
    optional={
        "id": st.just("vs_1") | values,
        "status": st.sampled_from(["verified", "requires_input", "processing"]) | values,
        "last_error": st.fixed_dictionaries({"code": st.just("abandoned") | values}) | values,
        "metadata": st.fixed_dictionaries({"reference": values}) | values,
    },
)
events = st.fixed_dictionaries(
    {},
    optional={
        "id": st.just("evt_1") | values,
        "type": st.just("identity.verification_session.verified") | values,
        "created": values,
        "data": st.fixed_dictionaries({"object": sessions | values}) | values,
    },
)


def read_or_refused(raw, headers):
    try:
        return provider().parse_webhook(raw, headers)
    except WebhookRefused as refused:
        return refused


@given(body=events | values)
def test_whatever_is_signed_is_read_or_refused(body):
    found = read_or_refused(*signed(json.dumps(body).encode()))
    if isinstance(found, WebhookRefused):
        assert found.why.value in ("malformed", "irrelevant")
    else:
        assert (found.key, found.ref) == (body["id"], body["data"]["object"]["id"])


def test_times_of_the_far_future_are_not_taken_over():
    told = {
        "id": "evt_1",
        "type": "identity.verification_session.verified",
        "created": 10**15,
        "data": {"object": {"id": "vs_1", "status": "verified"}},
    }
    assert provider().parse_webhook(*signed(json.dumps(told).encode())).said_at is None
    told["created"] = 1_764_072_000
    event = provider().parse_webhook(*signed(json.dumps(told).encode()))
    assert event.said_at == datetime(2025, 11, 25, 12, 0, tzinfo=UTC)
