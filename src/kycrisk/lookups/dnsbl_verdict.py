"""What a zone's answer says: listed, not listed, or nothing at all. A refusal is not a listing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from kycrisk.lookups.dns_answer import DnsAnswer, Status, why_unknown
from kycrisk.lookups.dnsbl import Listing, Meaning, NotListed, Outcome, Pattern, Zone
from kycrisk.signals import Unknown, Why

Octets = tuple[int, int, int, int]

# What Spamhaus answers instead of lists (its "return codes", 2021-11); others have taken the addresses over.
_ERRORS = {252: "the name was mistyped", 254: "asked through a public resolver", 255: "too many queries"}


def interpret(zone: Zone, answer: DnsAnswer) -> Outcome:
    """What the answer to a question for A records says about what was asked.

    One refusing address among listing ones refuses. Unknown is never "not listed".
    """
    match answer.status:
        case Status.NXDOMAIN | Status.NODATA:
            return NotListed(zone.name)
        case Status.RECORDS:
            return _interpret(zone, tuple(sorted(_octets(text) for text in answer.texts)))
        case _:
            return why_unknown(answer, f"`{zone.name}`")


def _interpret(zone: Zone, answers: tuple[Octets, ...]) -> Outcome:
    for answer in answers:
        if refusal := _refusal(zone, answer):
            return Unknown(Why.REFUSED, f"`{zone.name}` answered {_shown(answer)}: {refusal}")
    found = [(answer, meaning) for answer in answers for meaning in _meanings(zone, answer)]
    if not found:
        shown = ", ".join(map(_shown, answers))
        return Unknown(Why.MALFORMED_ANSWER, f"`{zone.name}` answered {shown}, which means nothing there")
    meanings = tuple({meaning.means: meaning for _, meaning in found}.values())
    weights = [meaning.weight for meaning in meanings]
    return Listing(
        zone=zone.name,
        codes=tuple(_shown(answer) for answer in dict.fromkeys(answer for answer, _ in found)),
        means=tuple(meaning.means for meaning in meanings),
        texts=tuple(meaning.text for meaning in meanings),
        weight=max(weights) if max(weights) > 0 else min(weights),
        numbers=_numbers(found),
    )


def _refusal(zone: Zone, answer: Octets) -> str:
    """Why an answer is a refusal, "" where it is none."""
    if answer[0] != 127:
        return (
            "not an address that lists use (RFC 5782 section 2.1); the zone is gone, or the resolver makes up answers"
        )
    if answer[1:3] == (255, 255):
        return _ERRORS.get(answer[3], "an error code")
    for pattern, text in zone.refused:
        if _fits(pattern, answer):
            return text
    return "queries from this resolver are blocked" if answer[3] & zone.refused_bits else ""


def _meanings(zone: Zone, answer: Octets) -> Iterable[Meaning]:
    for pattern, meaning in zone.codes:
        if _fits(pattern, answer):
            yield meaning
            return
    if zone.bits_in is not None and _fits(zone.bits_in, answer):
        yield from (meaning for bit, meaning in zone.bits.items() if answer[3] & bit)


def _numbers(found: Iterable[tuple[Octets, Meaning]]) -> Mapping[str, int]:
    return MappingProxyType(
        {name: answer[octet - 1] for answer, meaning in found for name, octet in meaning.numbers.items()}
    )


def _fits(pattern: Pattern, answer: Octets) -> bool:
    return all(octet in values for octet, values in zip(answer, pattern, strict=True))


def _octets(text: str) -> Octets:
    first, second, third, fourth = map(int, text.split("."))
    return first, second, third, fourth


def _shown(answer: Octets) -> str:
    return ".".join(map(str, answer))
