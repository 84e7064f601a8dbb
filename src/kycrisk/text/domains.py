"""Kinds of domain names: public, for documentation, reserved, or under no top-level domain that exists."""

from __future__ import annotations

from functools import cache

import publicsuffixlist

_DOCUMENTATION = frozenset({"example.com", "example.net", "example.org"})  # RFC 2606 section 3

# Names that are not looked up in the DNS, or that nobody can register: RFC 6761 section 6 (test, invalid, localhost),
# RFC 6762 section 3 (local), RFC 7686 (onion), RFC 9476 (alt), RFC 3172 and RFC 8375 (arpa), ICANN board resolution
# 2024.07.29.06 (internal).
_RESERVED = frozenset({"test", "invalid", "localhost", "local", "onion", "alt", "arpa", "internal"})


def domain_kind(domain: str) -> str:
    """`public`, `documentation`, `reserved` or `unknown_suffix` for a domain in A-labels; "" where there is none."""
    top = domain.rpartition(".")[2]
    if top in _top_levels():
        inner = domain if domain.count(".") == 1 else ".".join(domain.rsplit(".", 2)[-2:])
        return "documentation" if inner in _DOCUMENTATION else "public"
    if not domain:
        return ""
    if top == "example":  # RFC 2606 section 2
        return "documentation"
    return "reserved" if top in _RESERVED else "unknown_suffix"


@cache
def _top_levels() -> frozenset[str]:
    """The top-level domains of the public suffix list's registry section, as A-labels."""
    tops: set[str] = set()
    with open(publicsuffixlist.PSLFILE, encoding="utf-8") as file:
        for line in file:
            if line.startswith("// ===END ICANN DOMAINS==="):
                break
            if not line.startswith("//") and not line.isspace():
                tops.add(line.split()[0].rpartition(".")[2])
    # Python's codec speaks IDNA 2003, which agrees with the current one on every top-level domain of 2026.
    return frozenset(top if top.isascii() else top.encode("idna").decode("ascii") for top in tops) - _RESERVED
