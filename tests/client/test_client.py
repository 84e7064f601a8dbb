"""Both clients against the server: the same decisions, the same words when there is none."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import pickle
import re
import subprocess
import sys
import threading

import pytest

from kycrisk.client import AsyncClient, Client, Failure, Outcome, Screening, ScreeningFailed
from kycrisk.lookups.secrets import Secret
from tests.client.making import BOTH, NEVER, by_client
from tests.service import SIGNUPS

both = pytest.mark.parametrize("screened", BOTH, ids=["sync", "async"])


@both
@pytest.mark.parametrize(
    ("expected", "flagged", "score", "settled", "rules"),
    [
        ("allow", False, 0, True, []),
        ("review", False, 45, True, ["tor-exit"]),
        ("verify", True, 70, True, ["disposable-mail"]),
        ("deny", False, 0, True, ["blocked-mail-domain", "blocked-network"]),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_decision(service, screened, expected, flagged, score, settled, rules):
    [found] = screened(service.direct, service.key, SIGNUPS[expected], on_failure="raise", timeout=60)
    assert (found.outcome.word, found.flagged, found.score, found.settled) == (expected, flagged, score, settled)
    assert [reason.rule for reason in found.reasons] == rules
    assert (found.failed, found.why) == (False, "")
    assert re.fullmatch("dec_[0-9a-f]+", found.id)
    assert (found.raw["format"], found.raw["account_id"]) == ("kycrisk.decision/1", SIGNUPS[expected]["account_id"])


@both
def test_the_same_signup_gets_the_stored_decision(service, screened):
    signup = {**SIGNUPS["verify"], "account_id": f"twice-{screened.__name__}"}
    turned = dict(reversed(signup.items()))  # the order of the fields is no part of what is said
    first, second, other = screened(
        service.direct, service.key, signup, turned, {**signup, "first_name": "Sam"}, on_failure="raise", timeout=60
    )
    assert first == second
    assert first.id != other.id


@both
def test_a_key_of_the_callers_own_is_sent(service, screened):
    signup = {**SIGNUPS["allow"], "account_id": f"own-key-{screened.__name__}"}
    how = {"idempotency_key": f"order-17-{screened.__name__}"}
    [first] = screened(service.direct, service.key, signup, how=how, on_failure="raise", timeout=60)
    [second] = screened(service.direct, service.key, signup, how=how, on_failure="raise", timeout=60)
    assert first == second
    with pytest.raises(ScreeningFailed) as raised:
        screened(service.direct, service.key, {**signup, "last_name": "X"}, how=how, on_failure="raise", timeout=60)
    assert (raised.value.failure, raised.value.status) == (Failure.CONFLICT, 409)


@both
def test_everything_wrong_with_a_signup_is_told(service, screened):
    wrong = {"account_id": "a", "ip": "x", "emial": "y"}
    with pytest.raises(ScreeningFailed) as raised:
        screened(service.direct, service.key, wrong, on_failure="raise", timeout=60)
    assert raised.value.failure is Failure.SIGNUP
    assert raised.value.why == "the server cannot use the signup (3 problems)"
    assert sorted(problem.place for problem in raised.value.problems) == ["email", "emial", "ip"]


@both
@pytest.mark.parametrize(
    ("signup", "key", "failure", "least"),
    [
        (SIGNUPS["deny"], "kyc_ffffffffffffffff_" + "x" * 43, Failure.REFUSED, Outcome.ALLOW),
        ({**SIGNUPS["deny"], "first_name": "\x07"}, None, Failure.SIGNUP, Outcome.REVIEW),
    ],
    ids=["a wrong key", "a name that no server takes"],
)
@pytest.mark.parametrize("word", ["allow", "review", "verify", "deny"])
def test_the_fallback_is_what_the_caller_chose(service, screened, caplog, signup, key, failure, least, word):
    """And whoever signs up cannot choose `allow` by sending nonsense."""
    [found] = screened(service.direct, key or service.key, signup, on_failure=word, timeout=5)
    assert found.outcome is max(least, Outcome.from_word(word))
    assert (found.failed, found.id, found.score, found.settled, found.reasons) == (True, "", None, False, ())
    assert dict(found.raw) == {}
    [record] = [record for record in caplog.records if record.name == "kycrisk.client"]
    assert record.levelno == (logging.ERROR if failure is Failure.REFUSED else logging.WARNING)
    assert record.getMessage() == f"no decision ({failure}): {found.why}; the outcome is {found.outcome}"


@both
def test_a_function_makes_the_fallback(screened):
    own = Screening(outcome=Outcome.DENY, failed=True, why="closed")
    seen: list[ScreeningFailed] = []

    def outcome(failed: ScreeningFailed) -> Outcome:
        seen.append(failed)
        return Outcome.VERIFY

    [found] = screened(NEVER, "long-enough-key", SIGNUPS["allow"], on_failure=outcome, timeout=5)
    assert (found.outcome, found.flagged, found.failed, found.why) == (
        Outcome.VERIFY,
        True,
        True,
        "the server cannot be reached",
    )
    assert [failed.failure for failed in seen] == [Failure.UNREACHABLE]
    assert screened(NEVER, "long-enough-key", SIGNUPS["allow"], on_failure=lambda failed: own, timeout=5) == [own]


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"base_url": "kycrisk.example"}, "the base URL is not of the form"),
        ({"base_url": "ftp://kycrisk.example"}, "the base URL is not of the form"),
        ({"base_url": "http://kycrisk.example:99999"}, "the base URL is not of the form"),
        ({"base_url": "http://kyc risk.example"}, "the base URL is not of the form"),
        ({"base_url": f"http://{'k' * 64}.example"}, "the base URL is not of the form"),
        ({"base_url": "http://me:secret@kycrisk.example"}, "the key is an argument of its own"),
        ({"key": "short"}, "a secret has at least 6 characters"),
        ({"key": "long-enough\r\nX: y"}, "no control characters"),
        ({"on_failure": "alow"}, "not `alow`"),
        ({"timeout": 0}, "`timeout` is 0.01 to 60 seconds"),
        ({"timeout": float("nan")}, "`timeout` is 0.01 to 60 seconds"),
        ({"connections": 0}, "`connections` is at least 1"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else None,
)
def test_settings_that_cannot_be(kind, changed, message):
    settings = {"base_url": "http://kycrisk.example", "key": "long-enough-key", "on_failure": "review", **changed}
    with pytest.raises(ValueError, match=message) as raised:
        kind(settings.pop("base_url"), settings.pop("key"), **settings)
    assert "secret@" not in str(raised.value)


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_there_is_no_fallback_unless_chosen(kind):
    with pytest.raises(TypeError, match="on_failure"):
        kind("http://kycrisk.example", "long-enough-key")


@both
@pytest.mark.parametrize(
    ("signup", "how", "error", "message"),
    [
        (SIGNUPS["allow"], {"idempotency_key": ""}, ValueError, "visible ASCII"),
        (SIGNUPS["allow"], {"idempotency_key": "a b"}, ValueError, "visible ASCII"),
        (SIGNUPS["allow"], {"idempotency_key": "é"}, ValueError, "visible ASCII"),
        (SIGNUPS["allow"], {"idempotency_key": "k" * 256}, ValueError, "visible ASCII"),
        (SIGNUPS["allow"], {"deadline_ms": 9}, ValueError, "10 to 60000"),
        (SIGNUPS["allow"], {"deadline_ms": 800}, ValueError, "not within the timeout of 800 ms"),
        ({"attributes": {"x": float("nan")}}, {}, ValueError, "JSON compliant"),
        ({"attributes": {"x": object()}}, {}, TypeError, "not JSON serializable"),
    ],
    ids=["no key", "a blank", "beyond ASCII", "long", "too short", "the whole timeout", "NaN", "no JSON"],
)
def test_what_no_server_could_be_asked(screened, signup, how, error, message):
    with pytest.raises(error, match=message):
        screened(NEVER, "long-enough-key", signup, how=how, on_failure="allow")


def test_many_threads_share_a_client(service):
    signups = [{**SIGNUPS["verify"], "account_id": f"thread-{number}"} for number in range(24)]
    found: dict[str, Screening] = {}
    with Client(service.direct, service.key, on_failure="raise", timeout=20, connections=4) as client:

        def ask(signup):
            found[signup["account_id"]] = client.screen(signup)

        threads = [threading.Thread(target=ask, args=(signup,)) for signup in signups]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert {account: screening.raw["account_id"] for account, screening in found.items()} == {
        f"thread-{number}": f"thread-{number}" for number in range(24)
    }


def test_many_tasks_share_a_client(service):
    async def work():
        async with AsyncClient(service.direct, service.key, on_failure="raise", timeout=20, connections=4) as client:
            signups = [{**SIGNUPS["verify"], "account_id": f"task-{number}"} for number in range(24)]
            return await asyncio.gather(*(client.screen(signup) for signup in signups))

    assert [screening.raw["account_id"] for screening in asyncio.run(work())] == [f"task-{n}" for n in range(24)]


def _in_the_child(client, signup, answers):
    answers.send(client.screen(signup).outcome.word)
    client.close()


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")  # that is what is tested
def test_a_client_survives_a_fork(service):
    """A server that preloads forks after the first use; parent and child go on, each with connections of its own."""
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    with Client(service.direct, service.key, on_failure="raise", timeout=20) as client:
        assert client.screen(SIGNUPS["allow"]).outcome is Outcome.ALLOW
        child = context.Process(target=_in_the_child, args=(client, SIGNUPS["review"], there))
        child.start()
        assert here.poll(30)
        assert here.recv() == "review"
        child.join(30)
        assert child.exitcode == 0
        assert client.screen(SIGNUPS["verify"]).outcome is Outcome.VERIFY


def test_a_closed_client_says_so():
    client = Client("http://kycrisk.example", "long-enough-key", on_failure="allow")
    client.close()
    client.close()
    with pytest.raises(RuntimeError, match="the client is closed"):
        client.screen(SIGNUPS["allow"])


@both
def test_neither_key_nor_customer_is_in_logs_and_reprs(service, screened, caplog):
    """Of a decision and of a failure, with every logger of the libraries at its most talkative."""
    caplog.set_level(logging.DEBUG)
    [decided] = screened(service.direct, service.key, SIGNUPS["verify"], on_failure="review", timeout=5)
    [failed] = screened(service.direct, "kyc_wrong_" + "w" * 43, SIGNUPS["verify"], on_failure="review", timeout=5)
    shown = caplog.text + repr([decided, failed])
    assert "/v1/screenings" in shown  # the libraries did log
    for secret in (service.key, "w" * 43, "sam.hill", "throwaway.example", "192.0.2.58"):
        assert secret not in shown


def test_a_client_does_not_show_its_key():
    client = Client("http://kycrisk.example", "long-enough-key", on_failure="review")
    assert repr(client) == "Client('http://kycrisk.example', on_failure='review', timeout=0.8)"
    assert "long-enough-key" not in repr(vars(client))
    with pytest.raises(TypeError):
        pickle.dumps(client)
    assert Client("http://kycrisk.example", Secret("long-enough-key"), on_failure="review")._server.key.reveal()


def test_the_client_loads_nothing_of_the_engine():
    code = "import sys, kycrisk.client; print(*sorted(name for name in sys.modules if name.startswith('kycrisk.')))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    beside = [name for name in loaded if not name.startswith("kycrisk.client")]
    assert beside == ["kycrisk.lookups", "kycrisk.lookups.secrets", "kycrisk.outcome", "kycrisk.problems"]


def test_a_screening_cannot_be_changed(service):
    [found] = by_client(service.direct, service.key, SIGNUPS["verify"], on_failure="raise", timeout=60)
    with pytest.raises(AttributeError):
        found.outcome = Outcome.ALLOW
    with pytest.raises(TypeError):
        found.raw["outcome"] = "allow"
