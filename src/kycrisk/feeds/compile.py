"""From the bytes of a list to the set that answers: parsed, normalised, cleaned, counted."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network, summarize_address_range

import idna

from kycrisk.feeds.failure import FeedFailure
from kycrisk.feeds.formats import FORMATS
from kycrisk.feeds.formats.parsed import Parsed
from kycrisk.feeds.hygiene import holds_whole_block, public_parts, suffixes, too_wide
from kycrisk.feeds.match import AddressSet, AnySet, DomainSet, Network, NetworkSet
from kycrisk.feeds.purposes import PURPOSES, Purpose, Shape

#: Raised by whoever changes what compiling keeps: older snapshots are then fetched anew.
COMPILER = 1

_DOMAIN = re.compile(
    r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
)
_EMAIL = re.compile(r"[^\s@\x00-\x1f]{1,64}@(\S{1,253})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """A list ready to answer. `dropped` counts what was left out, by reason.

    `shared` names what of it was left out because it is everybody's: protected domains, suffixes of registries,
    networks that are too wide. A version that begins to name such things is looked at before it counts.
    """

    entries: AnySet
    as_of: datetime | None
    dropped: Mapping[str, int]
    shared: frozenset[str] = frozenset()


def compile_list(body: bytes, *, kind: str, purpose: str, minimum: int, protected: frozenset[str]) -> Compiled:
    """The list in these bytes, cleaned for its purpose.

    `protected` are the domains that an accusing list may not name, with their parents. Raises `FeedFailure` when
    the bytes are not this kind of list, are cut off, or leave fewer than `minimum` entries.
    """
    if not body.strip():
        raise FeedFailure("it is empty")
    if body[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        raise FeedFailure("it is a web page, not a list")
    parsed = FORMATS[kind].parse(body)
    if not parsed.entries:
        raise FeedFailure("it has no entries")
    dropped: Counter[str] = Counter()
    shared: set[str] = set()
    entries = clean(parsed.entries, PURPOSES[purpose], protected, dropped, shared)
    _check_counts(parsed, entries, dropped)
    if len(entries) < minimum:
        raise FeedFailure(f"only {len(entries)} entries are left, expected at least {minimum}")
    return Compiled(entries=entries, as_of=parsed.as_of, dropped=dict(dropped), shared=frozenset(shared))


def clean(
    raw: Iterable[str],
    purpose: Purpose,
    protected: frozenset[str],
    dropped: Counter[str],
    shared: set[str] | None = None,
) -> AnySet:
    """The entries that may be listed for a purpose; the others are counted in `dropped` by reason.

    Those of them that are everybody's are also put into `shared`.
    """
    found = set() if shared is None else shared
    match purpose.shape:
        case Shape.DOMAIN:
            return _domains(raw, purpose, protected, dropped, found)
        case Shape.EMAIL:
            return _emails(raw, dropped)
        case Shape.NETWORK:
            return _networks(raw, dropped, found)


def domain(text: str) -> str | None:
    """A domain as lists write it (`*.Example.COM.`, `.bücher.example`) in lower-case A-labels; None for no domain."""
    name = text.removeprefix("*").removeprefix(".").removesuffix(".").lower()
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError):
            return None
    if not _DOMAIN.fullmatch(name) or name.rpartition(".")[2].isdigit():  # an IPv4 address is no domain
        return None
    return name


def _domains(
    raw: Iterable[str], purpose: Purpose, protected: frozenset[str], dropped: Counter[str], shared: set[str]
) -> DomainSet:
    public = suffixes(registries_only=purpose.provider_suffixes)
    registries = suffixes(registries_only=True)
    kept: set[str] = set()
    for text in raw:
        name = domain(text)
        if name is None:
            dropped["malformed"] += 1
        elif name in kept:
            dropped["repeated"] += 1
        elif purpose.accuses and name in protected:
            dropped["protected"] += 1
            shared.add(name)
        elif public.shared(name):
            dropped["public suffix"] += 1
            if registries.named(name):
                shared.add(name)
        else:
            kept.add(name)
    return DomainSet(frozenset(kept))


def _emails(raw: Iterable[str], dropped: Counter[str]) -> AddressSet:
    kept: set[str] = set()
    for text in raw:
        found = _EMAIL.fullmatch(text)
        name = domain(found[1]) if found else None
        if name is None:
            dropped["malformed"] += 1
        else:
            kept.add(f"{text.rpartition('@')[0].lower()}@{name}")
    return AddressSet(frozenset(kept))


def _networks(raw: Iterable[str], dropped: Counter[str], shared: set[str]) -> NetworkSet:
    kept: list[Network] = []
    for text in raw:
        networks = networks_of(text)
        if networks is None:
            dropped["malformed"] += 1
            continue
        for network in networks:
            parts = public_parts(network)
            if too_wide(network) or (not parts and holds_whole_block(network)):
                shared.add(str(network))
            if not parts:
                dropped["special-purpose"] += 1
            elif too_wide(network):
                dropped["too wide"] += 1
            else:
                dropped["split around special-purpose"] += parts != (network,)
                kept += parts
    entries = NetworkSet.of(kept)
    dropped["repeated"] += len(kept) - len(entries)
    dropped += Counter()  # forget the zeros
    return entries


def networks_of(text: str) -> tuple[Network, ...] | None:
    """`192.0.2.0/24`, `192.0.2.7` or `192.0.2.0-192.0.2.31` as networks; None for none of these.

    Bits behind the prefix are refused: nobody can know whether the address or the prefix was meant. IPv4 in IPv6
    clothes (`::ffff:192.0.2.0/120`) is IPv4, which is how signups are looked up.
    """
    try:
        if "-" in text:
            low, high = (ip_address(end.strip()) for end in text.split("-"))
            if low.version != high.version:
                return None
            return tuple(summarize_address_range(low, high))
        network = ip_network(text)
    except (ValueError, TypeError):
        return None
    if isinstance(network, IPv6Network) and network.prefixlen >= 96:
        address = network.network_address
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            return (IPv4Network((address.ipv4_mapped, network.prefixlen - 96)),)
    return (network,)


def _check_counts(parsed: Parsed, entries: AnySet, dropped: Counter[str]) -> None:
    malformed = dropped["malformed"]
    if malformed > len(parsed.entries) // 10:
        raise FeedFailure(f"{malformed} of its {len(parsed.entries)} entries make no sense, so this is not the list")
    if parsed.records is not None and len(parsed.entries) != parsed.records:
        raise FeedFailure(
            f"it has {len(parsed.entries)} entries and says that it has {parsed.records}, so it is cut off"
        )
    if parsed.addresses is not None:
        found = sum(network.num_addresses for text in parsed.entries for network in networks_of(text) or ())
        if found != parsed.addresses:
            raise FeedFailure(f"it has {found} addresses and says that it has {parsed.addresses}, so it is cut off")
