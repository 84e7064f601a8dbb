"""FraudRecord: hashing by the published vectors, both APIs against a real server, nothing asked twice.

Values here are never realistic: www.fraudrecord.com/docs/api asks for that even in tests.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from kycrisk.lookups.asked import LookupFailure
from kycrisk.lookups.budget import Budget, Limits
from kycrisk.lookups.cache import MemoryResults
from kycrisk.lookups.cache_file import FileResults
from kycrisk.lookups.fraudrecord import SIGNALS, TERMS, FraudRecord, FraudRecordSettings, Person
from kycrisk.lookups.fraudrecord_hash import (
    KNOWN_PASSWORD_VECTOR,
    KNOWN_VECTORS,
    Hasher,
    data_key,
    data_value,
    prepared,
)
from kycrisk.lookups.fraudrecord_process import MAX_WAITING
from kycrisk.lookups.fraudrecord_v2 import V2Words
from kycrisk.lookups.fraudrecord_worker import hash_bytes
from kycrisk.lookups.secrets import Secret, guard_logs, unguard_logs
from kycrisk.lookups.source import Source
from kycrisk.signals import Unknown, Why
from tests.lookups.http.making import NOW, Clock, opened, run, soon

KEY = Secret("0123456789abcdef")
PEPPER = b"pepper of the tests"
PERSON = Person.of(name="Zzyzx Qwfp-Testing", email="not-a-person@example.invalid", ip="192.0.2.99")
WORDS = V2Words(query="ask", value="points", reports="count", reliability="trust", code="code")


# preparing


@pytest.mark.parametrize(
    ("raw", "key"),
    [
        ("name", "name"),
        (" email2 ", "email2"),
        ("Paypal_Email 2", "paypal-email-2"),
        ("IP", "ip"),
        ("cc.name/é", "ccname"),
        ("_api", "-api"),
        ("a-very-long-name-of-a-key", "a-very-long-name-"),
    ],
)
def test_keys(raw, key):
    assert data_key(raw) == key


@pytest.mark.parametrize("raw", ["", "  ", "é", "!?"])
def test_what_is_no_key(raw):
    with pytest.raises(ValueError, match="has no letter or digit"):
        data_key(raw)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        pytest.param("John Smith", b"johnsmith", id="blanks and capitals"),
        pytest.param("\t a b\r\n", b"ab", id="blanks around"),
        pytest.param("a\tb", b"a\tb", id="only blanks are taken out of the middle"),
        pytest.param("\0x\x0b", b"x", id="what PHP trims besides"),
        pytest.param("\xa0a", b"\xc2\xa0a", id="not what Unicode calls a blank"),
        pytest.param("ÉİSS", "Éİss".encode(), id="PHP 8 lowers ASCII only"),
        pytest.param("+1 000 111 22 33 ", b"+10001112233", id="a phone number"),
        pytest.param("a.b+tag@Gmail.com", b"a.b+tag@gmail.com", id="mailboxes are not made canonical"),
        pytest.param("\ud800x", b"?x", id="a lone surrogate"),
    ],
)
def test_values(raw, value):
    assert data_value(raw) == value


def test_fields_together():
    fields = {"Name": "A B", "phone": "  ", "password": " Pass Word "}
    assert prepared(fields) == {"name": b"ab", "password": b" Pass Word "}
    with pytest.raises(ValueError, match="two fields become `email-2` at FraudRecord"):
        prepared({"email 2": "a", "email_2": "b"})


# hashing


@pytest.mark.parametrize(("value", "expected"), KNOWN_VECTORS.items())
def test_the_published_vectors(value, expected):
    assert hash_bytes(data_value(value)) == expected


def test_the_published_vector_of_a_password():
    value, expected = KNOWN_PASSWORD_VECTOR
    assert hash_bytes(data_value(value, verbatim=True)) == expected


@given(st.binary(max_size=200))
def test_the_copied_state_changes_nothing(value):
    """One round as the documentation writes it, against one round with the prefix's state copied."""
    copied = hashlib.sha1(b"fraudrecord-").copy()
    copied.update(value)
    assert copied.hexdigest() == hashlib.sha1(b"fraudrecord-" + value).hexdigest()


