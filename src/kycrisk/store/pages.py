"""Pages of long lists: a cursor says where the next one begins, and stays right while rows are added."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Connection, Select

from kycrisk.store.failure import StoreError

Item = TypeVar("Item")
MOST = 1000


class BadCursor(StoreError):
    """The text is no cursor that a page gave."""


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Some items, and the cursor of the next page; empty when there is none."""

    items: tuple[Item, ...]
    next: str = ""


def cursor_of(number: int) -> str:
    return base64.urlsafe_b64encode(str(number).encode()).decode().rstrip("=")


def number_of(cursor: str) -> int:
    """Raises `BadCursor`."""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
        number = int(text)
    except (binascii.Error, UnicodeError, ValueError):
        number, text = -1, ""
    if number < 0 or number > 2**63 - 1 or cursor_of(number) != cursor:
        raise BadCursor(f"`{cursor[:60]}` is no cursor", "take it from `next` of the page before")
    return number


def page_of(
    connection: Connection,
    wanted: Select[Any],
    column: ColumnElement[Any],
    after: str,
    limit: int,
    item: Callable[[Any], Item],
    *,
    newest_first: bool = False,
) -> Page[Item]:
    """A page of a query that is ordered by a column of numbers, ascending unless `newest_first`."""
    if not 1 <= limit <= MOST:
        raise StoreError(f"a page holds 1 to {MOST} items, not {limit}")
    if after:
        number = number_of(after)
        wanted = wanted.where(column < number if newest_first else column > number)
    rows = connection.execute(wanted.limit(limit + 1)).all()
    kept = rows[:limit]
    following = cursor_of(getattr(kept[-1], str(column.key))) if len(rows) > limit else ""
    return Page(tuple(item(row) for row in kept), following)
