"""Styles and scripts of the pages, held in memory; their addresses change with their content."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from fastapi import APIRouter, Response

_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
_A_YEAR = "public, max-age=31536000, immutable"

routes = APIRouter(prefix="/static")


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file with its media type and the beginning of its SHA-256."""

    content: bytes
    media_type: str
    digest: str


@cache
def static_files() -> Mapping[str, StaticFile]:
    """All of them, by name."""
    found = {}
    for each in (files("kycrisk.web") / "static").iterdir():
        media_type = _TYPES.get(each.name[each.name.rfind(".") :])
        if media_type is not None:
            content = each.read_bytes()
            found[each.name] = StaticFile(content, media_type, hashlib.sha256(content).hexdigest()[:12])
    return found


def static(name: str) -> str:
    """The address of a file. Raises `KeyError`."""
    return f"/static/{static_files()[name].digest}/{name}"


@routes.get("/{digest}/{name}", include_in_schema=False)
async def get_static(digest: str, name: str) -> Response:
    """A file; one of an earlier release is gone."""
    found = static_files().get(name)
    if found is None or found.digest != digest:
        return Response("there is no such file\n", 404, media_type="text/plain")
    return Response(
        found.content,
        headers={"Cache-Control": _A_YEAR, "X-Content-Type-Options": "nosniff"},
        media_type=found.media_type,
    )
