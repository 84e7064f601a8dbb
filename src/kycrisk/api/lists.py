"""The operator's lists: their entries with who, why and until."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Response

from kycrisk.api.asked import invalid
from kycrisk.api.decisions import answer
from kycrisk.api.problem import Kind, Refused
from kycrisk.api.routing import Caller, Cursor, Limit, Served, needs, refusals, router
from kycrisk.api.service import Service
from kycrisk.api.shapes import Entry, Items
from kycrisk.decision_json import moment_text
from kycrisk.problems import Problem, did_you_mean
from kycrisk.ruleset.model import AnalystList
from kycrisk.screening.analyst_lists import Entries, list_entry
from kycrisk.store.api_keys import ApiKey
from kycrisk.store.list_entries import NewEntry, StoredEntry

routes = router("/v1/lists", "lists")
Name = Annotated[str, Path(max_length=100, description="a list that the policy declares")]
EntryId = Annotated[int, Path(ge=1, le=2**63 - 1)]


@routes.get("", summary="The lists", openapi_extra=needs("read"), responses=refusals())
async def get_lists(service: Served) -> Response:
    """The lists that the policy declares, with how many entries count now, from files and from here."""
    site = service.standing.site
    return answer({"items": [_list_told(each, site.lists[name]) for name, each in site.ruleset.policy.lists.items()]})


@routes.get(
    "/{name}/entries", summary="A list's entries, the newest first", openapi_extra=needs("read"),
    responses=refusals(Kind.NOT_FOUND), response_model=Items,
)  # fmt: skip
async def get_entries(service: Served, name: Name, limit: Limit = 100, cursor: Cursor = "") -> Response:
    """Every entry that was ever added here, ended ones too; those of the file are not among them."""
    declared(service, name)
    page = await service.store.list_entries.page(name, after=cursor, limit=limit)
    return answer({"items": [_told(each) for each in page.items], "next": page.next})


@routes.post(
    "/{name}/entries", status_code=201, summary="Add an entry", openapi_extra=needs("lists"),
    responses=refusals(Kind.NOT_FOUND, Kind.CONFLICT),
)  # fmt: skip
async def add_entry(service: Served, caller: Caller, name: Name, entry: Entry) -> Response:
    """Add an entry. It counts in this process when this is answered, and in others a second later."""
    kind = declared(service, name).kind
    if entry.until is not None and entry.until <= service.clock():
        raise invalid(Problem("until", "is over already", "leave it out for an entry that counts for good"))
    try:
        value = str(list_entry(kind, entry.value))
    except ValueError as error:
        raise invalid(Problem("value", str(error))) from None
    added = await service.store.list_entries.add(
        NewEntry(list=name, value=value, by=by(caller, entry.who), why=entry.why, until=entry.until)
    )
    await service.standings.reload()
    return answer(_told(added), 201)


@routes.delete(
    "/{name}/entries/{id}", summary="End an entry", openapi_extra=needs("lists"),
    responses=refusals(Kind.NOT_FOUND, Kind.CONFLICT),
)  # fmt: skip
async def end_entry(service: Served, caller: Caller, name: Name, id: EntryId) -> Response:
    """Take an entry out of the list. It stays on record, with who ended it."""
    declared(service, name)
    ended = await service.store.list_entries.end(id, caller.name)
    await service.standings.reload()
    return answer(_told(ended))


def declared(service: Service, name: str) -> AnalystList:
    """The list of a name. Raises `Refused`."""
    lists = service.standing.ruleset.policy.lists
    if name not in lists:
        help_ = did_you_mean(name, lists) or "declare it under `lists:` in the policy"
        raise Refused(
            Kind.NOT_FOUND, f"the policy declares no list `{name[:100]}`", [Problem("name", "unknown", help_)]
        )
    return lists[name]


def by(caller: ApiKey, who: str) -> str:
    """Who did something: the person that the caller names, and always the key, which cannot be made up."""
    return f"{who} (key {caller.name})" if who else caller.name


def _list_told(declared_: AnalystList, entries: object) -> dict[str, Any]:
    count = entries.count if isinstance(entries, Entries) else None
    unknown = None if isinstance(entries, Entries) else str(entries)
    told = {"name": declared_.name, "kind": declared_.kind.value, "question": declared_.question}
    return {**told, "entries": count, "unknown": unknown}


def _told(entry: StoredEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "list": entry.list,
        "value": entry.value,
        "who": entry.by,
        "why": entry.why,
        "added_at": moment_text(entry.added_at),
        "until": None if entry.until is None else moment_text(entry.until),
        "ended_at": None if entry.ended_at is None else moment_text(entry.ended_at),
        "ended_by": entry.ended_by,
    }
