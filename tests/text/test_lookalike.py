"""Imitated providers, and honest domains near to one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kycrisk.normal.email import normal_email
from kycrisk.text.lookalike import lookalike, one_slip

SHARED = Path(__file__).resolve().parents[2] / "../shared/data"

HONEST = """
gmail.com GMAIL.COM Gmail.com yahoo.ca yahoo.com.au yahoo.co.jp hotmail.nl live.nl mail.com email.com
ymail.com cloud.com mall.com gmx.at xmail.com hicloud.com example.com example.net mail.example.com olive.com
apples.com yandex.kz mail.yahoo.com googlemail.com t-online.de mein-yahoo.example outlook.office.example
日本.jp
"""


def imitated(address: str) -> str:
    email = normal_email(address)
    return lookalike(email.domain, email.registrable, email.domain_unicode, email.raw)


@pytest.mark.parametrize(
    ("domain", "provider"),
    [
        ("gmaiI.com", "gmail.com"),
        ("outIook.com", "outlook.com"),
        ("paypaI.com", "paypal.com"),
        ("gmai1.com", "gmail.com"),
        ("gmial.com", "gmail.com"),
        ("gmal.com", "gmail.com"),
        ("gmaill.com", "gmail.com"),
        ("ggmail.com", "gmail.com"),
        ("gmail.co", "gmail.com"),
        ("gmail.con", "gmail.com"),
        ("yaho.com", "yahoo.com"),
        ("hotmial.com", "hotmail.com"),
        ("otmail.com", "hotmail.com"),
        ("hotmai.fr", "hotmail.fr"),
        ("outloook.com", "outlook.com"),
        ("0utlook.com", "outlook.com"),
        ("icloud.con", "icloud.com"),
        ("pr0ton.me", "proton.me"),
        ("hotrnail.com", "hotmail.com"),
        ("gmаil.com", "gmail.com"),  # Cyrillic а
        ("раураl.com", "paypal.com"),  # Cyrillic but for the l
        ("yаndех.ru", "yandex.ru"),  # Cyrillic а, е and х
        ("gmáil.com", "gmail.com"),
        ("аpple.com", "apple.com"),
        ("gmail.com.login.example.com", "gmail.com"),
        ("mail.gmial.com", "gmail.com"),
        ("secure-gmail.com", "gmail.com"),
        ("l63.com", "163.com"),
    ],
)
def test_imitations(domain, provider):
    assert imitated(f"a@{domain}") == provider


@pytest.mark.parametrize(
    "domain",
    HONEST.split(),
)
def test_honest(domain):
    assert imitated(f"a@{domain}") == ""


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("gmail", "gmail", False),
        ("gmail", "gmal", True),
        ("gmail", "gmaail", True),
        ("gmail", "gmqil", True),
        ("gmail", "gmial", True),
        ("gmail", "mgail", True),
        ("gmail", "gmali", True),
        ("gmail", "gaiml", False),
        ("gmail", "gmai", True),
        ("gmail", "gma", False),
        ("", "a", True),
        ("", "", False),
    ],
)
def test_one_slip(one, other, expected):
    assert one_slip(one, other) is expected
    assert one_slip(other, one) is expected


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data is not here")
@pytest.mark.parametrize("file", ["tranco10k.json", "university_domains.json"])
def test_large_honest_sites_imitate_nobody(file):
    domains = json.loads((SHARED / "misp" / file).read_text())["list"]
    assert len(domains) >= 10_000
    assert {domain: found for domain in domains if (found := imitated(f"a@{domain}"))} == {}
