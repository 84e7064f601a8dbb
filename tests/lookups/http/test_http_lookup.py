"""Sources that an analyst declares: the YAML and its problems, templates, paths, and a real server behind them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from kycrisk.lookups.asked import LookupFailure
from kycrisk.lookups.http_lookup import HttpLookupClient
from kycrisk.lookups.http_lookup_path import parse_path
from kycrisk.lookups.http_lookup_template import climbs, parse_template, text_of
from kycrisk.lookups.http_lookup_yaml import Surroundings, read_lookups
from kycrisk.lookups.secrets import Secret, guard_logs, unguard_logs
from kycrisk.problems import Problems
from kycrisk.signals import Signal, Subject, Type, Unknown, Why
from tests.lookups.http.making import opened, run, soon

KEY = Secret("acme/key of-the-tests")
SIGNALS = {
    signal.name: signal
    for signal in (
        Signal("ip.address", Type.IP, "?", Subject.IP),
        Signal("email.address", Type.STR, "?", Subject.EMAIL),
        Signal("email.lists", Type.STR_SET, "?", Subject.EMAIL),
        Signal("name.full", Type.STR, "?", Subject.PERSON),
        Signal("signup.plan", Type.STR, "?", Subject.SIGNUP),
    )
}
AROUND = Surroundings(
    signals=SIGNALS, hosts=frozenset({"risk.example.com", "localhost"}), secrets=frozenset({"acme_key"})
)
FILE = """\
lookups:
  acme:
    url: https://risk.example.com/v1/ip/{ip.address}?plan={signup.plan}&key={secret:acme_key}
    headers: {Authorization: "Bearer {secret:acme_key}"}
    timeout: 400ms
    keep: 6h
    cost: 0.002 EUR
    sends: [ip]
    signals:
      acme.score: {type: int, path: data.score, question: How risky is the IP address?, subject: ip}
      acme.tags: {type: set of str, path: 'data.tags', question: What does Acme call it?}