@asynccontextmanager
async def hashing(kept=None):
    hasher = Hasher(kept or MemoryResults(), pepper=PEPPER, clock=Clock())
    try:
        yield hasher
    finally:
        await hasher.aclose()


def test_hashes_come_from_another_process():
    async def work():
        async with hashing() as hasher:
            assert hasher.process.pid is None  # it starts when it is needed
            values = {str(index): data_value(value) for index, value in enumerate(KNOWN_VECTORS)}
            hashes = await hasher.hashes(values, soon(60))
            return list(hashes.values()), hasher.process.pid

    hashes, pid = run(work())
    assert hashes == list(KNOWN_VECTORS.values())
    assert pid not in (None, os.getpid())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)  # it has ended with the hasher


def test_the_event_loop_goes_on():
    """Ten values take 100 ms of computing; a loop that had to wait for them would turn some ten times."""

    async def work():
        async with hashing() as hasher:
            await hasher.hashes({"a": b"warm"}, soon(60))
            task = asyncio.create_task(hasher.hashes({str(n): f"value {n}".encode() for n in range(10)}, soon(60)))
            turns = 0
            while not task.done():
                await asyncio.sleep(0)
                turns += 1
            return turns

    assert run(work()) > 500


def test_each_value_is_hashed_once_ever(tmp_path):
    values = {"a": b"one", "b": b"two", "c": b"one"}

    async def work():
        kept = FileResults.open(tmp_path / "results.jsonl", lambda: NOW)
        async with hashing(kept) as hasher:
            await asyncio.gather(*(hasher.hashes(values, soon(60)) for _ in range(5)))
            found = await hasher.hashes(values, soon(60))
            kept.close()
            return found, hasher.computed

    first, second = run(work()), run(work())
    assert first[1] == 2
    assert second == (first[0], 0)
    assert "one" not in (tmp_path / "results.jsonl").read_text()
    bare = hashlib.blake2b(b"one", digest_size=20).hexdigest()
    assert bare not in (tmp_path / "results.jsonl").read_text()  # it would undo the 32,000 rounds


def test_a_kept_hash_that_is_none_is_computed_again():
    class Broken(MemoryResults):
        async def get(self, space, key):
            found = await super().get(space, key)
            return found._replace(text="not a hash") if found else None

    async def work():
        kept = Broken()
        for _ in range(2):
            async with hashing(kept) as hasher:
                found = await hasher.hashes({"a": b"johnsmith"}, soon(60))
        return found, hasher.computed

    assert run(work()) == ({"a": KNOWN_VECTORS["John Smith"]}, 1)


def test_a_hash_that_comes_too_late_is_there_the_next_time():
    async def work():
        async with hashing() as hasher:
            with pytest.raises(LookupFailure, match="takes longer than that") as caught:
                await hasher.hashes({"a": b"johnsmith"}, soon(0.001))
            assert (caught.value.against_source, caught.value.reached) == (False, False)
            await hasher.hashes({"a": b"johnsmith"}, soon(60))
            return hasher.computed

    assert run(work()) == 1


def test_a_process_that_dies_is_started_again():
    async def work():
        async with hashing() as hasher:
            await hasher.hashes({"a": b"first"}, soon(60))
            os.kill(hasher.process.pid, signal.SIGSTOP)
            waiting = asyncio.create_task(hasher.hashes({"a": b"johnsmith"}, soon(60)))
            await asyncio.sleep(0.01)
            os.kill(hasher.process.pid, signal.SIGKILL)
            with pytest.raises(LookupFailure, match="the process that hashes has ended"):
                await waiting
            return await hasher.hashes({"a": b"johnsmith"}, soon(60))

    assert run(work()) == {"a": KNOWN_VECTORS["John Smith"]}


def test_the_queue_is_bounded():
    async def work():
        async with hashing() as hasher:
            await hasher.hashes({"a": b"first"}, soon(60))
            os.kill(hasher.process.pid, signal.SIGSTOP)
            asked = [asyncio.create_task(hasher.process.hash(b"%d" % number)) for number in range(MAX_WAITING + 1)]
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            done = [task for task in asked if task.done()]
            failures = [task.exception().unknown for task in done]
            await hasher.process.aclose()
            await asyncio.gather(*asked, return_exceptions=True)
            return failures

    assert run(work()) == [Unknown(Why.OVER_BUDGET, f"{MAX_WAITING} values wait to be hashed already")]


