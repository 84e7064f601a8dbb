"""The reviewers' side: the queue, a case with all that is in it, and decisions."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query, Response

from kycrisk.api.case_shapes import CaseVerdict, DocumentVerdict, HeldByHand, NewDisclosure, Zone
from kycrisk.api.case_views import case_told, file_told, optional, review_told, waiting_told
from kycrisk.api.cases import AccountId, CaseId, entries
from kycrisk.api.decisions import answer
from kycrisk.api.problem import Kind
from kycrisk.api.routing import Caller, Cursor, Limit, Served, needs, refusals, router
from kycrisk.api.shapes import Items
from kycrisk.decision_json import moment_text
from kycrisk.verification.disclosure import NewDisclosure as Disclosed
from kycrisk.verification.review import Judged
from kycrisk.verification.verdict import Verdict

routes = router("/v1", "reviews")
DocumentId = Annotated[str, Path(max_length=60, description="a document's id")]
HoldKind = Annotated[
    str,
    Path(
        pattern="^(orders|services|refunds|feature:[a-z][a-z0-9_-]{0,39})$",
        description="`orders`, `services`, `refunds` or `feature:NAME`",
    ),
]
_KINDS = (Kind.NOT_FOUND, Kind.CONFLICT, Kind.ERASED)


@routes.get(
    "/reviews", summary="The queue, the most urgent first", openapi_extra=needs("review"), responses=refusals(),
    response_model=Items,
)  # fmt: skip
async def queue(
    service: Served,
    overdue: Annotated[bool, Query(description="only those that wait for too long")] = False,
    limit: Limit = 100,
    cursor: Cursor = "",
) -> Response:
    """Cases that wait for a person, with how long they have waited and by when they are to be decided."""
    page = await service.cases.queue(after=cursor, limit=limit, overdue=overdue)
    return answer({"items": [waiting_told(each) for each in page.items], "next": page.next})


@routes.get(
    "/reviews/{id}", summary="A case as reviewers see it", openapi_extra=needs("review"), responses=refusals(*_KINDS)
)
async def look(service: Served, caller: Caller, id: CaseId) -> Response:
    """With what the customer entered, what checks found, and notes. That it was looked at is written down."""
    file = await service.cases.get(id)
    seen = await service.cases.look(id, caller.name)
    return answer(
        {
            **file_told(file),
            "entries": seen.entries,
            "results": [
                {
                    "check": each.check,
                    "result": each.result,
                    "reason": each.reason,
                    "by": each.by,
                    "at": moment_text(each.at),
                }
                for each in seen.results
            ],
            "reviews": [review_told(each) for each in seen.reviews],
        }
    )


@routes.post(
    "/reviews/{id}/documents/{document}", summary="Judge a document", openapi_extra=needs("review"),
    responses=refusals(*_KINDS),
)  # fmt: skip
async def judge_document(
    service: Served,
    caller: Caller,
    id: CaseId,
    document: DocumentId,
    verdict: DocumentVerdict,
) -> Response:
    """Accept or reject one document, with reasons and a comment for the customer, and a note for colleagues."""
    judged = Judged(
        verdict=Verdict(verdict.verdict),
        by=caller.name,
        reasons=tuple(verdict.reasons),
        comment=verdict.comment,
        note=verdict.note,
    )
    return answer(case_told(await service.cases.judge_document(id, document, judged)))


@routes.post(
    "/reviews/{id}/documents/{document}/zone", summary="Check a document's zone", openapi_extra=needs("review"),
    responses=refusals(*_KINDS),
)  # fmt: skip
async def read_zone(service: Served, caller: Caller, id: CaseId, document: DocumentId, zone: Zone) -> Response:
    """Check digits, expiry, and whether every letter is as the customer entered it. The results are kept."""
    with entries():
        found = await service.cases.read_zone(id, document, zone.text, caller.name)
    return answer(
        {
            "results": [{"check": check, "result": result} for check, result in found.results],
            "reasons": [str(each) for each in found.reasons],
            "expires": optional(found.expires),
        }
    )


@routes.post(
    "/reviews/{id}/decision", summary="Decide a case", openapi_extra=needs("review"),
    responses=refusals(*_KINDS, Kind.SECOND_PERSON_NEEDED),
)  # fmt: skip
async def decide(service: Served, caller: Caller, id: CaseId, verdict: CaseVerdict) -> Response:
    """Approve, send back or deny. A disputed case is for somebody else; with four eyes it takes two."""
    judged = Judged(
        verdict=Verdict(verdict.verdict),
        by=caller.name,
        reasons=tuple(verdict.reasons),
        comment=verdict.comment,
        note=verdict.note,
        document_expires=verdict.document_expires,
    )
    return answer(case_told(await service.cases.judge(id, judged)))


@routes.put(
    "/reviews/{id}/holds/{kind}", summary="Hold an account back by hand", openapi_extra=needs("review"),
    responses=refusals(*_KINDS),
)  # fmt: skip
async def hold_back(service: Served, caller: Caller, id: CaseId, kind: HoldKind, held: HeldByHand) -> Response:
    """Holds something back from the case's account, whatever comes of the case, until somebody lets it go."""
    await service.cases.hold_back(id, kind, by=caller.name, why=held.why)
    return answer(file_told(await service.cases.get(id)))


@routes.delete(
    "/reviews/{id}/holds/{kind}", summary="Let an account go", openapi_extra=needs("review"),
    responses=refusals(*_KINDS),
)  # fmt: skip
async def let_go(service: Served, caller: Caller, id: CaseId, kind: HoldKind) -> Response:
    """Lets go what was held back by hand. Other causes end with their case."""
    await service.cases.let_go(id, kind, by=caller.name)
    return answer(file_told(await service.cases.get(id)))


@routes.get(
    "/reviews/{id}/accesses", summary="Who looked at a case", openapi_extra=needs("disclose"),
    responses=refusals(Kind.NOT_FOUND),
)  # fmt: skip
async def list_accesses(service: Served, id: CaseId) -> Response:
    """The access log, the oldest first: `data`, or the id of a document whose picture was opened."""
    found = await service.cases.accesses(id)
    items = [{"what": each.what, "by": each.by, "at": moment_text(each.at)} for each in found]
    return answer({"items": items, "next": ""})


@routes.post(
    "/accounts/{account_id}/disclosures", status_code=201, summary="Write down a disclosure",
    openapi_extra=needs("disclose"), responses=refusals(Kind.NOT_FOUND),
)  # fmt: skip
async def disclose(service: Served, caller: Caller, account_id: AccountId, new: NewDisclosure) -> Response:
    """To whom personal data was given, on which basis, and which fields."""
    disclosed = Disclosed(recipient=new.recipient, basis=new.basis, fields=tuple(new.fields), by=caller.name)
    return answer({"id": await service.cases.disclose(account_id, disclosed)}, 201)


@routes.get(
    "/accounts/{account_id}/disclosures", summary="The disclosures about an account",
    openapi_extra=needs("disclose"), responses=refusals(Kind.NOT_FOUND),
)  # fmt: skip
async def list_disclosures(service: Served, account_id: AccountId) -> Response:
    """The oldest first."""
    found = await service.cases.disclosures(account_id)
    items = [
        {
            "id": each.id,
            "recipient": each.recipient,
            "basis": each.basis,
            "fields": list(each.fields),
            "by": each.by,
            "at": moment_text(each.at),
        }
        for each in found
    ]
    return answer({"items": items, "next": ""})