"""


def read(tmp_path: Path, text: str, around: Surroundings = AROUND):
    path = tmp_path / "lookups.yaml"
    path.write_text(text)
    return read_lookups(path, around)


def problems(tmp_path: Path, text: str, around: Surroundings = AROUND) -> list[tuple[str, str, str]]:
    with pytest.raises(Problems) as caught:
        read(tmp_path, text, around)
    return [
        (str(each.place).removeprefix(f"{tmp_path}/lookups.yaml:"), each.message, each.help)
        for each in caught.value.problems
    ]


def test_a_declaration(tmp_path):
    (lookup,) = read(tmp_path, FILE)
    assert (lookup.name, lookup.timeout, lookup.keep) == ("acme", timedelta(milliseconds=400), timedelta(hours=6))
    assert (str(lookup.price), lookup.sends, lookup.needs) == ("0.002 EUR", {"ip"}, ("ip.address", "signup.plan"))
    assert lookup.secrets == {"acme_key"}
    assert [(signal.name, signal.type, signal.subject) for signal, _ in lookup.signals.values()] == [
        ("acme.score", Type.INT, Subject.IP),
        ("acme.tags", Type.STR_SET, Subject.SIGNUP),
    ]
    assert lookup.terms.across_restarts is True


URL = "https://risk.example.com/v1/ip/{ip.address}?plan={signup.plan}&key={secret:acme_key}"


@pytest.mark.parametrize(
    ("old", "new", "place", "message", "help_"),
    [
        pytest.param(
            "{ip.address}?", "{ip.adress}?", "3:10", "there is no signal `ip.adress`", "did you mean `ip.address`?",
            id="an unknown signal",
        ),
        pytest.param(
            "{ip.address}?", "{email.lists}?", "3:10", "`email.lists` is a set, and cannot stand in a URL", "",
            id="a set",
        ),
        pytest.param(
            "{ip.address}?", "{IP}?", "3:10", "`{IP}` is not a placeholder",
            "write `{ip.address}` for a signal, `{secret:name}` for a secret", id="a placeholder that is none",
        ),
        pytest.param(
            "{ip.address}?", "{ip.address?", "3:10", "a brace stands alone", None, id="an open brace"
        ),
        pytest.param(
            "&key={secret:acme_key}", "&key={secret:acme}", "3:10", "the secret `acme` is not set",
            "set it where the site's secrets are", id="a secret that is not set",
        ),
        pytest.param(
            "https://risk.example.com", "https://{ip.address}", "3:10", "the host cannot be a placeholder",
            "whom to ask must not depend on who signs up", id="a host that the customer chooses",
        ),
        pytest.param(
            "https://risk.example.com", "https://risk.exmaple.com", "3:10",
            "`risk.exmaple.com` is not among the hosts that lookups may ask", "did you mean `risk.example.com`?",
            id="a host that is not allowed",
        ),
        pytest.param(
            "https://risk.example.com", "http://risk.example.com", "3:10", "the URL is not encrypted",
            "write `https://`, or `plain_http: true` for a service of your own", id="not encrypted",
        ),
        pytest.param(
            "https://risk.example.com", "https://user:pw@risk.example.com", "3:10",
            "a user name or password stands in the URL", "put it in a header, as `{secret:name}`", id="a password",
        ),
        pytest.param(
            URL, "file:///etc/passwd", "3:10",
            "this is not a URL such as `https://risk.example.com/v1/{ip.address}`", "",
            id="a file",
        ),
        pytest.param(
            'Authorization: "Bearer', '"Bad Header": "Bearer', "4:29",
            "`Bad Header` is not a header that can be set here",
            "", id="a header that is none",
        ),
        pytest.param(
            'Authorization: "Bearer', 'Host: "Bearer', "4:21", "`Host` is not a header that can be set here", "",
            id="the host in a header",
        ),
        pytest.param(
            '"Bearer {secret:acme_key}"', '"{name.full}"', "4:30", "a header cannot hold what a customer wrote",
            "put the signal into the URL", id="a signal in a header",
        ),
        pytest.param("400ms", "400", "5:14", "`400` is not a duration such as `250ms`", "", id="a time without a unit"),
        pytest.param("400ms", "0s", "5:14", "`0s` is not longer than nothing", "", id="no time"),
        pytest.param("400ms", "10m", "5:14", "`10m` is longer than 30s, the most that there is here", "", id="ages"),
        pytest.param(
            "0.002 EUR", "2 cents", "7:11", "`2 cents` is not an amount of money such as `0.002 EUR`", "", id="money"
        ),
        pytest.param(
            "[ip]", "[email]", "8:12", "`ip.address` goes out, and `sends` does not say so", "add `ip` or `ip_hash`",
            id="data that goes out unsaid",
        ),
        pytest.param(
            "[ip]", "[ip, emial]", "8:17", "`emial` is no kind of personal data", "did you mean `email`?",
            id="a kind of data that there is not",
        ),
        pytest.param("type: int", "type: integer", "10:26", "`integer` is not a type", None, id="a type"),
        pytest.param(
            "path: data.score", "path: $.score", "10:37", "`$.score` is not a path such as `data.items[0].score`", "",
            id="a path",
        ),
        pytest.param("subject: ip", "subject: internet", "10:98", "`internet` is no subject", None, id="a subject"),
        pytest.param(
            "acme.score:", "ip.address:", "10:19", "`ip.address` is answered by kycrisk itself",
            "begin the name with the lookup's own", id="a signal that there is",
        ),
        pytest.param(
            "acme.score:", "score:", "10:14", "`score` is not a signal's name such as `acme.score`", "",
            id="a short name",
        ),
        pytest.param("timeout:", "timeoutt:", "5:5", "unknown key `timeoutt`", None, id="an unknown key"),
        pytest.param("    sends: [ip]\n", "", "3:5", "there is no `sends`", "", id="nothing about personal data"),
    ],
)  # fmt: skip
def test_problems(tmp_path, old, new, place, message, help_):
    assert old in FILE
    ((found_place, found, found_help),) = problems(tmp_path, FILE.replace(old, new))
    assert (found_place, found) == (place, message)
    assert help_ is None or found_help == help_


def test_all_problems_at_once(tmp_path):
    text = FILE.replace("400ms", "soon").replace("type: int", "type: integer").replace("risk.example", "risk.exmaple")
    assert [place for place, _, _ in problems(tmp_path, text)] == ["3:10", "5:14", "10:26"]


def test_two_lookups_that_answer_the_same(tmp_path):
    text = FILE + FILE.replace("lookups:\n", "").replace("  acme:", "  other:")
    ((_, message, _), *_) = problems(tmp_path, text)
    assert message == "`acme.score` is answered by both `acme` and `other`"


def test_a_missing_secret_can_be_left_for_later(tmp_path):
    around = Surroundings(signals=SIGNALS, hosts=AROUND.hosts, secrets=None)
    (lookup,) = read(tmp_path, FILE, around)

    async def work():
        async with opened() as http:
            return await HttpLookupClient(http, lookup, {}).ask(("192.0.2.1", "small"), soon())

    unknown = Unknown(Why.NOT_CONFIGURED, "the secret `acme_key` of acme is not set")
    assert run(work()).unknown == {"acme.score": unknown, "acme.tags": unknown}


# paths


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("data.score", 7),
        ("data.items[1].x-y", "b"),
        ('data["a.b"]', 1),
        ('["data"].score', 7),
        ("data.items[9]", None),
        ("data.none.deeper", None),
        ("data.score.deeper", None),
        ("data[0]", None),
    ],
)
def test_paths(path, found):
    answer = {"data": {"score": 7, "items": [{}, {"x-y": "b"}], "a.b": 1, "none": None}}
    assert parse_path(path).find(answer) == found


@pytest.mark.parametrize("path", ["", ".a", "a.", "a..b", "a[x]", "a[-1]", "a b", "$.a", "a[0", 'a["b', "a[]", "[0]b"])
def test_paths_that_are_none(path):
    with pytest.raises(ValueError, match="path"):
        parse_path(path)


# templates


@given(st.text(min_size=1, max_size=50), st.text(min_size=1, max_size=50))
def test_whatever_a_customer_writes_stays_in_its_place(path, query):
    template = parse_template("https://risk.example.com/v1/{name.full}/x?q={email.address}&fixed=1")
    try:
        values = {"name.full": text_of(path), "email.address": text_of(query)}
        url = template.filled(values, {}, encode=True)
    except (LookupFailure, UnicodeEncodeError):
        return
    if climbs(url):
        assert path in (".", "..")
        return
    shape = r"https://risk\.example\.com/v1/[A-Za-z0-9_.~%-]+/x\?q=[A-Za-z0-9_.~%-]+&fixed=1"
    assert re.fullmatch(shape, url)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (ip_address("2001:db8::1"), "2001:db8::1"),
        (True, "true"),
        (7, "7"),
        (0.5, "0.5"),
        (timedelta(hours=36), "1d12h"),
        (datetime(2026, 11, 23, tzinfo=UTC), "2026-11-23T00:00:00+00:00"),
    ],
)
def test_facts_as_text(value, text):
    assert text_of(value) == text


@pytest.mark.parametrize(
    ("url", "climbing"),
    [
        ("https://a.example/v1/../admin", True),
        ("https://a.example/v1/%2e%2E/admin", True),
        ("https://a.example/v1/.", True),
        ("https://a.example/v1/..x/a..b?q=/../", False),
    ],
)
def test_steps_in_paths(url, climbing):
    assert climbs(url) is climbing


# asking


LOCAL = """\
lookups:
  acme:
    plain_http: true
    url: http://localhost:{port}/v1/%s
    headers: {Authorization: "Bearer {secret:acme_key}"}
    sends: [ip, name, email]
    signals:
      acme.score: {type: int, path: data.score, question: How risky is it?}
      acme.since: {type: datetime, path: data.since, question: Since when is it known?}
      acme.note: {type: str, path: data.note, question: What is said about it?}