def test_the_canary():
    async def work():
        async with hashing() as hasher:
            return await hasher.vector_holds()

    assert run(work()) is True


# the client


@asynccontextmanager
async def asking(server: HTTPServer, kept=None, **settings):
    async with opened(secrets=[KEY]) as http, hashing(kept) as hasher:
        yield FraudRecord(http, hasher, FraudRecordSettings(key=KEY, endpoint=server.url_for("/api/"), **settings))


def asked(server: HTTPServer, person: Person = PERSON, **settings):
    async def work():
        async with asking(server, **settings) as client:
            return await client.ask(person, soon(30))

    return run(work())


def replying(server: HTTPServer, text: str, **options) -> None:
    server.expect_request("/api/").respond_with_data(text, content_type="text/html", **options)


def test_a_query(httpserver: HTTPServer):
    replying(httpserver, "<report>14-3-6.7-abd2ce90ea864c03</report>")
    known, unknown, cost = asked(httpserver)
    assert known == {
        "fraudrecord.reports": 3,
        "fraudrecord.value": 14,
        "fraudrecord.reliability": 6.7,
        "fraudrecord.report_url": httpserver.url_for("/api/?showreport=abd2ce90ea864c03"),
    }
    assert (unknown, cost.amount) == ({}, 0)
    request = httpserver.log[0][0]
    assert request.method == "POST"
    assert request.query_string == b""
    assert request.form.to_dict() == {
        "_action": "query",
        "_api": KEY.reveal(),
        "name": hash_bytes(b"zzyzxqwfp-testing"),
        "email": hash_bytes(b"not-a-person@example.invalid"),
        "ip": hash_bytes(b"192.0.2.99"),
    }


def test_only_the_chosen_fields_are_sent(httpserver: HTTPServer):
    replying(httpserver, "<report>0-0-0.0-abd2ce90ea864c03</report>")
    known, _, _ = asked(httpserver, fields=("email",))
    assert known["fraudrecord.reports"] == 0
    assert set(httpserver.log[0][0].form) == {"_action", "_api", "email"}


@pytest.mark.parametrize(
    ("reply", "why", "detail"),
    [
        ("ERR:API", Why.REFUSED, "the API key is not known there (`ERR:API`)"),
        ("ERR:ACTION", Why.REFUSED, "the action is not known there (`ERR:ACTION`)"),
        ("ERR:DATA", Why.REFUSED, "the data is not accepted (`ERR:DATA`)"),
        ("ERR:NOT-APPROVED", Why.REFUSED, "the reporter profile is not approved yet (`ERR:NOT-APPROVED`)"),
        ("ERR:NEW", Why.REFUSED, "the question is refused, for a reason that is not published"),
        ("NODATA", Why.REFUSED, "no data arrived there (`NODATA`)"),
        ("<html><body>Maintenance", Why.MALFORMED_ANSWER, "a web page came in place of a reply"),
        ("\n<!DOCTYPE html>", Why.MALFORMED_ANSWER, "a web page came in place of a reply"),
        ("", Why.MALFORMED_ANSWER, "the reply is none that is published"),
        ("OK:abd2ce90ea864c03", Why.MALFORMED_ANSWER, "the reply is none that is published"),
        ("<report>14-3-6.7</report>", Why.MALFORMED_ANSWER, "the reply is none that is published"),
        ("<report>-1-3-6.7-abd2ce90ea864c03</report>", Why.MALFORMED_ANSWER, "the reply is none that is published"),
        ("<report>14-3-11.0-abd2ce90ea864c03</report>", Why.MALFORMED_ANSWER, "a reliability of 11.0 is none"),
        ("<report>14-3-0.5-abd2ce90ea864c03</report>", Why.MALFORMED_ANSWER, "a reliability of 0.5 is none"),
        ("<report>٣-3-6.7-abd2ce90ea864c03</report>", Why.MALFORMED_ANSWER, "the reply is none that is published"),
        ("x" * 10_000, Why.MALFORMED_ANSWER, "more than 8192 bytes came"),
    ],
)
def test_replies_that_are_no_report(httpserver: HTTPServer, reply, why, detail):
    replying(httpserver, reply)
    known, unknown, _ = asked(httpserver)
    assert known == {}
    assert unknown == {each.name: Unknown(why, detail) for each in SIGNALS}


