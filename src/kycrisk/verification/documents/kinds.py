"""Kinds of documents, and the sides of each that must be shown. Which of them a country's residents may show is for a
procedure to say."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


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


_SIDES: Mapping[DocumentKind, tuple[Side, ...]] = MappingProxyType(
    {
        **dict.fromkeys(DocumentKind, (Side.FRONT,)),
        DocumentKind.ID_CARD: (Side.FRONT, Side.BACK),
        DocumentKind.RESIDENCE_PERMIT: (Side.FRONT, Side.BACK),
        DocumentKind.DRIVING_LICENCE: (Side.FRONT, Side.BACK),
    }
)


def sides_of(kind: DocumentKind) -> tuple[Side, ...]:
    """The sides that must be shown, in the order in which they are asked for."""
    return _SIDES[kind]
