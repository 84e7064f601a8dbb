"""The page of a case: what is to be done now, or how it stands."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response

from kycrisk.api.routing import service_of
from kycrisk.verification.documents.selfie import pose_text
from kycrisk.verification.policy import Policy, StepKind
from kycrisk.verification.poses import poses_of
from kycrisk.verification.progress import SELFIE, StepState, entries_of
from kycrisk.verification.review import Review
from kycrisk.verification.state import State
from kycrisk.verification.verdict import Verdict
from kycrisk.web.countries import countries
from kycrisk.web.fields import FIELDS
from kycrisk.web.render import language_of, page
from kycrisk.web.visit import HOME, Visit, Visiting, page_router

routes = page_router("/verify")

#: What a customer consents to where the procedure has no words of its own.
CONSENT = "I agree that my data and documents are processed to verify my identity. I can withdraw this at any time."
ATTESTATION = "The data I gave is complete, correct and up to date."
_TEMPLATES = {
    StepKind.COUNTRY: "country",
    StepKind.PERSONAL_DATA: "personal_data",
    StepKind.DOCUMENT: "document",
    StepKind.SELFIE: "selfie",
    StepKind.PHONE: "code",
    StepKind.EMAIL: "code",
    StepKind.ATTESTATION: "attestation",
    StepKind.CONFIRM: "confirm",
}
_DONE = ("submitted", "saved", "sent", "helped", "disputed")


@dataclass(frozen=True, slots=True)
class Shown:
    """A version of a text that is agreed to."""

    text: str

    @property
    def version(self) -> str:
        """The beginning of its SHA-256: what was shown can be found again by it."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:16]


def consent_of(policy: Policy) -> Shown:
    return Shown(policy.texts.get("consent", CONSENT))


def attestation_of(policy: Policy) -> Shown:
    return Shown(policy.texts.get("attestation", ATTESTATION))


@routes.get("")
async def show_case(request: Request, visit: Visiting, step: str = "", type: str = "", done: str = "") -> Response:
    """What is to be done now; `step` goes back to an earlier one, `done` tells what has just been done."""
    return await show(request, visit, step=step[:60], type=type[:40], done=done if done in _DONE else "")


@routes.get("/state")
async def show_state(request: Request, visit: Visiting, version: int = 0) -> Response:
    """For a page that waits: when the case has changed since, at another device or by a reviewer, it goes on."""
    response = Response("", 200 if visit.case.version != version else 204, media_type="text/html")
    if visit.case.version != version:
        response.headers["HX-Redirect"] = HOME  # no reload: that would send the form again
    return response


async def show(
    request: Request,
    visit: Visit,
    *,
    step: str = "",
    type: str = "",
    done: str = "",
    errors: Mapping[str, str] | None = None,
    given: Mapping[str, str] | None = None,
    status: int = 200,
    **more: Any,
) -> Response:
    """The page of a case. `errors` by field, and what was `given`, come with a form that was not taken."""
    case, policy = visit.case, visit.file.policy
    told: dict[str, Any] = {"visit": visit, "file": visit.file, "done": done, "errors": errors or {}, **more}
    if case.state.takes_entries and visit.file.progress.consented:
        return await _step(request, visit, step, type, given, status, told)
    if case.state.is_customers_turn or case.state.takes_entries:
        if case.state is State.NEEDS_RESUBMISSION:
            return page(request, "customer/failed.html", status, reviews=await _words(request, visit), **told)
        return page(request, "customer/consent.html", status, consent=consent_of(policy), **told)
    template = {State.VERIFIED: "verified", State.REJECTED: "failed", State.CLOSED: "closed"}
    reviews = await _words(request, visit) if case.state is State.REJECTED else ()
    return page(request, f"customer/{template.get(case.state, 'waiting')}.html", status, reviews=reviews, **told)


async def _step(
    request: Request,
    visit: Visit,
    name: str,
    type_: str,
    given: Mapping[str, str] | None,
    status: int,
    told: dict[str, Any],
) -> Response:
    service, case = service_of(request), visit.case
    site, policy = service.cases.site, visit.file.policy
    asked = [each for each in visit.file.progress.steps if not _by_provider(policy, each)]
    now = next((each for each in asked if not each.done), None)
    chosen = next((each for each in asked if each.step.name == name and (each.done or each is now)), now)
    entries = await service.store.read(lambda c: entries_of(c, site.key, case))
    told |= {"asked": asked, "now": now, "chosen": chosen, "entries": entries}
    if chosen is None or chosen.step.kind is StepKind.CONSENT:
        template = "submit" if policy.provider == "manual" else "provider"
        return page(request, f"customer/{template}.html", status, **told)
    step, home = chosen.step, _home(entries)
    kept = entries.get(step.kind.value, {})
    values = {**_known(entries), **kept, **(given or {})}
    papers = [each for each in visit.file.progress.papers if each.category == (step.category or SELFIE)]
    told |= {
        "step": step,
        "values": values,
        "papers": papers,
        "home": home,
        "countries": countries(language_of(request)),
    }
    match step.kind:
        case StepKind.DOCUMENT:
            before = papers[-1].type if papers else entries.get(f"document:{step.category}", {}).get("type", "")
            types = step.types_in(home)
            told |= {"types": types, "type": next((each for each in (type_, before) if each in types), "")}
        case StepKind.SELFIE:
            language = language_of(request)
            told |= {
                "poses": [(each.value, pose_text(each, language)) for each in poses_of(case, site.key, step.poses)]
            }
        case StepKind.PERSONAL_DATA:
            told |= {"fields": [FIELDS[each] for each in step.fields_of(case.subject)]}
        case StepKind.ATTESTATION:
            told |= {"attestation": attestation_of(policy)}
    return page(request, f"customer/{_TEMPLATES[step.kind]}.html", status, **told)


def _by_provider(policy: Policy, state: StepState) -> bool:
    """Whether a provider does it: it takes the face, and the pictures of documents, itself."""
    return policy.provider != "manual" and state.step.kind is StepKind.SELFIE


def _home(entries: Mapping[str, Mapping[str, Any]]) -> str:
    """Where the customer lives, as far as they said."""
    return str(
        entries.get("country", {}).get("country") or entries.get("personal_data", {}).get("country") or ""
    )  # fmt: skip


def _known(entries: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What was entered elsewhere and need not be typed again."""
    data = entries.get("personal_data", {})
    return {name: data[name] for name in ("country", "email", "phone") if name in data}


async def _words(request: Request, visit: Visit) -> tuple[Review, ...]:
    """What reviewers told the customer."""
    said = await service_of(request).cases.reviews(visit.case.id)
    return tuple(each for each in said if each.verdict is not Verdict.DISPUTE and (each.comment or each.reasons))
