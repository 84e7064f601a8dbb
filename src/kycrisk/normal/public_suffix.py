"""Registrable domains by the public suffix list (publicsuffix.org), as the `publicsuffixlist` package bundles it.

Both sections of the list count: `blogspot.com` is a public suffix as `co.uk` is, because strangers share it.
"""

from __future__ import annotations

from functools import cache, lru_cache

import idna
from publicsuffixlist import PublicSuffixList


@lru_cache(maxsize=16_384)
def registrable_domain(domain: str) -> str:
    """`mail.example.co.uk` → `example.co.uk`; empty for a public suffix itself and for what is not a domain.

    `domain` is in lower-case A-labels, and so is the answer. A top-level domain that the list does not know counts
    as a public suffix (the list's own default rule `*`).
    """
    if not domain.isascii():
        raise ValueError(f"`{domain[:60]}` is not in A-labels")
    private = _public_suffixes().privatesuffix(domain_in_unicode(domain))
    if private is None:
        return ""
    return ".".join(domain.split(".")[-private.count(".") - 1 :])


def is_public_suffix(domain: str) -> bool:
    """Whether strangers register names directly under the domain (`co.uk`, `blogspot.com`), or it is a TLD."""
    return bool(_public_suffixes().is_public(domain_in_unicode(domain)))


def domain_in_unicode(domain: str) -> str:
    """The domain as people see it; a label that is no valid A-label stays as it is."""
    if "xn--" not in domain:
        return domain
    return ".".join(_label_in_unicode(label) for label in domain.split("."))


def _label_in_unicode(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        return idna.ulabel(label)
    except (idna.IDNAError, UnicodeError):
        return label


@cache
def _public_suffixes() -> PublicSuffixList:
    """The list, read at the first question (10 ms).

    Its entries stay in Unicode and domains are asked about in Unicode: having the package encode every entry would
    take 26 ms more at every start.
    """
    return PublicSuffixList(accept_encoded_idn=False)
