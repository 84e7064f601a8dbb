"""Kinds of documents, the sides of each that must be shown, and which kinds a country issues."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType

from kycrisk.normal.country import COUNTRIES


class Side(StrEnum):
    """A side of a document."""

    FRONT = "front"  # of a passport: the page with the picture
    BACK = "back"


class DocumentKind(StrEnum):
    """What proves something: who somebody is, where they live, or that a company exists."""

    PASSPORT = "passport"
    ID_CARD = "id_card"
    RESIDENCE_PERMIT = "residence_permit"
    DRIVING_LICENCE = "driving_licence"
    UTILITY_BILL = "utility_bill"
    BANK_STATEMENT = "bank_statement"
    TAX_NOTICE = "tax_notice"
    RENTAL_CONTRACT = "rental_contract"
    REGISTER_EXTRACT = "register_extract"
    ARTICLES_OF_ASSOCIATION = "articles_of_association"
    OWNERSHIP_STATEMENT = "ownership_statement"
    POWER_OF_ATTORNEY = "power_of_attorney"


IDENTITY = (
    DocumentKind.PASSPORT,
    DocumentKind.ID_CARD,
    DocumentKind.RESIDENCE_PERMIT,
    DocumentKind.DRIVING_LICENCE,
)

_SIDES: Mapping[DocumentKind, tuple[Side, ...]] = MappingProxyType(
    {
        **dict.fromkeys(DocumentKind, (Side.FRONT,)),
        DocumentKind.ID_CARD: (Side.FRONT, Side.BACK),
        DocumentKind.RESIDENCE_PERMIT: (Side.FRONT, Side.BACK),
        DocumentKind.DRIVING_LICENCE: (Side.FRONT, Side.BACK),
    }
)

#: Countries that issue no national identity card to their citizens, as of 2026. An operator's policy can name others.
WITHOUT_ID_CARD = frozenset({"AU", "CA", "DK", "GB", "NZ", "US"})

# Kinds whose machine-readable zone Doc 9303 lays down: the side that it is on, where it has one.
_MRZ_SIDE: Mapping[DocumentKind, Side] = MappingProxyType(
    {
        DocumentKind.PASSPORT: Side.FRONT,
        DocumentKind.ID_CARD: Side.BACK,
        DocumentKind.RESIDENCE_PERMIT: Side.BACK,
    }
)


def sides_of(kind: DocumentKind) -> tuple[Side, ...]:
    """The sides that must be shown, in the order in which they are asked for."""
    return _SIDES[kind]


def mrz_side(kind: DocumentKind) -> Side | None:
    """The side with the machine-readable zone; None for kinds that have none everywhere."""
    return _MRZ_SIDE.get(kind)


def missing_sides(kind: DocumentKind, shown: Iterable[Side]) -> tuple[Side, ...]:
    """Which sides are still to be shown."""
    there = frozenset(shown)
    return tuple(side for side in _SIDES[kind] if side not in there)


def kinds_of(country: str, allowed: Iterable[DocumentKind] = IDENTITY) -> tuple[DocumentKind, ...]:
    """The kinds among `allowed` that a country (ISO 3166 alpha-2) issues, in their order. Raises `ValueError`."""
    if country not in COUNTRIES:
        raise ValueError(f"`{country[:20]}` is not a country by ISO 3166 alpha-2, such as `CH`")
    return tuple(kind for kind in allowed if kind is not DocumentKind.ID_CARD or country not in WITHOUT_ID_CARD)
