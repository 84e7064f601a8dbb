"""Lists from outside: how they stand, and bringing them up to date."""

from __future__ import annotations

from typing import Any

from fastapi import Response

from kycrisk.api.asked import invalid
from kycrisk.api.decisions import answer
from kycrisk.api.problem import Kind, Refused
from kycrisk.api.routing import Served, needs, refusals, router
from kycrisk.api.shapes import FeedsWanted
from kycrisk.decision_json import moment_text
from kycrisk.feeds.catalogue import Feed
from kycrisk.feeds.standing import FeedStanding
from kycrisk.feeds.update import UpdateResult
from kycrisk.problems import Problem, did_you_mean

_SHOWN = 100

routes = router("/v1/feeds", "feeds")


@routes.get("", summary="How the lists from outside stand", openapi_extra=needs("read"), responses=refusals())
async def list_feeds(service: Served) -> Response:
    """Every list of the catalogues: fresh, stale, missing or disabled, and how old it is."""
    return answer({"items": [_told(each) for each in await service.look_at_feeds()]})


@routes.post("/update", summary="Bring lists up to date", openapi_extra=needs("lists"), responses=refusals(Kind.BUSY))
async def update_feeds(service: Served, wanted: FeedsWanted) -> Response:
    """Fetch what is due, or what is named, and take it into force. A list that fails keeps its last good version, and
    so does one of which a new version looks like an accident: that one is `held`."""
    chosen = _chosen(service.feeds, wanted.names)
    if service.updating.locked():
        raise Refused(Kind.BUSY, "the lists are being updated already", headers={"Retry-After": "10"})
    async with service.updating:
        results = await service.update_lists(chosen, force=wanted.force)
        await service.look_at_feeds()
        await service.standings.reload()
    return answer({"items": [_result(each) for each in results]})


def _chosen(feeds: tuple[Feed, ...], names: list[str]) -> list[Feed]:
    by_name = {feed.name: feed for feed in feeds}
    problems = [
        Problem(f"names.{index}", f"there is no list `{name[:100]}`", did_you_mean(name, by_name))
        for index, name in enumerate(names)
        if name not in by_name
    ]
    if problems:
        raise invalid(*problems)
    return [by_name[name] for name in dict.fromkeys(names)] or [feed for feed in feeds if feed.enabled]


def _told(each: FeedStanding) -> dict[str, Any]:
    header = each.header
    return {
        "name": each.feed.name,
        "purpose": each.feed.purpose,
        "state": each.state,
        "entries": header.entries if header else None,
        "as_of": moment_text(header.as_of) if header else None,
        "checked_at": moment_text(header.checked_at) if header else None,
        "sha256": header.sha256 if header else None,
        "held_since": moment_text(each.held.since) if each.held else None,
        "left_out": list((header.shared or ())[:_SHOWN]) if header else [],
    }


def _result(each: UpdateResult) -> dict[str, Any]:
    told = {"name": each.feed.name, "status": each.status, "reason": each.reason, "entries": each.entries}
    return {**told, "left_out": list(each.left_out[:_SHOWN])}
