"""Accounts: what the store knows about them, its export and its erasure."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Query, Response

from kycrisk.api.decisions import answer
from kycrisk.api.problem import Kind
from kycrisk.api.routing import Caller, Cursor, Limit, Served, needs, refusals, router
from kycrisk.api.shapes import Erasure, Items
from kycrisk.decision_json import moment_text
from kycrisk.store.accounts import Account
from kycrisk.store.decisions import DecisionFilter

routes = router("/v1/accounts", "accounts")
AccountId = Annotated[str, Path(max_length=200, description="your own name of the account")]


@routes.get(
    "",
    summary="List accounts, the newest first",
    openapi_extra=needs("read"),
    responses=refusals(),
    response_model=Items,
)
async def list_accounts(service: Served, limit: Limit = 100, cursor: Cursor = "") -> Response:
    """Everybody who was ever screened."""
    page = await service.store.accounts.page(after=cursor, limit=limit)
    return answer({"items": [_told(each) for each in page.items], "next": page.next})


@routes.get("/{account_id}", summary="An account", openapi_extra=needs("read"), responses=refusals(Kind.NOT_FOUND))
async def get_account(
    service: Served, account_id: AccountId, decisions: Annotated[int, Query(ge=1, le=100)] = 10
) -> Response:
    """The account and its latest decisions, the newest first."""
    account = await service.store.accounts.get(account_id)
    page = await service.store.decisions.page(DecisionFilter(account_id=account_id), limit=decisions)
    latest = [
        {
            "id": each.id,
            "outcome": each.outcome.word,
            "score": each.score,
            "settled": each.settled,
            "decided_at": moment_text(each.decided_at),
        }
        for each in page.items
    ]
    return answer({**_told(account), "decisions": latest})


@routes.get(
    "/{account_id}/export", summary="Everything about a person", openapi_extra=needs("admin"),
    responses=refusals(Kind.NOT_FOUND, Kind.ERASED, Kind.CONFLICT),
)  # fmt: skip
async def export_account(service: Served, caller: Caller, account_id: AccountId) -> Response:
    """All that is stored about the account, with a proof of where it comes from; that it was exported is audited."""
    proven = await service.store.personal_data.export(account_id, caller.name)
    return Response(proven.text(), media_type="application/json")


@routes.post(
    "/{account_id}/erase", summary="Erase a person", openapi_extra=needs("admin"),
    responses=refusals(Kind.NOT_FOUND, Kind.ERASED, Kind.CONFLICT),
)  # fmt: skip
async def erase_account(service: Served, caller: Caller, account_id: AccountId, erasure: Erasure) -> Response:
    """Erase what is personal about the account; what stays names nobody. The answer proves it. What a panel holds back
    is let go first, and providers delete what they hold: 409 when they do not do it now."""
    proven = await service.bureau.erase(account_id, caller.name, erasure.why, leave=erasure.leave)
    await service.standings.reload()
    return Response(proven.text(), media_type="application/json")


def _told(account: Account) -> dict[str, Any]:
    return {
        "account_id": account.account_id,
        "pseudonym": account.pseudonym,
        "created_at": moment_text(account.created_at),
        "erased_at": None if account.erased_at is None else moment_text(account.erased_at),
    }
