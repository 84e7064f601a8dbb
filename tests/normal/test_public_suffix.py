"""Registrable domains by the public suffix list."""

from __future__ import annotations

import publicsuffixlist
import pytest

from kycrisk.normal.public_suffix import domain_in_unicode, is_public_suffix, registrable_domain


@pytest.mark.parametrize(
    ("domain", "expected"),
    [
        pytest.param("example.com", "example.com", id="itself"),
        pytest.param("a.b.example.com", "example.com", id="below"),
        pytest.param("mail.example.co.uk", "example.co.uk", id="two-label suffix"),
        pytest.param("com", "", id="top level"),
        pytest.param("co.uk", "", id="two-label suffix itself"),
        pytest.param("blogspot.com", "", id="private section itself"),
        pytest.param("jane.blogspot.com", "jane.blogspot.com", id="private section below"),
        pytest.param("x.jane.blogspot.com", "jane.blogspot.com", id="private section two below"),
        pytest.param("www.ck", "www.ck", id="exception rule"),
        pytest.param("a.b.ck", "a.b.ck", id="wildcard rule"),
        pytest.param("b.ck", "", id="wildcard suffix itself"),
        pytest.param("mail.example.nosuchtld", "example.nosuchtld", id="unknown top level"),
        pytest.param("a.xn--55qx5d.cn", "a.xn--55qx5d.cn", id="suffix in A-labels"),
        pytest.param("xn--55qx5d.cn", "", id="suffix in A-labels itself"),
        pytest.param("mail.xn--bcher-kva.de", "xn--bcher-kva.de", id="domain in A-labels"),
        pytest.param("mail.xn--.com", "xn--.com", id="broken A-label"),
        pytest.param("", "", id="nothing"),
        pytest.param("a..com", "", id="empty label"),
    ],
)
def test_the_registrable_domain(domain: str, expected: str) -> None:
    assert registrable_domain(domain) == expected


def test_a_domain_in_unicode_is_refused() -> None:
    with pytest.raises(ValueError, match=r"`bücher\.de` is not in A-labels"):
        registrable_domain("bücher.de")


@pytest.mark.parametrize(
    ("domain", "expected"),
    [
        pytest.param("co.id", True, id="registry"),
        pytest.param("blogspot.com", True, id="provider"),
        pytest.param("com", True, id="top level"),
        pytest.param("xn--55qx5d.cn", True, id="A-labels"),
        pytest.param("example.com", False, id="ordinary"),
    ],
)
def test_a_public_suffix(domain: str, expected: bool) -> None:
    assert is_public_suffix(domain) is expected


@pytest.mark.parametrize(
    ("domain", "expected"),
    [
        pytest.param("xn--bcher-kva.de", "bücher.de", id="A-label"),
        pytest.param("example.com", "example.com", id="ASCII"),
        pytest.param("xn--a.com", "xn--a.com", id="broken A-label stays"),
    ],
)
def test_a_domain_as_people_see_it(domain: str, expected: str) -> None:
    assert domain_in_unicode(domain) == expected


def test_asking_in_unicode_agrees_with_the_encoded_list() -> None:
    """Every rule of the list, asked below and at the rule, against the package's own encoded variant."""
    encoded = publicsuffixlist.PublicSuffixList()
    with open(publicsuffixlist.PSLFILE, encoding="utf-8") as file:
        rules = [line.split()[0].lstrip("!*.") for line in file if line.strip() and not line.startswith("//")]
    assert len(rules) > 5000
    for rule in rules:
        ascii_rule = publicsuffixlist.encode_idn(rule)
        for domain in (ascii_rule, f"b.{ascii_rule}", f"a.b.{ascii_rule}"):
            assert registrable_domain(domain) == (encoded.privatesuffix(domain) or ""), domain
