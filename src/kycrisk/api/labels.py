"""Labels: what accounts turned out to be, told by whoever learnt of it."""

from __future__ import annotations

from typing import Any

from fastapi import Response

from kycrisk.api.accounts import AccountId
from kycrisk.api.asked import invalid
from kycrisk.api.decisions import answer
from kycrisk.api.lists import by
from kycrisk.api.problem import Kind
from kycrisk.api.routing import Caller, Served, needs, refusals, router
from kycrisk.api.shapes import NewLabel
from kycrisk.decision_json import moment_text
from kycrisk.problems import Problem
from kycrisk.store.labels import WITHDRAWN, StoredLabel
from kycrisk.store.labels import NewLabel as Put

routes = router("/v1/accounts/{account_id}/labels", "labels")


@routes.get("", summary="The labels of an account", openapi_extra=needs("read"), responses=refusals(Kind.NOT_FOUND))
async def list_labels(service: Served, account_id: AccountId) -> Response:
    """All labels that the account ever had, the latest first; `label` is the one that counts."""
    found = await service.store.labels.of(account_id)
    counts = found[0].label if found and found[0].label != WITHDRAWN else None
    return answer({"label": counts, "items": [_told(each) for each in found]})


@routes.post(
    "", status_code=201, summary="Label an account", openapi_extra=needs("lists"),
    responses=refusals(Kind.NOT_FOUND, Kind.CONFLICT, Kind.ERASED),
)  # fmt: skip
async def put_label(service: Served, caller: Caller, account_id: AccountId, label: NewLabel) -> Response:
    """Write down what the account turned out to be. Labels take no part in decisions: they judge rules afterwards."""
    now = service.clock()
    at = label.at or now
    if at > now:
        raise invalid(Problem("at", "is still to come; it is when the label became known"))
    put = Put(
        account_id=account_id, label=label.label, source=label.source, at=at, by=by(caller, label.who), why=label.why
    )
    return answer(_told(await service.store.labels.put(put)), 201)


def _told(each: StoredLabel) -> dict[str, Any]:
    return {
        "id": each.id,
        "label": each.label,
        "source": each.source,
        "at": moment_text(each.at),
        "recorded_at": moment_text(each.recorded_at),
        "who": each.by,
        "why": each.why,
    }