"""


def asked(server: HTTPServer, tmp_path: Path, known, url: str = "{ip.address}", **options):
    (lookup,) = read(tmp_path, LOCAL.replace("{port}", str(server.port)).replace("%s", url))

    async def work():
        async with opened(secrets=[KEY], **options) as http:
            redacting = guard_logs(http.redactor)
            try:
                client = HttpLookupClient(http, lookup, {"acme_key": KEY})
                key = client.key_of(known)
                return key if isinstance(key, Unknown) else await client.ask(key, soon())
            finally:
                unguard_logs(redacting)

    return run(work())


IP = {"ip.address": ip_address("2001:db8::1")}


def test_an_answer(httpserver: HTTPServer, tmp_path):
    body = {"data": {"score": 7.0, "since": "2026-11-01T00:00:00Z", "note": f"hello {KEY.reveal()}"}}
    httpserver.expect_request("/v1/2001:db8::1").respond_with_json(body)
    known, unknown, _ = asked(httpserver, tmp_path, IP)
    assert known == {
        "acme.score": 7,
        "acme.since": datetime(2026, 11, 1, tzinfo=UTC),
        "acme.note": "hello [redacted]",
    }
    assert unknown == {}
    assert httpserver.log[0][0].headers["Authorization"] == f"Bearer {KEY.reveal()}"


def test_what_is_missing_or_wrong_is_unknown_for_itself(httpserver: HTTPServer, tmp_path):
    httpserver.expect_request("/v1/2001:db8::1").respond_with_json({"data": {"score": "7", "since": "2026-11-01"}})
    known, unknown, _ = asked(httpserver, tmp_path, IP)
    assert known == {}
    assert {name: (each.why, each.detail) for name, each in unknown.items()} == {
        "acme.score": (Why.MALFORMED_ANSWER, "acme.score: expected int, got `'7'`"),
        "acme.since": (
            Why.MALFORMED_ANSWER,
            "acme.since: `'2026-11-01T00:00:00'` has no time zone; write `Z` or an offset behind it",
        ),
        "acme.note": (Why.NOT_PUBLISHED, "acme.note is not in the answer"),
    }


def test_nothing_known_there(httpserver: HTTPServer, tmp_path):
    httpserver.expect_request("/v1/2001:db8::1").respond_with_data("gone", status=404)
    _, unknown, _ = asked(httpserver, tmp_path, IP)
    assert unknown["acme.score"] == Unknown(Why.NOT_PUBLISHED, "acme knows nothing there")


@pytest.mark.parametrize(
    ("known", "detail"),
    [
        ({}, "`name.full` is not known, and is part of the question"),
        ({"name.full": ""}, "there is nothing to ask about"),
        ({"name.full": "x" * 3000}, "the value is too long to be asked about"),
    ],
    ids=["unknown", "empty", "too long"],
)
def test_questions_that_cannot_be_put(httpserver: HTTPServer, tmp_path, known, detail):
    assert asked(httpserver, tmp_path, known, "{name.full}") == Unknown(Why.SKIPPED, detail)


@pytest.mark.parametrize("name", [".", ".."])
def test_values_that_would_climb(httpserver: HTTPServer, tmp_path, name):
    _, unknown, _ = asked(httpserver, tmp_path, {"name.full": name}, "{name.full}/x")
    assert unknown["acme.score"] == Unknown(Why.SKIPPED, "the value would be read as a step in the URL's path")
    assert httpserver.log == []


def test_values_are_encoded(httpserver: HTTPServer, tmp_path):
    seen = []

    def answer(request: Request) -> Response:
        seen.append(request.environ["REQUEST_URI"])
        return Response("{}", content_type="application/json")

    httpserver.expect_request(re.compile(".*")).respond_with_handler(answer)
    known = {"name.full": "a/b?c#d&e=ü\r\nX: y", "email.address": "a+b@example.com"}
    asked(httpserver, tmp_path, known, "{name.full}?q={email.address}")
    assert seen == ["/v1/a%2Fb%3Fc%23d%26e%3D%C3%BC%0D%0AX%3A%20y?q=a%2Bb%40example.com"]


def test_a_private_address_is_refused(httpserver: HTTPServer, tmp_path):
    _, unknown, _ = asked(httpserver, tmp_path, IP, allowed=())
    assert unknown["acme.score"] == Unknown(Why.REFUSED, "`localhost` is at a loopback address")
    assert httpserver.log == []


@pytest.mark.parametrize(
    ("location", "detail"),
    [
        ("http://other.example/", "the server redirects to `other.example`, which may not be asked"),
        ("http://127.0.0.1:9/", "the server redirects to `127.0.0.1`, which may not be asked"),
    ],
)
def test_redirects_to_elsewhere(httpserver: HTTPServer, tmp_path, location, detail):
    httpserver.expect_request("/v1/2001:db8::1").respond_with_data("", status=302, headers={"Location": location})
    _, unknown, _ = asked(httpserver, tmp_path, IP)
    assert unknown["acme.score"] == Unknown(Why.REFUSED, detail)


def test_the_key_is_in_no_log(httpserver: HTTPServer, tmp_path, caplog):
    caplog.set_level("DEBUG")
    httpserver.expect_request(re.compile(".*")).respond_with_json({})
    answer = asked(httpserver, tmp_path, IP, "{secret:acme_key}/{ip.address}")
    ours = "".join(record.getMessage() for record in caplog.records if record.name != "werkzeug")
    assert "/v1/[redacted]/" in ours
    assert KEY.reveal() not in ours + repr(answer)
    assert "acme%2Fkey" not in ours