def test_a_status_that_is_no_success(httpserver: HTTPServer):
    replying(httpserver, "busy", status=503)
    _, unknown, _ = asked(httpserver)
    assert unknown["fraudrecord.value"] == Unknown(Why.REFUSED, "the server answers 503")
    assert len(httpserver.log) == 1  # a question is on record there, so it is not repeated


def test_nobody_to_ask_about(httpserver: HTTPServer):
    _, unknown, _ = asked(httpserver, Person.of(phone="000", name=" "))
    assert unknown["fraudrecord.value"].why is Why.SKIPPED
    assert httpserver.log == []


def test_reporting_and_taking_back(httpserver: HTTPServer):
    httpserver.expect_ordered_request("/api/").respond_with_data("OK:ea864c03abd2ce90")
    httpserver.expect_ordered_request("/api/").respond_with_data("")

    async def work():
        async with asking(httpserver) as client:
            code = await client.report(
                {"name": "Zzyzx", "phone": "000 000"}, kind="chargeback", text="made up", value=6, deadline=soon(30)
            )
            await client.delete(code, deadline=soon(30))
            return code, client.report_url(code)

    code, url = run(work())
    assert code == "ea864c03abd2ce90"
    assert url.endswith("/api/?showreport=ea864c03abd2ce90")
    report, delete = (request.form.to_dict() for request, _ in httpserver.log)
    assert report == {
        "_action": "report",
        "_api": KEY.reveal(),
        "_type": "chargeback",
        "_text": "made up",
        "_value": "6",
        "name": hash_bytes(b"zzyzx"),
        "phone": hash_bytes(b"000000"),
    }
    assert delete == {"_action": "delete", "_api": KEY.reveal(), "_code": code}


@pytest.mark.parametrize(
    ("reply", "error"),
    [("ERR:DATA", "the data is not accepted"), ("OK", "none that is published"), ("<html>", "a web page")],
)
def test_reports_that_fail(httpserver: HTTPServer, reply, error):
    replying(httpserver, reply)

    async def work():
        async with asking(httpserver) as client:
            await client.report({"name": "Zzyzx"}, kind="spam", text="made up", value=1, deadline=soon(30))

    with pytest.raises(LookupFailure, match=error):
        run(work())
    assert len(httpserver.log) == 1


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"value": 0}, "between 1 and 10, not 0"),
        ({"value": 11}, "between 1 and 10, not 11"),
        ({"kind": " "}, "needs a type and a text"),
        ({"text": ""}, "needs a type and a text"),
        ({"person": {"name": "  "}}, "needs at least one field"),
    ],
)
def test_reports_that_cannot_be(httpserver: HTTPServer, changed, message):
    async def work():
        async with asking(httpserver) as client:
            given_ = {"person": {"name": "Zzyzx"}, "kind": "spam", "text": "made up", "value": 1} | changed
            await client.report(given_.pop("person"), **given_, deadline=soon(30))

    with pytest.raises(ValueError, match=message):
        run(work())
    assert httpserver.log == []


def test_a_code_that_is_none(httpserver: HTTPServer):
    async def work():
        async with asking(httpserver) as client:
            await client.delete("../../etc", deadline=soon())

    with pytest.raises(ValueError, match="is not the code of a report"):
        run(work())


# settings


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"key": Secret("too-short")}, "has 16 hexadecimal digits"),
        ({"api": 3}, "has no version 3"),
        ({"api": 2}, "are not public: use `api: 1`"),
        ({"fields": ("name", "iban")}, "`iban` is no field to ask FraudRecord about"),
        ({"fields": ()}, "is no field"),
    ],
)
def test_settings_that_cannot_be(settings, message):
    with pytest.raises(ValueError, match=message) as caught:
        FraudRecordSettings(**{"key": KEY, **settings})
    assert "too-short" not in str(caught.value)


def test_what_leaves_the_house(httpserver: HTTPServer):
    async def work():
        async with asking(httpserver, fields=("email", "ip")) as client:
            return client.sends

    assert run(work()) == {"email_hash", "ip_hash"}


