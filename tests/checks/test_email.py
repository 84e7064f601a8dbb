"""The shape of e-mail addresses."""

from __future__ import annotations

import pytest

from kycrisk.checks.email import CHECK
from tests.checks.making import ask, signup


@pytest.mark.parametrize(
    ("email", "expected"),
    [
        pytest.param(
            "Anna.Schmidt+shop@Mail.Example.COM",
            {
                "address": "Anna.Schmidt+shop@mail.example.com",
                "local": "Anna.Schmidt+shop",
                "domain": "mail.example.com",
                "registrable": "example.com",
                "canonical": "anna.schmidt@mail.example.com",
                "valid": True,
                "tagged": True,
                "role": False,
                "domain_kind": "documentation",
            },
            id="parts",
        ),
        pytest.param("nobody", {"valid": False, "domain": "", "domain_kind": "", "lookalike": ""}, id="no domain"),
        pytest.param("postmaster@example.com", {"role": True}, id="role of RFC 2142"),
        pytest.param("Info+news@example.com", {"role": True, "tagged": True}, id="role with a tag"),
        pytest.param("information@example.com", {"role": False}, id="not quite a role"),
        pytest.param("x@example.test", {"domain_kind": "reserved"}, id="test"),
        pytest.param("x@abcdefgh.onion", {"domain_kind": "reserved"}, id="onion"),
        pytest.param("x@printer.local", {"domain_kind": "reserved"}, id="local"),
        pytest.param("x@1.168.192.in-addr.arpa", {"domain_kind": "reserved"}, id="arpa"),
        pytest.param("x@shop.example", {"domain_kind": "documentation"}, id="example as a suffix"),
        pytest.param("x@example.edu", {"domain_kind": "public"}, id="example.edu is somebody's"),
        pytest.param("x@host.corp", {"domain_kind": "unknown_suffix"}, id="no such suffix"),
        pytest.param("x@xn--e1afmkfd.xn--p1ai", {"domain_kind": "public", "idn": True}, id="Cyrillic suffix"),
        pytest.param("anna1987@example.com", {"local_digits": 4, "local_random": False}, id="digits"),
        pytest.param("xk3f9q2wz7@example.com", {"local_digits": 4, "local_random": True}, id="random"),
        pytest.param("anna+xk3f9q2wz7@example.com", {"local_random": False}, id="only the tag is random"),
        pytest.param("a@gmial.com", {"lookalike": "gmail.com"}, id="slip"),
        pytest.param("a@gmaiI.com", {"lookalike": "gmail.com", "domain": "gmaii.com"}, id="upper-case i"),
        pytest.param("a@GMAIL.COM", {"lookalike": ""}, id="all upper case"),
        pytest.param(
            "a@gmаil.com",
            {"lookalike": "gmail.com", "idn": True, "mixed_script": True},
            id="Cyrillic a in gmail",
        ),
        pytest.param("pаul@example.com", {"mixed_script": True, "idn": False}, id="Cyrillic a in the local part"),
        pytest.param("петр@пример.рф", {"mixed_script": False, "idn": True, "valid": True}, id="all Cyrillic"),
        pytest.param("a@日本語カタカナabc.jp", {"mixed_script": False, "idn": True}, id="Japanese with Latin"),
    ],
)
def test_email(email, expected):
    known = ask(CHECK, signup(email)).known
    assert {name: known[f"email.{name}"] for name in expected} == expected
