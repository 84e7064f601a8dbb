"""The table of providers."""

from __future__ import annotations

from collections import Counter

from kycrisk.normal.mailbox import PROVIDERS
from kycrisk.normal.public_suffix import registrable_domain


def test_every_domain_is_one_providers_and_can_be_registered() -> None:
    domains = Counter(domain for provider in PROVIDERS for domain in provider.domains)
    assert {domain for domain, count in domains.items() if count > 1} == set()
    assert {domain for domain in domains if registrable_domain(domain) != domain} == set()


def test_the_domain_that_stands_for_all_is_one_of_them() -> None:
    assert [
        provider.domain for provider in PROVIDERS if provider.domain and provider.domain not in provider.domains
    ] == []