# version 2, with the words that a member of it has read


def test_version_2(httpserver: HTTPServer):
    reply = {"status": "success", "message": "ok", "points": 14, "count": 3, "trust": 6.7, "code": "abd2ce90ea864c03"}
    httpserver.expect_request("/api/").respond_with_json(reply)
    known, _, _ = asked(httpserver, api=2, words=WORDS, fields=("name",))
    assert known["fraudrecord.value"] == 14
    assert known["fraudrecord.report_url"].endswith("?showreport=abd2ce90ea864c03")
    request = httpserver.log[0][0]
    assert request.headers["Content-Type"] == "application/json"
    assert request.json == {"apiKey": KEY.reveal(), "action": "ask", "data": {"name": hash_bytes(b"zzyzxqwfp-testing")}}


@pytest.mark.parametrize(
    ("reply", "why", "detail"),
    [
        (
            {"status": "error", "error": {"code": "E1", "message": f"no key {KEY.reveal()}"}},
            Why.REFUSED,
            "no key [redacted] (`E1`)",
        ),
        ({"status": "odd"}, Why.MALFORMED_ANSWER, "the reply is none that is published"),
        ({"status": "success"}, Why.MALFORMED_ANSWER, "expected int, got `None`"),
        (
            {"status": "success", "points": 1, "count": 1, "trust": 1, "code": "../x"},
            Why.MALFORMED_ANSWER,
            "`code` is not the code of a report",
        ),
    ],
)
def test_version_2_errors(httpserver: HTTPServer, reply, why, detail):
    httpserver.expect_request("/api/").respond_with_json(reply)
    _, unknown, _ = asked(httpserver, api=2, words=WORDS, fields=("ip",))
    assert unknown["fraudrecord.value"] == Unknown(why, detail)


def test_version_2_does_not_guess_how_to_report(httpserver: HTTPServer):
    async def work():
        async with asking(httpserver, api=2, words=WORDS) as client:
            await client.report({"name": "Zzyzx"}, kind="spam", text="made up", value=1, deadline=soon(30))

    with pytest.raises(LookupFailure, match="`report` is not public in API v2") as caught:
        run(work())
    assert caught.value.unknown.why is Why.NOT_CONFIGURED
    assert httpserver.log == []


# nothing is asked twice


def test_screening_again_does_not_ask_again(httpserver: HTTPServer, tmp_path):
    replying(httpserver, "<report>14-3-6.7-abd2ce90ea864c03</report>")

    async def work(people, again=False):
        kept = FileResults.open(tmp_path / "results.jsonl", lambda: NOW)
        async with asking(httpserver, kept) as client:
            budget = Budget(Limits(), kept, lambda: NOW)
            source = Source(client, TERMS, budget=budget, kept=kept, now=lambda: NOW, clock=Clock(), pepper=PEPPER)
            answers = [await source.ask(person, soon(30), again=again) for person in people]
            await source.aclose()
        kept.close()
        return [(answer.asked, answer.known["fraudrecord.value"]) for answer in answers]

    same = Person.of(name="ZZYZX qwfp-testing ", email="Not-a-Person@example.invalid", ip="192.0.2.99", phone="0")
    assert run(work([PERSON, same])) == [(True, 14), (False, 14)]
    assert run(work([PERSON])) == [(False, 14)]  # also after a restart
    assert len(httpserver.log) == 1
    assert run(work([PERSON], again=True)) == [(True, 14)]  # unless a person wants it
    assert len(httpserver.log) == 2
    assert "example.invalid" not in (tmp_path / "results.jsonl").read_text()


def test_the_key_is_nowhere(httpserver: HTTPServer, caplog):
    def answer(request: Request) -> Response:
        return Response(f"<report>1-1-1.0-{KEY.reveal()}</report>")

    httpserver.expect_request("/api/").respond_with_handler(answer)
    caplog.set_level("DEBUG")

    async def work():
        async with asking(httpserver) as client:
            redacting = guard_logs(client._http.redactor)
            try:
                return repr(await client.ask(PERSON, soon(30)))
            finally:
                unguard_logs(redacting)

    ours = [record.getMessage() for record in caplog.records if record.name != "werkzeug"]
    assert KEY.reveal() not in run(work()) + "".join(ours)
