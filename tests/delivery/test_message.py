"""What is sent is signed as Standard Webhooks says, which its own library and plain HMAC both verify."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from kycrisk.lookups.secrets import Secret
from kycrisk.webhook_signature import signed_headers
from tests.delivery.conftest import SECRET

BODY = '{"name":"Zoë"}'.encode()


def test_the_library_verifies_it():
    headers = dict(signed_headers("msg_created_dec_1", BODY, [SECRET], datetime.now(UTC)))
    assert Verifier(SECRET.reveal()).verify(BODY, headers) == {"name": "Zoë"}


NEWER = Secret("whsec_" + base64.b64encode(bytes(range(32, 64))).decode())


def test_while_a_secret_is_changed_either_verifies_it():
    headers = dict(signed_headers("msg_created_dec_1", BODY, [NEWER, SECRET], datetime.now(UTC)))
    assert len(headers["webhook-signature"].split(" ")) == 2
    assert [Verifier(each.reveal()).verify(BODY, headers) for each in (NEWER, SECRET)] == [{"name": "Zoë"}] * 2
    with pytest.raises(WebhookVerificationError):
        Verifier("whsec_" + base64.b64encode(bytes(32)).decode()).verify(BODY, headers)


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"webhook-id": "msg_created_dec_2"}, id="another-id"),
        pytest.param({"webhook-timestamp": str(int(datetime.now(UTC).timestamp()) - 1)}, id="another-moment"),
        pytest.param({"webhook-timestamp": "1764072000"}, id="an-old-moment"),
    ],
)
def test_the_library_refuses_what_was_changed(changed):
    headers = dict(signed_headers("msg_created_dec_1", BODY, [SECRET], datetime.now(UTC)))
    with pytest.raises(WebhookVerificationError):
        Verifier(SECRET.reveal()).verify(BODY, headers | changed)
    with pytest.raises(WebhookVerificationError):
        Verifier(SECRET.reveal()).verify(BODY + b" ", headers)


def test_it_is_plain_hmac():
    at = datetime(2026, 11, 25, 12, 0, 0, 900_000, tzinfo=UTC)
    signed = b"msg_1.1795608000." + BODY
    digest = hmac.new(bytes(range(32)), signed, hashlib.sha256).digest()
    assert dict(signed_headers("msg_1", BODY, [SECRET], at)) == {
        "Content-Type": "application/json",
        "webhook-id": "msg_1",
        "webhook-timestamp": "1795608000",
        "webhook-signature": "v1," + base64.b64encode(digest).decode(),
    }
    assert json.loads(BODY)
