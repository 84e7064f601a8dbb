"""Documents that a procedure can ask for: their types, and the sides that have to be shown."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from kycrisk.verification.documents.kinds import DocumentKind, Side, sides_of

SIDES = tuple(each.value for each in Side)

#: The types, and the sides that are asked for where a policy says nothing else.
TYPES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {kind.value: tuple(side.value for side in sides_of(kind)) for kind in DocumentKind}
)
