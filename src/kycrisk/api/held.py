"""Versions of lists that are held: what they would change and whom they would touch, and the decision about them."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import Path, Response

from kycrisk.api.decisions import answer
from kycrisk.api.lists import by
from kycrisk.api.problem import Kind, Refused
from kycrisk.api.routing import Caller, Served, needs, refusals, router
from kycrisk.api.service import Service
from kycrisk.api.shapes import Held as HeldShape
from kycrisk.delivery.held_lists import HeldRow, audited
from kycrisk.feeds.catalogue import Feed
from kycrisk.feeds.quarantine.gate import NothingHeld, decide, held_version
from kycrisk.feeds.quarantine.record import Held
from kycrisk.feeds.quarantine.telling import held_dict
from kycrisk.problems import Problem, did_you_mean
from kycrisk.store.api_keys import ApiKey

routes = router("/v1/feeds/{name}/held", "feeds")
Name = Annotated[str, Path(max_length=100, description="a list of the catalogues")]


@routes.get("", summary="The version that is held", openapi_extra=needs("read"), responses=refusals(Kind.NOT_FOUND))
async def get_held(service: Served, name: Name) -> Response:
    """Why it is held, what it would add and remove, and which customers would get another outcome."""
    feed = _feed(service, name)
    held = await asyncio.to_thread(held_version, feed, service.settings.snapshots)
    if held is None:
        raise Refused(Kind.NOT_FOUND, f"nothing of `{name}` is held")
    return answer(held_dict(feed, held))


@routes.post(
    "/release", summary="Make the held version active", openapi_extra=needs("lists"),
    responses=refusals(Kind.NOT_FOUND, Kind.CONFLICT),
)  # fmt: skip
async def release(service: Served, caller: Caller, name: Name, wanted: HeldShape) -> Response:
    """It counts in this process when this is answered, and in the others of this machine a second later."""
    return await _decided(service, caller, name, wanted, release=True)


@routes.post(
    "/refuse", summary="Refuse the held version", openapi_extra=needs("lists"),
    responses=refusals(Kind.NOT_FOUND, Kind.CONFLICT),
)  # fmt: skip
async def refuse(service: Served, caller: Caller, name: Name, wanted: HeldShape) -> Response:
    """The same bytes are not offered again; the next version is judged anew."""
    return await _decided(service, caller, name, wanted, release=False)


async def _decided(service: Service, caller: ApiKey, name: str, wanted: HeldShape, *, release: bool) -> Response:
    feed, loop, who = _feed(service, name), asyncio.get_running_loop(), by(caller, wanted.who)
    row = HeldRow(feed=feed.name, release=release, by=who, why=wanted.why)

    def keep(held: Held) -> None:
        asyncio.run_coroutine_threadsafe(audited(service.store, row, held), loop).result()

    try:
        held = await asyncio.to_thread(
            decide,
            feed,
            service.settings.snapshots,
            release=release,
            by=who,
            why=wanted.why,
            now=service.clock(),
            sha256=wanted.sha256,
            keep=keep,
        )
    except NothingHeld as nothing:
        raise Refused(Kind.CONFLICT if nothing.another else Kind.NOT_FOUND, str(nothing)) from None
    await service.look_at_feeds()
    if release:
        await service.standings.reload()
    return answer({"status": "released" if release else "refused", **held_dict(feed, held)})


def _feed(service: Service, name: str) -> Feed:
    feeds = {feed.name: feed for feed in service.feeds}
    if name not in feeds:
        help_ = did_you_mean(name, feeds) or "`GET /v1/feeds` names them"
        raise Refused(Kind.NOT_FOUND, f"there is no list `{name[:100]}`", [Problem("name", "unknown", help_)])
    return feeds[name]
