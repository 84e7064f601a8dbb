"""Verification cases, for the system whose accounts they are about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import Path, Query, Response

from kycrisk.api.asked import invalid
from kycrisk.api.case_shapes import AbuseEvent, Dispute, HelpWanted, NewCase
from kycrisk.api.case_views import case_told, file_told, gate_told, public_review_told, standing_told
from kycrisk.api.decisions import answer
from kycrisk.api.problem import Kind
from kycrisk.api.routing import Caller, Cursor, Limit, Served, needs, refusals, router
from kycrisk.api.shapes import Items
from kycrisk.problems import Problems
from kycrisk.verification.account import number_of
from kycrisk.verification.policy import Subject
from kycrisk.verification.queue import page_of_cases
from kycrisk.verification.state import State, Trigger
from kycrisk.verification.verdict import Verdict

routes = router("/v1", "cases")
CaseId = Annotated[str, Path(max_length=60, description="a case's id")]
AccountId = Annotated[str, Path(max_length=200, description="your own name of the account")]
_STATES = "|".join(State)
_KINDS = (Kind.NOT_FOUND, Kind.CONFLICT)


@contextmanager
def entries() -> Iterator[None]:
    """What is wrong with an entry is told as what is wrong with the request."""
    try:
        yield
    except Problems as wrong:
        raise invalid(*wrong.problems) from None


@routes.post(
    "/cases", status_code=201, summary="Ask an account to verify itself", openapi_extra=needs("cases"),
    responses=refusals(Kind.CONFLICT),
)  # fmt: skip
async def open_case(service: Served, caller: Caller, new: NewCase) -> Response:
    """Opens a case, 201; where the account has one, the reason is added to it, 200, and its deadline stays."""
    opened = await service.cases.open(
        new.account_id,
        Trigger(new.trigger),
        actor=caller.name,
        reference=new.reference,
        level=new.level,
        subject=Subject(new.subject),
        registered_at=new.registered_at,
    )
    response = answer(case_told(opened.case), 201 if opened.is_new else 200)
    response.headers["Location"] = f"/v1/cases/{opened.case.id}"
    return response


@routes.get(
    "/cases", summary="Cases, the newest first", openapi_extra=needs("cases"), responses=refusals(),
    response_model=Items,
)  # fmt: skip
async def list_cases(
    service: Served,
    account_id: Annotated[str | None, Query(max_length=200)] = None,
    state: Annotated[str | None, Query(pattern=f"^({_STATES})$")] = None,
    limit: Limit = 100,
    cursor: Cursor = "",
) -> Response:
    """All cases, those of an account, or those in a state."""
    site = service.cases.site
    account = None
    if account_id is not None:
        account = await service.store.read(lambda c: number_of(c, site.key, account_id))
        if account is None:
            return answer({"items": [], "next": ""})
    chosen = None if state is None else State(state)
    page = await service.store.read(
        lambda c: page_of_cases(c, state=chosen, account=account, after=cursor, limit=limit)
    )
    return answer({"items": [case_told(each) for each in page.items], "next": page.next})


@routes.get(
    "/cases/{id}", summary="A case", openapi_extra=needs("cases"), responses=refusals(Kind.NOT_FOUND, Kind.ERASED)
)
async def get_case(service: Served, id: CaseId) -> Response:
    """The case with its steps, documents, attempts, holds and what reviewers told the customer."""
    file = await service.cases.get(id)
    told = [each for each in await service.cases.reviews(id) if each.verdict is not Verdict.DISPUTE]
    return answer({**file_told(file), "reviews": [public_review_told(each) for each in told]})


@routes.post(
    "/cases/{id}/dispute", summary="Have another person look at it", openapi_extra=needs("cases"),
    responses=refusals(*_KINDS),
)  # fmt: skip
async def dispute_case(service: Served, id: CaseId, dispute: Dispute) -> Response:
    """Brings a rejected case back into review, where somebody else decides than before."""
    return answer(case_told(await service.cases.dispute(id, dispute.words)))


@routes.post(
    "/cases/{id}/help", status_code=202, summary="A customer asks for help", openapi_extra=needs("cases"),
    responses=refusals(*_KINDS, Kind.ERASED),
)  # fmt: skip
async def help_with_case(service: Served, id: CaseId, wanted: HelpWanted) -> Response:
    """Goes out as a reply in the case's ticket, as mail to the operators, or both."""
    case = await service.cases.ask_for_help(id, wanted.channels, wanted.message)
    return answer({"id": case.id, "channels": list(wanted.channels)}, 202)


@routes.post("/cases/{id}/close", summary="Close a case", openapi_extra=needs("cases"), responses=refusals(*_KINDS))
async def close_case(service: Served, caller: Caller, id: CaseId) -> Response:
    """Closes a case without a result: what was entered is purged, what it holds back is lifted, a stub is kept."""
    return answer(case_told(await service.cases.close(id, actor=caller.name)))


@routes.post(
    "/cases/{id}/links/end", summary="Withdraw all links to a case", openapi_extra=needs("cases"),
    responses=refusals(Kind.NOT_FOUND),
)  # fmt: skip
async def end_links(service: Served, caller: Caller, id: CaseId) -> Response:
    """Ends the links in tickets and letters, those to other devices, and every visit. The case stays as it is; the next
    letter has a new link."""
    return answer({"id": id, "ended": await service.cases.end_links(id, actor=caller.name)})


@routes.get("/gates/{account_id}/{gate}", summary="Ask a gate", openapi_extra=needs("cases"), responses=refusals())
async def ask_gate(
    service: Served,
    account_id: AccountId,
    gate: Annotated[
        str, Path(pattern="^[a-z][a-z0-9_-]{0,39}$", description="`refund`, `order`, `service`, a feature")
    ],
) -> Response:
    """Whether an account may have a refund, order, keep its services running or use a feature; computed now."""
    return answer(gate_told(await service.cases.gate(account_id, gate), account_id))


@routes.post(
    "/abuse-events", status_code=201, summary="Report abuse or a legal notice", openapi_extra=needs("cases"),
    responses=refusals(Kind.CONFLICT),
)  # fmt: skip
async def report_abuse(service: Served, caller: Caller, event: AbuseEvent) -> Response:
    """An account below the level that the procedure names is held back at once; a verified one is not."""
    opened = await service.cases.open(
        event.account_id,
        Trigger.ABUSE_EVENT,
        actor=caller.name,
        reference=event.reference,
        registered_at=event.registered_at,
    )
    standing = await service.cases.standing(event.account_id)
    told = {"case": case_told(opened.case), "standing": standing_told(standing)}
    return answer(told, 201 if opened.is_new else 200)


@routes.get(
    "/accounts/{account_id}/verification", summary="How an account stands", openapi_extra=needs("cases"),
    responses=refusals(Kind.CONFLICT),
)  # fmt: skip
async def get_standing(service: Served, account_id: AccountId) -> Response:
    """Level, label and banner for your own pages, the open case, and what is held back. Anybody may be asked about."""
    return answer(standing_told(await service.cases.standing(account_id)))
