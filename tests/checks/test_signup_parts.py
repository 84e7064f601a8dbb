"""IP address, phone, postal address, countries, user agent, and the signup itself."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_address

import pytest

from kycrisk.checks import address, country, ip, phone, user_agent
from kycrisk.checks import signup as of_signup
from kycrisk.checks.check import Answer
from kycrisk.signals import Unknown, Why
from kycrisk.signup import Address, Phone
from tests.checks.making import ask, signup, value

UNSET = Unknown(Why.NOT_CONFIGURED, "`geo.country` is not set")


@pytest.mark.parametrize(
    ("text", "version", "kind", "network"),
    [
        ("192.0.2.77", 4, "documentation", "192.0.2.0/24"),
        ("8.8.4.4", 4, "public", "8.8.4.0/24"),
        ("10.20.30.40", 4, "private", "10.20.30.0/24"),
        ("100.64.1.2", 4, "shared", "100.64.1.0/24"),
        ("2001:db8:1:2:3::4", 6, "documentation", "2001:db8:1:2::/64"),
        ("2a00:1450::1", 6, "public", "2a00:1450::/64"),
        ("fe80::1", 6, "link_local", "fe80::/64"),
    ],
)
def test_ip(text, version, kind, network):
    assert ask(ip.CHECK, signup(ip=text)).known == {
        "ip.address": ip_address(text),
        "ip.version": version,
        "ip.kind": kind,
        "ip.public": kind == "public",
        "ip.network": network,
    }


def test_phone():
    number = Phone(raw="044 668 18 00", given=True, valid=True, e164="+41446681800", country="CH", kind="fixed")
    assert ask(phone.CHECK, signup(phone=number)).known == {
        "phone.given": True,
        "phone.valid": True,
        "phone.e164": "+41446681800",
        "phone.country": "CH",
        "phone.kind": "fixed",
    }
    absent = ask(phone.CHECK, signup()).known
    assert (absent["phone.given"], absent["phone.valid"], absent["phone.country"]) == (False, False, "")


def test_address():
    given = Address(city="Bern", postal_code="3011", country="CH")
    assert ask(address.CHECK, signup(address=given)).known == {
        "address.given": True,
        "address.country": "CH",
        "address.postal_code": "3011",
    }
    assert ask(address.CHECK, signup()).known["address.given"] is False


@pytest.mark.parametrize(
    ("of_phone", "of_address", "of_ip", "distinct", "phone_differs", "ip_differs"),
    [
        pytest.param("CH", "CH", "CH", 1, False, False, id="all agree"),
        pytest.param("DE", "CH", "FR", 3, True, True, id="all differ"),
        pytest.param("", "CH", "FR", 2, False, True, id="no phone"),
        pytest.param("DE", "", "FR", 2, False, False, id="no address"),
        pytest.param("DE", "CH", "", 2, True, False, id="IP address that is nowhere"),
        pytest.param("", "", "", 0, False, False, id="nothing"),
        pytest.param("PR", "US", "US", 1, False, False, id="Puerto Rico is in the US"),
        pytest.param("US", "CA", "CA", 2, True, False, id="+1 of another country"),
        pytest.param("GB", "JE", "GB", 1, False, False, id="Jersey has British numbers"),
        pytest.param("DE", "CH", UNSET, UNSET, True, UNSET, id="no database"),
        pytest.param("DE", "", UNSET, UNSET, False, False, id="no database, no address"),
    ],
)
def test_countries(of_phone, of_address, of_ip, distinct, phone_differs, ip_differs):
    said = Answer({}, {"ip.country": of_ip}) if isinstance(of_ip, Unknown) else Answer({"ip.country": of_ip})
    number = Phone(raw="1", given=True, country=of_phone) if of_phone else Phone()
    answer = ask(country.CHECK, signup(phone=number, address=Address(country=of_address)), said=said)
    assert value(answer, "country.distinct") == distinct
    assert value(answer, "country.phone_differs") is phone_differs
    assert value(answer, "country.ip_differs") == ip_differs


def test_countries_when_nobody_asked_where_the_ip_address_is():
    answer = ask(country.CHECK, signup(address=Address(country="CH")))
    assert answer.unknown["country.ip_differs"].why is Why.SKIPPED


@pytest.mark.parametrize(
    ("text", "automated"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36", False),
        ("Mozilla/5.0 (Linux; Android 9; CUBOT_P30) AppleWebKit/537.36 Chrome/120.0 Mobile Safari/537.36", False),
        ("Opera/9.80 (Windows NT 6.1) Presto/2.12.388 Version/12.18", False),
        ("Lynx/2.8.9rel.1 libwww-FM/2.14", False),
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/126.0.0.0 Safari/537.36", True),
        ("Mozilla/5.0 (compatible; Examplebot/2.1; +http://bot.example/)", True),
        ("curl/8.5.0", True),
        ("python-requests/2.32.3", True),
        ("Go-http-client/2.0", True),
        ("Java/17.0.2", True),
        ("Mozilla/5.0 (Unknown; Linux x86_64) PhantomJS/2.1.1 Safari/538.1", True),
    ],
)  # fmt: skip
def test_user_agent(text, automated):
    answer = ask(user_agent.CHECK, signup(user_agent=text))
    assert answer.known == {"user_agent.given": True, "user_agent.automated": automated}


@pytest.mark.parametrize("text", ["", "  "])
def test_no_user_agent(text):
    answer = ask(user_agent.CHECK, signup(user_agent=text))
    assert answer.known == {"user_agent.given": False, "user_agent.automated": False}


def test_signup():
    assert ask(of_signup.CHECK, signup(company="Example Ltd")).known == {
        "signup.submitted_at": datetime(2026, 11, 23, 12, 0, tzinfo=UTC),
        "signup.account_id": "a-1",
        "signup.company": "Example Ltd",
    }
