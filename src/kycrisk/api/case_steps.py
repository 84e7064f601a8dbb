"""The customer's steps, for systems that build their own pages. Pictures go in through the pages of this service."""

from __future__ import annotations

from typing import Any

from fastapi import Response

from kycrisk.api.case_shapes import Attestation, Consent, Country, DocumentChoice, PersonalDataEntry
from kycrisk.api.case_views import case_told
from kycrisk.api.cases import CaseId, entries
from kycrisk.api.decisions import answer
from kycrisk.api.problem import Kind
from kycrisk.api.routing import Served, needs, refusals, router
from kycrisk.verification.case import Case

routes = router("/v1/cases/{id}", "cases")
_KINDS = (Kind.NOT_FOUND, Kind.CONFLICT, Kind.CONSENT_MISSING, Kind.ERASED)


def _step(summary: str) -> dict[str, Any]:
    return {"summary": summary, "openapi_extra": needs("cases"), "responses": refusals(*_KINDS)}


def _told(case: Case) -> Response:
    return answer(case_told(case))


@routes.post("/start", **_step("The customer agrees and starts"))
async def start(service: Served, id: CaseId, consent: Consent) -> Response:
    """Also starts again after something was sent back; then the consent that was given counts."""
    return _told(await service.bureau.start(id, text_version=consent.text_version, address=consent.address))


@routes.put("/country", **_step("Enter the country of residence"))
async def enter_country(service: Served, id: CaseId, entry: Country) -> Response:
    with entries():
        return _told(await service.cases.enter_country(id, entry.country))


@routes.put("/personal-data", **_step("Enter personal data"))
async def enter_personal_data(service: Served, id: CaseId, entry: PersonalDataEntry) -> Response:
    """Every field that the procedure asks for; an edit after the confirmation takes it back."""
    with entries():
        case, warnings = await service.cases.enter_personal_data(id, entry.values)
    return answer({**case_told(case), "warnings": list(warnings)})


@routes.put("/document", **_step("Choose the document that a provider will be shown"))
async def choose_document(service: Served, id: CaseId, choice: DocumentChoice) -> Response:
    with entries():
        return _told(await service.cases.choose_document(id, choice.category, choice.type, choice.country))


@routes.post("/attest", **_step("The customer attests the data"))
async def attest(service: Served, id: CaseId, attestation: Attestation) -> Response:
    """That it is complete, legitimate and up to date."""
    text = attestation.text_version
    return _told(await service.cases.attest(id, text_version=text, address=attestation.address))


@routes.post("/confirm", **_step("The customer confirms everything"))
async def confirm(service: Served, id: CaseId) -> Response:
    return _told(await service.cases.confirm(id))


@routes.post(
    "/submit", summary="Hand the case in", openapi_extra=needs("cases"), responses=refusals(*_KINDS, Kind.INCOMPLETE)
)
async def submit(service: Served, id: CaseId) -> Response:
    """409 `incomplete` names every category, side and step that is missing."""
    return _told(await service.cases.submit(id))


@routes.post("/withdraw", **_step("The customer withdraws the consent"))
async def withdraw(service: Served, id: CaseId) -> Response:
    """What was entered is purged; a stub of the case is kept, and so is what is held back."""
    return _told(await service.cases.withdraw(id))
