"""Documents that a procedure can ask for: their types, and the sides that have to be shown."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

FRONT, BACK = "front", "back"
SIDES = (FRONT, BACK)

#: The types, and the sides that are asked for where a policy says nothing else.
TYPES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "passport": (FRONT,),
        "id_card": (FRONT, BACK),
        "residence_permit": (FRONT, BACK),
        "driving_licence": (FRONT, BACK),
        "utility_bill": (FRONT,),
        "bank_statement": (FRONT,),
        "tax_notice": (FRONT,),
        "rental_contract": (FRONT,),
        "register_extract": (FRONT,),
        "articles_of_association": (FRONT,),
        "ownership_statement": (FRONT,),
        "power_of_attorney": (FRONT,),
    }
)
